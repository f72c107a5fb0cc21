"""Those who work during a scenario: rows and sessions, made in the database before anything starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app import security
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


def projects_of(people: Sequence[Person]) -> list[UUID]:
    """Each once."""
    return list({person.project_id for person in people})
