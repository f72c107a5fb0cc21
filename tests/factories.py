"""Rows with sensible defaults, one `make_…` for each model. Any column can be given by its name.

Rows that a row needs are made too, in the same project. Times default to `NOON`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from app.ids import uuid7
from app.models import (
    Account,
    AccountToken,
    AccountTokenPurpose,
    Activity,
    ActivityKind,
    Area,
    AuditEntry,
    Contact,
    ContactProposal,
    Division,
    DivisionScope,
    Email,
    EmailPurpose,
    EmailRecipient,
    EmailState,
    EmailVia,
    Employee,
    EmployeeDivision,
    EmployeeStatus,
    ExternalQuestion,
    ExternalRead,
    ExternalSearches,
    IdempotencyRecord,
    Invitation,
    LeadShare,
    LeadShareContact,
    Mailbox,
    MailboxLevel,
    Partner,
    Person,
    Project,
    Reminder,
    ReminderEvent,
    ReminderEventKind,
    Session,
    SignInAttempt,
)
from app.policy import Flag, Member, Role, grants_of, is_external
from app.text import fold, sort_key

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AWAY = datetime(2100, 1, 1, tzinfo=UTC)

_numbers = count(1)


def _named(values: dict[str, Any], prefix: str, *, searchable: bool = False) -> dict[str, Any]:
    """`values` with a name of its own if there is none, and what is worked out from the name."""
    name = values.setdefault("name", f"{prefix} {next(_numbers)}")
    values.setdefault("sort_key", sort_key(name))
    if searchable:
        values.setdefault("search_text", fold(" ".join(filter(None, (name, values.get("email"))))))
    return values


def _dated(values: dict[str, Any]) -> dict[str, Any]:
    values.setdefault("created_at", NOON)
    values.setdefault("updated_at", values["created_at"])
    return values


def _hash() -> str:
    return f"{next(_numbers):064x}"


async def make_account(**values: Any) -> Account:
    number = next(_numbers)
    values.setdefault("email", f"account{number}@example.cz")
    values.setdefault("name", f"Účet {number}")
    return await Account.create(**_dated(values))


async def make_session(account: Account, employee: Employee | None = None, **values: Any) -> Session:
    """Alive until the end of the century."""
    return await Session.create(
        account=account,
        employee=employee,
        project_id=employee.project_id if employee else None,
        **{
            "token_hash": _hash(),
            "created_at": NOON,
            "last_used_at": NOON,
            "expires_at": FAR_AWAY,
            "absolute_expires_at": FAR_AWAY,
            **values,
        },
    )


async def make_account_token(account: Account, **values: Any) -> AccountToken:
    defaults = {
        "purpose": AccountTokenPurpose.PASSWORD_RESET,
        "token_hash": _hash(),
        "created_at": NOON,
        "expires_at": FAR_AWAY,
    }
    return await AccountToken.create(account=account, **{**defaults, **values})


async def make_sign_in_attempt(**values: Any) -> SignInAttempt:
    defaults = {"email_hash": _hash(), "client_ip": "127.0.0.1", "succeeded": False, "at": NOON}
    return await SignInAttempt.create(**{**defaults, **values})


async def make_project(**values: Any) -> Project:
    """Has a verified e-mail of its own, and a creator who is no employee of it."""
    values.setdefault("created_by", await make_account())
    values.setdefault("email", f"firma{next(_numbers)}@example.cz")
    values.setdefault("email_verified_at", NOON)
    return await Project.create(**_dated(_named(values, "Projekt")))


async def make_division(project: Project, **values: Any) -> Division:
    return await Division.create(project=project, **_dated(_named(values, "Divize")))


async def make_partner(project: Project, **values: Any) -> Partner:
    values.setdefault("created_at", NOON)
    return await Partner.create(project=project, **_named(values, "Call centrum"))


async def make_employee(
    project: Project,
    roles: Iterable[Role | str] = (),
    *,
    divisions: Sequence[Division] | None = None,
    **values: Any,
) -> Employee:
    """An active employee with an account of his own. `divisions` makes his scope CHOSEN, and are those chosen."""
    number = next(_numbers)
    values.setdefault("email", f"zamestnanec{number}@example.cz")
    values.setdefault("status", EmployeeStatus.ACTIVE)
    if values["status"] is not EmployeeStatus.INVITED and "account" not in values:
        values["account"] = await make_account(email=values["email"], email_verified_at=NOON)
    if values["status"] is EmployeeStatus.DEACTIVATED:
        values.setdefault("deactivated_at", NOON)
    if divisions is not None:
        values["division_scope"] = DivisionScope.CHOSEN
    values = _dated(_named(values, "Zaměstnanec", searchable=True))
    employee = await Employee.create(project=project, roles=roles, **values)
    for division in divisions or ():
        await make_employee_division(employee, division)
    return employee


async def make_employee_division(employee: Employee, division: Division) -> EmployeeDivision:
    return await EmployeeDivision.create(project_id=employee.project_id, employee=employee, division=division)


async def make_invitation(employee: Employee, **values: Any) -> Invitation:
    """By the employee himself, unless `invited_by` is given."""
    values.setdefault("invited_by", employee)
    defaults = {"token_hash": _hash(), "created_at": NOON, "expires_at": FAR_AWAY}
    return await Invitation.create(
        project_id=employee.project_id, employee=employee, **{**defaults, **values}
    )


async def make_contact(project: Project, **values: Any) -> Contact:
    return await Contact.create(project=project, **_dated(_named(values, "Kontakt", searchable=True)))


async def make_person(contact: Contact, **values: Any) -> Person:
    values = _dated(_named(values, "Osoba", searchable=True))
    return await Person.create(project_id=contact.project_id, contact=contact, **values)


async def make_lead_share(
    project: Project, partner: Partner, contacts: Iterable[Contact] = (), **values: Any
) -> LeadShare:
    """Valid since long ago, for ever."""
    if "created_by" not in values:
        values["created_by"] = await make_employee(project, [Role.DIRECTOR])
    defaults = {"campaign": f"Kampaň {next(_numbers)}", "valid_from": LONG_AGO, "created_at": NOON}
    share = await LeadShare.create(project=project, partner=partner, **{**defaults, **values})
    for contact in contacts:
        await LeadShareContact.create(project=project, share=share, contact=contact)
    return share


async def make_proposal(proposed_by: Employee, **values: Any) -> ContactProposal:
    """Waits for a decision."""
    values.setdefault("name", f"Hlášený {next(_numbers)}")
    values.setdefault("created_at", NOON)
    return await ContactProposal.create(project_id=proposed_by.project_id, proposed_by=proposed_by, **values)


async def make_external_read(employee: Employee, contact: Contact, **values: Any) -> ExternalRead:
    values.setdefault("read_at", NOON)
    return await ExternalRead.create(
        project_id=employee.project_id, employee=employee, contact=contact, **values
    )


async def make_external_question(employee: Employee, **values: Any) -> ExternalQuestion:
    """Asked at noon."""
    values.setdefault("question_hash", f"{next(_numbers):064x}")
    values.setdefault("asked_at", NOON)
    return await ExternalQuestion.create(project_id=employee.project_id, employee=employee, **values)


async def make_external_searches(employee: Employee, **values: Any) -> ExternalSearches:
    """One search, at noon."""
    values.setdefault("began_at", NOON)
    values.setdefault("searches", 1)
    return await ExternalSearches.create(project_id=employee.project_id, employee=employee, **values)


async def make_activity(contact: Contact, author: Employee | None = None, **values: Any) -> Activity:
    """A call about sales; without an `author` a new employee without roles."""
    author = author or await make_employee(await contact.project)
    defaults = {
        "kind": ActivityKind.CALL,
        "area": Area.SALES,
        "summary": f"Hovor {next(_numbers)}",
        "occurred_at": NOON,
        "created_at": NOON,
    }
    return await Activity.create(
        project_id=contact.project_id, contact=contact, author=author, **{**defaults, **values}
    )


async def make_reminder(assignee: Employee | None, **values: Any) -> Reminder:
    """Open, due at noon, made by its assignee. One without an assignee needs `created_by`."""
    values.setdefault("created_by", assignee)
    values.setdefault("due_at", NOON)
    values.setdefault("alert_at", values.get("snoozed_until") or values["due_at"])
    values.setdefault("title", f"Úkol {next(_numbers)}")
    project_id = values["created_by"].project_id
    return await Reminder.create(project_id=project_id, assignee=assignee, **_dated(values))


async def make_reminder_event(employee: Employee, **values: Any) -> ReminderEvent:
    """An empty pop-up with a number above every earlier one of the employee's feed."""
    employee.feed_number = values.setdefault("number", next(_numbers))
    await employee.save(update_fields=["feed_number"])
    defaults = {"kind": ReminderEventKind.POPUP, "created_at": NOON}
    return await ReminderEvent.create(
        project_id=employee.project_id, employee=employee, **{**defaults, **values}
    )


async def make_mailbox(project: Project, **values: Any) -> Mailbox:
    """The project's; give `level` with `division` or `employee` for another."""
    defaults = {
        "level": MailboxLevel.PROJECT,
        "host": "smtp.example.cz",
        "port": 587,
        "username": "firma",
        "secret": "sealed",
        "address": "firma@example.cz",
        "display_name": "Firma",
        "created_at": NOON,
    }
    return await Mailbox.create(project=project, **{**defaults, **values})


async def make_email(
    project: Project | None = None, *, recipients: Sequence[str] | None = None, **values: Any
) -> Email:
    """Queued business mail through the relay, to one address of its own unless `recipients` are given."""
    values.setdefault("state", EmailState.QUEUED)
    if values["state"] in (EmailState.QUEUED, EmailState.DEFERRED):
        values.setdefault("next_attempt_at", NOON)
    if values["state"] is EmailState.SENDING:
        values.setdefault("lease_until", NOON + timedelta(minutes=1))
    defaults = {
        "purpose": EmailPurpose.BUSINESS,
        "message_id": f"<{uuid7()}@example.cz>",
        "from_address": "firma@example.cz",
        "from_name": "Firma",
        "via": EmailVia.RELAY,
        "subject": f"Zpráva {next(_numbers)}",
    }
    email = await Email.create(project=project, **_dated({**defaults, **values}))
    for address in recipients if recipients is not None else [f"zakaznik{next(_numbers)}@example.cz"]:
        await EmailRecipient.create(project=project, email=email, address=address)
    return email


async def make_audit_entry(project: Project | None = None, **values: Any) -> AuditEntry:
    defaults = {"action": "contactCreate", "created_at": NOON}
    project_id = project.id if project else None
    return await AuditEntry.create(project_id=project_id, **{**defaults, **values})


async def make_idempotency_record(employee: Employee, **values: Any) -> IdempotencyRecord:
    defaults = {
        "mutation": "contactCreate",
        "key": f"klic-{next(_numbers)}",
        "input_hash": _hash(),
        "created_at": NOON,
    }
    return await IdempotencyRecord.create(
        project_id=employee.project_id, scope_id=employee.id, **{**defaults, **values}
    )


async def viewer_of(employee: Employee, *, session_id: UUID | None = None) -> Member:
    """The employee at work, with what the policy grants him; no session row is made."""
    if employee.account_id is None:
        raise ValueError(f"{employee.name} has no account yet.")
    switched_on = {
        Flag.CAN_DELETE_CONTACTS: employee.can_delete_contacts,
        Flag.CAN_SEND_BULK_EMAIL: employee.can_send_bulk_email,
    }
    roles = frozenset(Role(role) for role in employee.roles)
    chosen = [row.division_id for row in await EmployeeDivision.filter(employee_id=employee.id)]
    return Member(
        account_id=employee.account_id,
        session_id=session_id or uuid7(),
        employee_id=employee.id,
        project_id=employee.project_id,
        roles=roles,
        grants=grants_of(
            roles,
            [flag for flag, is_on in switched_on.items() if is_on],
            external=is_external(roles, employee.partner_id),
        ),
        division_ids=frozenset(chosen) if employee.division_scope is DivisionScope.CHOSEN else None,
        partner_id=employee.partner_id,
    )
