"""Projects: founding one, and changing its base data and settings. Deleting is in `project_deletion`."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import formats, jobs
from app.errors import RateLimited
from app.models import Account, Employee, EmployeeStatus, Project, Session, audit_notes
from app.policy import AccountViewer, Member, Permission, Role
from app.services import address_verification, base_data, countries, reminder_intervals, sessions
from app.services.members import member_of
from app.services.sessions import Client
from app.services.versions import differing, require_version, sent_anew
from app.text import fold, sort_key
from app.validation import Rule, check, of, whole

#: Each may mail a link to any address, so nobody founds them by the hundred.
MOST_A_DAY = 20
A_DAY = timedelta(days=1)
MOST_DELETED_A_DAY = 1_000_000
MOST_READ_A_DAY = 100_000
NOT_NULL = (
    "name",
    "time_zone",
    "daily_delete_limit",
    "external_read_limit",
    "reminder_interval_max_minutes",
)


def rules(country: str, *, confirm_ico: bool | None = None) -> dict[str, Rule]:
    """How a project in `country` is read."""
    return {
        **base_data.rules(country, confirm_ico=confirm_ico),
        "time_zone": of(formats.time_zone),
        "daily_delete_limit": whole(0, MOST_DELETED_A_DAY),
        "external_read_limit": whole(0, MOST_READ_A_DAY),
        "default_reminder_interval_minutes": reminder_intervals.INTERVAL,
        "reminder_interval_max_minutes": reminder_intervals.MINUTES,
    }


async def create(
    viewer: AccountViewer, *, now: datetime, client: Client, confirm_ico: bool | None = None, **sent: Any
) -> tuple[Project, tuple[str, Session]]:
    """A new project, whose admin the viewer becomes, and a session in it. The session that asked goes on too.

    `sent`: name, and any of the base data and time_zone. `confirm_ico`: an IČO that would be refused is kept if the
    register has it. Raises RateLimited above 20 a day, and companies.RegisterNeeded.
    """
    given = {name: value for name, value in sent.items() if value is not None}
    clean, country = _read(None, given, confirm_ico, required=("name",))
    await _require_few(viewer, now)
    base_data.require_confirmed(clean, country, confirm_ico=confirm_ico)
    project = await Project.create(
        sort_key=sort_key(clean["name"]),
        created_by_id=viewer.account_id,
        created_at=now,
        updated_at=now,
        **clean,
    )
    jobs.note(project, audit_notes.made(project, *clean))
    admin = await _employ_founder(project, now)
    if project.email is not None:
        await address_verification.begin(viewer, project, now=now)
    asked_from = await Session.get(id=viewer.session_id)
    opened = await sessions.start(
        viewer.account_id,
        employee=admin,
        client_ip=client.ip,
        user_agent=client.user_agent,
        now=now,
        ends_at=asked_from.absolute_expires_at,
    )
    return project, opened


async def as_founder(account: AccountViewer, project_id: UUID) -> AccountViewer:
    """The account as it works in its project, for reading an answer; as it is if it does not work there any more."""
    at_work = Employee.filter(Employee.of_account_q(account.account_id), project_id=project_id)
    employee = await at_work.filter(project__deletion_requested_at=None).first()
    return account if employee is None else await member_of(employee)


async def update(
    viewer: Member,
    *,
    now: datetime,
    expected_version: int | None = None,
    confirm_ico: bool | None = None,
    **sent: Any,
) -> Project:
    """Changes the viewer's project. None empties a field; another e-mail must be proved before it stands in From."""
    viewer.require(Permission.PROJECT_SETTINGS)
    if "daily_delete_limit" in sent:
        viewer.require(Permission.ADMIN_GRANT)
    project = await Project.get_visible(viewer, viewer.project_id, lock=True)
    clean, country = _read(project, sent, confirm_ico, required=[name for name in NOT_NULL if name in sent])
    require_version(project, expected_version)
    base_data.require_confirmed(clean, country, confirm_ico=confirm_ico)
    changes = differing(project, clean)
    reminder_intervals.require_default_within(project, changes)
    if changes:
        await _save(project, changes, now=now)
    if "email" in changes:
        await address_verification.begin(viewer, project, now=now)
    return project


def _read(
    project: Project | None, sent: Mapping[str, Any], confirm_ico: bool | None, *, required: Collection[str]
) -> tuple[dict[str, Any], str]:
    """By the country it has or will have: that too. What is there already is not read again."""
    typed = sent_anew(project, sent)
    country = countries.own_country(sent, project) or countries.HOME
    needed = [name for name in required if name in typed or project is None]
    clean = check(typed, rules(country, confirm_ico=confirm_ico), required=needed)
    return base_data.columns(base_data.with_registration(project, clean, country)), country


async def _require_few(viewer: AccountViewer, now: datetime) -> None:
    recent = Project.filter(created_by_id=viewer.account_id, created_at__gt=now - A_DAY)
    if await recent.count() >= MOST_A_DAY:
        raise RateLimited(
            f"You have founded {MOST_A_DAY} projects within a day. Try again tomorrow.",
            retry_after_s=int(A_DAY.total_seconds()),
        )


async def _employ_founder(project: Project, now: datetime) -> Employee:
    account = await Account.get(id=project.created_by_id)
    employee = await Employee.create(
        project_id=project.id,
        account_id=account.id,
        name=account.name,
        sort_key=sort_key(account.name),
        search_text=fold(f"{account.name} {account.email}"),
        email=account.email,
        roles=[Role.ADMIN],
        status=EmployeeStatus.ACTIVE,
        reminder_interval_minutes=project.default_reminder_interval_minutes,
        created_at=now,
        updated_at=now,
    )
    noted = ("name", "email", "roles", "status", "reminder_interval_minutes")
    jobs.note(employee, audit_notes.made(employee, *noted))
    return employee


async def _save(project: Project, changes: Mapping[str, Any], *, now: datetime) -> None:
    """Writes what differs. The row is locked, so nobody else's change is lost."""
    jobs.note(project, audit_notes.differences(project, changes))
    project.update_from_dict({**changes, "version": project.version + 1, "updated_at": now})
    await Project.filter(id=project.id).update(
        **changes, sort_key=sort_key(project.name), version=F("version") + 1, updated_at=now
    )
