"""Mail that carries a secret: its link is made when a worker claims the mail, and is stored nowhere but as a hash.

The mail's row keeps a template and the id of an Invitation or AccountToken. Another attempt makes another link; the one
before stops working.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.config import settings
from app.models import (
    Account,
    AccountToken,
    AccountTokenPurpose,
    Division,
    Email,
    EmailPurpose,
    Employee,
    EmployeeStatus,
    Invitation,
    Project,
)
from app.security import new_token, token_hash
from app.services import mail_texts
from app.services.mail_texts import Letter


async def write(email: Email, *, now: datetime) -> Letter | None:
    """The letter with a new link. None if nobody needs it any more: revoked, accepted, used, expired, deleted.

    Call it in the transaction that claims the mail, so that of two workers one makes the link that counts.
    """
    assert email.template_ref is not None
    if email.purpose is EmailPurpose.INVITATION:
        return await _invitation(email, email.template_ref, now)
    return await _of_account(email, email.template_ref, now)


def subject(purpose: EmailPurpose, *, project: Project | None, division: Division | None) -> str:
    """What the mail is called before it is written."""
    return mail_texts.subject(purpose, {"firm": _firm(project, division)})


async def _invitation(email: Email, ref: UUID, now: datetime) -> Letter | None:
    waiting = Invitation.filter(id=ref, accepted_at=None, revoked_at=None, expires_at__gt=now)
    token = new_token()
    if not await waiting.update(token_hash=token_hash(token)):
        return None
    invitation = await Invitation.get(id=ref)
    employee = await Employee.get(id=invitation.employee_id)
    project = await Project.get(id=invitation.project_id)
    if employee.status is not EmployeeStatus.INVITED or project.deletion_requested_at is not None:
        return None
    inviter = await Employee.get(id=invitation.invited_by_id)
    values = {"firm": project.name, "inviter": inviter.name, "name": employee.name}
    return _letter(email, token, invitation.expires_at, project.time_zone, values)


async def _of_account(email: Email, ref: UUID, now: datetime) -> Letter | None:
    purpose = AccountTokenPurpose(email.purpose.value)
    waiting = AccountToken.filter(id=ref, purpose=purpose, used_at=None, expires_at__gt=now)
    token = new_token()
    if not await waiting.update(token_hash=token_hash(token)):
        return None
    row = await AccountToken.get(id=ref)
    account = await Account.get(id=row.account_id)
    project = await Project.get(id=row.project_id) if row.project_id else None
    division = await Division.get(id=row.division_id) if row.division_id else None
    values = {
        "account": account.email,
        "email": row.email or account.email,
        "firm": _firm(project, division),
    }
    zone = project.time_zone if project else mail_texts.DEFAULT_ZONE
    return _letter(email, token, row.expires_at, zone, values)


def _letter(email: Email, token: str, valid_until: datetime, zone: str, values: Mapping[str, Any]) -> Letter:
    public_url = settings().public_url
    return mail_texts.letter(
        email.purpose,
        {
            **values,
            "link": mail_texts.link(public_url, email.purpose, token),
            "valid_until": mail_texts.moment(valid_until, zone),
            "installation": public_url,
        },
    )


def _firm(project: Project | None, division: Division | None) -> str:
    if project is None:
        return ""
    return f"{project.name} ({division.name})" if division else project.name
