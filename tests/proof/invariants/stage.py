"""A database with the firm in it, which is as it was at first whenever that is wanted; the post; the bells."""

import asyncio
import copy
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock
from uuid import UUID

import asyncpg
from argon2 import PasswordHasher

from app import config, db, jobs, security
from app.integrations.smtp import MayEnd, Outcome, RecipientResult
from app.jobs import QueuedJob
from app.schema import accounts as schema_accounts
from app.schema import build
from app.services import email_delivery, sessions
from app.services.email_delivery import Claim
from app.workers import emails
from tests.databases import Databases, Engine
from tests.graphql import SETTINGS
from tests.proof.invariants import picture
from tests.proof.invariants.people import Firm, Letter, found_firm
from tests.proof.invariants.picture import Picture

#: As many transactions at once as the largest batch of steps, and one for the picture.
CONNECTIONS = 8
TOKEN = re.compile(r"#token=(\S+)")
KEPT = "kept"


@dataclass
class Stage:
    """`firm` is what this run knows; `heard` is what left the last steps: jobs and rings."""

    engine: Engine
    url: str
    sql: str
    founded: Firm
    firm: Firm
    heard: list[str] = field(default_factory=list)
    _now: Picture | None = None

    async def look(self) -> Picture:
        """The database as it is; read once as long as nobody does anything."""
        if self._now is None:
            self._now = await picture.take(self.sql)
        return self._now

    def stirred(self) -> None:
        """Somebody did something: the next look is a new one."""
        self._now = None

    async def deliver_mail(self) -> None:
        """The worker sends the system's mail; whoever reads the mailbox has it. What people wrote waits."""
        mail = (await self.look())["emails"].values()
        waiting = [each for each in mail if each["state"] == "QUEUED" and each["template"]]
        for email in sorted(waiting, key=lambda each: str(each["id"])):
            await emails.deliver(UUID(email["id"]))
            self.stirred()
        self.heard.clear()

    @asynccontextmanager
    async def hand_over(self, claim: Claim, *, may_end: MayEnd) -> AsyncIterator[list[RecipientResult]]:
        """In the place of a mail server."""
        for recipient in claim.offered:
            found = TOKEN.search(claim.letter.text)
            owner = self.firm.owner_of(recipient.address)
            if found and owner:
                self.firm.humans[owner].mail.append(Letter(claim.email.purpose.value, found[1]))
        yield [RecipientResult(each.address, Outcome.SENT, 250, "OK") for each in claim.offered]

    async def keep(self) -> None:
        """This is how it starts again from now on."""
        self.founded = copy.deepcopy(self.firm)
        await (_keep_rows if self.engine == "postgres" else _keep_file)(self.url)

    async def start_again(self) -> None:
        """Everything as it was when it was kept."""
        self.firm = copy.deepcopy(self.founded)
        await (_restore_rows if self.engine == "postgres" else _restore_file)(self.url)
        sessions.BELIEVED.clear()
        self.heard.clear()
        self.stirred()


@asynccontextmanager
async def open_stage(databases: Databases, engine: Engine) -> AsyncIterator[Stage]:
    """This process is connected to a database of its own, in which the firm was founded."""
    url = await databases.fresh(engine)
    with ExitStack() as stack:
        _prepare(stack)
        await db.connect(url, pool_size=CONNECTIONS)
        try:
            firm = await found_firm()
            stage = Stage(engine, url, await picture.statement(), firm, firm)
            stack.enter_context(mock.patch.object(email_delivery, "hand_over", stage.hand_over))
            _bind(stage)
            yield stage
        finally:
            jobs.bind(None, None)
            await db.close()
            await databases.drop(url)


def _prepare(stack: ExitStack) -> None:
    """Hashes that take a millisecond, and no answer that is made to take its time."""
    config.use(config.load(**SETTINGS))
    stack.callback(config.use, None)
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for where, name, value in (
        (security, "_hasher", quick),
        (security, "DUMMY_HASH", quick.hash("nobody has this password")),
        (schema_accounts, "RESET_REQUEST_TAKES_S", 0.0),
    ):
        stack.enter_context(mock.patch.object(where, name, value))
    build()


def _bind(stage: Stage) -> None:
    async def send(queued: Sequence[QueuedJob]) -> None:
        stage.heard.extend(f"job {job} {' '.join(ids)}" for job, ids, _ in queued)

    async def ring(channels: Sequence[str]) -> None:
        stage.heard.extend(f"ring {channel}" for channel in channels)

    jobs.bind(send, ring)


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite://"))


async def _keep_file(url: str) -> None:
    await db.close()
    await asyncio.to_thread(shutil.copyfile, _file(url), f"{_file(url)}.{KEPT}")
    await db.connect(url, pool_size=CONNECTIONS)


async def _restore_file(url: str) -> None:
    await db.close()
    await asyncio.to_thread(shutil.copyfile, f"{_file(url)}.{KEPT}", _file(url))
    await db.connect(url, pool_size=CONNECTIONS)


async def _keep_rows(url: str) -> None:
    """A copy of each table in a schema of its own."""
    await _run(
        url,
        [
            f"CREATE SCHEMA {KEPT}",
            *[f'CREATE TABLE {KEPT}."{each}" AS TABLE public."{each}"' for each in await _tables(url)],
        ],
    )


async def _restore_rows(url: str) -> None:
    """Without triggers, so that the order is free. What a run left behind must not hold this up."""
    await _run(
        url,
        [
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'",
            "SET session_replication_role = replica",
            *[
                f'DELETE FROM public."{each}"; INSERT INTO public."{each}" TABLE {KEPT}."{each}"'
                for each in await _tables(url)
            ],
        ],
    )


async def _tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    return [row["tablename"] for row in rows]


async def _run(url: str, statements: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("; ".join(statements))
    finally:
        await connection.close()
