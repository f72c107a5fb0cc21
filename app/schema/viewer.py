"""Who asks, and what he may."""

from typing import Any

import strawberry

from app.engine.assemble import all_of, held
from app.engine.guards import GUARD, value
from app.engine.ids import global_id
from app.policy import AccountViewer, Level, Member, Permission, Role
from app.schema.accounts import Account
from app.schema.context import Context
from app.schema.employees import Employee
from app.schema.sessions import Session


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
    )


queries = {
    "viewer": strawberry.field(
        resolver=viewer,
        description="Who asks: the account, the employee, and what he may.",
        metadata={GUARD: Level.ACCOUNT},
    )
}
