"""Transactions on PostgreSQL with no more round trips than they need."""

from collections.abc import Sequence
from typing import Any

from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.backends.base.client import (
    ConnectionWrapper,
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.backends.base_postgres.client import translate_exceptions
from tortoise.connection import get_connections

from app.db_availability import ASKING, COMMITTING, AskingConnection, AskingTransaction


class PostgresTransaction(TransactionWrapper):
    """A transaction that begins with the first statement that may write or lock anything.

    At READ COMMITTED, which `db_engines` asks for, each statement sees what was committed before it, in a transaction
    or not; so what was only read needs no BEGIN before it, and a single statement that writes is a transaction by itself.
    A mutation that reads, and writes at its end, needs half the round trips.
    """

    def _check_loop(self) -> bool:
        """It lives within one task: nothing asks for the loop, which costs a call into the kernel each time."""
        return True

    async def begin(self) -> None:
        """Puts it off."""

    def acquire_connection(self) -> Any:
        return AskingConnection(_BegunConnection(self._lock, self))

    def _in_transaction(self) -> TransactionContext:
        return AskingTransaction(_Savepoint(_Nested(self), self), ending=ASKING)

    async def begin_now(self) -> None:
        """Unless it has begun. For whoever holds the lock."""
        if self.transaction is None:
            transaction = self._connection.transaction()
            try:
                await transaction.start()
            except BaseException:
                self._connection.terminate()  # who knows whether the server began
                raise
            self.transaction = transaction

    @translate_exceptions
    async def read(self, query: str, values: Sequence[Any], timeout_s: float | None) -> list[Any]:
        """Rows of a SELECT that neither locks nor changes anything: the transaction need not have begun."""
        with ASKING:
            async with self._lock:
                rows: list[Any] = await self._connection.fetch(query, *values, timeout=timeout_s)
        return rows

    @translate_exceptions
    async def write_last(self, query: str, values: Sequence[Any]) -> None:
        """One statement after which nothing is written any more: where none was before, it needs no COMMIT."""
        with COMMITTING if self.transaction is None else ASKING:
            async with self._lock:
                await self._connection.execute(query, *values)

    def take_time(self) -> None:
        """No statement of it is taken for lost because it lasts."""
        self._connection.take_time()

    async def commit(self) -> None:
        if self.transaction is not None:
            await super().commit()

    async def rollback(self) -> None:
        """The server does it by itself when the connection ends: one that waits for an answer is not waited for."""
        if self._lock.locked() or self._connection.is_waiting():
            self._connection.terminate()
        elif self.transaction is not None and not self._connection.is_closed():
            await super().rollback()


class _Nested(TransactionWrapper):
    def acquire_connection(self) -> Any:
        return AskingConnection(super().acquire_connection())


class _BegunConnection(ConnectionWrapper[Any]):
    client: PostgresTransaction

    async def __aenter__(self) -> Any:
        connection = await super().__aenter__()
        try:
            await self.client.begin_now()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return connection


class _Savepoint(NestedTransactionContext):
    """In a transaction that has begun: otherwise it would be one itself, and its changes outlive the outer one."""

    def __init__(self, client: TransactionalDBClient, outer: PostgresTransaction) -> None:
        super().__init__(client)
        self.outer = outer

    async def __aenter__(self) -> TransactionalDBClient:
        async with self.outer.acquire_connection():
            return await super().__aenter__()


class PooledTransaction(TransactionContextPooled):
    async def __aenter__(self) -> TransactionalDBClient:
        """As Tortoise's own, without its BEGIN."""
        await self.ensure_connection()
        client: Any = self.client
        client._connection = await client._parent._pool.acquire(writes=True)
        self.token = get_connections().set(self.connection_name, client)
        return self.client
