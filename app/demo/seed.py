"""What `make run` calls: the demo firm is there, its people have tokens, and a window is about to pop up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.demo.firm import PEOPLE, DemoPerson, make_firm
from app.demo.records import remind
from app.errors import Unauthenticated
from app.jobs import unit_of_work
from app.models import Employee, EmployeeStatus, Project, Reminder, ReminderState
from app.security import hash_password
from app.services import popups, sessions

PASSWORD = "ukazka-divize"  # noqa: S105  published: the demo listens on this machine alone
FIRST_POPUP = timedelta(seconds=20)
SOON = timedelta(seconds=60)


async def ensure_demo(kept_tokens: Mapping[str, str]) -> list[dict[str, Any]]:
    """Makes the demo firm unless it is there; `{name, email, password, roles, token}` of its people.

    A token in `kept_tokens` (by e-mail) stays if it still works. Whatever was done to the data meanwhile is kept;
    only a reminder that pops up within a minute is added when there is none.
    """
    project = await Project.filter(created_by__email=PEOPLE[0].email).order_by("created_at").first()
    if project is None:
        password_hash = await hash_password(PASSWORD)
        async with unit_of_work() as work:
            project = await make_firm(password_hash, work.now)
    async with unit_of_work() as work:
        await _remind_soon(project.id, work.now)
        return [
            await _signed_in(project.id, person, kept_tokens.get(person.email), work.now) for person in PEOPLE
        ]


async def _remind_soon(project_id: UUID, now: datetime) -> None:
    """Somebody who looks at the demo sees a window within a minute, on every start."""
    for person in PEOPLE[:1]:
        employee = await Employee.get(project_id=project_id, email=person.email)
        waiting = Reminder.filter(assignee_id=employee.id, state=ReminderState.OPEN, alert_at__lte=now + SOON)
        if employee.status is EmployeeStatus.ACTIVE and not await waiting.exists():
            await remind(employee, "Podívat se, jak vyskakuje okno", now + FIRST_POPUP, now)
            await popups.refresh_window(employee.id, now=now)


async def _signed_in(project_id: UUID, person: DemoPerson, kept: str | None, now: datetime) -> dict[str, Any]:
    employee = await Employee.get(project_id=project_id, email=person.email)
    told = {
        "name": person.name,
        "email": person.email,
        "password": PASSWORD,
        "roles": [role.value for role in employee.roles],
    }
    if kept and await _still_works(kept):
        return {**told, "token": kept}
    if employee.account_id is None or employee.status is not EmployeeStatus.ACTIVE:
        return {**told, "token": ""}
    token, _ = await sessions.start(
        employee.account_id, employee=employee, client_ip="127.0.0.1", user_agent="make run", now=now
    )
    return {**told, "token": token}


async def _still_works(token: str) -> bool:
    try:
        await sessions.read(token)
    except Unauthenticated:
        return False
    return True
