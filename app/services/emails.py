"""E-mails: writing one, and what the system writes itself, into the outbox; taking one back.

Nothing is sent here. The row with its fixed Message-ID is the promise; the worker keeps it (`email_delivery`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import db, db_rows, formats, jobs
from app.config import settings
from app.errors import FaultCode, Invalid, RateLimited
from app.ids import uuid7
from app.jobs import Job
from app.models import (
    WRITE_PERMISSION,
    Area,
    Contact,
    Division,
    Email,
    EmailPurpose,
    EmailRecipient,
    Employee,
    Mailbox,
    Project,
    RecipientState,
    audit_notes,
    batches,
)
from app.policy import Member, Permission
from app.services import email_states, senders, system_mail
from app.services.senders import Sender
from app.validation import check, choice, flag, items, line, nullable, of, text

MOST_RECIPIENTS = 50
# More in a day is bulk mail, whatever it is called, and that asks for the flag.
MOST_RECIPIENTS_A_DAY = 300
A_DAY = timedelta(days=1)
LONGEST_SUBJECT = 500
LONGEST_BODY = 100_000
#: What the audit log keeps of one besides its recipients: not what is written in it, and enough to tell later who may
#: read the rest.
NOTED = ("area", "purpose", "subject", "author_id", "contact_id")
WITHDRAWN = "Withdrawn before it was delivered."
# Sent from the installation's own address, whatever the project has: the project's is what one of them proves.
FROM_INSTALLATION = frozenset(EmailPurpose) - {
    EmailPurpose.BUSINESS,
    EmailPurpose.PERSONAL,
    EmailPurpose.INVITATION,
}

RULES = {
    "to": nullable(items(of(formats.email_address), MOST_RECIPIENTS, min_items=1)),
    "subject": line(LONGEST_SUBJECT),
    "text": text(LONGEST_BODY),
    "html": nullable(text(LONGEST_BODY)),
    "personal": nullable(flag),
    "area": nullable(choice(Area)),
}


async def send(viewer: Member, *, now: datetime, contact_id: UUID, **sent: Any) -> Email:
    """Queues one mail to a contact. `sent`: to (1–50 addresses; else the contact's own), subject, text, html, personal, area.

    The contact's division decides the sender. Raises Invalid (NO_SENDER too), NotFound for the contact, Forbidden for
    an area in which the viewer records nothing, RateLimited beyond 300 recipients a day without EMAIL_BULK.
    """
    contact = await Contact.get_visible(viewer, contact_id, path=("contact_id",))
    viewer.require(Permission.EMAIL_SEND)
    clean = check(sent, RULES, required=("subject", "text"))
    area: Area | None = clean.get("area")
    if area is not None:
        viewer.require(WRITE_PERMISSION[area])
    recipients = _without_repeats(clean.get("to") or [_own_address(contact)])
    await _require_room(viewer, len(recipients), now)
    author = await Employee.get(id=viewer.employee_id) if clean.get("personal") else None
    email = await _queue(
        await _sender_for(viewer.project_id, contact.division_id, author),
        recipients,
        now=now,
        project_id=viewer.project_id,
        contact_id=contact.id,
        author_id=viewer.employee_id,
        division_id=contact.division_id,
        area=area,
        purpose=EmailPurpose.PERSONAL if author else EmailPurpose.BUSINESS,
        subject=clean["subject"],
        text=clean["text"],
        html=clean.get("html"),
    )
    sent_how = audit_notes.made(email, *NOTED, "from_address", "via", "state")
    jobs.note(email, {**sent_how, "recipients": [None, recipients]})
    return email


async def _require_room(viewer: Member, more: int, now: datetime) -> None:
    if viewer.may(Permission.EMAIL_BULK):
        return
    # Of two at once the second waits here, and counts what the first sent.
    # Not `values`: Tortoise would lock nothing.
    await Employee.filter(id=viewer.employee_id).select_for_update(no_key=True).only("id")
    written = EmailRecipient.filter(email__author_id=viewer.employee_id, email__created_at__gt=now - A_DAY)
    if await written.count() + more > MOST_RECIPIENTS_A_DAY:
        sentence = f"{MOST_RECIPIENTS_A_DAY} recipients a day are for single mails. More needs the right to bulk e-mail."
        raise RateLimited(sentence, retry_after_s=int(A_DAY.total_seconds()))


async def preview(viewer: Member, *, personal: bool, division_id: UUID | None) -> Sender | None:
    """Who a mail would come from now; None if nothing was set up. Raises NotFound for the division."""
    viewer.require(Permission.EMAIL_SEND)
    if division_id is not None:
        await Division.get_visible(viewer, division_id, path=("division_id",))
    author = await Employee.get(id=viewer.employee_id) if personal else None
    return await _resolve(viewer.project_id, division_id, author)


async def cancel(viewer: Member, *, now: datetime, id: UUID) -> Email:
    """Takes a mail back that waits for an attempt; recipients who have it keep it.

    Raises Invalid (WRONG_STATE) if a worker has it in hand or everything is decided.
    """
    email = await Email.get_visible(viewer, id)
    viewer.require(Permission.EMAIL_SEND)
    if not await _withdraw([email], now):
        raise Invalid.at(
            "id", "It is too late: this mail is being sent, or was decided.", FaultCode.WRONG_STATE
        )
    return email


async def cancel_for_contact(contact_id: UUID, *, now: datetime) -> None:
    """Before a contact's deletion: takes back what waits, and empties and unlinks all of its mail.

    What a worker has in hand may still go out; it gets no further attempt.
    """
    mails = Email.filter(contact_id=contact_id)
    async for some in batches(mails, "created_at", "state", "attempt", "project_id", "contact_id"):
        await _withdraw([email for email in some if email.state in email_states.WAITING], now)
        for email in some:
            jobs.note(email, audit_notes.gone(email, "contact_id"))
        await jobs.write_notes()
    await ring_followers(contact_id)
    await mails.update(contact_id=None, text=None, html=None, version=F("version") + 1, updated_at=now)


async def ring_followers(contact_id: UUID) -> None:
    """Whoever follows a mail to this contact looks whether he still may: the contact went, or moved out of sight."""
    followed = Email.filter(contact_id=contact_id, state__not_in=list(email_states.FINAL))
    for row in await followed.values("id"):
        jobs.ring(email_states.channel(row["id"]))


async def queue_system(
    purpose: EmailPurpose,
    ref: UUID,
    to: str,
    *,
    project_id: UUID | None,
    division_id: UUID | None = None,
    author_id: UUID | None = None,
    now: datetime,
) -> Email:
    """Queues mail of the system: `ref` is the Invitation's id for INVITATION, the AccountToken's for the others.

    An invitation comes from the project's sender (raises Invalid with NO_SENDER if there is none), all others from the
    installation's address. Only the template and `ref` are stored; the worker makes the link.
    """
    if purpose in FROM_INSTALLATION:
        sender = senders.installation(settings().smtp_from)
    else:
        assert project_id is not None
        sender = await _sender_for(project_id, division_id, None)
    project = await Project.get(id=project_id) if project_id else None
    division = await Division.get(id=division_id) if division_id else None
    return await _queue(
        sender,
        [to],
        now=now,
        project_id=project_id,
        division_id=division_id,
        author_id=author_id,
        purpose=purpose,
        subject=system_mail.subject(purpose, project=project, division=division),
        template=purpose.value.lower(),
        template_ref=ref,
    )


async def _queue(sender: Sender, recipients: Sequence[str], *, now: datetime, **columns: Any) -> Email:
    email_id = uuid7()
    email = await Email.create(
        id=email_id,
        message_id=f"<{email_id}@{senders.domain_of(sender.address)}>",
        from_address=sender.address,
        from_name=sender.display_name,
        reply_to=sender.reply_to,
        via=sender.via,
        mailbox_id=sender.mailbox_id,
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
        **columns,
    )
    await EmailRecipient.bulk_create(
        [EmailRecipient(project_id=email.project_id, email_id=email_id, address=each) for each in recipients]
    )
    jobs.after_commit(Job.SEND_EMAIL, email_id)
    return email


_WITHDRAW = """
    UPDATE emails SET state = taken.state, next_attempt_at = NULL, version = version + 1, updated_at = $1
    FROM {taken} WHERE emails.id = taken.id AND emails.attempt = taken.attempt AND emails.state IN ('QUEUED', 'DEFERRED')
    RETURNING emails.id
"""


async def _withdraw(emails: Sequence[Email], now: datetime) -> int:
    """Takes those back that are waiting; tells how many. At most a thousand.

    They are locked before their recipients are read: what a worker wrote down meanwhile would be overlooked.
    """
    waiting = Email.filter(id__in=[email.id for email in emails], state__in=email_states.WAITING).order_by(
        "id"
    )
    # Not `values()`, which locks nothing.
    locked = await waiting.select_for_update(no_key=True).only("id", "state", "attempt")
    if not locked:
        return 0
    before = {each.id: each for each in locked}
    states: dict[UUID, set[RecipientState]] = {each: set() for each in before}
    found = EmailRecipient.filter(email_id__in=list(before))
    for row in await found.distinct().values("email_id", "state"):
        states[row["email_id"]].add(row["state"])
    after = {each: email_states.withdrawn(states[each]) for each in before}
    rows = [{"id": each, "attempt": before[each].attempt, "state": state} for each, state in after.items()]
    taken = db_rows.unpacked(db.dialect(), "$2", "taken", id="uuid", attempt="bigint", state="text")
    await db.fetch(_WITHDRAW.format(taken=taken), [now, db_rows.packed(rows)])
    pending = EmailRecipient.filter(email_id__in=list(before), state__in=email_states.PENDING)
    await pending.update(state=RecipientState.FAILED, response=WITHDRAWN)
    for email in emails:
        if email.id in before:
            jobs.note(email, {"state": [before[email.id].state, after[email.id]]})
            jobs.ring(email_states.channel(email.id))
    return len(before)


async def _sender_for(project_id: UUID, division_id: UUID | None, author: Employee | None) -> Sender:
    sender = await _resolve(project_id, division_id, author)
    if sender is None:
        raise Invalid.at(
            (),
            "Nothing can be sent yet: the project has no e-mail. Enter one in its settings.",
            FaultCode.NO_SENDER,
        )
    return sender


async def _resolve(project_id: UUID, division_id: UUID | None, author: Employee | None) -> Sender | None:
    return senders.resolve(
        await Project.get(id=project_id),
        await Division.get(id=division_id, project_id=project_id) if division_id else None,
        await Mailbox.filter(project_id=project_id, verified_at__isnull=False),
        employee=author,
        smtp_from=settings().smtp_from,
        trusts_addresses=settings().trust_addresses,
    )


def _own_address(contact: Contact) -> str:
    if contact.email is None:
        raise Invalid.at(
            "to",
            "This contact has no e-mail address. Write to whom the mail shall go.",
            FaultCode.REQUIRED,
        )
    return contact.email


def _without_repeats(addresses: Sequence[str]) -> list[str]:
    """Each once: two spellings that differ in case are one mailbox."""
    first: dict[str, str] = {}
    for each in addresses:
        first.setdefault(each.lower(), each)
    return list(first.values())
