"""Proving the From addresses of projects and divisions: until then mail only asks to be answered there.

An address counts as proved if it is the verified one of the account that set it, or once its mailed link was opened.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import jobs
from app.config import settings
from app.errors import FaultCode, Invalid, RateLimited
from app.models import (
    Account,
    AccountToken,
    AccountTokenPurpose,
    Division,
    EmailPurpose,
    Project,
)
from app.policy import AccountViewer, Member, Permission
from app.security import token_hash
from app.services import emails

VALID_FOR = timedelta(days=7)
#: Links mailed for one project within a day: more would be a way to pester strangers.
MOST_A_DAY = 20
A_DAY = timedelta(days=1)


async def begin(viewer: AccountViewer, owner: Project | Division, *, now: datetime) -> bool:
    """Call it after `owner.email` was saved anew: proves the address at once, or mails a link to it. True if proved.

    Links mailed for an earlier address of the same owner stop working. Raises RateLimited above 20 links a day.
    """
    project_id, division_id = _ids(owner)
    waiting = AccountToken.filter(
        purpose=AccountTokenPurpose.ADDRESS_VERIFICATION,
        project_id=project_id,
        division_id=division_id,
        used_at=None,
    )
    await waiting.update(used_at=now)
    account = await Account.get(id=viewer.account_id)
    is_proved = owner.email is not None and _is_proved(owner.email, account)
    verified_at = now if is_proved else None
    await type(owner).filter(id=owner.id).update(email_verified_at=verified_at)
    changes: dict[str, Any] = {}
    if owner.email_verified_at != verified_at:
        changes["email_verified_at"] = [owner.email_verified_at, verified_at]
    if owner.email is not None and not is_proved:
        await _mail_link(account, owner.email, project_id, division_id, now)
        changes["mailed_to"] = [None, owner.email]
    if changes:
        jobs.note(owner, changes)
    return is_proved


async def send_again(viewer: Member, *, now: datetime, division_id: UUID | None = None) -> str | None:
    """Another link to the address of the project or the division. The address; None if it is proved already."""
    viewer.require(Permission.PROJECT_SETTINGS)
    owner: Project | Division
    if division_id is None:
        owner = await Project.get_visible(viewer, viewer.project_id)
    else:
        owner = await Division.get_visible(viewer, division_id, path=("division_id",))
    if owner.email is None:
        path = ("division_id",) if division_id else ()
        raise Invalid.at(path, "There is no address to verify. Enter one first.", FaultCode.REQUIRED)
    if owner.email_verified_at is not None or await begin(viewer, owner, now=now):
        return None
    return owner.email


async def verify(token: str, *, now: datetime) -> str:
    """The mailed link was opened: the address it was sent to counts as proved, and is given back.

    Raises Invalid (EXPIRED) for a token that is unknown, used, expired, or for an address that was changed since.
    """
    row = await AccountToken.get_or_none(
        token_hash=token_hash(token),
        purpose=AccountTokenPurpose.ADDRESS_VERIFICATION,
        used_at=None,
        expires_at__gt=now,
    )
    if (
        row is None
        or row.email is None
        or not await AccountToken.filter(id=row.id, used_at=None).update(used_at=now)
    ):
        raise _expired()
    if row.division_id is not None:
        subject, subject_id = "Division", row.division_id
        proved = await Division.filter(id=subject_id, email=row.email).update(email_verified_at=now)
    else:
        assert row.project_id is not None
        subject, subject_id = "Project", row.project_id
        proved = await Project.filter(id=subject_id, email=row.email).update(email_verified_at=now)
    if not proved:
        raise _expired()
    jobs.note(subject, subject_id, {"email_verified_at": [None, now]}, project_id=row.project_id)
    return row.email


async def _mail_link(
    account: Account, address: str, project_id: UUID, division_id: UUID | None, now: datetime
) -> None:
    of_project = AccountToken.filter(
        purpose=AccountTokenPurpose.ADDRESS_VERIFICATION, project_id=project_id, created_at__gt=now - A_DAY
    )
    if await of_project.count() >= MOST_A_DAY:
        raise RateLimited(
            "Too many addresses were entered within a day. Try again tomorrow.",
            retry_after_s=int(A_DAY.total_seconds()),
        )
    token = await AccountToken.create(
        account_id=account.id,
        purpose=AccountTokenPurpose.ADDRESS_VERIFICATION,
        email=address,
        project_id=project_id,
        division_id=division_id,
        created_at=now,
        expires_at=now + VALID_FOR,
    )
    await emails.queue_system(
        EmailPurpose.ADDRESS_VERIFICATION,
        token.id,
        address,
        project_id=project_id,
        division_id=division_id,
        now=now,
    )


def _is_proved(address: str, account: Account) -> bool:
    if settings().trust_addresses:
        return True
    return account.email_verified_at is not None and account.email == address.lower()


def _ids(owner: Project | Division) -> tuple[UUID, UUID | None]:
    return (owner.id, None) if isinstance(owner, Project) else (owner.project_id, owner.id)


def _expired() -> Invalid:
    return Invalid.at("token", "This link is not valid any more. Ask for a new one.", FaultCode.EXPIRED)
