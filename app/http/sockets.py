"""The open sockets of this process: how many there may be, and whether what goes on over them is still allowed."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol
from uuid import UUID

from app.errors import Unanswered
from app.http import account_sockets
from app.http.account_sockets import AccountSockets

log = logging.getLogger("divize.sockets")

# The net under the hub's messages: with Redis down, a revoked session's socket closes within this time.
RECHECK_EVERY_S = 15.0
#: Their sessions are looked up together: one statement for so many.
RECHECKS_AT_ONCE = 64

GOING_AWAY = 1012


class Socket(Protocol):
    """What is asked of a connection's handler."""

    @property
    def account_id(self) -> UUID | None: ...

    @property
    def address(self) -> str: ...

    async def recheck(self, *, is_told: bool) -> None:
        """Closes itself if its session is gone, else ends those of its subscriptions that are no longer allowed.

        `is_told`: its account changed; else this is the regular round.
        """

    def end(self, code: int, reason: str) -> None: ...


class Sockets:
    """A registry. Its watch runs while a socket is open, in the loop that opened it.

    Wire the hub's `viewers:` messages to `account_changed`, and its `missed` to `messages_missed`.
    """

    def __init__(
        self,
        *,
        recheck_every_s: float = RECHECK_EVERY_S,
        most_per_account: int = account_sockets.MOST,
        most_strangers_per_address: int = 20,
    ) -> None:
        self._recheck_every_s = recheck_every_s
        self._most_per_account = most_per_account
        self._most_strangers_per_address = most_strangers_per_address
        self._sockets: set[Socket] = set()
        self._by_account: dict[UUID, AccountSockets[Socket]] = {}
        self._strangers: Counter[str] = Counter()
        self._watch: asyncio.Task[None] | None = None
        self._rechecks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        return len(self._sockets)

    def admit(self, socket: Socket) -> bool:
        """Registers a socket that has not said yet whose it is; False if its address has too many of those."""
        if self._strangers[socket.address] >= self._most_strangers_per_address:
            return False
        self._strangers[socket.address] += 1
        self._sockets.add(socket)
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep_watch())
        return True

    def seat(self, socket: Socket, account_id: UUID) -> str | None:
        """Notes whose socket it is, once per socket. If the account has too many, the oldest ends, or this one is refused
        for the reason that is given back."""
        seated = self._by_account.setdefault(account_id, AccountSockets(self._most_per_account))
        if reason := seated.add(socket):
            return reason
        self._forget_stranger(socket)
        # What changed while he was looked up has rung already, when nobody knew that this socket is his.
        self._start(_recheck_or_log(socket, is_told=False))
        return None

    def remove(self, socket: Socket) -> None:
        """The connection is over. It has an `account_id` if, and only if, it was seated under it."""
        self._sockets.discard(socket)
        if socket.account_id is None:
            self._forget_stranger(socket)
        else:
            self._leave(socket, socket.account_id)
        if not self._sockets and self._watch:
            self._watch.cancel()
            self._watch = None

    def account_changed(self, account_id: UUID | str) -> None:
        """A session, a role, a division or a share of the account changed: its sockets are checked at once."""
        self._recheck_soon(self._by_account.get(UUID(str(account_id)), ()), is_told=True)

    def messages_missed(self) -> None:
        """The hub was away: any account may have changed meanwhile. What waits at the hub's bells was woken by them."""
        self._recheck_soon(self._sockets, is_told=False)

    def close_all(self, code: int = GOING_AWAY, reason: str = "Restarting") -> None:
        """For a shutdown that wants sockets closed before the server does it."""
        for socket in self._sockets:
            socket.end(code, reason)

    async def _keep_watch(self) -> None:
        while True:
            await asyncio.sleep(self._recheck_every_s)
            await self._recheck(list(self._sockets), is_told=False)

    def _recheck_soon(self, sockets: Iterable[Socket], *, is_told: bool) -> None:
        if concerned := list(sockets):
            self._start(self._recheck(concerned, is_told=is_told))

    def _start(self, recheck: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(recheck)
        self._rechecks.add(task)
        task.add_done_callback(self._rechecks.discard)

    async def _recheck(self, sockets: Iterable[Socket], *, is_told: bool) -> None:
        turnstile = asyncio.Semaphore(RECHECKS_AT_ONCE)

        async def recheck(socket: Socket) -> None:
            async with turnstile:
                await _recheck_or_log(socket, is_told=is_told)

        await asyncio.gather(*(recheck(socket) for socket in sockets))

    def _forget_stranger(self, socket: Socket) -> None:
        self._strangers[socket.address] -= 1
        if self._strangers[socket.address] <= 0:
            del self._strangers[socket.address]

    def _leave(self, socket: Socket, account_id: UUID) -> None:
        seated = self._by_account.get(account_id)
        if seated is None:
            return  # it gave way to others, which are gone too
        seated.discard(socket)
        if not seated:
            del self._by_account[account_id]


async def _recheck_or_log(socket: Socket, *, is_told: bool) -> None:
    try:
        await socket.recheck(is_told=is_told)
    except Unanswered:
        pass  # it says nothing about the session: the next round asks again
    except Exception:
        log.exception("a socket could not be checked")
