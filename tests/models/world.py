"""A project with a row in every table and something in every link, for tests that walk all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tortoise import Tortoise
from tortoise.transactions import in_transaction

from app.models import (
    Account,
    AccountTokenPurpose,
    Area,
    Contact,
    Division,
    EmailPurpose,
    EmailVia,
    Employee,
    MailboxLevel,
    Partner,
    Project,
    ProposalDecision,
    ReminderClosedReason,
    ReminderEventKind,
    ReminderState,
    Table,
)
from app.policy import Member, Role, Viewer
from app.services import readiness
from tests import factories as make


@dataclass(frozen=True)
class World:
    """`me` has the roles under test, `colleague` is the director. Two contacts are in divisions, one in none."""

    project: Project
    me: Employee
    colleague: Employee
    b2b: Division
    b2c: Division
    partner: Partner
    contact: Contact
    b2b_contact: Contact
    b2c_contact: Contact

    @property
    def contacts(self) -> tuple[Contact, ...]:
        return self.contact, self.b2b_contact, self.b2c_contact


def all_models() -> list[type[Table]]:
    apps = Tortoise.apps
    if apps is None:
        raise RuntimeError("Connect to a database first.")
    return [model for _, model in sorted(apps["models"].items()) if issubclass(model, Table)]


def links_of(model: type[Table]) -> dict[str, type[Table]]:
    """Its foreign keys: the column, and the model that it points to."""
    return {f"{name}_id": _target(model._meta.fields_map[name]) for name in sorted(model._meta.fk_fields)}


def _target(field: Any) -> type[Table]:
    target: type[Table] = field.related_model
    return target


def in_a_project(model: type[Table]) -> bool:
    return "project" in model._meta.fk_fields


async def make_world(
    roles: Iterable[Role] = (), *, external: bool = False, divisions: str | None = None
) -> World:
    """`external`: `me` belongs to the partner. `divisions`: names of those chosen, "" for none, None for all."""
    project = await make.make_project(name="Pekárna Šťastný")
    b2b, b2c = await make.make_division(project, name="B2B"), await make.make_division(project, name="B2C")
    partner = await make.make_partner(project, name="Call centrum")
    chosen = None if divisions is None else [each for each in (b2b, b2c) if each.name in divisions.split()]
    me = await make.make_employee(
        project, roles, name="Já", divisions=chosen, partner=partner if external else None
    )
    colleague = await make.make_employee(project, [Role.DIRECTOR], name="Kolega")
    contact = await make.make_contact(project, name="Alfa", owner=colleague, created_by=colleague)
    b2b_contact = await make.make_contact(project, name="Beta", division=b2b)
    b2c_contact = await make.make_contact(project, name="Gama", division=b2c)
    world = World(project, me, colleague, b2b, b2c, partner, contact, b2b_contact, b2c_contact)
    await _around_accounts(world)
    await _around_employees(world)
    for each in world.contacts:
        await _around_contact(world, each)
    await _around_proposals(world)
    await _around_mail(world)
    await _around_reminders(world)
    return world


async def world_of(*roles: Role, **how: Any) -> tuple[World, Member]:
    """A world, and the viewer that `me` is in it."""
    async with in_transaction():
        world = await make_world(roles, **how)
    return world, await make.viewer_of(world.me)


async def seen(model: type[Any], viewer: Viewer, column: str = "name") -> set[Any]:
    """The values of `column` in the rows that the viewer may see."""
    return set(await model.visible_to(viewer).values_list(column, flat=True))


async def share(world: World, *contacts: Contact, **values: Any) -> None:
    await make.make_lead_share(world.project, world.partner, contacts, created_by=world.colleague, **values)


async def _around_accounts(world: World) -> None:
    account = await Account.get(id=world.me.account_id)
    await make.make_session(account)
    await make.make_session(account, world.me)
    await make.make_account_token(
        account,
        purpose=AccountTokenPurpose.ADDRESS_VERIFICATION,
        project=world.project,
        division=world.b2b,
    )
    await make.make_sign_in_attempt()
    await readiness.check_writes()


async def _around_employees(world: World) -> None:
    await make.make_employee(world.project, [Role.TELEPHONIST], name="Externista", partner=world.partner)
    chooser = await make.make_employee(world.project, name="Vybíravý", divisions=[world.b2b])
    await make.make_invitation(chooser, invited_by=world.colleague)
    for employee in (world.me, world.colleague):
        await make.make_reminder_event(employee)
        await make.make_idempotency_record(employee)
        await make.make_mailbox(world.project, level=MailboxLevel.EMPLOYEE, employee=employee)
    await make.make_mailbox(world.project)
    await make.make_mailbox(world.project, level=MailboxLevel.DIVISION, division=world.b2b)
    await make.make_audit_entry(world.project)
    await share(world, world.contact, recalled_at=make.NOON)


async def _around_contact(world: World, contact: Contact) -> None:
    await make.make_person(contact, name=f"Osoba z {contact.name}")
    for employee, whose in ((world.me, "mine"), (world.colleague, "theirs")):
        await make.make_reminder(employee, contact=contact, title=f"{contact.name} {whose}")
        for area in Area:
            await make.make_activity(contact, employee, area=area, summary=f"{contact.name} {area} {whose}")
            await make.make_email(
                world.project,
                contact=contact,
                author=employee,
                area=area,
                subject=f"{contact.name} {area} {whose}",
            )
        await make.make_email(
            world.project, contact=contact, author=employee, subject=f"{contact.name} - {whose}"
        )


async def _around_proposals(world: World) -> None:
    await make.make_proposal(world.me)
    await make.make_proposal(
        world.me,
        decision=ProposalDecision.MERGED,
        contact=world.contact,
        decided_by=world.colleague,
        decided_at=make.NOON,
    )
    await make.make_external_read(world.me, world.contact)
    await make.make_external_searches(world.me)
    await make.make_external_question(world.me)


async def _around_mail(world: World) -> None:
    mailbox = await make.make_mailbox(world.project, address="obchod@example.cz")
    for employee, whose in ((world.me, "mine"), (world.colleague, "theirs")):
        await make.make_email(
            world.project,
            author=employee,
            division=world.b2b,
            via=EmailVia.MAILBOX,
            mailbox=mailbox,
            subject=f"no contact {whose}",
        )
    for purpose in set(EmailPurpose) - {EmailPurpose.BUSINESS, EmailPurpose.PERSONAL}:
        await make.make_email(world.project, author=world.me, purpose=purpose, subject="system")
    await make.make_email(None, purpose=EmailPurpose.PASSWORD_RESET, subject="system")


async def _around_reminders(world: World) -> None:
    await make.make_reminder(world.me, title="no contact mine")
    await make.make_reminder(world.colleague, title="no contact theirs")
    await make.make_reminder(None, created_by=world.colleague, contact=world.contact, title="nobody's")
    await make.make_reminder(
        world.me,
        title="resolved mine",
        state=ReminderState.RESOLVED,
        resolved_at=make.NOON,
        resolved_by=world.me,
    )
    await make.make_reminder_event(
        world.me,
        kind=ReminderEventKind.CLOSED,
        reminder_id=uuid4(),
        closed_reason=ReminderClosedReason.DELETED,
    )
