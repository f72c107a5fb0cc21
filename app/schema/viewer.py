"""Who asks, and what he may."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types.nodes import SelectedField, Selection

from app import db
from app.engine.assemble import all_of, held
from app.engine.guards import GUARD, value
from app.engine.ids import global_id
from app.policy import AccountViewer, Level, Member, Permission, Role
from app.schema.accounts import Account
from app.schema.context import Context
from app.schema.employees import Employee
from app.schema.inputs import given, optional
from app.schema.mutations import Act, Returned, mutation
from app.schema.sessions import Session
from app.services import employees, read_budget, search_budget


@value(Level.ACCOUNT)
class ReadBudget:
    """What somebody of an outside firm may still read and search, of the project's `externalReadLimit` within 24 hours."""

    contacts_left: int = strawberry.field(
        description="How many contacts more they may be shown, before those that this very answer shows. One that they "
        "were shown within 24 hours takes no room."
    )
    searches_left: int = strawberry.field(
        description="How many searches more they may make. A list whose `where` and `search` leave nothing out is none, "
        "and the same question within an hour, page by page, is one."
    )
    resets_at: datetime | None = strawberry.field(
        description="When some of it is free again; null if all of it is."
    )


@value(Level.ACCOUNT)
class Viewer:
    """Whoever the session's token stands for."""

    id: strawberry.ID = strawberry.field(
        description="Opaque, and another in each project, so that a cache never mixes the rights of two; not for `node`."
    )
    account: Account | None = held(Level.ACCOUNT, "The account that is signed in.", "Account")
    employee: Employee | None = held(
        Level.ACCOUNT, "Who it is in the project that was entered; null before.", "Employee"
    )
    roles: list[Role] = strawberry.field(
        description="The employee's roles; none before a project is entered."
    )
    permissions: list[Permission] = strawberry.field(
        description="What the employee may: the union of his roles, with his flags, cut for externals."
    )
    read_budget: ReadBudget | None = strawberry.field(
        description="What is left to read and to search; null for people of the firm, who read as they like."
    )
    sessions: list[Session] = all_of(
        Level.ACCOUNT, "The account's living sessions, the last used first.", "Session", order="-last_used_at"
    )


async def viewer(info: strawberry.Info[Context, None]) -> Viewer | None:
    asking = info.context.viewer
    assert isinstance(asking, AccountViewer)
    member = asking if isinstance(asking, Member) else None
    account_id: Any = asking.account_id  # held: shown as the rows with these ids
    employee_id: Any = member.employee_id if member else None
    return Viewer(
        id=strawberry.ID(global_id("Viewer", employee_id or account_id)),
        account=account_id,
        employee=employee_id,
        roles=[role for role in Role if member and role in member.roles],
        permissions=[permission for permission in Permission if asking.may(permission)],
        read_budget=await _read_budget(member)
        if member and member.is_metered and _asks_budget(info)
        else None,
    )


def _asks_budget(info: strawberry.Info[Context, None]) -> bool:
    """Whether it is selected, be it in a fragment: counting what was read takes time."""
    return any(_names(each, "readBudget") for field in info.selected_fields for each in field.selections)


def _names(selection: Selection, name: str) -> bool:
    if isinstance(selection, SelectedField):
        return selection.name == name
    return any(_names(each, name) for each in selection.selections)


async def _read_budget(member: Member) -> ReadBudget:
    now, limit = await db.now(), await read_budget.limit_of(member)
    shown, shown_at = await read_budget.shown_today(member, now=now)
    searches, began_at = await search_budget.made_today(member, now=now)
    used_since = [each for each in (shown_at, began_at) if each is not None]
    return ReadBudget(
        contacts_left=max(0, limit - shown),
        searches_left=max(0, limit - searches),
        resets_at=min(used_since) + read_budget.DAY if used_since else None,
    )


queries = {
    "viewer": strawberry.field(
        resolver=viewer,
        description="Who asks: the account, the employee, and what he may.",
        metadata={GUARD: Level.ACCOUNT},
    )
}


@strawberry.input(description="What one changes of oneself. What is not sent stays.")
class ViewerUpdateInput:
    reminder_interval_minutes: int | None = optional(
        "Every so many minutes one's window with what is due comes back: 1 to the project's `reminderIntervalMaxMinutes`. "
        "Null is refused, unless it is null already: only who manages employees turns a window off."
    )


@mutation(Permission.REMINDER_OWN, employee=Employee)
async def viewer_update(act: Act, input: ViewerUpdateInput) -> Returned:
    """Changes what one decides of oneself: how often the window comes back. It takes effect at once."""
    employee = await employees.update_own(act.member, now=act.now, **given(input))
    return {"employee": employee.id}
