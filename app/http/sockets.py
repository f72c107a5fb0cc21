"""The open sockets of this process: how many there may be, and whether what goes on over them is still allowed."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol
from uuid import UUID

from app.errors import Unanswered

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
        most_per_account: int = 10,
        most_strangers_per_address: int = 20,
    ) -> None:
        self._recheck_every_s = recheck_every_s
        self._most_per_account = most_per_account
        self._most_strangers_per_address = most_strangers_per_address
        self._sockets: set[Socket] = set()
        self._by_account: dict[UUID, set[Socket]] = {}
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

    def seat(self, socket: Socket, account_id: UUID) -> bool:
        """Notes whose socket it is; False if the account has too many. Once per socket."""
        seated = self._by_account.setdefault(account_id, set())
        if len(seated) >= self._most_per_account:
            return False
        seated.add(socket)
        self._forget_stranger(socket)
        # What changed while he was looked up has rung already, when nobody knew that this socket is his.
        self._start(_recheck_or_log(socket, is_told=False))
        return True

    def remove(self, socket: Socket) -> None:
        """The connection is over. Needs the `account_id` under which it was seated."""
        self._sockets.discard(socket)
        seated = self._by_account.get(socket.account_id) if socket.account_id else None
        if seated is None or socket not in seated:
            self._forget_stranger(socket)
        else:
            self._leave(socket, seated)
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

    def _leave(self, socket: Socket, seated: set[Socket]) -> None:
        seated.discard(socket)
        if not seated and socket.account_id:
            del self._by_account[socket.account_id]


async def _recheck_or_log(socket: Socket, *, is_told: bool) -> None:
    try:
        await socket.recheck(is_told=is_told)
    except Unanswered:
        pass  # it says nothing about the session: the next round asks again
    except Exception:
        log.exception("a socket could not be checked")
