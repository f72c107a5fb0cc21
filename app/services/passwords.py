"""Passwords: what a new one must be, changing it, resetting it by e-mail."""

from datetime import datetime
from typing import Any

from tortoise.expressions import F

from app import jobs
from app.errors import Fault, FaultCode, Invalid
from app.models import Account, AccountToken, AccountTokenPurpose, Session
from app.policy import AccountViewer
from app.security import MIN_PASSWORD, check_password_strength
from app.services import account_tokens, sessions
from app.services.sessions import Client
from app.validation import Rule, of

RESET = AccountTokenPurpose.PASSWORD_RESET
_strong: Rule = of(check_password_strength)


def new_password(value: Any) -> str:
    """The rule for a password that is chosen now: 8 characters to 1,024 bytes, in the form that is hashed."""
    if isinstance(value, str) and value.strip() and len(value) < MIN_PASSWORD:
        short = f"The password is too short. Use at least {MIN_PASSWORD} characters."
        raise Invalid([Fault(short, FaultCode.TOO_SHORT)])
    return str(_strong(value))


async def change(viewer: AccountViewer, account: Account, *, password_hash: str, now: datetime) -> None:
    """Replaces the password that the viewer has just proved; his other sessions end, links to reset it are void."""
    await replace(account, password_hash=password_hash, now=now)
    await sessions.revoke_all(account.id, now=now, but=viewer.session_id)


async def request_reset(email: str, *, now: datetime) -> None:
    """Mails a link to reset the password if there is such an account; who asks learns nothing either way."""
    account = await Account.get_or_none(email=email)
    if account is None or await account_tokens.is_mailed_enough(account, RESET, now=now):
        return
    await account_tokens.mail(account, RESET, to=account.email, now=now)


async def check_reset(token: str, *, now: datetime) -> None:
    """Before the new password is hashed, so that nobody makes us hash for nothing. Raises Invalid (EXPIRED)."""
    await _owner(await account_tokens.find(token, RESET, now=now))


async def reset(token: str, *, password_hash: str, client: Client, now: datetime) -> tuple[str, Session]:
    """Replaces the password by a mailed link, which proves the address too; every session ends, a new one begins.

    Raises Invalid (EXPIRED) for a link that is unknown, older than 30 minutes, used, or mailed before the e-mail or the
    password was changed.
    """
    account = await _owner(await account_tokens.use(token, RESET, now=now))
    await replace(account, password_hash=password_hash, now=now, proves_email=True)
    await sessions.revoke_all(account.id, now=now)
    return await sessions.open_for(account.id, client=client, now=now)


async def replace(account: Account, *, password_hash: str, now: datetime, proves_email: bool = False) -> None:
    """Writes the hash, and voids the links that were mailed for the password before."""
    changes: dict[str, Any] = {"password_hash": password_hash, "password_changed_at": now, "updated_at": now}
    if proves_email and account.email_verified_at is None:
        changes["email_verified_at"] = now
    await Account.filter(id=account.id).update(**changes, version=F("version") + 1)
    await account_tokens.void(account, RESET, AccountTokenPurpose.EMAIL_CHANGE, now=now)
    jobs.note(account, {"password_changed_at": [account.password_changed_at, now]})


async def _owner(link: AccountToken) -> Account:
    """The account that the link was mailed to, if it still has that address and that password."""
    account = await Account.get_or_none(id=link.account_id, email=link.email)
    if account is None or (account.password_changed_at or link.created_at) > link.created_at:
        raise account_tokens.expired()
    return account
