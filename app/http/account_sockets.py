"""The sockets of one account: how many there may be, and which gives way to one more.

The oldest does, as that of a tab that somebody forgot. But clients come back by themselves: with a tab too many each
would push the next one out, for ever. So whoever comes while others still come back in vain is refused instead. How long
they are waited for is learned from them: graphql-ws doubles its pause each time, others keep to one.
"""

import time
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

MOST = 30
TRY_AGAIN_LATER = 1013
#: After somebody came who was one too many, the next within this time is refused; and if that time was short, within
#: so many times the longest pause between two of them.
PAUSE_S = 60.0
PAUSES = 4
#: Pauses that are longer, while nobody was refused, are those of people and teach nothing.
CYCLE_S = 600.0

OLDEST_ENDS = (
    "This account has more than {} connections: the oldest ends. Close some of them before you come back."
)
NEWEST_REFUSED = (
    "This account has {} connections. Close one of them, or come back later, each time after longer."
)


class Closable(Protocol):
    """What is asked of a socket."""

    def end(self, code: int, reason: str) -> None: ...


Socket = TypeVar("Socket", bound=Closable)


class AccountSockets(Generic[Socket]):
    """In the order in which they came."""

    def __init__(self, most: int = MOST, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._sockets: dict[Socket, None] = {}
        self._pause_s = PAUSE_S
        self._one_too_many_at = float("-inf")

    def __iter__(self) -> Iterator[Socket]:
        return iter(self._sockets)

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, socket: Socket) -> str | None:
        """Takes a socket in, if need be in the place of the oldest, which ends. The reason if it is refused instead."""
        if len(self._sockets) >= self._most:
            if self._come_back_in_vain():
                return NEWEST_REFUSED.format(self._most)
            oldest = next(iter(self._sockets))
            self.discard(oldest)
            oldest.end(TRY_AGAIN_LATER, OLDEST_ENDS.format(self._most))
        self._sockets[socket] = None
        return None

    def discard(self, socket: Socket) -> None:
        self._sockets.pop(socket, None)

    def _come_back_in_vain(self) -> bool:
        """Has somebody else been one too many of late? Asked for each who is."""
        now = self._clock()
        pause_s = now - self._one_too_many_at
        is_refused = pause_s < self._pause_s
        self._one_too_many_at = now
        if is_refused or pause_s < CYCLE_S:
            self._pause_s = max(self._pause_s, PAUSES * pause_s)
        else:
            self._pause_s = PAUSE_S
        return is_refused
