"""Who asks: every role alone, several together, chosen divisions, outside firms, an account, nobody."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.models import (
    Account,
    Division,
    DivisionScope,
    Employee,
    EmployeeDivision,
    EmployeeStatus,
    Partner,
    Project,
    Session,
)
from app.policy import AccountViewer, Role, Viewer
from app.services import members
from app.text import fold
from tests.differential.words import NAMES
from tests.factories import FAR_AWAY, NOON

if TYPE_CHECKING:
    from tests.differential.world import World


@dataclass(frozen=True)
class Part:
    """One member of the cast. `divisions` and `partner` are numbers of those of his project."""

    name: str
    roles: Sequence[Role] = ()
    divisions: Sequence[int] | None = None
    partner: int | None = None
    flags: Mapping[str, bool] | None = None
    status: EmployeeStatus = EmployeeStatus.ACTIVE


R = Role
FLAGS = {"can_delete_contacts": True, "can_send_bulk_email": True}
PARTS: Sequence[Part] = (
    Part("everywhere", [R.ADMIN]),
    Part("director", [R.DIRECTOR]),
    Part("telephonist", [R.TELEPHONIST]),
    Part("sales_rep", [R.SALES_REP]),
    Part("technician", [R.SERVICE_TECHNICIAN]),
    Part("complaints", [R.COMPLAINTS]),
    Part("invoicer", [R.INVOICER]),
    Part("flagged_telephonist", [R.TELEPHONIST], flags=FLAGS),
    Part("flagged_technician", [R.SERVICE_TECHNICIAN, R.TELEPHONIST], flags=FLAGS),
    Part("sales_and_invoices", [R.SALES_REP, R.INVOICER]),
    Part("technician_and_invoices", [R.SERVICE_TECHNICIAN, R.INVOICER]),
    Part("complaints_and_sales", [R.COMPLAINTS, R.SALES_REP]),
    Part("sales_rep_of_two", [R.SALES_REP], divisions=[0, 2]),
    Part("telephonist_of_one", [R.TELEPHONIST], divisions=[1]),
    Part("technician_of_none", [R.SERVICE_TECHNICIAN], divisions=[]),
    Part("director_of_one", [R.DIRECTOR], divisions=[4]),
    Part("external", [R.EXTERNAL_TELEPHONIST], partner=0),
    Part("external_of_two", [R.EXTERNAL_TELEPHONIST], partner=0, divisions=[0, 1]),
    Part("external_sales", [R.SALES_REP, R.EXTERNAL_TELEPHONIST], partner=1),
    Part("external_director", [R.DIRECTOR], partner=1),
    Part("external_of_the_past", [R.EXTERNAL_TELEPHONIST], partner=2),
    Part("external_alone", [R.EXTERNAL_TELEPHONIST]),
    Part("without_roles"),
    Part("invited", [R.SALES_REP], status=EmployeeStatus.INVITED),
    Part("gone", [R.INVOICER], status=EmployeeStatus.DEACTIVATED),
)
#: Without a project, without an account.
ACCOUNT, NOBODY = "account", "nobody"


def add_cast(
    world: "World",
    project: Project,
    add_account: Callable[["World", str], Account],
    *,
    only: str | None = None,
) -> None:
    """Employs the cast in the project. The part `everywhere` is one account in all of them."""
    for part in PARTS:
        if only in (None, part.name):
            employee = _employ(world, project, part, _account(world, project, part, add_account))
            _choose_divisions(world, project, part, employee)
            if part.status is EmployeeStatus.ACTIVE:
                _sessions(world, employee)


def _account(
    world: "World", project: Project, part: Part, add_account: Callable[["World", str], Account]
) -> Account | None:
    if part.status is EmployeeStatus.INVITED:
        return None
    email = (
        "everywhere@example.cz"
        if part.name == "everywhere"
        else f"{part.name}{project.id.hex[:6]}@example.cz"
    )
    known = [account for account in world.of(Account) if account.email == email]
    return known[0] if known else add_account(world, email)


def _employ(world: "World", project: Project, part: Part, account: Account | None) -> Employee:
    partners = world.of(Partner, project)
    name = world.one(NAMES)
    email = account.email if account else f"{part.name}@example.cz"
    return world.add(
        Employee,
        project_id=project.id,
        account_id=account.id if account else None,
        **world.named(name),
        search_text=fold(f"{name} {email}"),
        email=email,
        roles=tuple(part.roles),
        division_scope=DivisionScope.ALL if part.divisions is None else DivisionScope.CHOSEN,
        partner_id=partners[part.partner].id if part.partner is not None else None,
        reminder_interval_minutes=world.sparse([15, 60]),
        status=part.status,
        time_zone=world.sparse(["Europe/Prague", "Asia/Tokyo"]),
        deactivated_at=NOON if part.status is EmployeeStatus.DEACTIVATED else None,
        created_at=world.moment(),
        updated_at=NOON,
        **(part.flags or {}),
    )


def _choose_divisions(world: "World", project: Project, part: Part, employee: Employee) -> None:
    divisions = world.of(Division, project)
    for number in part.divisions or ():
        world.add(
            EmployeeDivision,
            project_id=project.id,
            employee_id=employee.id,
            division_id=divisions[number].id,
        )


def _sessions(world: "World", employee: Employee) -> None:
    """One that lives, one that lives before any project, one that has ended."""
    _session(world, employee, employee.project_id)
    _session(world, employee, None)
    _session(world, employee, employee.project_id, revoked_at=NOON)


def _session(world: "World", employee: Employee, project_id: Any, **values: Any) -> None:
    world.add(
        Session,
        account_id=employee.account_id,
        project_id=project_id,
        employee_id=employee.id if project_id else None,
        token_hash=f"{len(world.of(Session)):064x}",
        created_at=NOON,
        last_used_at=world.moment(),
        expires_at=FAR_AWAY,
        absolute_expires_at=FAR_AWAY,
        user_agent=world.one(['Prohlížeč "X"', ""]),
        client_ip=world.one(["192.0.2.1", "2001:db8::1"]),
        **values,
    )


async def viewers(world: "World") -> dict[str, Viewer]:
    """The cast of the first project as viewers, by name; two people of the other; an account; nobody.

    Needs a database that holds the world.
    """
    here, elsewhere = world.of(Project)[:2]
    found: dict[str, Viewer] = {NOBODY: Viewer()}
    for part, employee in _at_work(world, here):
        found[part.name] = await _viewer(world, employee)
    for part, employee in _at_work(world, elsewhere):
        if part.name in ("director", "external"):
            found[f"other_{part.name}"] = await _viewer(world, employee)
    everywhere = found["everywhere"]
    assert isinstance(everywhere, AccountViewer)
    found[ACCOUNT] = AccountViewer(account_id=everywhere.account_id, session_id=everywhere.session_id)
    return found


def _at_work(world: "World", project: Project) -> Iterator[tuple[Part, Employee]]:
    for part, employee in zip(PARTS, world.of(Employee, project), strict=True):
        if part.status is EmployeeStatus.ACTIVE:
            yield part, employee


async def _viewer(world: "World", employee: Employee) -> Viewer:
    """As the session that lives in his project."""
    session = next(row for row in world.of(Session) if row.employee_id == employee.id)
    return await members.member(
        {name: getattr(employee, name) for name in members.FACTS},
        employee_id=employee.id,
        project_id=employee.project_id,
        account_id=session.account_id,
        session_id=session.id,
    )
