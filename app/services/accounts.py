"""Accounts: signing up, proving the e-mail address, changing it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tortoise.expressions import F

from app import jobs
from app.config import settings
from app.errors import FaultCode, Forbidden, Invalid, RateLimited
from app.formats import email_address
from app.models import Account, AccountTokenPurpose, audit_notes
from app.policy import AccountViewer
from app.security import hash_password
from app.services import account_tokens, sign_in
from app.services.passwords import new_password
from app.services.sign_in import Attempt
from app.validation import check, name, of

EMAIL = of(lambda typed: email_address(typed).lower())
OF_THE_ADDRESS = (
    AccountTokenPurpose.PASSWORD_RESET,
    AccountTokenPurpose.EMAIL_VERIFICATION,
    AccountTokenPurpose.EMAIL_CHANGE,
)
RULES = {"email": EMAIL, "password": new_password, "name": name(200)}


def check_new(sent: Mapping[str, object]) -> dict[str, Any]:
    """email, password and name of a new account in the form we store. Raises Invalid; Forbidden if nobody may sign up."""
    if settings().sign_up != "open":
        raise Forbidden("An account is made by accepting an invitation here. Ask your firm to invite you.")
    return check(sent, RULES, required=tuple(RULES))


async def open_by_operator(*, email: str, name: str, password: str) -> Account:
    """An account for whoever runs the installation to hand over, proved by that; what SIGN_UP says does not matter.

    In a unit of work of its own, after the hashing. Raises Invalid, TAKEN at `email` among others.
    """
    clean = check({"email": email, "name": name, "password": password}, RULES, required=tuple(RULES))
    password_hash = await hash_password(clean["password"])
    async with jobs.unit_of_work(jobs.Origin("accountOpenByOperator")) as work:
        if await is_taken(clean["email"]):
            raise taken()
        return await create(
            email=clean["email"],
            name=clean["name"],
            password_hash=password_hash,
            now=work.now,
            verified_at=work.now,
        )


def check_email(typed: str) -> str:
    """An address in the form we store. Raises Invalid at `email`."""
    return str(check({"email": typed}, {"email": EMAIL}, required=("email",))["email"])


async def is_taken(email: str) -> bool:
    return await Account.exists(email=email)


async def sign_up(attempt: Attempt, *, email: str, name: str, password_hash: str, now: datetime) -> Account:
    """A new account, not verified yet; the link that proves its address is mailed. Raises Invalid (TAKEN)."""
    if await is_taken(email):
        raise taken()
    account = await create(email=email, name=name, password_hash=password_hash, now=now)
    await sign_in.forgive(attempt)
    await account_tokens.mail(account, AccountTokenPurpose.EMAIL_VERIFICATION, to=email, now=now)
    return account


async def create(
    *, email: str, name: str, password_hash: str, now: datetime, verified_at: datetime | None = None
) -> Account:
    """The row. Fails on the unique e-mail if somebody was quicker."""
    account = await Account.create(
        email=email,
        name=name,
        password_hash=password_hash,
        password_changed_at=now,
        email_verified_at=verified_at,
        created_at=now,
        updated_at=now,
    )
    noted = ("email", "name", "email_verified_at", "password_changed_at")
    jobs.note(account, audit_notes.made(account, *noted))
    return account


async def request_verification(viewer: AccountViewer, *, now: datetime) -> None:
    """Mails the link once more; nothing for an address that is proved. Raises RateLimited after three in 15 minutes."""
    account = await Account.get_visible(viewer, viewer.account_id)
    if account.email_verified_at is None:
        await _require_few(account, AccountTokenPurpose.EMAIL_VERIFICATION, now)
        await account_tokens.mail(account, AccountTokenPurpose.EMAIL_VERIFICATION, to=account.email, now=now)


async def verify_email(token: str, *, now: datetime) -> Account:
    """Whoever opens the link proves the address. Raises Invalid (EXPIRED), also if the account has another one by now."""
    link = await account_tokens.use(token, AccountTokenPurpose.EMAIL_VERIFICATION, now=now)
    account = await Account.get_or_none(id=link.account_id, email=link.email)
    if account is None:
        raise account_tokens.expired()
    if account.email_verified_at is not None:
        jobs.note(account)  # the link is used up, if nothing else
    await prove_email(account, now=now)
    return account


async def prove_email(account: Account, *, now: datetime) -> None:
    """Notes that the address is the owner's; the first moment stays."""
    if account.email_verified_at is None:
        account.email_verified_at = now
        await Account.filter(id=account.id, email_verified_at=None).update(
            email_verified_at=now, version=F("version") + 1, updated_at=now
        )
        jobs.note(account, {"email_verified_at": [None, now]})


async def request_email_change(account: Account, email: str, *, now: datetime) -> None:
    """Mails a link to the new address; nothing if another account has it, which is not told to anybody.

    A link mailed for an earlier request works no more.
    Raises Invalid for the address that the account has already, RateLimited after three in 15 minutes.
    """
    if email == account.email:
        raise Invalid.at("email", "This is your address already.", FaultCode.INVALID)
    await _require_few(account, AccountTokenPurpose.EMAIL_CHANGE, now)
    await account_tokens.void(account, AccountTokenPurpose.EMAIL_CHANGE, now=now)
    write = account_tokens.pretend if await is_taken(email) else account_tokens.mail
    await write(account, AccountTokenPurpose.EMAIL_CHANGE, to=email, now=now)


async def change_email(viewer: AccountViewer, token: str, *, now: datetime) -> Account:
    """The owner, signed in, opens the link in his new mailbox: it becomes the account's, proved. Old links are void.

    Raises Invalid: EXPIRED at `token`, also for another account's link; TAKEN if somebody has the address by now.
    """
    link = await account_tokens.use(token, AccountTokenPurpose.EMAIL_CHANGE, now=now)
    account = await Account.get_visible(viewer, viewer.account_id)
    if link.account_id != account.id or link.email is None:
        raise account_tokens.expired()
    if await is_taken(link.email):
        raise taken("token")
    await Account.filter(id=account.id).update(
        email=link.email, email_verified_at=now, version=F("version") + 1, updated_at=now
    )
    await account_tokens.void(account, *OF_THE_ADDRESS, now=now)
    jobs.note(account, audit_notes.differences(account, {"email": link.email, "email_verified_at": now}))
    return account


def taken(path: str = "email") -> Invalid:
    return Invalid.at(path, "There is an account with this e-mail already. Sign in.", FaultCode.TAKEN)


async def _require_few(account: Account, purpose: AccountTokenPurpose, now: datetime) -> None:
    if await account_tokens.is_mailed_enough(account, purpose, now=now):
        wait_s = int(account_tokens.MAILED_WITHIN.total_seconds())
        raise RateLimited(
            "The mail was sent several times. Look for it, or wait 15 minutes.", retry_after_s=wait_s
        )
