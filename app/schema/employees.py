"""Employees: who works here, inviting and changing them, leaving and coming back."""

from collections.abc import Sequence
from typing import Any

import strawberry

from app import models
from app.engine.assemble import describe_enum
from app.engine.declare import (
    ById,
    Counted,
    Link,
    Listing,
    Record,
    Table,
    column,
    computed,
    recent,
    to_list,
    to_one,
)
from app.engine.guards import value
from app.engine.scalars import EmailAddress, TimeZone
from app.models import DivisionScope, EmployeeStatus, ReminderState
from app.policy import Level, Role, Viewer
from app.policy import Permission as P  # noqa: N817
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import employee_rights, employees, employment, hiring, read_budget

describe_enum(
    EmployeeStatus,
    "Where an employee stands.",
    INVITED="A link was mailed to him; he has not accepted.",
    ACTIVE="He is at work.",
    DEACTIVATED="He does not work here any more.",
)
describe_enum(
    DivisionScope,
    "Whose contacts an employee works with.",
    ALL="Those of all divisions.",
    CHOSEN="Those of the divisions chosen for him, and those without a division.",
)


@value(Level.MEMBER)
class EmployeeViewerCan:
    """What the viewer may do with this very employee."""

    update: bool = strawberry.field(description="Whether he may change him.")
    deactivate: bool = strawberry.field(description="Whether he may end his work here.")
    reactivate: bool = strawberry.field(description="Whether he may take him back.")
    resend_invitation: bool = strawberry.field(description="Whether he may mail the invitation again.")


async def _viewer_can(records: Sequence[Record], viewer: Viewer) -> Sequence[EmployeeViewerCan]:
    return [_can(record, viewer) for record in records]


def _can(record: Record, viewer: Viewer) -> EmployeeViewerCan:
    may, status = employee_rights.may_change(viewer, record["roles"]), record["status"]
    return EmployeeViewerCan(
        update=may,
        deactivate=may and status is not EmployeeStatus.DEACTIVATED,
        reactivate=may and status is EmployeeStatus.DEACTIVATED,
        resend_invitation=may and status is EmployeeStatus.INVITED,
    )


class Employee(Table, model=models.Employee, see=P.EMPLOYEE_READ):
    """Somebody who works in the project. One always sees oneself; an external sees nobody else."""

    name = column(P.EMPLOYEE_READ, "His name.", filter=True, sort="sort_key")
    email = column(
        P.EMPLOYEE_READ, "The address he was invited under.", type=EmailAddress, filter=True, sort="email"
    )
    roles = column(P.EMPLOYEE_READ, "What he does here; none: his own profile only.", type=list[Role])
    status = column(P.EMPLOYEE_READ, "Where he stands.", filter=True)
    division_scope = column(P.EMPLOYEE_READ, "Whose contacts he works with.", filter=True)
    divisions = to_list(
        "Division",
        P.EMPLOYEE_READ,
        "The divisions chosen for him.",
        link=Link(model=models.EmployeeDivision, parent="employee_id", child="division_id"),
        order="sort_key",
    )
    partner_id = column(
        P.EMPLOYEE_READ, "The id of the outside firm he belongs to, if any.", id_of="Partner", filter=True
    )
    partner = to_one(
        "Partner",
        P.EMPLOYEE_READ,
        "The outside firm he belongs to; it makes him external.",
        via="partner_id",
    )
    reminder_interval_minutes = column(
        P.EMPLOYEE_READ,
        "Every so many minutes the window with what is due comes back; null: it never opens.",
        filter=True,
    )
    due_reminder_count = Counted(
        guard=P.REMINDER_ASSIGN,
        description="How many reminders of theirs are due, of those that the viewer may see, counted up to 10,000. Whose "
        "`reminderIntervalMinutes` is null is told of none of them.",
        to="Reminder",
        via="assignee_id",
        only={"state": ReminderState.OPEN.value},
        past="alert_at",
        filter=True,
    )
    can_delete_contacts = column(
        P.EMPLOYEE_READ, "Whether he may delete contacts, where a role of his allows it.", filter=True
    )
    can_send_bulk_email = column(
        P.EMPLOYEE_READ, "Whether he may send bulk e-mail, where a role of his allows it.", filter=True
    )
    time_zone = column(P.EMPLOYEE_READ, "Where he works; null: as the project.", type=TimeZone)
    deactivated_at = column(P.EMPLOYEE_READ, "Since when he does not work here.")
    project = to_one("Project", P.EMPLOYEE_READ, "The project.", via="project_id")
    contacts_read_today = recent(
        models.ExternalRead,
        P.LEAD_SHARE,
        "How many different contacts he was shown within the last 24 hours: counted for people of outside firms alone, "
        "against the project's `externalReadLimit`.",
        via="employee_id",
        column="read_at",
        within=read_budget.DAY,
    )
    viewer_can = computed(
        EmployeeViewerCan,
        P.EMPLOYEE_READ,
        "What the viewer may do with him.",
        _viewer_can,
        needs=("roles", "status"),
    )
    version = column(P.EMPLOYEE_READ, "Grows with each change; see expectedVersion.")
    created_at = column(P.EMPLOYEE_READ, "When he was invited.", filter=True, sort="created_at")
    updated_at = column(P.EMPLOYEE_READ, "When he was last changed.")


queries: dict[str, Any] = {
    "employee": ById(guard=P.EMPLOYEE_READ, description="The employee with this id.", to="Employee"),
    "employees": Listing(
        guard=P.EMPLOYEE_READ,
        description="Who works here, those invited and those who left too.",
        to="Employee",
        order=("sort_key",),
        search="search_text",
    ),
}

# The same words in the invitation and in the update.
ROLES = "Any combination of roles. Nobody gives rights that he does not have; ADMIN is given by admins alone."
SCOPE = (
    "Whose contacts he works with, at most as wide as the viewer's. CHOSEN if divisionIds are sent, else ALL."
)
DIVISIONS = "The divisions that are chosen for him, at most 250; none: contacts without a division."
PARTNER = (
    "The outside firm he belongs to. It makes him external: he sees what is shared with it, and no more."
)
INTERVAL = "1 to 1,440: every so many minutes the window with what is due comes back. Null: it never opens."
MAY_DELETE = "Whether he may delete contacts with all their notes and reminders."
MAY_BULK = "Whether he may send bulk e-mail."
ZONE = "The time zone he works in, as Europe/Prague; null: the project's."


@strawberry.input(description="Somebody to invite.")
class EmployeeInviteInput:
    name: str = required("His name, at most 200 characters.")
    email: str = required("The link is mailed there; who accepts it proves the address.")
    roles: list[Role] = required(ROLES)
    division_scope: DivisionScope | None = optional(SCOPE)
    division_ids: list[strawberry.ID] | None = optional(DIVISIONS, id_of="Division")
    partner_id: strawberry.ID | None = optional(PARTNER, id_of="Partner")
    reminder_interval_minutes: int | None = optional(
        f"{INTERVAL} If it is left out: the project's `defaultReminderIntervalMinutes`."
    )
    can_delete_contacts: bool | None = optional(MAY_DELETE)
    can_send_bulk_email: bool | None = optional(MAY_BULK)
    time_zone: str | None = optional(ZONE)
    idempotency_key: str | None = idempotency_key()


@mutation(P.EMPLOYEE_MANAGE, employee=Employee)
async def employee_invite(act: Act, input: EmployeeInviteInput) -> Returned:
    """Invites somebody: a mail with a link, valid for 14 days, goes out under the project's address."""
    employee = await hiring.invite(act.member, now=act.now, **given(input))
    return {"employee": employee.id}


@strawberry.input(description="Whom to invite once more.")
class EmployeeInvitationResendInput:
    id: strawberry.ID = required("An employee who has not accepted.", id_of="Employee")
    idempotency_key: str | None = idempotency_key()


@mutation(P.EMPLOYEE_MANAGE, employee=Employee)
async def employee_invitation_resend(act: Act, input: EmployeeInvitationResendInput) -> Returned:
    """Mails another link, valid for 14 days; the links before stop working. At most three within 15 minutes."""
    employee = await hiring.resend(act.member, now=act.now, **given(input))
    return {"employee": employee.id}


@strawberry.input(description="Changes of an employee. What is not sent stays.")
class EmployeeUpdateInput:
    id: strawberry.ID = required("Which employee.", id_of="Employee")
    name: str | None = optional("His name, at most 200 characters.")
    roles: list[Role] | None = optional(ROLES)
    division_scope: DivisionScope | None = optional(SCOPE)
    division_ids: list[strawberry.ID] | None = optional(DIVISIONS, id_of="Division")
    partner_id: strawberry.ID | None = optional(PARTNER, id_of="Partner")
    reminder_interval_minutes: int | None = optional(INTERVAL)
    can_delete_contacts: bool | None = optional(MAY_DELETE)
    can_send_bulk_email: bool | None = optional(MAY_BULK)
    time_zone: str | None = optional(ZONE)
    reassign_reminders_to: strawberry.ID | None = optional(
        "Who gets the open reminders that they may not have any more: an active colleague. Needed if there are any and they "
        "may have none from now on, as without a role (OPEN_REMINDERS tells how many). What the colleague may not see is "
        "nobody's then, and so is what is about contacts out of their sight if no colleague is named.",
        id_of="Employee",
    )
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.EMPLOYEE_MANAGE, employee=Employee)
async def employee_update(act: Act, input: EmployeeUpdateInput) -> Returned:
    """Changes an employee; it takes effect at once, in open sessions too.

    Admins are changed by admins alone. Nobody changes their own roles, flags, divisions or partner, except an admin; the
    only admin stays one (LAST_ADMIN). Whoever loses the right to have reminders leaves them to `reassignRemindersTo`.
    """
    employee = await employees.update(act.member, now=act.now, **given(input))
    return {"employee": employee.id}


@strawberry.input(description="Who leaves, and who gets their reminders.")
class EmployeeDeactivateInput:
    id: strawberry.ID = required("Who leaves.", id_of="Employee")
    reassign_reminders_to: strawberry.ID | None = optional(
        "Who gets their open reminders: an active colleague. Needed if there are any (OPEN_REMINDERS tells how many).",
        id_of="Employee",
    )


@mutation(P.EMPLOYEE_MANAGE, employee=Employee)
async def employee_deactivate(act: Act, input: EmployeeDeactivateInput) -> Returned:
    """Ends somebody's work here: he is signed out at once, everywhere. What he wrote stays. Twice is no error."""
    employee = await employment.deactivate(act.member, now=act.now, **given(input))
    return {"employee": employee.id}


@strawberry.input(description="Who comes back.")
class EmployeeReactivateInput:
    id: strawberry.ID = required("Who comes back.", id_of="Employee")


@mutation(P.EMPLOYEE_MANAGE, employee=Employee)
async def employee_reactivate(act: Act, input: EmployeeReactivateInput) -> Returned:
    """Takes somebody back, with what he had. One who never accepted is invited once more. Twice is no error."""
    employee = await employment.reactivate(act.member, now=act.now, **given(input))
    return {"employee": employee.id}
