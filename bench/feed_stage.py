"""What `bench.feed` measures: a web process, a worker and a Valkey, and people whose reminders fall due together."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from app import security
from app.ids import uuid7
from app.integrations import valkey
from bench.servers import ROOT, STOP_TIMEOUT_S, Server, _running, free_port

SESSION_LENGTH = timedelta(days=14)
LEAD = timedelta(seconds=3)
#: Long enough for a window not to come back while it is measured.
INTERVAL_MINUTES = 1_440
TITLE = "Zavolat kvůli měření"


@dataclass(frozen=True)
class Person:
    """An employee, and the token of his session."""

    employee_id: UUID
    token: str


@dataclass(frozen=True)
class Stage:
    """The running installation. `web` is the one process that answers."""

    web: Server
    worker_pid: int
    settings: Mapping[str, str]


@contextmanager
def stage(url: str) -> Iterator[Stage]:
    """`python -m app serve`, one process, and `python -m app worker`, as in production."""
    with tempfile.TemporaryDirectory(prefix="dvf-") as folder:
        queue = valkey.start(Path(folder))
        try:
            port = free_port()
            settings = settings_of(url, queue.url, port)
            with _running("web", port, ["-m", "app", "serve"], settings) as web, _worker(settings) as pid:
                yield Stage(web, pid, settings)
        finally:
            queue.stop()


def settings_of(url: str, redis_url: str, port: int) -> dict[str, str]:
    return {
        "ENVIRONMENT": "production",
        "LOG_LEVEL": "WARNING",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SMTP_URL": "smtp://127.0.0.1:25",
        "SMTP_FROM": "crm@divize.cz",
    }


@contextmanager
def _worker(settings: Mapping[str, str]) -> Iterator[int]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    process = subprocess.Popen([sys.executable, "-m", "app", "worker"], cwd=ROOT, env=environment)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_s(pid: int) -> float:
    """Processor time of the living threads of a process, by the scheduler's own clock of nanoseconds."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e9


def resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def people(connection: "asyncpg.Connection[Any]") -> list[Person]:
    """Everybody in the database, each with a living session."""
    now = datetime.now(UTC)
    rows = await connection.fetch("SELECT id, account_id, project_id FROM employees ORDER BY project_id, id")
    found = [Person(row["id"], f"feed-session-{row['id']}") for row in rows]
    hashes = [security.token_hash(each.token) for each in found]
    await connection.execute("DELETE FROM sessions WHERE token_hash = ANY($1)", hashes)
    columns = "id account_id project_id employee_id token_hash created_at last_used_at expires_at absolute_expires_at"
    ends = (now + SESSION_LENGTH, now + SESSION_LENGTH)
    await connection.copy_records_to_table(
        "sessions",
        records=[
            (uuid7(), row["account_id"], row["project_id"], row["id"], hashed, now, now, *ends, "", "")
            for row, hashed in zip(rows, hashes, strict=True)
        ],
        columns=[*columns.split(), "user_agent", "client_ip"],
    )
    return found


async def make_due(connection: "asyncpg.Connection[Any]", employee_ids: Sequence[UUID]) -> datetime:
    """One reminder for each of them alone, all due at the moment that is told."""
    async with connection.transaction():
        await clear_windows(connection)
        moment: datetime = await connection.fetchval(
            "SELECT date_trunc('milliseconds', clock_timestamp()) + $1", LEAD
        )
        await connection.execute(_REMIND, employee_ids, moment, TITLE)
        await connection.execute(
            "UPDATE employees SET next_popup_at = $2, reminder_interval_minutes = $3 WHERE id = ANY($1)",
            *(employee_ids, moment, INTERVAL_MINUTES),
        )
    return moment


_REMIND = """
    INSERT INTO reminders (id, project_id, assignee_id, contact_id, created_by_id, kind, title, due_at, alert_at,
                           state, version, created_at, updated_at)
    SELECT gen_random_uuid(), project_id, id,
           (SELECT id FROM contacts WHERE contacts.project_id = employees.project_id ORDER BY id LIMIT 1),
           id, 'TASK', $3, $2, $2, 'OPEN', 1, $2, $2
    FROM employees WHERE id = ANY($1)
"""


async def clear_windows(connection: "asyncpg.Connection[Any]") -> None:
    """Nobody has anything open any more."""
    await connection.execute("UPDATE employees SET next_popup_at = NULL WHERE next_popup_at IS NOT NULL")
    await connection.execute("DELETE FROM reminders WHERE state = 'OPEN'")


async def claimed_at(connection: "asyncpg.Connection[Any]", since: datetime) -> dict[UUID, datetime]:
    """When each employee's window was claimed, of those that opened since."""
    rows = await connection.fetch(
        "SELECT employee_id, created_at FROM reminder_events WHERE created_at >= $1 AND kind = 'POPUP'", since
    )
    return {row["employee_id"]: row["created_at"] for row in rows}
