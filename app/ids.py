"""Ids of rows: UUID version 7."""

import secrets
import time
from threading import Lock
from uuid import UUID

_VERSION = 7
_VARIANT = 0b10
_TICKS_PER_MS = 4096

_lock = Lock()
_last_tick = 0


def uuid7() -> UUID:
    """A new id that sorts after every id this process made before, even if the clock goes back.

    The 12 bits after the millisecond are a sub-millisecond clock (ticks of 244 ns) which is counted on
    when two ids fall into one tick. Source: RFC 9562, § 5.7 and § 6.2, method 3.
    """
    milliseconds, fraction = divmod(_next_tick(), _TICKS_PER_MS)
    return UUID(
        int=milliseconds << 80 | _VERSION << 76 | fraction << 64 | _VARIANT << 62 | secrets.randbits(62)
    )


def _next_tick() -> int:
    global _last_tick
    with _lock:
        _last_tick = max(_last_tick + 1, time.time_ns() * _TICKS_PER_MS // 1_000_000)
        return _last_tick
