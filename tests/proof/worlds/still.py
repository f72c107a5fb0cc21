"""A process in which time stands still and chance repeats itself: what two worlds answer can then be compared.

Only the edges are replaced: the databases' clocks, the sources of ids, tokens and request ids, and the strength of
password hashes. Everything between them is the application.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from contextvars import copy_context
from datetime import timedelta
from functools import lru_cache
from typing import Any
from unittest.mock import patch

from argon2 import PasswordHasher

from app import coalesce, db, ids, security
from app.http import middleware
from app.schema import accounts
from app.services import sessions
from tests.factories import NOON

#: In the middle of the times that the rows have.
NOW = NOON + timedelta(hours=2, minutes=30)
TICKS_A_MS = 4096

_POSTGRES_CLOCKS = ("clock_timestamp", "statement_timestamp")


class Chance:
    """Stands for the module `secrets`, and makes the ticks of ids; the same things again after `restart`."""

    def __init__(self) -> None:
        self.restart("")

    def restart(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._tick = int(NOW.timestamp() * 1000) * TICKS_A_MS

    def tick(self) -> int:
        self._tick += 1
        return self._tick

    def randbits(self, many: int) -> int:
        return self._random.getrandbits(many)

    def token_bytes(self, many: int) -> bytes:
        return self._random.randbytes(many)

    def token_urlsafe(self, many: int) -> str:
        return self._random.randbytes(many).hex()


@contextmanager
def standing_still() -> Iterator[Chance]:
    """What is asked inside is answered at `NOW`, and by the chance that is yielded."""
    chance, quick = Chance(), PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with ExitStack() as stack:
        for owner, name, stand_in in (
            (ids, "_next_tick", chance.tick),
            (ids, "secrets", chance),
            (security, "secrets", chance),
            (middleware, "getrandbits", chance.randbits),
            (security, "_hasher", quick),
            (security, "DUMMY_HASH", quick.hash("nobody has this password")),
            (accounts, "RESET_REQUEST_TAKES_S", 0.0),
            # What is asked for several callers at once is asked in the world of the first of them.
            (coalesce, "Context", copy_context),
        ):
            stack.enter_context(patch.object(owner, name, stand_in))
        yield chance


def forget() -> None:
    """What this process believes of sessions: in the other world it may be wrong."""
    sessions.BELIEVED.clear()


async def stop_clock() -> None:
    """That of the database this process is connected to. On PostgreSQL see `look_at_stopped_clock`."""
    if db.dialect() == "sqlite":
        client: Any = db.connection()
        for arguments in (2, 3):  # those with more are not asked for
            await client._connection.create_function("strftime", arguments, _strftime)
        return
    await db.fetch("CREATE SCHEMA still")
    for name in _POSTGRES_CLOCKS:
        await db.fetch(
            f"CREATE FUNCTION still.{name}() RETURNS timestamptz LANGUAGE sql STABLE "
            f"AS $$ SELECT timestamptz '{NOW.isoformat()}' $$"
        )


async def look_at_stopped_clock() -> None:
    """For the present transaction."""
    if db.dialect() == "postgres":
        await db.fetch("SET LOCAL search_path = still, pg_catalog, public")


@lru_cache
def _strftime(form: str, of: str, *modifiers: str) -> str:
    """SQLite's own, to which the present is `NOW`."""
    asked = [form, NOW.strftime("%Y-%m-%d %H:%M:%S") if of == "now" else of, *modifiers]
    marks = ", ".join("?" * len(asked))
    with closing(sqlite3.connect(":memory:")) as apart:
        return str(apart.execute(f"SELECT strftime({marks})", asked).fetchone()[0])
