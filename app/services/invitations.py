"""Accepting an invitation: once, by whoever reads the mailbox that it was sent to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise.expressions import F

from app import jobs
from app.errors import Conflict, FaultCode, Invalid
from app.models import Account, EmailRecipient, Employee, EmployeeStatus, Invitation, Session
from app.security import token_hash
from app.services import accounts, passwords, popups, sessions, sign_in
from app.services.sessions import Client
from app.services.sign_in import Attempt


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What an acceptance needs before the slow part. `attempt` is None where the password is a new one."""

    invitation_id: UUID
    account_id: UUID | None
    attempt: Attempt | None


async def look_up(token: str, *, client_ip: str, now: datetime) -> Acceptance:
    """Whom the token invites, and whether his present password must be proved or a new one is set.

    A verified account must prove its own. One that never proved its address may be a stranger's who signed up first.
    Counts a try for the former: commit before it is proved. Raises Invalid (EXPIRED), RateLimited.
    """
    invitation, employee = await _open(token, now)
    account = await Account.get_or_none(email=employee.email)
    if account is None or not _is_proved(account):
        return Acceptance(invitation.id, account.id if account else None, None)
    attempt = await sign_in.begin(account.email, client_ip=client_ip, now=now)
    return Acceptance(invitation.id, account.id, attempt)


async def accept(
    token: str, acceptance: Acceptance, *, password_hash: str | None, client: Client, now: datetime
) -> tuple[str, Session]:
    """The employee becomes active with the account of his address, made if there is none; a session in his project.

    `password_hash`: of the new password, where none was proved. Raises Invalid (EXPIRED) if the invitation was used
    meanwhile, WRONG_STATE if the account is an employee there already; Conflict if the account changed meanwhile.
    """
    invitation, employee = await _open(token, now)
    await popups.lock(employee.id)
    if not await Invitation.filter(id=invitation.id, accepted_at=None, revoked_at=None).update(
        accepted_at=now
    ):
        raise _expired()
    account = await _account(acceptance, employee, password_hash, now)
    await _check_is_new(employee, account)
    await _activate(employee, account, now)
    token, session = await sessions.start(
        account.id, employee=employee, client_ip=client.ip, user_agent=client.user_agent, now=now
    )
    sessions.viewers_changed(account.id)
    return token, session


async def _open(token: str, now: datetime) -> tuple[Invitation, Employee]:
    invitation = await Invitation.get_or_none(
        token_hash=token_hash(token),
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=now,
        project__deletion_requested_at=None,
    )
    if invitation is None:
        raise _expired()
    employee = await Employee.get_or_none(id=invitation.employee_id, status=EmployeeStatus.INVITED)
    if employee is None or not await _was_mailed_to(employee.email, invitation):
        raise _expired()
    return invitation, employee


async def _was_mailed_to(address: str, invitation: Invitation) -> bool:
    """The link proves the address that it was mailed to, and none that the employee was given since."""
    mailed = await EmailRecipient.filter(email__template_ref=invitation.id).values("address")
    return {each["address"].lower() for each in mailed} <= {address}


def _is_proved(account: Account) -> bool:
    return account.email_verified_at is not None and account.password_hash is not None


async def _account(
    acceptance: Acceptance, employee: Employee, password_hash: str | None, now: datetime
) -> Account:
    if acceptance.attempt is not None:
        return await sign_in.confirm(acceptance.attempt, now=now)
    assert password_hash is not None
    account = await Account.get_or_none(email=employee.email)
    if (account.id if account else None) != acceptance.account_id or (account and _is_proved(account)):
        raise Conflict("Something changed at this moment. Open the link again.")
    if account is None:
        return await accounts.create(
            email=employee.email, name=employee.name, password_hash=password_hash, now=now, verified_at=now
        )
    await passwords.replace(account, password_hash=password_hash, now=now, proves_email=True)
    await sessions.revoke_all(account.id, now=now)
    return account


async def _check_is_new(employee: Employee, account: Account) -> None:
    if await Employee.filter(project_id=employee.project_id, account_id=account.id).exists():
        raise Invalid.at("token", "You work in this project already. Sign in.", FaultCode.WRONG_STATE)


async def _activate(employee: Employee, account: Account, now: datetime) -> None:
    became = await Employee.filter(id=employee.id, status=EmployeeStatus.INVITED).update(
        status=EmployeeStatus.ACTIVE, account_id=account.id, version=F("version") + 1, updated_at=now
    )
    if not became:
        raise _expired()
    await popups.refresh_window(employee.id, now=now)
    jobs.note(employee, {"status": [EmployeeStatus.INVITED, EmployeeStatus.ACTIVE]})


def _expired() -> Invalid:
    """The one answer for a token that is unknown, too old, used or revoked."""
    return Invalid.at(
        "token", "This invitation works no more. Ask your firm for a new one.", FaultCode.EXPIRED
    )
