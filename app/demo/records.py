"""Three hundred contacts of the demo firm, what happened with them, and what is to be done."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from app import formats
from app.demo.words import (
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
from app.ids import uuid7
from app.models import (
    Activity,
    ActivityKind,
    Area,
    Contact,
    ContactStatus,
    Division,
    Employee,
    Person,
    Project,
    Reminder,
    ReminderKind,
)
from app.policy import Role
from app.text import fold, sort_key

CONTACTS = 300


async def make_contacts(
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


async def make_activities(contacts: Sequence[Contact], employees: Sequence[Employee], now: datetime) -> None:
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


async def make_reminders(contacts: Sequence[Contact], employees: Sequence[Employee], now: datetime) -> None:
    random = Random(13)  # noqa: S311
    inside = [employee for employee in employees if Role.EXTERNAL_TELEPHONIST not in employee.roles]
    for number in range(40):
        due_at = now + timedelta(hours=random.randrange(2, 24 * 14))
        await remind(
            inside[number % len(inside)], random.choice(TASKS), due_at, now, random.choice(contacts).id
        )


async def remind(
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
