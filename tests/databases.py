"""Databases for tests, on both engines: migrated once a run, then copied or emptied."""

import shutil
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self

import asyncpg

from app import db
from tests.postgres import Server, running_server
from tests.precision import finer_in_postgres, finer_in_sqlite, postgres_statement
from tests.scratch import scratch_folder

Engine = Literal["sqlite", "postgres"]
ENGINES: tuple[Engine, ...] = ("sqlite", "postgres")

_TEMPLATE = "migrated"
_SHARED = "shared"


class Databases:
    """Of one test process. Nothing starts before it is asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(scratch_folder())
        self._numbers = count(1)
        self._server: Server | None = None
        self._templates: set[Engine] = set()
        self._filled: set[str] = set()
        self._emptier: Emptier | None = None

    def close(self) -> None:
        if self._emptier is not None:
            self._emptier.close()
        self._stack.close()

    async def blank(self, engine: Engine) -> str:
        """The URL of a database without any table."""
        name = f"blank{next(self._numbers)}"
        if engine == "sqlite":
            return f"sqlite://{self._folder / name}.db"
        return await self._postgres().create(name)

    async def fresh(self, engine: Engine) -> str:
        """The URL of a migrated, empty database that nobody else uses: about 30 ms on PostgreSQL."""
        await self._make_template(engine)
        name = f"fresh{next(self._numbers)}"
        if engine == "postgres":
            return await self._postgres().create(name, _TEMPLATE)
        shutil.copyfile(self._folder / f"{_TEMPLATE}.db", self._folder / f"{name}.db")
        return f"sqlite://{self._folder / name}.db"

    async def filled(self, name: str, fill: Callable[[str], Awaitable[None]]) -> str:
        """The URL of a copy, on PostgreSQL, of a large database that `fill(url)` makes once in a run of this process."""
        await self._make_template("postgres")
        if name not in self._filled:
            await fill(await self._postgres().create(name, _TEMPLATE))
            self._filled.add(name)
        return await self._postgres().create(f"{name}{next(self._numbers)}", name)

    async def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        if url.startswith("postgres"):
            await self._postgres().drop(name)
            return
        for file in self._folder.glob(f"{name}*"):
            file.unlink()

    @property
    def server(self) -> Server:
        """The PostgreSQL of all these."""
        return self._postgres()

    @property
    def log(self) -> Path:
        """What it writes."""
        return self.server.folder / "log"

    async def connect_shared(self) -> None:
        """Connect to the one PostgreSQL database that tests share in turn, emptied: about 15 ms."""
        await self._make_template("postgres")
        url = self._postgres().url(_SHARED)
        if self._emptier is None:
            self._emptier = await Emptier.of(url)
        await self._emptier.empty()
        await db.connect(url, pool_size=5)

    async def finer_times(self, url: str | None) -> list[str]:
        """Columns of this database, or of the shared PostgreSQL one, with a time finer than a millisecond."""
        if url is None:
            assert self._emptier is not None
            return await self._emptier.finer_times()
        return await finer_in_postgres(url) if url.startswith("postgres") else finer_in_sqlite(url)

    async def _make_template(self, engine: Engine) -> None:
        if engine in self._templates:
            return
        postgres = engine == "postgres"
        path = self._folder / f"{_TEMPLATE}.db"
        await db.connect(await self._postgres().create(_TEMPLATE) if postgres else f"sqlite://{path}")
        await db.migrate()
        await db.close()
        if postgres:
            await self._postgres().create(_SHARED, _TEMPLATE)
        self._templates.add(engine)

    def _postgres(self) -> Server:
        if self._server is None:
            self._server = self._stack.enter_context(running_server())
        return self._server


class Emptier:
    """Keeps its connection: a new one would need 25 ms to get to know all tables."""

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", script: str, finer_times: Any
    ) -> None:
        self._connection = connection
        self._script = script
        self._finer_times = finer_times

    @classmethod
    async def of(cls, url: str) -> Self:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch(
            "SELECT tablename FROM pg_tables "
            "WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations'"
        )
        tables = [row["tablename"] for row in rows]
        if seeded := [t for t in tables if await connection.fetchval(f'SELECT 1 FROM "{t}" LIMIT 1')]:
            raise RuntimeError(f"Migrations put rows into {seeded}: emptying the tables would lose them.")
        return cls(
            connection,
            "; ".join(f'DELETE FROM "{table}"' for table in tables),
            await postgres_statement(connection),
        )

    async def empty(self) -> None:
        """DELETE takes 1 to 4 ms for all tables, TRUNCATE 90. Without triggers, so that the order is free."""
        await self._connection.execute(
            # What a test left running must not hold this one up.
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid(); "
            f"SET session_replication_role = replica; {self._script}"
        )

    async def finer_times(self) -> list[str]:
        """A millisecond or two: it is planned once."""
        return [row["name"] for row in await self._finer_times.fetch()]

    def close(self) -> None:
        self._connection.terminate()
