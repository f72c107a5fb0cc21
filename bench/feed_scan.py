"""The worker's look at who has a window to open, with a million employees in the table.

    python -m bench.feed --only scan

Three figures: a look that finds nothing due; windows that open, each with one reminder, an event in the feed and a ring
of the bell; and windows that are claimed, and nothing turns out to be due for them. Rates are of one worker.
"""

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from app import config, db
from app.integrations import valkey
from app.integrations.pubsub import Hub
from app.jobs import unit_of_work
from app.services import popup_firing
from app.workers import reminders
from app.workers.pool import bound, create_pool
from bench.feed_stage import settings_of

PROJECTS = 1_000
IDLE_TICKS = 200
#: Those who have a reminder; their windows come first. The others' open later, to show nothing.
WITH_REMINDER = 100_000
SECONDS = 15.0
#: The last piece may be shorter.
PIECE_S = 1.5
#: All of those with a reminder must be opened before the others' turn.
LONGEST_S = 60.0
HOUR = timedelta(hours=1)


@contextmanager
def database_beside(url: str) -> Iterator[str]:
    """The URL of an empty database on the same server, dropped in the end."""
    name = f"feed_scan_{secrets.token_hex(4)}"
    asyncio.run(_execute(url, f'CREATE DATABASE "{name}" TEMPLATE template0'))
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        asyncio.run(_execute(url, f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def measure(url: str, employees: int) -> dict[str, float]:
    async with _connected(url):
        connection = await asyncpg.connect(url)
        try:
            each = employees // PROJECTS
            await connection.execute(
                _FILL.format(projects=PROJECTS, each=each, reminded=WITH_REMINDER // each)
            )
            await connection.execute("VACUUM (ANALYZE)")
        finally:
            await connection.close()
        figures = {"scan idle_ms": await _idle_ms()}
        now = await db.now()
        figures |= _named("openings", await _rates(now + HOUR, LONGEST_S, WITH_REMINDER // each * each))
        return figures | _named("claims", await _rates(now + 3 * HOUR, SECONDS, employees))


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[None]:
    with tempfile.TemporaryDirectory(prefix="dvs-") as folder:
        queue = valkey.start(Path(folder))
        try:
            given: dict[str, Any] = settings_of(url, queue.url, 8_000)
            settings = config.load(**{name.lower(): value for name, value in given.items()})
            config.use(settings)
            await db.connect(url)
            await db.migrate()
            async with bound(create_pool(settings), Hub(queue.url)):
                yield
        finally:
            await db.close()
            queue.stop()


def _named(what: str, rates: list[float]) -> dict[str, float]:
    """The rate over all, and that of the last tenth by that of the first: 1 is no decay."""
    return {
        f"scan {what}_per_s": len(rates) / sum(1 / each for each in rates),
        f"scan {what}_decay": median(rates[-2:]) / median(rates[:2]),
    }


async def _idle_ms() -> float:
    """One look of the worker's timer that finds nothing due."""
    taken = []
    for _ in range(IDLE_TICKS):
        started = time.perf_counter()
        await reminders._open_due(timedelta(seconds=2))
        taken.append((time.perf_counter() - started) * 1e3)
    return median(taken)


async def _rates(now: datetime, seconds: float, most: int) -> list[float]:
    """Windows a second, piece by piece, for so long or until that many are claimed: all were due before `now`."""
    ends_at, total, since = time.perf_counter() + seconds, 0, None
    rates: list[float] = []
    while total < most and time.perf_counter() < ends_at:
        begun, claimed = time.perf_counter(), 0
        while total + claimed < most and time.perf_counter() - begun < PIECE_S:
            async with unit_of_work():
                found = await popup_firing.fire(now=now, since=since)
            claimed, since = claimed + found.claimed, found.last
            if not found.claimed:
                raise SystemExit(f"Of {most} windows {total + claimed} were due.")
        rates.append(claimed / (time.perf_counter() - begun))
        total += claimed
    if most <= WITH_REMINDER and total < most:
        raise SystemExit(f"Only {total} windows were opened in {seconds} s: this machine is too busy.")
    return rates


# The interval is so long that no window opens twice.
_FILL = """
    SET session_replication_role = replica;
    INSERT INTO accounts (id, email, name, version, created_at, updated_at)
    SELECT gen_random_uuid(), a || '@example.cz', 'Osoba ' || a, 1, now(), now() FROM generate_series(1, {each}) a;
    INSERT INTO projects (id, name, sort_key, time_zone, daily_delete_limit, external_read_limit, created_by_id, version,
                          created_at, updated_at)
    SELECT gen_random_uuid(), 'Firma ' || p, lpad(p::text, 6, '0'), 'Europe/Prague', 100, 300,
           (SELECT id FROM accounts LIMIT 1), 1, now(), now()
    FROM generate_series(1, {projects}) p;
    INSERT INTO employees (id, project_id, account_id, name, sort_key, search_text, email, roles, division_scope,
                           reminder_interval_minutes, next_popup_at, can_delete_contacts, can_send_bulk_email, status,
                           feed_number, version, created_at, updated_at)
    SELECT gen_random_uuid(), projects.id, accounts.id, accounts.name, accounts.name, accounts.email, accounts.email,
           'SALES_REP', 'ALL', 1440,
           now() + random() * interval '1 minute'
               + interval '1 hour' * CASE WHEN projects.sort_key::int <= {reminded} THEN 0.9 ELSE 2 END,
           false, false, 'ACTIVE', 0, 1, now(), now()
    FROM projects CROSS JOIN accounts;
    INSERT INTO reminders (id, project_id, assignee_id, created_by_id, kind, title, due_at, alert_at, state, version,
                           created_at, updated_at)
    SELECT gen_random_uuid(), project_id, id, id, 'TASK', 'Zavolat', next_popup_at, next_popup_at, 'OPEN', 1, now(),
           now()
    FROM employees WHERE next_popup_at < now() + interval '1 hour';
    SET session_replication_role = origin;
"""
