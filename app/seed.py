"""Demo data for `make run`: a firm with two divisions, one employee for each role, and three hundred contacts.

The data are the same on every machine; only ids, tokens and the moments (counted from the first start) differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from app import formats
from app.demo_words import (
    BILLING,
    CALLS,
    CITIES,
    COMPLAINTS,
    FIRST_NAMES,
    FORMS,
    POSITIONS,
    SERVICE,
    SURNAMES,
    TASKS,
    TRADES,
    surname_of,
)
from app.errors import Unauthenticated
from app.ids import uuid7
from app.jobs import unit_of_work
from app.models import (
    Account,
    Activity,
    ActivityKind,
    Area,
    Contact,
    ContactStatus,
    Division,
    Employee,
    EmployeeStatus,
    LeadShare,
    LeadShareContact,
    Partner,
    Person,
    Project,
    Reminder,
    ReminderKind,
    ReminderState,
)
from app.policy import Role
from app.security import hash_password
from app.services import popups, sessions
from app.text import fold, sort_key

PASSWORD = "ukazka-divize"  # noqa: S105  published: the demo listens on this machine alone
CONTACTS, SHARED = 300, 30
FIRST_POPUP = timedelta(seconds=20)
SOON = timedelta(seconds=60)


@dataclass(frozen=True)
class DemoPerson:
    """One employee of the demo firm."""

    name: str
    email: str
    roles: tuple[Role, ...]
    interval_minutes: int | None = 5
    can_delete: bool = False


PEOPLE = (
    DemoPerson("Adéla Správná", "admin@ukazka.cz", (Role.ADMIN,), 1, True),
    DemoPerson("Řehoř Ředitel", "reditel@ukazka.cz", (Role.DIRECTOR,), 15, True),
    DemoPerson("Tereza Telefonní", "telefonistka@ukazka.cz", (Role.TELEPHONIST,), 1),
    DemoPerson("Emil Externí", "externi@ukazka.cz", (Role.EXTERNAL_TELEPHONIST,)),
    DemoPerson("Oldřich Obchodní", "obchodnik@ukazka.cz", (Role.SALES_REP,)),
    DemoPerson("Šimon Servisní", "technik@ukazka.cz", (Role.SERVICE_TECHNICIAN,)),
    DemoPerson("Renata Reklamační", "reklamace@ukazka.cz", (Role.COMPLAINTS,)),
    DemoPerson("František Fakturant", "fakturant@ukazka.cz", (Role.INVOICER,), None),
    DemoPerson("Olga Obojí", "obchod.a.servis@ukazka.cz", (Role.SALES_REP, Role.SERVICE_TECHNICIAN), 10),
)


async def ensure_demo(kept_tokens: Mapping[str, str]) -> list[dict[str, Any]]:
    """Makes the demo firm unless it is there; `{name, email, password, roles, token}` of its people.

    A token in `kept_tokens` (by e-mail) stays if it still works. Whatever was done to the data meanwhile is kept;
    only a reminder that pops up within a minute is added when there is none.
    """
    project = await Project.filter(created_by__email=PEOPLE[0].email).order_by("created_at").first()
    if project is None:
        password_hash = await hash_password(PASSWORD)
        async with unit_of_work() as work:
            project = await _make_firm(password_hash, work.now)
    async with unit_of_work() as work:
        await _remind_soon(project.id, work.now)
        return [
            await _signed_in(project.id, person, kept_tokens.get(person.email), work.now) for person in PEOPLE
        ]


async def _make_firm(password_hash: str, now: datetime) -> Project:
    accounts = {person.email: await _make_account(person, password_hash, now) for person in PEOPLE}
    project = await Project.create(
        name="Ukázková firma s.r.o.",
        sort_key=sort_key("Ukázková firma s.r.o."),
        email="info@ukazka.cz",
        email_verified_at=now,
        ico="00000019",
        street="Dlouhá 1",
        city="Praha",
        postal_code="11000",
        country="CZ",
        created_by=accounts[PEOPLE[0].email],
        created_at=now,
        updated_at=now,
    )
    divisions = [await _make_division(project, name, now) for name in ("B2B", "B2C")]
    employees = {
        person.email: await _make_employee(project, person, accounts[person.email], now) for person in PEOPLE
    }
    contacts = await _make_contacts(project, divisions, list(employees.values()), now)
    await _make_activities(contacts, list(employees.values()), now)
    await _make_reminders(contacts, list(employees.values()), now)
    await _lend_contacts(project, employees, contacts, now)
    for employee in employees.values():
        await popups.refresh_window(employee.id, now=now)
    return project


async def _make_account(person: DemoPerson, password_hash: str, now: datetime) -> Account:
    return await Account.create(
        email=person.email,
        name=person.name,
        password_hash=password_hash,
        email_verified_at=now,
        password_changed_at=now,
        created_at=now,
        updated_at=now,
    )


async def _make_division(project: Project, name: str, now: datetime) -> Division:
    return await Division.create(
        project=project,
        name=name,
        sort_key=sort_key(name),
        email=f"{name.lower()}@ukazka.cz",
        email_verified_at=now,
        created_at=now,
        updated_at=now,
    )


async def _make_employee(project: Project, person: DemoPerson, account: Account, now: datetime) -> Employee:
    return await Employee.create(
        project=project,
        account=account,
        name=person.name,
        sort_key=sort_key(person.name),
        search_text=fold(f"{person.name} {person.email}"),
        email=person.email,
        roles=person.roles,
        status=EmployeeStatus.ACTIVE,
        reminder_interval_minutes=person.interval_minutes,
        can_delete_contacts=person.can_delete,
        created_at=now,
        updated_at=now,
    )


async def _make_contacts(
    project: Project, divisions: Sequence[Division], employees: Sequence[Employee], now: datetime
) -> list[Contact]:
    random = Random(7)  # noqa: S311
    contacts, persons = [], []
    for number in range(CONTACTS):
        first_name, surname = random.choice(FIRST_NAMES), random.choice(SURNAMES)
        is_firm = number % 3 != 0
        human = f"{first_name} {surname_of(first_name, surname)}"
        name = f"{surname} {random.choice(TRADES)} {random.choice(FORMS)}" if is_firm else human
        contact = _contact(random, project, name, number, is_firm, now)
        contact.division_id = random.choice([divisions[0 if is_firm else 1].id, None])
        contact.owner_id = random.choice(employees).id
        contact.created_by_id = employees[0].id
        contacts.append(contact)
        if is_firm:
            persons.append(_person(random, contact, human, now))
    await Contact.bulk_create(contacts)
    await Person.bulk_create(persons)
    return contacts


def _contact(
    random: Random, project: Project, name: str, number: int, is_firm: bool, now: datetime
) -> Contact:
    city, postal_code, street = random.choice(CITIES)
    ico = _ico(1_000_000 + number * 37) if is_firm else None
    email = f"{fold(name).replace(' ', '.').replace('..', '.').strip('.')}.{number}@example.cz"
    phone = f"+4206{random.randrange(10_000_000, 99_999_999)}"
    created_at = now - timedelta(days=random.randrange(1, 400), minutes=number)
    return Contact(
        id=uuid7(),
        project_id=project.id,
        name=name,
        sort_key=sort_key(name),
        search_text=fold(" ".join(filter(None, (name, ico, city, email, phone)))),
        ico=ico,
        vat_id=f"CZ{ico}" if ico and random.random() < 0.7 else None,
        email=email,
        phone=phone,
        street=f"{street} {random.randrange(1, 120)}",
        city=city,
        postal_code=postal_code,
        country="CZ",
        status=random.choice(list(ContactStatus)[:4]),
        internal_rating=random.choice([None, 1, 2, 3, 4, 5]),
        created_at=created_at,
        updated_at=created_at,
    )


def _ico(number: int) -> str:
    """The first valid company number from this one on."""
    while True:
        try:
            return formats.ico(f"{number:08d}")
        except ValueError:
            number += 1


def _person(random: Random, contact: Contact, name: str, now: datetime) -> Person:
    return Person(
        id=uuid7(),
        project_id=contact.project_id,
        contact_id=contact.id,
        name=name,
        sort_key=sort_key(name),
        search_text=fold(name),
        position=random.choice(POSITIONS),
        phone=f"+4207{random.randrange(10_000_000, 99_999_999)}",
        created_at=now,
        updated_at=now,
    )


async def _make_activities(contacts: Sequence[Contact], employees: Sequence[Employee], now: datetime) -> None:
    random = Random(11)  # noqa: S311
    said = {Area.SALES: CALLS, Area.SERVICE: SERVICE, Area.COMPLAINT: COMPLAINTS, Area.BILLING: BILLING}
    made = []
    for contact in contacts:
        for _ in range(random.randrange(0, 6)):
            area = random.choices(list(said), weights=(6, 2, 1, 1))[0]
            happened_at = now - timedelta(minutes=random.randrange(10, 60 * 24 * 200))
            made.append(
                Activity(
                    id=uuid7(),
                    project_id=contact.project_id,
                    contact_id=contact.id,
                    author_id=random.choice(employees).id,
                    kind=random.choice(list(ActivityKind)),
                    area=area,
                    summary=random.choice(said[area]),
                    occurred_at=happened_at,
                    created_at=happened_at,
                )
            )
    await Activity.bulk_create(made)


async def _make_reminders(contacts: Sequence[Contact], employees: Sequence[Employee], now: datetime) -> None:
    random = Random(13)  # noqa: S311
    inside = [employee for employee in employees if Role.EXTERNAL_TELEPHONIST not in employee.roles]
    for number in range(40):
        due_at = now + timedelta(hours=random.randrange(2, 24 * 14))
        await _remind(
            inside[number % len(inside)], random.choice(TASKS), due_at, now, random.choice(contacts).id
        )


async def _remind(
    employee: Employee, title: str, due_at: datetime, now: datetime, contact_id: UUID | None = None
) -> None:
    await Reminder.create(
        project_id=employee.project_id,
        assignee=employee,
        contact_id=contact_id,
        created_by=employee,
        kind=ReminderKind.FOLLOW_UP if contact_id else ReminderKind.TASK,
        title=title,
        due_at=due_at,
        alert_at=due_at,
        created_at=now,
        updated_at=now,
    )


async def _lend_contacts(
    project: Project, employees: Mapping[str, Employee], contacts: Sequence[Contact], now: datetime
) -> None:
    """The external employee's firm sees thirty contacts for a campaign."""
    name = "Call centrum Hlas s.r.o."
    partner = await Partner.create(project=project, name=name, sort_key=sort_key(name), created_at=now)
    external = next(each for each in employees.values() if Role.EXTERNAL_TELEPHONIST in each.roles)
    await Employee.filter(id=external.id).update(partner_id=partner.id)
    share = await LeadShare.create(
        project=project,
        partner=partner,
        campaign="Jarní obvolávání",
        valid_from=now,
        created_by=employees[PEOPLE[0].email],
        created_at=now,
    )
    for contact in contacts[:SHARED]:
        await LeadShareContact.create(project=project, share=share, contact_id=contact.id)


async def _remind_soon(project_id: UUID, now: datetime) -> None:
    """Somebody who looks at the demo sees a window within a minute, on every start."""
    for person in PEOPLE[:1]:
        employee = await Employee.get(project_id=project_id, email=person.email)
        waiting = Reminder.filter(assignee_id=employee.id, state=ReminderState.OPEN, alert_at__lte=now + SOON)
        if employee.status is EmployeeStatus.ACTIVE and not await waiting.exists():
            await _remind(employee, "Podívat se, jak vyskakuje okno", now + FIRST_POPUP, now)
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
