"""Delivering: claim a mail, hand it over, write down what became of it. What the worker does, step by step.

    claim (committed before the first byte) → hand over (no transaction) → record (only if the claim still holds)

The claim is a lease with an attempt number. Whoever loses it, because he died or was too slow, changes nothing any more:
every outcome is written for its attempt number. So mail is never lost; it goes out twice only if the connection or the
process dies between the server's acceptance and our writing it down, and then with the same Message-ID.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import structlog
from tortoise.expressions import F, Q

from app import jobs
from app.config import settings
from app.integrations import smtp
from app.integrations.smtp import Outcome, RecipientResult
from app.jobs import Job
from app.models import Email, EmailRecipient, EmailState, EmailVia, Mailbox, RecipientState
from app.security import CannotUnseal, unseal
from app.services import email_states, system_mail
from app.services.email_states import Standing
from app.services.mail_texts import Letter
from app.smtp_server import SmtpServer

log = structlog.get_logger(__name__)

#: An attempt is over within this (and a second for goodbyes); the lease leaves room to write it down.
ATTEMPT_S = 20
LEASE = timedelta(seconds=40)
MOST_CRASHES = 5
CRASHED = (
    "Every attempt to send this mail ended abnormally. The installation's administrator must look into it."
)
NOT_NEEDED = "Not sent: it was not needed any more."
NO_PASSWORD = "The mailbox's stored password cannot be opened. Enter it again in the mailbox's settings."  # noqa: S105
PORT_OF_SMTPS = 465


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt that this worker alone may make. `recipients` are all of them, `letter` what the mail says."""

    email: Email
    recipients: Sequence[EmailRecipient]
    letter: Letter
    mailbox: Mailbox | None

    @property
    def offered(self) -> list[EmailRecipient]:
        """Those whom this attempt is for."""
        states = email_states.to_try([each.state for each in self.recipients])
        return [each for each in self.recipients if each.state in states]


async def claim(email_id: UUID, *, now: datetime) -> Claim | None:
    """Takes a mail that is due. None if there is nothing to do: somebody has it, it is decided, or it was withdrawn.

    A mail that nobody needs any more (its contact was deleted, its invitation revoked) is cancelled instead. Commit
    before handing over.
    """
    due = Email.filter(id=email_id, state__in=email_states.WAITING, next_attempt_at__lte=now)
    won = await due.update(
        state=EmailState.SENDING,
        attempt=F("attempt") + 1,
        next_attempt_at=None,
        lease_until=now + LEASE,
        version=F("version") + 1,
        updated_at=now,
    )
    if not won:
        return None
    jobs.ring(email_states.channel(email_id))
    email = await Email.get(id=email_id)
    letter = await _letter(email, now)
    recipients = await EmailRecipient.filter(email_id=email_id).order_by("id")
    if letter is None:
        await _settle(email, Standing(email_states.withdrawn([each.state for each in recipients])), now)
        await _decide_pending(email, NOT_NEEDED)
        return None
    mailbox = await Mailbox.get(id=email.mailbox_id) if email.via is EmailVia.MAILBOX else None
    return Claim(email, recipients, letter, mailbox)


async def hand_over(claim: Claim) -> list[RecipientResult]:
    """Makes the attempt, within 21 s. Outside of any transaction: a mail server may be slow."""
    addresses = [each.address for each in claim.offered]
    try:
        server = _server(claim)
    except CannotUnseal:
        return [RecipientResult(each, Outcome.PERMANENT, None, NO_PASSWORD) for each in addresses]
    sender = claim.email.from_address
    return await smtp.send(
        server, _message(claim), mail_from=sender, recipients=addresses, timeout_s=ATTEMPT_S
    )


async def record(
    claim: Claim, results: Sequence[RecipientResult], *, now: datetime, jitter: float
) -> Standing | None:
    """Writes down what became of each recipient. None, and nothing is written, if the claim was lost meanwhile."""
    email, offered = claim.email, claim.offered
    found = {result.address: result for result in results}
    is_over = email_states.is_over(email.created_at, now)
    after = {
        each.id: email_states.recipient_after(each.state, found[each.address].outcome, is_over=is_over)
        for each in offered
    }
    states = [after.get(each.id, each.state) for each in claim.recipients]
    standing = email_states.after_attempt(
        states,
        attempts=1 + max(each.attempts for each in offered),
        insists=email.template is None and not _is_last(claim),
        now=now,
        jitter=jitter,
    )
    if not await _settle(email, standing, now, is_delivered=RecipientState.SENT in states):
        log.warning("outcome of a lost claim ignored", email_id=str(email.id), attempt=email.attempt)
        return None
    for each in offered:
        await EmailRecipient.filter(id=each.id).update(
            state=after[each.id], response=_response(found[each.address]), attempts=F("attempts") + 1
        )
    return standing


async def due(
    *, now: datetime, limit: int, but: Collection[UUID] = (), but_projects: Collection[UUID | None] = ()
) -> list[tuple[UUID, UUID | None]]:
    """Mail that waits for nothing but a worker, longest waiting first: (id, project id)."""
    query = Email.filter(state__in=email_states.WAITING, next_attempt_at__lte=now)
    if but:
        query = query.filter(~Q(id__in=list(but)))
    if None in but_projects:
        query = query.filter(project_id__isnull=False)
    if named := [each for each in but_projects if each is not None]:
        query = query.filter(Q(project_id__isnull=True) | ~Q(project_id__in=named))
    rows = await query.order_by("next_attempt_at", "id").limit(limit).values("id", "project_id")
    return [(row["id"], row["project_id"]) for row in rows]


async def project_of(email_id: UUID) -> UUID | None:
    """Whose mail it is; None for an account's, and for an unknown id."""
    rows = await Email.filter(id=email_id).values("project_id")
    return rows[0]["project_id"] if rows else None


async def release_expired(*, now: datetime) -> int:
    """Puts mail back whose worker died with it; tells how many. What killed five workers is given up."""
    expired = await Email.filter(state=EmailState.SENDING, lease_until__lte=now).limit(100)
    return sum([await _release(email, now) for email in expired])


async def _release(email: Email, now: datetime) -> bool:
    recipients = await EmailRecipient.filter(email_id=email.id)
    states = [each.state for each in recipients]
    offered = [each for each in recipients if each.state in email_states.to_try(states)]
    # Every attempt that ended well was counted for those it was for.
    crashes = email.attempt - max((each.attempts for each in offered), default=0)
    if crashes < MOST_CRASHES:
        return await _settle(email, Standing(EmailState.DEFERRED, now), now)
    log.error("mail given up: it ended every worker that took it", email_id=str(email.id))
    after = [
        RecipientState.FAILED if each.state in email_states.PENDING else each.state for each in recipients
    ]
    won = await _settle(email, Standing(email_states.decided(after)), now)
    if won:
        await _decide_pending(email, CRASHED)
    return won


async def _settle(email: Email, standing: Standing, now: datetime, *, is_delivered: bool = False) -> bool:
    """Ends the claim of this attempt number; False if it is not held any more."""
    changes: dict[str, Any] = {"sent_at": now} if is_delivered and email.sent_at is None else {}
    held = Email.filter(id=email.id, state=EmailState.SENDING, attempt=email.attempt)
    won = await held.update(
        state=standing.state,
        next_attempt_at=standing.next_attempt_at,
        lease_until=None,
        version=F("version") + 1,
        updated_at=now,
        **changes,
    )
    if won:
        jobs.ring(email_states.channel(email.id))
        if standing.next_attempt_at is not None:
            jobs.after_commit(Job.SEND_EMAIL, email.id, at=standing.next_attempt_at)
    return bool(won)


async def _decide_pending(email: Email, response: str) -> None:
    pending = EmailRecipient.filter(email_id=email.id, state__in=email_states.PENDING)
    await pending.update(state=RecipientState.FAILED, response=response)


def _is_last(claim: Claim) -> bool:
    """The one more try of uncertain recipients."""
    return all(each.state is RecipientState.UNKNOWN for each in claim.offered)


async def _letter(email: Email, now: datetime) -> Letter | None:
    if email.template is not None:
        return await system_mail.write(email, now=now)
    return None if email.text is None else Letter(email.subject, email.text, email.html)


def _message(claim: Claim) -> EmailMessage:
    """The same at every attempt, a new link aside."""
    email, letter = claim.email, claim.letter
    return smtp.build_message(
        message_id=email.message_id,
        date=email.created_at,
        sender=email.from_address,
        sender_name=email.from_name,
        reply_to=email.reply_to,
        to=[each.address for each in claim.recipients],
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        is_automatic=email.template is not None,
    )


def _server(claim: Claim) -> SmtpServer:
    """The mailbox's own server, else the relay. Raises CannotUnseal."""
    mailbox = claim.mailbox
    if mailbox is None:
        return settings().smtp
    password = unseal([settings().secret_key], mailbox.secret, bound_to=seal_of(mailbox))
    return SmtpServer(
        host=mailbox.host,
        port=mailbox.port,
        tls="tls" if mailbox.port == PORT_OF_SMTPS else "starttls",
        username=mailbox.username,
        password=password,
    )


def seal_of(mailbox: Mailbox) -> str:
    """What a mailbox's password is sealed to: its very row."""
    return f"mailbox:{mailbox.project_id}:{mailbox.id}"


def _response(result: RecipientResult) -> str:
    return result.text if result.code is None else f"{result.code} {result.text}"
