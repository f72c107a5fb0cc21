"""Inviting people to a project: an employee who waits, and a mail with a link that makes him one at work."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import jobs
from app.errors import FaultCode, Invalid, RateLimited
from app.models import EmailPurpose, Employee, EmployeeStatus, Invitation, audit_notes
from app.policy import Member, Permission
from app.services import (
    accounts,
    emails,
    employee_rights,
    employee_scopes,
    employees,
    partners,
    reminder_intervals,
)
from app.services.employee_scopes import Scope
from app.validation import check

VALID_FOR = timedelta(days=14)
#: Invitations mailed for one project within a day: more would be a way to pester strangers.
MOST_A_DAY = 500
A_DAY = timedelta(days=1)
#: And to one address.
MOST_TO_ONE = 3
SHORTLY = timedelta(minutes=15)
INTERVAL = reminder_intervals.NAME
RULES = {**employees.RULES, "email": accounts.EMAIL}


async def invite(viewer: Member, *, now: datetime, **sent: Any) -> Employee:
    """A new employee, who accepts by the link that is mailed to him.

    `sent`: name, email, roles, and any other of `RULES`; without a word about their window they get the project's default,
    and None turns it off. Raises Forbidden for more rights or a wider scope than the
    viewer's, Invalid (TAKEN) for an address that an employee has, (NO_SENDER) if the project has no e-mail.
    """
    viewer.require(Permission.EMPLOYEE_MANAGE)
    given = {name: value for name, value in sent.items() if value is not None or name == INTERVAL}
    clean = check(given, RULES, required=("name", "email", "roles"))
    clean.setdefault(INTERVAL, await reminder_intervals.default_of(viewer.project_id))
    scope = await employee_scopes.asked(viewer, clean, Scope())
    await _require_grantable(viewer, clean, scope)
    await _require_free(viewer, clean["email"])
    clean.pop("division_ids", None)
    columns = {**clean, **employees.worked_out(clean["name"], clean["email"]), "division_scope": scope.kind}
    employee = await Employee.create(
        project_id=viewer.project_id,
        status=EmployeeStatus.INVITED,
        created_at=now,
        updated_at=now,
        **columns,
    )
    await employee_scopes.write(employee, scope, Scope())
    divisions = {"division_ids": [None, sorted(map(str, scope.division_ids))]} if scope.division_ids else {}
    jobs.note(employee, {**audit_notes.made(employee, *clean, "division_scope", "status"), **divisions})
    await send(viewer, employee, now=now)
    return employee


async def resend(viewer: Member, *, now: datetime, id: UUID) -> Employee:
    """Mails another link to somebody who has not accepted; the links before stop working.

    Raises Invalid (WRONG_STATE) for one who was not invited or has accepted, RateLimited after three in 15 minutes.
    """
    await Employee.get_visible(viewer, id)
    viewer.require(Permission.EMPLOYEE_MANAGE)
    viewer, employee = await employee_rights.lock(viewer, id)
    if employee.status is not EmployeeStatus.INVITED:
        sentence = f"{employee.name} does not wait for an invitation."
        raise Invalid.at("id", sentence, FaultCode.WRONG_STATE)
    await send(viewer, employee, now=now)
    jobs.note(employee, {"invited": [None, employee.email]})
    return employee


async def send(viewer: Member, employee: Employee, *, now: datetime) -> Invitation:
    """Queues the mail with a new link, valid for 14 days; the links before stop working. Raises RateLimited."""
    await _require_few(employee, now)
    await revoke(employee, now=now)
    invitation = await Invitation.create(
        project_id=employee.project_id,
        employee_id=employee.id,
        invited_by_id=viewer.employee_id,
        created_at=now,
        expires_at=now + VALID_FOR,
    )
    await emails.queue_system(
        EmailPurpose.INVITATION,
        invitation.id,
        employee.email,
        project_id=employee.project_id,
        author_id=viewer.employee_id,
        now=now,
    )
    return invitation


async def revoke(employee: Employee, *, now: datetime) -> None:
    """His links that were not used stop working."""
    waiting = Invitation.filter(employee_id=employee.id, accepted_at=None, revoked_at=None)
    await waiting.update(revoked_at=now)


async def _require_grantable(viewer: Member, clean: dict[str, Any], scope: Scope) -> None:
    partner_id = clean.get("partner_id")
    employee_rights.require_grantable(viewer, clean["roles"], partner_id)
    employee_scopes.require_within(viewer, scope)
    if partner_id is not None:
        await partners.get_living(viewer, partner_id)


async def _require_free(viewer: Member, email: str) -> None:
    colleague = await Employee.get_or_none(project_id=viewer.project_id, email=email)
    if colleague is None:
        return
    sentence = {
        EmployeeStatus.INVITED: f"{colleague.name} was invited under this e-mail. Send the invitation again.",
        EmployeeStatus.ACTIVE: f"{colleague.name} works here under this e-mail.",
        EmployeeStatus.DEACTIVATED: f"{colleague.name} worked here under this e-mail. Reactivate that employee.",
    }[colleague.status]
    raise Invalid.at("email", sentence, FaultCode.TAKEN)


async def _require_few(employee: Employee, now: datetime) -> None:
    of_project = Invitation.filter(project_id=employee.project_id, created_at__gt=now - A_DAY)
    if await of_project.count() >= MOST_A_DAY:
        raise RateLimited(
            f"{MOST_A_DAY} invitations were sent within a day. Try again tomorrow.",
            retry_after_s=int(A_DAY.total_seconds()),
        )
    to_him = Invitation.filter(employee_id=employee.id, created_at__gt=now - SHORTLY)
    if await to_him.count() >= MOST_TO_ONE:
        raise RateLimited(
            f"{employee.name} was invited several times. Wait 15 minutes.",
            retry_after_s=int(SHORTLY.total_seconds()),
        )
