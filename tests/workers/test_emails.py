"""Mail really leaves: the worker against a real SMTP server, the rows as the only truth."""

import re
from datetime import timedelta

import pytest

from app import config
from app.jobs import unit_of_work
from app.models import (
    EmailPurpose,
    EmailRecipient,
    EmailState,
    EmailVia,
    EmployeeStatus,
    Invitation,
    RecipientState,
)
from app.security import seal, token_hash
from app.services import email_delivery, emails
from app.workers import emails as worker
from tests.conftest import Clock
from tests.factories import (
    NOON,
    make_employee,
    make_invitation,
    make_mailbox,
    make_project,
)
from tests.integrations.smtp_server import DROP, MailServer
from tests.workers.mail import TEXT, fresh, ids, queued, quick, read, server, states

__all__ = ["quick", "server"]

S, R = EmailState, RecipientState


@pytest.fixture(autouse=True)
def _surroundings(server: MailServer, quick: None) -> None:
    """Every test has a relay."""


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


async def test_a_mail_whose_contact_was_deleted_is_cancelled(server: MailServer) -> None:
    email = await queued(text=None)

    await worker.send_due()

    assert (await fresh(email)).state is S.CANCELLED and server.messages == []
    assert await states(email) == {"zakaznik@example.cz": R.FAILED}


async def test_an_invitation_leaves_with_its_link_and_another_one_at_the_next_attempt(
    server: MailServer, clock: Clock
) -> None:
    invited = await make_employee(
        await make_project(name="Šťastný", email="info@firma.cz"), status=EmployeeStatus.INVITED
    )
    invitation = await make_invitation(invited, token_hash=None)
    async with unit_of_work() as work:
        email = await emails.queue_system(
            EmailPurpose.INVITATION, invitation.id, invited.email, project_id=invited.project_id, now=work.now
        )
    server.says = {"DOT": "451 4.3.0 Later"}
    await worker.send_due()
    first = (await Invitation.get(id=invitation.id)).token_hash
    server.says = {}
    clock.advance(timedelta(minutes=2))
    await worker.send_due()

    (envelope,) = server.messages
    message = read(envelope)
    assert (message["From"], message["To"]) == ("Šťastný <info@firma.cz>", invited.email)
    assert (message["Subject"], message["Auto-Submitted"]) == (
        "Pozvánka do projektu Šťastný",
        "auto-generated",
    )
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    texts = [each.get_content() for each in parts if each is not None]
    links = [re.findall(r"https://crm\.example\.com/invitation#token=([\w-]{43})", text) for text in texts]
    (token,) = {each for found in links for each in found}
    assert len(texts) == 2 and all(links)
    stored = (await Invitation.get(id=invitation.id)).token_hash
    assert first is not None and stored == token_hash(token) != first
    assert (await fresh(email)).state is S.SENT


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
