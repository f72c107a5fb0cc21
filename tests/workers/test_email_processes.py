"""Mail and real worker processes: several at once, killed in the middle, with and without Redis."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from app import config, db
from app.config import Settings
from app.integrations.pubsub import Hub
from app.jobs import unit_of_work
from app.models import Email, EmailRecipient, EmailState
from app.services import emails
from app.workers.emails import SWEEP_EVERY_S
from app.workers.pool import bound, create_pool
from app.workers.supervision import work
from tests.factories import make_contact, make_email, make_employee, make_project, viewer_of
from tests.graphql import SETTINGS
from tests.integrations.smtp_server import SILENCE, MailServer, mail_server
from tests.valkey import redis_url

__all__ = ["redis_url"]

PATIENCE_S = 20
NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


def settings_of(server: MailServer, database_url: str, redis_url: str) -> dict[str, Any]:
    smtp_url = f"smtp://127.0.0.1:{server.port}"
    return {**SETTINGS, "smtp_url": smtp_url, "database_url": database_url, "redis_url": redis_url}


@asynccontextmanager
async def worker_process(values: dict[str, Any], *program: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m app worker`, or another module with its arguments."""
    environment = {name.upper(): str(value) for name, value in values.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *(program or ("app", "worker"))),
        env={**os.environ, **environment, "LOG_LEVEL": "WARNING"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def working(values: dict[str, Any]) -> AsyncIterator[Settings]:
    """A worker in this loop, as `make run` has it; this process is bound to queue and doorbell."""
    settings = config.load(**values)
    config.use(settings)
    async with bound(create_pool(settings), Hub(settings.redis_url)):
        task = asyncio.create_task(work(settings, drain_s=1))
        try:
            yield settings
        finally:
            task.cancel()
            await asyncio.wait([task])
            config.use(None)


async def reached(state: EmailState, count: int = 1) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await Email.filter(state=state).count() < count:
            await asyncio.sleep(0.05)


def ids_of(server: MailServer) -> list[str]:
    contents = [each.content for each in server.messages]
    parsed = [message_from_bytes(each, policy=policy.default) for each in contents if isinstance(each, bytes)]
    return sorted(str(each["Message-ID"]) for each in parsed)


async def test_two_worker_processes_send_every_mail_once(
    own_database: str,
    redis_url: str,
    server: MailServer,
) -> None:
    queued = [await make_email(await make_project(), text="Dobrý den") for _ in range(20)]
    values = settings_of(server, own_database, redis_url)

    async with worker_process(values), worker_process(values):
        await reached(EmailState.SENT, len(queued))

    assert ids_of(server) == sorted(each.message_id for each in queued)
    assert {each.attempt for each in await Email.all()} == {1}


async def test_the_mail_of_a_killed_worker_process_is_sent_by_the_next(
    own_database: str,
    redis_url: str,
    server: MailServer,
) -> None:
    email = await make_email(await make_project(), text="Dobrý den")
    values = settings_of(server, own_database, redis_url)
    server.says = {"DATA": SILENCE}
    async with worker_process(values) as process:
        await reached(EmailState.SENDING)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert server.messages == [] and (await Email.get(id=email.id)).state is EmailState.SENDING

    server.says = {}
    await Email.filter(id=email.id).update(lease_until=await db.now() - timedelta(seconds=1))
    async with worker_process(values):
        await reached(EmailState.SENT)

    assert ids_of(server) == [email.message_id]


async def test_a_mail_is_sent_at_once_and_not_by_the_next_sweep(
    own_database: str,
    redis_url: str,
    server: MailServer,
) -> None:
    project = await make_project(name="Firma", email="info@firma.cz")
    employee = await make_employee(project, ["SALES_REP"])
    contact = await make_contact(project, email="zakaznik@example.cz")
    async with working(settings_of(server, own_database, redis_url)):
        await asyncio.sleep(0.5)  # the first sweep is over: what is sent now was rung for

        async with unit_of_work() as unit:
            email = await emails.send(
                await viewer_of(employee), now=unit.now, contact_id=contact.id, subject="Nabídka", text="Zde."
            )
        async with asyncio.timeout(SWEEP_EVERY_S - 1):
            while not server.messages:
                await asyncio.sleep(0.01)
        await reached(EmailState.SENT)

    (envelope,) = server.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("info@firma.cz", ["zakaznik@example.cz"])
    assert ids_of(server) == [email.message_id] == [f"<{email.id}@firma.cz>"]


async def test_many_mails_of_a_project_at_once_wait_for_no_sweep(
    own_database: str,
    redis_url: str,
    server: MailServer,
) -> None:
    project = await make_project(name="Firma", email="info@firma.cz")
    employee = await make_employee(project, ["SALES_REP"])
    contact = await make_contact(project, email="zakaznik@example.cz")
    async with working(settings_of(server, own_database, redis_url)):
        await asyncio.sleep(0.5)  # as above

        for _ in range(8):
            async with unit_of_work() as unit:
                await emails.send(
                    await viewer_of(employee),
                    now=unit.now,
                    contact_id=contact.id,
                    subject="Ahoj",
                    text="Zde.",
                )
        async with asyncio.timeout(SWEEP_EVERY_S - 1):
            while len(server.messages) < 8:
                await asyncio.sleep(0.01)
        await reached(EmailState.SENT, 8)

    assert len(set(ids_of(server))) == 8


async def test_mail_is_sent_without_redis(own_database: str, server: MailServer) -> None:
    project = await make_project(email="info@firma.cz")
    employee = await make_employee(project, ["SALES_REP"])
    contact = await make_contact(project)
    async with working(settings_of(server, own_database, NO_REDIS)):
        async with unit_of_work() as unit:
            await emails.send(
                await viewer_of(employee),
                now=unit.now,
                contact_id=contact.id,
                to=["a@x.cz", "b@x.cz"],
                subject="Nabídka",
                text="Zde.",
            )
        await reached(EmailState.SENT)

    assert [each.rcpt_tos for each in server.messages] == [["a@x.cz", "b@x.cz"]]
    assert await EmailRecipient.filter(state="SENT").count() == 2
