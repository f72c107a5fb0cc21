"""The database goes away while mail servers are saying yes: what they said is written down when it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from app import db
from app.models import Email, EmailState
from tests.factories import make_email, make_project
from tests.integrations.smtp_server import mail_server
from tests.postgres import Server, running_server
from tests.workers.test_email_processes import ids_of, reached, settings_of, worker_process

NO_REDIS = "redis://127.0.0.1:1/0"
#: Longer than it takes to give up, if one gives up after some tries.
AWAY_S = 4
WORKERS, MAILS = 2, 12
PATIENCE_S = 30


@pytest.fixture
async def postgres() -> AsyncIterator[Server]:
    """A server of this test's own, with a migrated database `mail` to which this process is connected."""
    with running_server() as server:
        await db.connect(await server.create("mail"))
        await db.migrate()
        yield server
        await db.close()


async def test_mail_in_hand_while_postgres_is_away_is_sent_once(postgres: Server) -> None:
    projects = [await make_project() for _ in range(MAILS // 2)]
    mails = [await make_email(each, text="Dobrý den") for each in projects for _ in range(2)]
    async with mail_server() as server, AsyncExitStack() as stack:
        may_answer = asyncio.Event()
        server.before_answer = may_answer.wait
        values = settings_of(server, postgres.url("mail"), NO_REDIS)
        for _ in range(WORKERS):
            await stack.enter_async_context(worker_process(values))
        async with asyncio.timeout(PATIENCE_S):
            while len(server.messages) < MAILS:
                await asyncio.sleep(0.05)
        await db.close()
        postgres.stop()
        may_answer.set()
        await asyncio.sleep(AWAY_S)
        postgres.start()
        await db.connect(postgres.url("mail"))
        await reached(EmailState.SENT, MAILS)

    assert ids_of(server) == sorted(each.message_id for each in mails)
    assert {(each.attempt, each.uncertain_attempts) for each in await Email.all()} == {(1, 0)}
