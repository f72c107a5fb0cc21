"""The demo firm: its people, divisions and the call centre that it lends contacts to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.demo.records import make_activities, make_contacts, make_reminders
from app.models import (
    Account,
    Contact,
    Division,
    Employee,
    EmployeeStatus,
    LeadShare,
    LeadShareContact,
    Partner,
    Project,
)
from app.policy import Role
from app.services import popups
from app.text import fold, sort_key

SHARED = 30


@dataclass(frozen=True)
class DemoPerson:
    """One employee of the demo firm. Without a word about their window they have the project's default, as everywhere."""

    name: str
    email: str
    roles: tuple[Role, ...]
    interval_minutes: int | None = None
    can_delete: bool = False
    has_window: bool = True


PEOPLE = (
    DemoPerson("Adéla Správná", "admin@ukazka.cz", (Role.ADMIN,), can_delete=True),
    DemoPerson("Řehoř Ředitel", "reditel@ukazka.cz", (Role.DIRECTOR,), 15, True),
    DemoPerson("Tereza Telefonní", "telefonistka@ukazka.cz", (Role.TELEPHONIST,), 1),
    DemoPerson("Emil Externí", "externi@ukazka.cz", (Role.EXTERNAL_TELEPHONIST,)),
    DemoPerson("Oldřich Obchodní", "obchodnik@ukazka.cz", (Role.SALES_REP,)),
    DemoPerson("Šimon Servisní", "technik@ukazka.cz", (Role.SERVICE_TECHNICIAN,)),
    DemoPerson("Renata Reklamační", "reklamace@ukazka.cz", (Role.COMPLAINTS,)),
    DemoPerson("František Fakturant", "fakturant@ukazka.cz", (Role.INVOICER,), has_window=False),
    DemoPerson("Olga Obojí", "obchod.a.servis@ukazka.cz", (Role.SALES_REP, Role.SERVICE_TECHNICIAN), 5),
)


async def make_firm(password_hash: str, now: datetime) -> Project:
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
    contacts = await make_contacts(project, divisions, list(employees.values()), now)
    await make_activities(contacts, list(employees.values()), now)
    await make_reminders(contacts, list(employees.values()), now)
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
        reminder_interval_minutes=_interval(project, person),
        can_delete_contacts=person.can_delete,
        created_at=now,
        updated_at=now,
    )


def _interval(project: Project, person: DemoPerson) -> int | None:
    return (
        (person.interval_minutes or project.default_reminder_interval_minutes) if person.has_window else None
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
