"""Looks at everything a process needs, and names the command that mends what is wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from redis.asyncio import Redis

from app import db
from app.config import Settings
from app.integrations.redis_breaker import close, make_connections
from app.services import audit_rights, forgotten, readiness, reminder_intervals
from app.smtp_server import SmtpServer
from app.workers import HEARTBEAT_KEY

PARTS = (
    "settings",
    "database",
    "migrations",
    "audit",
    "unassigned",
    "windows",
    "redis",
    "clock",
    "worker",
    "smtp",
)
PATIENCE_S = 5
CLOCK_DIFFERENCE_S = 2.0
#: Projects or people that one finding names.
MOST_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was seen, and, if it is not well, what mends it. With a warning one can live."""

    part: str
    seen: str
    mend: str | None = None
    is_warning: bool = False


class Ill(Exception):
    """What was seen, and what mends it."""

    def __init__(self, seen: str, mend: str, *, is_warning: bool = False) -> None:
        self.seen, self.mend, self.is_warning = seen, mend, is_warning
        super().__init__(seen)


async def examine(settings: Settings, parts: Collection[str] = PARTS) -> list[Finding]:
    """One finding for each of `parts`, in the order in which to mend them."""
    async with _database(settings) as fault, _redis(settings) as redis:
        looks: dict[str, tuple[Callable[[], Awaitable[str]], str]] = {
            "settings": (lambda: _complete(settings), ""),
            "database": (lambda: _database_answers(fault), "Start it, and check DATABASE_URL."),
            "migrations": (lambda: _all_applied(fault), "python -m app migrate"),
            "audit": (lambda: _log_is_append_only(fault), "python -m app migrate"),
            "unassigned": (lambda: _reminders_are_shown(fault), "python -m app migrate"),
            "windows": (lambda: _nobody_is_left_untold(fault), ""),
            "redis": (lambda: _redis_answers(redis), "Start Valkey or Redis, and check REDIS_URL."),
            "clock": (lambda: _clocks_agree(fault), "Start the time service on both machines."),
            "worker": (lambda: _worker_works(redis), "python -m app worker"),
            "smtp": (lambda: _relay_answers(settings.smtp), "Check SMTP_URL, and that the relay runs."),
        }
        return [await _look(part, *looks[part]) for part in PARTS if part in parts]


async def _look(part: str, look: Callable[[], Awaitable[str]], mend: str) -> Finding:
    try:
        return Finding(part, await asyncio.wait_for(look(), PATIENCE_S))
    except Ill as ill:
        return Finding(part, ill.seen, ill.mend, ill.is_warning)
    except TimeoutError:
        return Finding(part, f"no answer within {PATIENCE_S} s", mend)
    except Exception as error:  # noqa: BLE001  Whatever it is, it is the finding.
        return Finding(part, db.reason_of(error), mend)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Exception | None]:
    """None inside the block if connected, else why not."""
    fault: Exception | None = None
    try:
        await asyncio.wait_for(db.connect(settings.database_url, pool_size=1), PATIENCE_S)
    except Exception as error:  # noqa: BLE001  It becomes a finding.
        fault = error
    yield fault
    await db.close()


@asynccontextmanager
async def _redis(settings: Settings) -> AsyncIterator[Redis]:
    redis = Redis(connection_pool=make_connections(settings.redis_url, timeout_s=PATIENCE_S))
    yield redis
    await close(redis)


async def _complete(settings: Settings) -> str:
    return f"complete ({settings.environment})"


async def _database_answers(fault: Exception | None) -> str:
    if fault is not None:
        raise fault
    started = time.perf_counter()
    await db.now()
    seen = f"{db.dialect()} answers in {(time.perf_counter() - started) * 1000:.1f} ms"
    if await db.pending():
        return seen
    await readiness.check_writes()
    return f"{seen}, and takes writes"


async def _all_applied(fault: Exception | None) -> str:
    _need(fault)
    if names := await db.pending():
        raise Ill(f"{len(names)} pending, from {names[0]}", "python -m app migrate")
    return "all applied"


async def _log_is_append_only(fault: Exception | None) -> str:
    _need(fault)
    if db.dialect() != "postgres":
        return "append-only by its triggers, for whoever cannot write the file past SQLite"
    if power := await audit_rights.power_over_log():
        raise Ill(
            f"could be altered: the role of DATABASE_URL {power}",
            "python -m app migrate --grant-to divize_app, then DATABASE_URL with that role: see docs/audit.md",
            is_warning=True,
        )
    return "append-only, also for the application's role"


async def _reminders_are_shown(fault: Exception | None) -> str:
    _need(fault)
    if await db.pending():
        return "not looked at before all migrations are applied"
    if counts := await forgotten.count_by_project():
        of_each = ", ".join(f"{count:,} of {name}" for name, count in sorted(counts.items())[:MOST_NAMED])
        raise Ill(
            f"open reminders that are nobody's, and in no window: {of_each}",
            "Give somebody who gives reminders to others a reminder interval, or divisions with their contacts (employeeUpdate).",
            is_warning=True,
        )
    return "no reminder is nobody's and in no window"


async def _nobody_is_left_untold(fault: Exception | None) -> str:
    """Whoever has reminders due and no window is told of none of them."""
    _need(fault)
    if await db.pending():
        return "not looked at before all migrations are applied"
    untold = await reminder_intervals.windowless(now=await db.now(), most=MOST_NAMED + 1)
    if untold:
        named = [f"{each.email} ({each.project}, {each.due_count:,} due)" for each in untold[:MOST_NAMED]]
        more = " and others" if len(untold) > MOST_NAMED else ""
        raise Ill(
            f"off for {', '.join(named)}{more}",
            "Give them an interval: employeeUpdate(input: {id, reminderIntervalMinutes: 10})",
            is_warning=True,
        )
    return "on for everybody who has reminders due"


async def _clocks_agree(fault: Exception | None) -> str:
    _need(fault)
    difference_s = abs((await db.now() - datetime.now(UTC)).total_seconds())
    if difference_s > CLOCK_DIFFERENCE_S:
        raise Ill(
            f"{difference_s:.1f} s between here and the database", "Start the time service on both machines."
        )
    return "agrees with the database's"


async def _redis_answers(redis: Redis) -> str:
    started = time.perf_counter()
    await redis.ping()
    return f"answers in {(time.perf_counter() - started) * 1000:.1f} ms"


async def _worker_works(redis: Redis) -> str:
    if not await redis.exists(HEARTBEAT_KEY):
        raise Ill("no sign of life", "python -m app worker")
    return "works"


async def _relay_answers(server: SmtpServer) -> str:
    from aiosmtplib import SMTP

    relay = SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",
        username=server.username,
        password=server.password,
        timeout=PATIENCE_S,
    )
    async with relay:
        return "lets us in" if server.username else "answers"


def _need(fault: Exception | None) -> None:
    if fault is not None:
        raise Ill("not known without the database", "Mend the database first.")
