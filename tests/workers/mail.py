"""What tests of the mail worker share: a relay, mail that is due, what became of it."""

from collections.abc import AsyncIterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope

from app import config
from app.integrations.smtp import RecipientResult
from app.jobs import unit_of_work
from app.models import (
    Email,
    EmailRecipient,
    Project,
    RecipientState,
)
from app.services import email_delivery
from app.services.email_delivery import Claim
from app.services.email_states import Standing
from app.workers import emails as worker
from tests.conftest import Clock
from tests.factories import (
    NOON,
    make_email,
    make_project,
)
from tests.graphql import SETTINGS
from tests.integrations.smtp_server import MailServer, mail_server

TEXT = "Dobrý den,\n\nposílám nabídku.\n.\nS pozdravem"


@pytest.fixture
async def server(database: str, clock: Clock) -> AsyncIterator[MailServer]:
    """The installation's relay. It is noon, and `db.now()` stands still."""
    clock.at = NOON
    async with mail_server() as server:
        config.use(config.load(**{**SETTINGS, "smtp_url": f"smtp://127.0.0.1:{server.port}"}))
        yield server
    config.use(None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_AGAIN_S", 0.05)


async def queued(project: Project | None = None, **values: Any) -> Email:
    defaults = {
        "recipients": ["zakaznik@example.cz"],
        "from_address": "firma@example.cz",
        "from_name": "Firma",
        "text": TEXT,
    }
    return await make_email(project or await make_project(), **{**defaults, **values})


def read(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    return message_from_bytes(envelope.content, policy=policy.default)


def ids(server: MailServer) -> list[str]:
    return [str(read(each)["Message-ID"]) for each in server.messages]


async def states(email: Email) -> dict[str, RecipientState]:
    rows = await EmailRecipient.filter(email_id=email.id).order_by("address")
    return {row.address: row.state for row in rows}


async def fresh(email: Email) -> Email:
    return await Email.get(id=email.id)


async def claim(email: Email) -> Claim | None:
    async with unit_of_work() as work:
        return await email_delivery.claim(email.id, now=work.now)


async def begin(claim: Claim, addresses: Sequence[str] | None = None) -> bool:
    """For all whom the attempt is for, unless `addresses` are given."""
    async with unit_of_work() as work:
        taken = [each.address for each in claim.offered] if addresses is None else addresses
        return await email_delivery.begin(claim, taken, now=work.now)


async def handed_over(claim: Claim) -> list[RecipientResult]:
    async with email_delivery.hand_over(claim, may_end=partial(begin, claim)) as results:
        return results


async def record(claim: Claim, results: Sequence[RecipientResult]) -> Standing | None:
    async with unit_of_work() as work:
        return await email_delivery.record(claim, results, now=work.now, jitter=0.5)
