"""Mail really leaves: the worker's functions against a real SMTP server, the rows as the only truth."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope

from app import config
from app.jobs import unit_of_work
from app.models import Email, EmailRecipient, EmailState, EmailVia, Project, RecipientState
from app.security import seal
from app.services import email_delivery
from app.services.email_delivery import Claim
from app.workers import emails as worker
from tests.conftest import Clock
from tests.factories import NOON, make_email, make_mailbox, make_project
from tests.graphql import SETTINGS
from tests.integrations.smtp_server import DROP, SILENCE, MailServer, mail_server

S, R = EmailState, RecipientState
TEXT = "Dobrý den,\n\nposílám nabídku.\n.\nS pozdravem"


@pytest.fixture(autouse=True)
async def server(database: str, clock: Clock) -> AsyncIterator[MailServer]:
    """The installation's relay. It is noon, and `db.now()` stands still."""
    clock.at = NOON
    async with mail_server() as server:
        config.use(config.load(**{**SETTINGS, "smtp_url": f"smtp://127.0.0.1:{server.port}"}))
        yield server
    config.use(None)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_a_mail_leaves_under_the_stored_sender_and_is_sent(server: MailServer) -> None:
    email = await queued(
        subject="Nabídka č. 1",
        html="<p>Dobrý den</p>",
        reply_to="jana@firma.cz",
    )

    await worker.send_due()

    (envelope,) = server.messages
    message = read(envelope)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("firma@example.cz", ["zakaznik@example.cz"])
    assert (message["From"], message["Reply-To"]) == ("Firma <firma@example.cz>", "jana@firma.cz")
    assert (message["To"], message["Subject"]) == ("zakaznik@example.cz", "Nabídka č. 1")
    assert message["Message-ID"] == email.message_id and message["Auto-Submitted"] is None
    body = message.get_body(("plain",))
    assert body is not None and body.get_content().rstrip().replace("\r\n", "\n") == TEXT
    after = await fresh(email)
    assert (after.state, after.sent_at, after.attempt) == (S.SENT, NOON, 1)
    assert after.lease_until is None and after.next_attempt_at is None
    recipient = await EmailRecipient.get(email_id=email.id)
    assert (recipient.state, recipient.attempts) == (R.SENT, 1)
    assert recipient.response is not None and recipient.response.startswith("250 ")


async def test_each_recipient_gets_his_own_outcome_and_only_the_deferred_one_is_tried_again(
    server: MailServer, clock: Clock
) -> None:
    server.says = {"seda@x.cz": "451 4.7.1 Greylisted", "neni@x.cz": "550 5.1.1 No such user"}
    email = await queued(recipients=["bere@x.cz", "seda@x.cz", "neni@x.cz"])

    await worker.send_due()

    after = await fresh(email)
    assert await states(email) == {"bere@x.cz": R.SENT, "neni@x.cz": R.FAILED, "seda@x.cz": R.DEFERRED}
    assert after.state is S.DEFERRED and after.next_attempt_at is not None and after.sent_at == NOON
    assert timedelta(seconds=54) <= after.next_attempt_at - NOON <= timedelta(seconds=66)

    await worker.send_due()
    assert len(server.messages) == 1, "not before its time"

    server.says = {}
    clock.at = after.next_attempt_at
    await worker.send_due()

    first, second = server.messages
    assert (first.rcpt_tos, second.rcpt_tos) == (["bere@x.cz"], ["seda@x.cz"])
    assert first.mail_from == second.mail_from and len(set(ids(server))) == 1
    assert read(first).as_bytes() == read(second).as_bytes()
    assert (await fresh(email)).state is S.PARTIAL
    refused = await EmailRecipient.get(email_id=email.id, address="neni@x.cz")
    assert (refused.response, refused.attempts) == ("550 5.1.1 No such user", 1)


async def test_a_mail_that_everybody_refuses_has_failed(server: MailServer) -> None:
    server.says = {"zakaznik@example.cz": "550 5.1.1 No such user"}
    email = await queued()

    await worker.send_due()

    after = await fresh(email)
    assert after.state is S.FAILED and after.sent_at is None and server.messages == []


async def test_after_48_hours_nothing_is_tried_again(server: MailServer, clock: Clock) -> None:
    server.says = {"MAIL": "421 4.3.2 Busy"}
    email = await queued()

    pauses = []
    while (before := await fresh(email)).state is not S.FAILED:
        assert before.next_attempt_at is not None
        pauses.append(round((before.next_attempt_at - clock.at).total_seconds() / 60))
        clock.at = before.next_attempt_at
        await worker.send_due()

    assert clock.at - NOON >= timedelta(hours=48)
    nominal = [0, 1, 5, 15, 60, 120, 240, 480]
    assert all(abs(pause - about) <= about / 9 for pause, about in zip(pauses, nominal, strict=False))
    assert server.messages == [] and await states(email) == {"zakaznik@example.cz": R.FAILED}


async def test_a_connection_lost_after_the_dot_is_uncertain_and_tried_once_more(
    server: MailServer, clock: Clock
) -> None:
    server.says = {"DOT": DROP}
    email = await queued()

    await worker.send_due()

    after = await fresh(email)
    assert (after.state, after.next_attempt_at) == (S.DEFERRED, NOON + timedelta(minutes=15))
    assert await states(email) == {"zakaznik@example.cz": R.UNKNOWN}

    server.says = {}
    clock.advance(timedelta(minutes=15))
    await worker.send_due()

    assert (await fresh(email)).state is S.SENT and ids(server) == [email.message_id] * 2


async def test_a_second_uncertain_attempt_is_the_last(server: MailServer, clock: Clock) -> None:
    server.says = {"DOT": DROP}
    email = await queued()

    for _ in range(4):
        await worker.send_due()
        clock.advance(timedelta(minutes=15))

    assert (await fresh(email)).state is S.UNKNOWN and len(server.messages) == 2


async def test_an_uncertain_recipient_who_is_then_refused_stays_uncertain(
    server: MailServer, clock: Clock
) -> None:
    server.says = {"DOT": DROP}
    email = await queued()
    await worker.send_due()

    server.says = {"zakaznik@example.cz": "550 5.7.1 Seen before"}
    clock.advance(timedelta(minutes=15))
    await worker.send_due()

    assert (await fresh(email)).state is S.UNKNOWN
    assert await states(email) == {"zakaznik@example.cz": R.UNKNOWN}


async def test_mail_of_a_worker_that_died_is_sent_by_another(server: MailServer, clock: Clock) -> None:
    email = await queued()
    dead = await claim(email)
    assert dead is not None

    await worker.release_expired_leases()
    await worker.send_due()
    assert server.messages == [] and (await fresh(email)).state is S.SENDING

    clock.advance(email_delivery.LEASE)
    await worker.release_expired_leases()
    await worker.send_due()

    after = await fresh(email)
    assert (after.state, after.attempt, ids(server)) == (S.SENT, 2, [email.message_id])


async def test_the_outcome_of_a_lost_claim_is_ignored(server: MailServer, clock: Clock) -> None:
    email = await queued()
    slow = await claim(email)
    assert slow is not None
    server.says = {"zakaznik@example.cz": "550 5.1.1 No such user"}
    late_results = await email_delivery.hand_over(slow)
    server.says = {}
    clock.advance(email_delivery.LEASE)
    await worker.release_expired_leases()
    await worker.send_due()

    async with unit_of_work() as work:
        standing = await email_delivery.record(slow, late_results, now=work.now, jitter=0.5)

    assert standing is None and (await fresh(email)).state is S.SENT
    assert await states(email) == {"zakaznik@example.cz": R.SENT}


async def test_two_workers_send_a_mail_once(server: MailServer) -> None:
    email = await queued()

    await asyncio.gather(*(worker.send_email({}, str(email.id)) for _ in range(2)), worker.send_due())

    assert ids(server) == [email.message_id] and (await fresh(email)).attempt == 1


async def test_what_kills_five_workers_is_given_up(server: MailServer, clock: Clock) -> None:
    poison = await queued()

    for _ in range(5):
        assert await claim(poison) is not None
        clock.advance(email_delivery.LEASE)
        await worker.release_expired_leases()

    after = await fresh(poison)
    assert (after.state, after.attempt) == (S.FAILED, 5)
    assert (await EmailRecipient.get(email_id=poison.id)).response == email_delivery.CRASHED
    await worker.send_due()
    assert server.messages == []


async def test_attempts_that_ended_well_do_not_count_as_deaths(server: MailServer, clock: Clock) -> None:
    server.says = {"MAIL": "421 4.3.2 Busy"}
    email = await queued()
    for _ in range(5):
        await worker.send_due()
        clock.advance(timedelta(hours=9))

    await claim(email)
    clock.advance(email_delivery.LEASE)
    await worker.release_expired_leases()

    after = await fresh(email)
    assert (after.state, after.attempt) == (S.DEFERRED, 6)


async def test_a_mail_that_cannot_even_be_written_stops_no_other(server: MailServer) -> None:
    broken = await queued(from_name="x@y.cz")
    email = await queued()

    await worker.send_due()

    assert ids(server) == [email.message_id]
    assert (await fresh(broken)).state is S.SENDING, "its lease decides about it"


async def test_a_mail_whose_contact_was_deleted_is_cancelled(server: MailServer) -> None:
    email = await queued(text=None)

    await worker.send_due()

    assert (await fresh(email)).state is S.CANCELLED and server.messages == []
    assert await states(email) == {"zakaznik@example.cz": R.FAILED}


async def test_a_mailbox_whose_password_cannot_be_opened_fails_with_a_clear_text(server: MailServer) -> None:
    project = await make_project()
    mailbox = await make_mailbox(project, verified_at=NOON)
    email = await queued(project, via=EmailVia.MAILBOX, mailbox=mailbox)

    await worker.send_due()

    assert (await fresh(email)).state is S.FAILED
    assert (await EmailRecipient.get(email_id=email.id)).response == email_delivery.NO_PASSWORD
    assert server.verbs == []


async def test_no_password_is_sent_to_a_mailbox_without_encryption(server: MailServer) -> None:
    project = await make_project()
    mailbox = await make_mailbox(project, host="127.0.0.1", port=server.port, verified_at=NOON)
    secret = seal(config.settings().secret_key, "heslo", bound_to=email_delivery.seal_of(mailbox))
    mailbox.secret = secret
    await mailbox.save(update_fields=["secret"])
    email = await queued(project, via=EmailVia.MAILBOX, mailbox=mailbox)

    await worker.send_due()

    assert (await fresh(email)).state is S.DEFERRED
    assert server.logins == [] and server.messages == []


async def test_a_project_whose_server_hangs_stops_nobody_else(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_delivery, "ATTEMPT_S", 2)
    async with mail_server() as hanging:
        hanging.says = {"CONNECT": SILENCE}
        stuck = await make_project()
        mailbox = await make_mailbox(stuck, host="127.0.0.1", port=hanging.port, verified_at=NOON)
        mailbox.secret = seal(config.settings().secret_key, "x", bound_to=email_delivery.seal_of(mailbox))
        await mailbox.save(update_fields=["secret"])
        for _ in range(8):
            waited = NOON - timedelta(seconds=1)
            await queued(stuck, via=EmailVia.MAILBOX, mailbox=mailbox, next_attempt_at=waited)
        others = [await queued() for _ in range(5)]

        sweep = asyncio.create_task(worker.send_due())
        async with asyncio.timeout(1.5):
            while len(server.messages) < len(others):
                await asyncio.sleep(0.02)
        claimed = await Email.filter(project_id=stuck.id, state=S.SENDING).count()

        assert claimed == worker.AT_ONCE_PER_PROJECT
        sweep.cancel()
        await asyncio.wait([sweep], timeout=3)


async def test_a_sweep_told_to_end_takes_no_more_and_finishes_what_it_began(server: MailServer) -> None:
    project = await make_project()
    for _ in range(6):
        await queued(project)
    sweep = asyncio.create_task(worker.send_due())
    while not server.messages:
        await asyncio.sleep(0)

    sweep.cancel()
    await asyncio.wait([sweep])

    assert await Email.filter(state=S.SENDING).count() == 0
    assert await Email.filter(state=S.SENT).count() == len(server.messages) < 6


def test_mail_leaves_room_for_reminders_among_the_jobs() -> None:
    assert worker.AT_ONCE < 10, "arq runs ten jobs at once"
    assert email_delivery.LEASE.total_seconds() - 10 > email_delivery.ATTEMPT_S + 1
