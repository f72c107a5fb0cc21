"""A partner with thousands of shares and reminders sees nothing any more, by a few statements."""

import pytest

from app.db_rows import AT_ONCE
from app.jobs import unit_of_work
from app.models import AuditEntry, Employee, LeadShare, LeadShareContact, Project, Reminder, ReminderEvent
from app.policy import Role
from app.services import partner_sight
from app.services.unassigned import MOST_SHOWN
from app.workers import reminders as worker
from tests.bounds.measure import measured
from tests.bounds.rows import after_filling, colleagues, copies, id_of
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
)
from tests.graphql import as_employee
from tests.schema.share_cases import ALL, ARCHIVE, CREATE, RECALL, lent

MANY = 10_000
#: A share lends 10,000 at most; what it takes grows as their number does.
LENT = 3_000


@pytest.fixture
async def project() -> Project:
    return await make_project()


async def test_a_partner_that_sees_nothing_any_more_loses_ten_thousand_reminders(
    project: Project, clock: Clock
) -> None:
    partner = await make_partner(project)
    people = 100
    model = await make_employee(
        project, [Role.EXTERNAL_TELEPHONIST], partner=partner, account=None, status="INVITED"
    )
    await copies(model, people - 1, id=id_of("n"), email="'osoba' || n || '@example.cz'")
    contact = await make_contact(project)
    await make_lead_share(project, partner, [contact], recalled_at=clock.at)
    reminder = await make_reminder(model, contact=contact, due_at=clock.at)
    await copies(reminder, MANY // people - 1)
    of_others = MANY - MANY // people
    await copies(reminder, of_others, assignee_id=id_of(f"1 + n % {people - 1}"))
    await after_filling()

    with measured(f"what a partner loses, {MANY} reminders of {people} people") as losing:
        async with unit_of_work() as work:
            await partner_sight.shrank(partner.id, now=work.now)

    assert await Reminder.filter(assignee_id=None).count() == MANY
    assert await ReminderEvent.all().count() == MANY
    assert losing.statements <= 40 + 8 * MANY / AT_ONCE and losing.peak_mb <= 10


async def test_a_partner_of_two_thousand_shares_is_archived_by_a_few_statements(
    project: Project, clock: Clock
) -> None:
    shares, partner = 2_000, await make_partner(project)
    await copies(await make_lead_share(project, partner), shares - 1)
    director = await as_employee(await make_employee(project, [Role.DIRECTOR])).sign_in()

    with measured(f"partnerArchive, {shares} shares") as archiving:
        answer = await director.run(ARCHIVE, input={"id": partner})

    assert answer.faults("partnerArchive") == []
    recalled = LeadShare.filter(recalled_at=clock.at, closed_at=clock.at, version=2)
    assert await recalled.count() == shares
    assert await AuditEntry.filter(action="partnerArchive", subject="LeadShare").count() == shares
    assert archiving.statements <= 60 and archiving.peak_mb <= 10


async def test_thousands_of_contacts_are_lent_and_each_has_its_entry(project: Project) -> None:
    await copies(await make_contact(project), LENT - 1)
    await after_filling()
    partner = await make_partner(project)
    director = await as_employee(await make_employee(project, [Role.DIRECTOR])).sign_in()

    with measured(f"leadShareCreate of {LENT} contacts by a filter that leaves out none") as refusing:
        refused = await director.run(CREATE, input=lent(partner, where={"not": {"ico": {"in": []}}}))
    with measured(f"leadShareCreate of all {LENT} contacts") as lending:
        answer = await director.run(CREATE, input=lent(partner, **ALL))

    assert refused.faults("leadShareCreate") == [("input.where", "REQUIRED")]
    assert answer.faults("leadShareCreate") == []
    assert await LeadShareContact.all().count() == LENT
    assert await AuditEntry.filter(action="leadShareCreate", subject="Contact").count() == LENT
    assert refusing.statements <= 6 and refusing.peak_mb <= 15
    assert lending.statements <= 20 + LENT / AT_ONCE and lending.peak_mb <= 30


async def test_a_recall_of_thousands_opens_the_windows_of_a_hundred_by_a_few_statements(
    project: Project, clock: Clock
) -> None:
    many, people = 2_000, 100
    partner, contact = await make_partner(project), await make_contact(project)
    external = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
    share = await make_lead_share(project, partner, [contact])
    await copies(await make_reminder(external, contact=contact, due_at=clock.at), many - 1)
    handler = await make_employee(
        project, [Role.COMPLAINTS], divisions=[await make_division(project)], reminder_interval_minutes=10
    )
    await colleagues(handler, people // 2)
    director = await make_employee(project, [Role.DIRECTOR], reminder_interval_minutes=10)
    await colleagues(director, people // 2, after=people)
    await after_filling()
    boss = await as_employee(director).sign_in()

    with measured(f"leadShareRecall, {many} reminders, {people} windows") as recalling:
        answer = await boss.run(RECALL, input={"id": share})
    with measured(f"opening {people} windows on {many} reminders that are nobody's") as opening:
        await worker._open_due(worker.LOOK_AHEAD)

    assert answer.faults("leadShareRecall") == []
    popups = await ReminderEvent.filter(kind="POPUP")
    assert len(popups) == people + 2 == await Employee.filter(next_popup_at__gt=clock.at).count()
    assert {len(each.unassigned_ids) for each in popups} == {MOST_SHOWN}
    assert {each.more_unassigned for each in popups} == {many - MOST_SHOWN}
    assert recalling.statements <= 60 + 8 * many / AT_ONCE and recalling.peak_mb <= 10
    assert opening.statements <= 30 and opening.peak_mb <= 10
