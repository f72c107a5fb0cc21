"""Which rows a viewer may see: every role, divisions, accounts and sessions."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tortoise.expressions import Subquery

from app import db
from app.errors import NotFound
from app.ids import uuid7
from app.models import (
    Account,
    Activity,
    AuditEntry,
    Contact,
    Division,
    Email,
    EmailRecipient,
    Employee,
    EmployeeDivision,
    EmployeeStatus,
    Invitation,
    LeadShare,
    LeadShareContact,
    Mailbox,
    Partner,
    Person,
    Project,
    Reminder,
    ReminderEvent,
    Session,
)
from app.policy import AccountViewer, Role, Viewer
from tests import factories as make
from tests.models.world import all_models, seen, share, world_of

SALES, SERVICE, COMPLAINT, BILLING = ("SALES", "SERVICE", "COMPLAINT", "BILLING")
INSIDERS = [role for role in Role if role is not Role.EXTERNAL_TELEPHONIST]


def both(*areas: str) -> set[str]:
    return {f"{area} {whose}" for area in areas for whose in ("mine", "theirs")}


def mine(*areas: str) -> set[str]:
    return {f"{area} mine" for area in areas}


# Who sees which activities of a contact that he sees: all of some areas, only his own of others.
ACTIVITIES = {
    Role.TELEPHONIST: both(SALES),
    Role.SALES_REP: both(SALES, SERVICE, COMPLAINT) | mine(BILLING),
    Role.SERVICE_TECHNICIAN: both(SERVICE, COMPLAINT),
    Role.COMPLAINTS: both(SALES, SERVICE, COMPLAINT),
    Role.INVOICER: both(BILLING),
    Role.DIRECTOR: both(SALES, SERVICE, COMPLAINT, BILLING),
    Role.ADMIN: both(SALES, SERVICE, COMPLAINT, BILLING),
}
# The same of e-mails; "-" is one without an area.
EMAILS = {
    Role.TELEPHONIST: mine("-", SALES),
    Role.SALES_REP: both("-", SALES, SERVICE, COMPLAINT) | mine(BILLING),
    Role.SERVICE_TECHNICIAN: mine("-", SERVICE, COMPLAINT),
    Role.COMPLAINTS: both("-", SALES, SERVICE, COMPLAINT),
    Role.INVOICER: mine("-", BILLING),
    Role.DIRECTOR: both("-", SALES, SERVICE, COMPLAINT, BILLING),
    Role.ADMIN: both("-", SALES, SERVICE, COMPLAINT, BILLING),
}
SEES_ALL_REMINDERS = {Role.COMPLAINTS, Role.DIRECTOR, Role.ADMIN}
MANAGES = {Role.DIRECTOR, Role.ADMIN}


async def test_somebody_not_signed_in_sees_no_row_of_any_table(database: str) -> None:
    await world_of(Role.ADMIN)

    visible = {model.__name__: await model.visible_to(Viewer()).count() for model in all_models()}

    assert visible == {model.__name__: 0 for model in all_models()}


async def test_an_account_outside_of_projects_sees_itself_its_sessions_and_where_it_may_go(
    database: str,
) -> None:
    world, member = await world_of(Role.ADMIN)
    viewer = AccountViewer(account_id=member.account_id, session_id=uuid7())

    visible = {
        model.__name__: count for model in all_models() if (count := await model.visible_to(viewer).count())
    }

    assert visible == {"Account": 1, "Project": 1, "Session": 2}
    assert await seen(Account, viewer, "id") == {member.account_id}
    assert await seen(Project, viewer, "id") == {world.project.id}


@pytest.mark.parametrize("role", Role)
async def test_no_role_sees_a_row_of_another_project(database: str, role: Role) -> None:
    other, _ = await world_of(Role.ADMIN, external=True)
    world, viewer = await world_of(role, external=role is Role.EXTERNAL_TELEPHONIST)
    await share(world, world.contact)
    await share(other, other.contact)

    projects = set()
    for model in all_models():
        if model not in (Account, Project, Session) and "project_id" in model._meta.fields_map:
            projects |= await seen(model, viewer, "project_id")

    assert projects == {world.project.id}
    assert await seen(Project, viewer, "id") == {world.project.id}


@pytest.mark.parametrize("role", INSIDERS)
async def test_each_role_sees_the_contacts_people_and_divisions_of_the_project(
    database: str, role: Role
) -> None:
    _, viewer = await world_of(role)

    assert await seen(Contact, viewer) == {"Alfa", "Beta", "Gama"}
    assert await seen(Person, viewer) == {"Osoba z Alfa", "Osoba z Beta", "Osoba z Gama"}
    assert await seen(Division, viewer) == {"B2B", "B2C"}
    assert await seen(Employee, viewer) == {"Já", "Kolega", "Externista", "Vybíravý"}
    assert await EmployeeDivision.visible_to(viewer).count() == 1


@pytest.mark.parametrize("role", INSIDERS)
async def test_each_role_sees_the_activities_and_mails_of_its_areas(database: str, role: Role) -> None:
    world, viewer = await world_of(role)

    activities = await seen(Activity, viewer, "summary")
    emails = await seen(Email, viewer, "subject")
    recipients = await EmailRecipient.visible_to(viewer).count()

    names = [contact.name for contact in world.contacts]
    assert activities == {f"{name} {each}" for name in names for each in ACTIVITIES[role]}
    assert emails == {f"{name} {each}" for name in names for each in EMAILS[role]} | {"no contact mine"}
    assert recipients == len(emails)


@pytest.mark.parametrize("role", INSIDERS)
async def test_each_role_sees_its_own_reminders_and_some_see_all(database: str, role: Role) -> None:
    _, viewer = await world_of(role)

    own = {"Alfa mine", "Beta mine", "Gama mine", "no contact mine", "resolved mine"}
    others = {"Alfa theirs", "Beta theirs", "Gama theirs", "no contact theirs", "nobody's"}
    assert await seen(Reminder, viewer, "title") == own | (others if role in SEES_ALL_REMINDERS else set())
    assert await seen(ReminderEvent, viewer, "employee_id") == {viewer.employee_id}


@pytest.mark.parametrize("role", INSIDERS)
async def test_only_who_manages_sees_partners_shares_invitations_and_the_audit_log(
    database: str, role: Role
) -> None:
    _, viewer = await world_of(role)

    counts = [
        await model.visible_to(viewer).count()
        for model in (Partner, LeadShare, LeadShareContact, Invitation, AuditEntry)
    ]

    assert counts == ([1] * 5 if role in MANAGES else [0] * 5)


@pytest.mark.parametrize("role", INSIDERS)
async def test_nobody_sees_the_mailbox_of_a_colleague(database: str, role: Role) -> None:
    _, viewer = await world_of(role)

    owners = await Mailbox.visible_to(viewer).values_list("employee_id", flat=True)

    firms = [None, None, None] if role in MANAGES else []
    assert sorted(owners, key=str) == sorted([viewer.employee_id, *firms], key=str)


async def test_roles_together_see_what_each_sees(database: str) -> None:
    world, viewer = await world_of(Role.TELEPHONIST, Role.INVOICER)

    shown = await Activity.visible_to(viewer).filter(contact=world.contact)

    assert {row.summary for row in shown} == {f"Alfa {each}" for each in both(SALES, BILLING)}


async def test_without_a_role_one_sees_oneself_and_the_project(database: str) -> None:
    _, viewer = await world_of()

    visible = {
        model.__name__: count for model in all_models() if (count := await model.visible_to(viewer).count())
    }

    assert visible == {"Account": 1, "Employee": 1, "IdempotencyRecord": 1, "Project": 1, "Session": 2}
    assert await seen(Employee, viewer) == {"Já"}


@pytest.mark.parametrize(
    ("divisions", "contacts"),
    [
        (None, {"Alfa", "Beta", "Gama"}),
        ("B2B", {"Alfa", "Beta"}),
        ("B2B B2C", {"Alfa", "Beta", "Gama"}),
        ("", {"Alfa"}),
    ],
)
async def test_the_chosen_divisions_narrow_contacts_and_what_hangs_on_them(
    database: str, divisions: str | None, contacts: set[str]
) -> None:
    _, viewer = await world_of(Role.DIRECTOR, divisions=divisions)

    assert await seen(Contact, viewer) == contacts
    assert await seen(Person, viewer) == {f"Osoba z {name}" for name in contacts}
    assert {summary.split()[0] for summary in await seen(Activity, viewer, "summary")} == contacts
    assert {subject.split()[0] for subject in await seen(Email, viewer, "subject")} == contacts | {"no"}
    assert {title.split()[0] for title in await seen(Reminder, viewer, "title")} == contacts | {
        "no",
        "nobody's",
        "resolved",
    }
    assert await seen(Division, viewer) == {"B2B", "B2C"}


async def test_mail_of_the_system_is_read_by_nobody(database: str) -> None:
    _, viewer = await world_of(*INSIDERS)

    assert await Email.filter(subject="system").exists()
    assert "system" not in await seen(Email, viewer, "subject")


async def test_a_predicate_stands_in_any_statement(database: str) -> None:
    world, viewer = await world_of(Role.TELEPHONIST, external=True, divisions="B2B")
    await share(world, world.contact, world.b2c_contact)
    visible = Activity.visible_q(viewer)

    negated = await Activity.filter(~visible).count()
    nested = await Contact.filter(id__in=Subquery(Activity.filter(visible).values("contact_id")))
    updated = await Activity.filter(visible, summary__startswith="Alfa").update(detail="viděno")

    assert negated == await Activity.all().count() - 1
    assert [contact.name for contact in nested] == ["Alfa"]
    assert updated == 1


async def test_absent_and_out_of_reach_are_the_same_error(database: str) -> None:
    world, viewer = await world_of(Role.TELEPHONIST, divisions="B2B")
    other, _ = await world_of(Role.ADMIN)

    errors = []
    for id_ in (uuid4(), world.b2c_contact.id, other.contact.id):
        with pytest.raises(NotFound) as caught:
            await Contact.get_visible(viewer, id_, path=("input", "contactId"))
        errors.append((str(caught.value), caught.value.input_path))

    assert len(set(errors)) == 1
    assert errors[0][1] == ("input", "contactId")
    assert (await Contact.get_visible(viewer, world.b2b_contact.id)).name == "Beta"


async def test_a_project_that_waits_to_be_deleted_can_be_restored_and_not_entered(database: str) -> None:
    world, member = await world_of(Role.ADMIN)
    viewer = AccountViewer(account_id=member.account_id, session_id=uuid7())
    await Project.filter(id=world.project.id).update(
        deletion_requested_at=make.NOON, purge_after=make.FAR_AWAY
    )

    assert await seen(Project, viewer) == set()
    assert await Project.filter(Project.restorable_q(viewer)).count() == 1


@pytest.mark.parametrize("status", [EmployeeStatus.INVITED, EmployeeStatus.DEACTIVATED])
async def test_a_project_where_one_is_not_active_is_not_there(database: str, status: EmployeeStatus) -> None:
    account = await make.make_account()
    await make.make_employee(await make.make_project(), [Role.ADMIN], account=account, status=status)

    viewer = AccountViewer(account_id=account.id, session_id=uuid7())

    assert await seen(Project, viewer) == set()


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at", "absolute_expires_at"])
async def test_a_session_that_ended_is_not_there(database: str, ended: str) -> None:
    account = await make.make_account()
    alive = await make.make_session(account)
    ends: dict[str, Any] = {ended: await db.now() - timedelta(seconds=1)}
    await make.make_session(account, **ends)
    await make.make_session(await make.make_account())

    viewer = AccountViewer(account_id=account.id, session_id=uuid7())

    assert await seen(Session, viewer, "id") == {alive.id}
