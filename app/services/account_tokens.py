"""Links mailed to an account's owner: each works once, for a while, and for the address it was mailed to."""

from datetime import datetime, timedelta

from app import jobs
from app.errors import FaultCode, Invalid
from app.models import Account, AccountToken, AccountTokenPurpose, EmailPurpose
from app.security import token_hash
from app.services import emails

LIFETIMES = {
    AccountTokenPurpose.PASSWORD_RESET: timedelta(minutes=30),
    AccountTokenPurpose.EMAIL_VERIFICATION: timedelta(days=7),
    AccountTokenPurpose.EMAIL_CHANGE: timedelta(days=1),
}
MOST_MAILED = 3
MAILED_WITHIN = timedelta(minutes=15)


async def mail(account: Account, purpose: AccountTokenPurpose, *, to: str, now: datetime) -> None:
    """Queues the mail with the link for the address `to`. The worker makes the token when it sends."""
    row = await AccountToken.create(
        account_id=account.id,
        purpose=purpose,
        email=to,
        created_at=now,
        expires_at=now + LIFETIMES[purpose],
    )
    await emails.queue_system(EmailPurpose(purpose.value), row.id, to, project_id=None, now=now)
    _note(account, purpose, to)


async def pretend(account: Account, purpose: AccountTokenPurpose, *, to: str, now: datetime) -> None:
    """Counts as a mailed link and is none: for an address of which whoever asks must learn nothing."""
    await AccountToken.create(
        account_id=account.id, purpose=purpose, email=to, created_at=now, expires_at=now, used_at=now
    )
    _note(account, purpose, to)


def _note(account: Account, purpose: AccountTokenPurpose, to: str) -> None:
    jobs.note(account, {"mailed": [None, purpose.value], "mailed_to": [None, to]})


async def is_mailed_enough(account: Account, purpose: AccountTokenPurpose, *, now: datetime) -> bool:
    """Whether three such mails were queued within 15 minutes: nobody's mailbox is flooded through us."""
    recent = AccountToken.filter(account_id=account.id, purpose=purpose, created_at__gt=now - MAILED_WITHIN)
    return await recent.count() >= MOST_MAILED


async def find(token: str, purpose: AccountTokenPurpose, *, now: datetime) -> AccountToken:
    """The row of a link that may still be used. Raises Invalid, EXPIRED at `token`, for every other text."""
    row = await AccountToken.get_or_none(
        token_hash=token_hash(token), purpose=purpose, used_at=None, expires_at__gt=now
    )
    if row is None:
        raise expired()
    return row


async def use(token: str, purpose: AccountTokenPurpose, *, now: datetime) -> AccountToken:
    """Uses the link up. Of two that use it at once one gets it; the other gets what `find` raises."""
    row = await find(token, purpose, now=now)
    if not await AccountToken.filter(id=row.id, used_at=None).update(used_at=now):
        raise expired()
    return row


async def void(account: Account, *purposes: AccountTokenPurpose, now: datetime) -> None:
    """Links of these kinds that were not used yet work no more."""
    await AccountToken.filter(account_id=account.id, purpose__in=purposes, used_at=None).update(used_at=now)


def expired() -> Invalid:
    """The one answer for a link that is unknown, too old, used, or overtaken."""
    return Invalid.at("token", "This link works no more. Ask for a new one.", FaultCode.EXPIRED)
