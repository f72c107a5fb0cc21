"""Who is withdrawn what in `bench.revocation`: employees with something open in their windows, and how each comes to lose it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from app import db, security
from app.ids import uuid7
from app.models import Account, Contact, Division, Employee, Project, Session
from app.policy import Role
from tests.factories import (
    FAR_AWAY,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
    make_session,
)
from tests.graphql import gid

EMPLOYEES_EACH = 10

#: What a socket follows.
FEED, MAIL = "feed", "mail"
#: The ways in which it ends, as the client sees them.
CLOSED, REFUSED, OVER, GIVEN_AWAY = "closed 4403", "error FORBIDDEN", "complete", "GIVEN_AWAY"


@dataclass(frozen=True)
class Withdrawal:
    """The request that takes something from somebody, and how each kind of his subscriptions must end."""

    road: str
    token: str
    mutation: str
    input: Mapping[str, Any]
    endings: Mapping[str, str]

    @property
    def document(self) -> str:
        kind = f"{self.mutation[0].upper()}{self.mutation[1:]}Input!"
        return f"mutation ($input: {kind}) {{ {self.mutation}(input: $input) {{ errors {{ code }} }} }}"


@dataclass(frozen=True)
class Person:
    """An employee with a living session, and a mail that he may follow unless he is external."""

    token: str
    mail_id: str | None
    withdrawal: Withdrawal


@dataclass(frozen=True)
class Firm:
    """A project with its admin, who withdraws, and a division in which nobody measured works."""

    project: Project
    admin: Employee
    admin_token: str
    elsewhere: Division


async def make_people(url: str, count: int) -> list[Person]:
    """So many employees in an empty database, the roads in turn."""
    await db.connect(url, pool_size=1)
    try:
        await db.migrate()
        firms = [await _firm() for _ in range(-(-count // EMPLOYEES_EACH))]
        places = zip(cycle(ROADS), islice(cycle(firms), count), strict=False)
        return [await make(firm) for make, firm in places]
    finally:
        await db.close()


async def _firm() -> Firm:
    project = await make_project()
    admin = await make_employee(project, [Role.ADMIN])
    return Firm(project, admin, await _sign_in(admin), await make_division(project))


async def _sign_in(employee: Employee) -> str:
    return (await _session_of(employee))[0]


async def _session_of(employee: Employee) -> tuple[str, Session]:
    token = f"revocation-session-{uuid7()}"
    account = await Account.get(id=employee.account_id)
    return token, await make_session(account, employee, token_hash=security.token_hash(token))


async def _staff(firm: Firm) -> tuple[Employee, Contact, str]:
    """A sales representative of one division, its contact, about which he has a reminder, and a mail to it that waits."""
    division = await make_division(firm.project)
    employee = await make_employee(firm.project, [Role.SALES_REP], divisions=[division])
    contact = await make_contact(firm.project, division=division)
    await make_reminder(employee, contact=contact, due_at=FAR_AWAY)
    mail = await make_email(firm.project, contact=contact, author=firm.admin, next_attempt_at=FAR_AWAY)
    return employee, contact, gid(mail)


async def _revoked(firm: Firm) -> Person:
    """His session is ended from another device of his."""
    employee, _, mail = await _staff(firm)
    phone, session = await _session_of(employee)
    ends = {FEED: CLOSED, MAIL: CLOSED}
    desk = await _sign_in(employee)
    act = Withdrawal("session revoked", desk, "sessionRevoke", {"id": gid(session)}, ends)
    return Person(phone, mail, act)


async def _dismissed(firm: Firm) -> Person:
    employee, _, mail = await _staff(firm)
    sent = {"id": gid(employee), "reassignRemindersTo": gid(firm.admin)}
    ends = {FEED: CLOSED, MAIL: CLOSED}
    act = Withdrawal("employee deactivated", firm.admin_token, "employeeDeactivate", sent, ends)
    return Person(await _sign_in(employee), mail, act)


async def _demoted(firm: Firm) -> Person:
    employee, _, mail = await _staff(firm)
    ends = {FEED: REFUSED, MAIL: REFUSED}
    sent = {"id": gid(employee), "roles": []}
    act = Withdrawal("role withdrawn", firm.admin_token, "employeeUpdate", sent, ends)
    return Person(await _sign_in(employee), mail, act)


async def _moved(firm: Firm) -> Person:
    employee, _, mail = await _staff(firm)
    ends = {FEED: GIVEN_AWAY, MAIL: OVER}
    sent = {"id": gid(employee), "divisionIds": [gid(firm.elsewhere)]}
    act = Withdrawal("division withdrawn", firm.admin_token, "employeeUpdate", sent, ends)
    return Person(await _sign_in(employee), mail, act)


async def _bereft(firm: Firm) -> Person:
    employee, contact, mail = await _staff(firm)
    ends = {FEED: GIVEN_AWAY, MAIL: OVER}
    sent = {"id": gid(contact), "divisionId": gid(firm.elsewhere)}
    act = Withdrawal("contact moved", firm.admin_token, "contactUpdate", sent, ends)
    return Person(await _sign_in(employee), mail, act)


async def _external(firm: Firm) -> Person:
    """Of a partner with whom one contact is shared."""
    partner = await make_partner(firm.project)
    contact = await make_contact(firm.project)
    share = await make_lead_share(firm.project, partner, [contact], created_by=firm.admin)
    employee = await make_employee(firm.project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
    await make_reminder(employee, contact=contact, due_at=FAR_AWAY)
    ends = {FEED: GIVEN_AWAY}
    act = Withdrawal("share recalled", firm.admin_token, "leadShareRecall", {"id": gid(share)}, ends)
    return Person(await _sign_in(employee), None, act)


ROADS: Sequence[Callable[[Firm], Awaitable[Person]]] = (
    _revoked,
    _dismissed,
    _demoted,
    _moved,
    _bereft,
    _external,
)
