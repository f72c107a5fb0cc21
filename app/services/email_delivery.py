"""Delivering: claim a mail, hand it over, write down what became of it. What the worker does, step by step.

    claim → connect, text → begin → final dot, answer → record → goodbye      (claim, begin and record: each committed)

The claim is a lease with an attempt number; `begin` and `record` hold only for that number. `begin` says of each
recipient that they perhaps have the mail, before that can be true, and `record` what the server answered. Whatever dies
between leaves a row that tells the truth, and whoever lost the claim before `begin` sends nothing any more.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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
from app.integrations.smtp import MayEnd, Outcome, RecipientResult
from app.jobs import Job
from app.models import Email, EmailRecipient, EmailState, EmailVia, Mailbox, RecipientState
from app.security import CannotUnseal, unseal
from app.services import email_states, system_mail
from app.services.email_states import Standing
from app.services.mail_texts import Letter
from app.smtp_server import SmtpServer

log = structlog.get_logger(__name__)

#: A worker has it.
HELD = Q(state=EmailState.SENDING)
#: An attempt is over within this; the lease, renewed before the final dot, leaves as much again to write it down.
ATTEMPT_S = 20
LEASE = timedelta(seconds=40)
LEFT_OPEN = "It may have been delivered: how this attempt ended is not written down."
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
        await settle(email, Standing(email_states.withdrawn([each.state for each in recipients])), now)
        await decide_pending(email, RecipientState.FAILED, NOT_NEEDED)
        return None
    mailbox = await Mailbox.get(id=email.mailbox_id) if email.via is EmailVia.MAILBOX else None
    return Claim(email, recipients, letter, mailbox)


@asynccontextmanager
async def hand_over(claim: Claim, *, may_end: MayEnd) -> AsyncIterator[list[RecipientResult]]:
    """Makes the attempt, within 20 s; the goodbye comes after the block. Outside of any transaction: servers are slow.

    `may_end` is asked with the accepted addresses before the final dot: it commits `begin`.
    """
    addresses = [each.address for each in claim.offered]
    try:
        server = _server(claim)
    except CannotUnseal:
        yield [RecipientResult(each, Outcome.PERMANENT, None, NO_PASSWORD) for each in addresses]
        return
    async with smtp.handing_over(
        server,
        _message(claim),
        mail_from=claim.email.from_address,
        recipients=addresses,
        may_end=may_end,
        timeout_s=ATTEMPT_S,
    ) as results:
        yield results


async def begin(claim: Claim, addresses: Sequence[str], *, now: datetime) -> bool:
    """Says of these recipients that they perhaps have the mail, and renews the lease. False if the claim was lost."""
    email = claim.email
    held = await Email.filter(id=email.id, state=EmailState.SENDING, attempt=email.attempt).update(
        lease_until=now + LEASE, uncertain_attempts=email.uncertain_attempts + 1
    )
    if held:
        await EmailRecipient.filter(email_id=email.id, address__in=list(addresses)).update(
            state=RecipientState.UNKNOWN, response=LEFT_OPEN, uncertain_attempts=F("uncertain_attempts") + 1
        )
    return bool(held)


async def record(
    claim: Claim, results: Sequence[RecipientResult], *, now: datetime, jitter: float
) -> Standing | None:
    """Writes down what became of each recipient. None, and nothing is written, if the mail is in other hands by now.

    A lease that ran out is no hindrance until somebody took the mail again. If the mail was decided meanwhile (given up,
    or withdrawn while it was perhaps delivered) the server's word still counts, but nothing is tried any more.
    """
    email = claim.email
    waits, is_decided = HELD | _released(email, EmailState.DEFERRED), _released(email, EmailState.UNKNOWN)
    standing = await _record(claim, results, held=waits, is_decided=False, now=now, jitter=jitter)
    if standing is None:
        standing = await _record(claim, results, held=is_decided, is_decided=True, now=now, jitter=jitter)
    if standing is None:
        log.warning("outcome of a lost claim ignored", email_id=str(email.id), attempt=email.attempt)
    return standing


async def _record(
    claim: Claim,
    results: Sequence[RecipientResult],
    *,
    held: Q,
    is_decided: bool,
    now: datetime,
    jitter: float,
) -> Standing | None:
    email, found = claim.email, {result.address: result for result in results}
    is_over = is_decided or email_states.is_over(email.created_at, now)
    after = {each.id: _after(each, found[each.address], is_over=is_over) for each in claim.offered}
    states = [after[each.id]["state"] if each.id in after else each.state for each in claim.recipients]
    standing = email_states.after_attempt(
        states,
        attempts=1 + max((each.attempts for each in claim.offered), default=0),
        insists=not is_decided and email.template is None and not _is_last(claim),
        is_put_off=not is_over and _is_put_off(claim, results),
        now=now,
        jitter=jitter,
    )
    is_uncertain = any(result.outcome is Outcome.UNKNOWN for result in results)
    changes: dict[str, Any] = {"crashes": 0, "uncertain_attempts": email.uncertain_attempts + is_uncertain}
    if RecipientState.SENT in states and email.sent_at is None:
        changes["sent_at"] = now
    if not await settle(email, standing, now, held=held, **changes):
        return None
    for recipient_id, columns in after.items():
        await EmailRecipient.filter(id=recipient_id).update(**columns)
    return standing


def _after(recipient: EmailRecipient, result: RecipientResult, *, is_over: bool) -> dict[str, Any]:
    """The recipient's columns as of before the attempt, and what it made of them: `begin` is overwritten."""
    return {
        "state": email_states.recipient_after(recipient.state, result.outcome, is_over=is_over),
        "response": _response(result),
        "attempts": recipient.attempts + 1,
        "uncertain_attempts": recipient.uncertain_attempts + (result.outcome is Outcome.UNKNOWN),
    }


def _released(email: Email, state: EmailState) -> Q:
    """As `email_leases` left it: the outcome is still news. (Whoever recorded one set `crashes` to 0.)"""
    return Q(state=state, crashes=email.crashes + 1)


async def settle(email: Email, standing: Standing, now: datetime, *, held: Q = HELD, **changes: Any) -> bool:
    """Ends the claim of this attempt number; False if it is not `held` any more."""
    won = await Email.filter(held, id=email.id, attempt=email.attempt).update(
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


async def decide_pending(email: Email, state: RecipientState, response: str) -> None:
    """For recipients who get no further attempt."""
    pending = EmailRecipient.filter(email_id=email.id, state__in=email_states.PENDING)
    await pending.update(state=state, response=response)


def _is_last(claim: Claim) -> bool:
    """The one more try of uncertain recipients."""
    return all(each.state is RecipientState.UNKNOWN for each in claim.offered)


def _is_put_off(claim: Claim, results: Sequence[RecipientResult]) -> bool:
    """That try has still to be made: this one surely delivered nothing."""
    return _is_last(claim) and any(result.outcome is Outcome.TEMPORARY for result in results)


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
