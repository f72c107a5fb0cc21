"""Those who work during a scenario: rows and sessions, made in the database before anything starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from app import security, times
from app.models import Account, Contact, Employee
from app.policy import Role
from tests.factories import make_contact, make_employee, make_project, make_session
from tests.graphql import gid

#: Their windows come back after a day, that is never: what a window shows twice, it shows by mistake.
NEVER_AGAIN_MIN = 1_440


@dataclass(frozen=True)
class Person:
    """A sales representative who is signed in, in a project with one contact that can be written to."""

    employee_id: UUID
    project_id: UUID
    contact: str
    token: str


async def make_people(projects: int, each: int = 1) -> list[Person]:
    """So many in each of so many projects: no more than two mails of a project leave at once. Needs the database."""
    people: list[Person] = []
    for _ in range(projects):
        project = await make_project()
        contact = await make_contact(project, email="zakaznik@example.cz")
        for _ in range(each):
            employee = await make_employee(
                project, [Role.SALES_REP], reminder_interval_minutes=NEVER_AGAIN_MIN
            )
            people.append(await _signed_in(employee, contact))
    return people


async def _signed_in(employee: Employee, contact: Contact) -> Person:
    token = security.new_token()
    account = await Account.get(id=employee.account_id)
    await make_session(account, employee, token_hash=security.token_hash(token))
    return Person(employee.id, employee.project_id, gid(contact), token)


_DUE = """
    INSERT INTO reminders (id, project_id, assignee_id, created_by_id, kind, title, due_at, alert_at, state, version,
        created_at, updated_at)
    SELECT gen_random_uuid(), project_id, id, id, 'TASK', $3, $1, $1, 'OPEN', 1, $1, $1
    FROM employees WHERE id = ANY($2)
"""


async def make_due(
    connection: "asyncpg.Connection[asyncpg.Record]",
    people: Sequence[Person],
    *,
    in_s: float,
    title: str,
    opens_window: bool = True,
) -> datetime:
    """Each gets a reminder that is due in so many seconds, and opens the window; tells the moment. Nobody is rung.

    Where it does not open the window, it stands behind one that does.
    """
    ids = [person.employee_id for person in people]
    due_at = times.cut(await connection.fetchval("SELECT now()") + timedelta(seconds=in_s))
    async with connection.transaction():
        await connection.execute(_DUE, due_at, ids, title)
        if opens_window:
            await connection.execute(
                "UPDATE employees SET next_popup_at = $1 WHERE id = ANY($2)", due_at, ids
            )
    return due_at
