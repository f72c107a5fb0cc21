"""Whoever loses the right to have reminders leaves them to a colleague, and a snooze ends with whose it was."""

import pytest

from app.models import AuditEntry, Employee, Project, Reminder
from app.policy import Role
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
from tests.schema.employee_cases import DEACTIVATE, UPDATE
from tests.schema.reminder_cases import (
    MINUTE,
    REASSIGN,
    SNOOZE,
    closed_for,
    director,
    next_popup_of,
    project,
    rep,
    state_of_reminders,
)
from tests.schema.share_cases import RECALL

__all__ = ["director", "project", "rep"]


@pytest.fixture
async def heir(project: Project) -> Employee:
    return await make_employee(project, [Role.TELEPHONIST], divisions=[], reminder_interval_minutes=5)


@pytest.mark.parametrize("partner", [False, True])
async def test_roles_are_not_emptied_while_there_are_open_reminders(
    project: Project, director: Employee, rep: Employee, partner: bool
) -> None:
    for contact in (None, await make_contact(project)):
        await make_reminder(rep, contact=contact)
    boss = await as_employee(director).sign_in()
    changes = {"roles": [], **({"partnerId": await make_partner(project)} if partner else {})}
    before = await state_of_reminders()

    answer = await boss.run(UPDATE, input={"id": rep, **changes})

    assert answer.faults("employeeUpdate") == [("input.reassignRemindersTo", "OPEN_REMINDERS")]
    assert ": 2." in answer.data["employeeUpdate"]["errors"][0]["message"]
    assert await state_of_reminders() == before
    assert (await Employee.get(id=rep.id)).roles == (Role.SALES_REP,)


async def test_they_go_to_the_colleague_who_sees_them_and_do_not_come_back_with_the_role(
    project: Project, director: Employee, rep: Employee, heir: Employee, clock: Clock
) -> None:
    hidden = await make_contact(project, division=await make_division(project))
    given = [await make_reminder(rep, due_at=clock.at, contact=each) for each in (None, hidden)]
    boss = as_employee(director)

    taken = await boss.run(UPDATE, input={"id": rep, "roles": [], "reassignRemindersTo": heir})
    back = await boss.run(UPDATE, input={"id": rep, "roles": ["SALES_REP"]})

    assert taken.faults("employeeUpdate") == back.faults("employeeUpdate") == []
    assert [(await Reminder.get(id=each.id)).assignee_id for each in given] == [heir.id, None]
    assert {id_ for id_, _ in await closed_for(rep)} == {each.id for each in given}
    assert [await next_popup_of(each) for each in (rep, heir, director)] == [None, clock.at, clock.at]


async def test_the_heir_gets_what_goes_out_of_sight_too(
    project: Project, director: Employee, rep: Employee, clock: Clock
) -> None:
    division = await make_division(project)
    heir = await make_employee(project, [Role.TELEPHONIST], divisions=[division], reminder_interval_minutes=5)
    kept = await make_reminder(rep, due_at=clock.at)
    lost = await make_reminder(
        rep, due_at=clock.at - MINUTE, contact=await make_contact(project, division=division)
    )
    narrowed = {"id": rep, "divisionScope": "CHOSEN", "divisionIds": [], "reassignRemindersTo": heir}

    answer = await as_employee(director).run(UPDATE, input=narrowed)

    assert answer.faults("employeeUpdate") == []
    assert [(await Reminder.get(id=each.id)).assignee_id for each in (kept, lost)] == [rep.id, heir.id]
    assert await next_popup_of(heir) == lost.due_at


@pytest.mark.parametrize("who", ["stranger", "themselves", "idle"])
async def test_the_colleague_named_must_be_able_to_have_them(
    project: Project, director: Employee, rep: Employee, who: str
) -> None:
    idle = await make_employee(project)
    named = {"stranger": await make_employee(await make_project()), "themselves": rep, "idle": idle}[who]
    await make_reminder(rep)

    answer = await as_employee(director).run(
        UPDATE, input={"id": rep, "roles": [], "reassignRemindersTo": named}
    )

    faults = {"themselves": "INVALID", "idle": "NOT_ALLOWED"}
    if who in faults:
        assert answer.faults("employeeUpdate") == [("input.reassignRemindersTo", faults[who])]
    else:
        assert answer.codes == ["NOT_FOUND"]
    assert (await Reminder.get()).assignee_id == rep.id


@pytest.fixture
async def snoozed(rep: Employee, clock: Clock) -> Reminder:
    """Overdue, and put off for an hour by its assignee."""
    reminder = await make_reminder(
        rep, due_at=clock.at - MINUTE, contact=await make_contact(await rep.project)
    )
    await as_employee(rep).run(SNOOZE, input={"id": reminder, "until": {"minutes": 60}})
    assert (await Reminder.get()).alert_at == clock.at + 60 * MINUTE
    return reminder


@pytest.mark.parametrize("way", ["reminderReassign", "employeeDeactivate", "employeeUpdate"])
async def test_a_snooze_ends_when_the_reminder_is_given_to_another(
    director: Employee, rep: Employee, snoozed: Reminder, clock: Clock, way: str
) -> None:
    heir = await make_employee(await rep.project, [Role.SALES_REP], reminder_interval_minutes=5)
    document, sent = {
        "reminderReassign": (REASSIGN, {"id": snoozed, "assigneeId": heir}),
        "employeeDeactivate": (DEACTIVATE, {"id": rep, "reassignRemindersTo": heir}),
        "employeeUpdate": (UPDATE, {"id": rep, "roles": [], "reassignRemindersTo": heir}),
    }[way]

    answer = await as_employee(director).run(document, input=sent)

    assert answer.faults(way) == []
    await _ended(heir)
    assert await next_popup_of(heir) == snoozed.due_at, "overdue: it opens at once"


MOVE = (
    "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { errors { code message path } } }"
)


@pytest.mark.parametrize("way", ["leadShareRecall", "employeeUpdate", "contactUpdate"])
async def test_a_snooze_ends_when_the_reminder_is_taken_away(
    project: Project, director: Employee, clock: Clock, way: str
) -> None:
    partner = await make_partner(project) if way == "leadShareRecall" else None
    division, other = await make_division(project), await make_division(project)
    contact = await make_contact(project, division=division)
    share = await make_lead_share(project, partner or await make_partner(project), [contact])
    roles = [Role.EXTERNAL_TELEPHONIST if partner else Role.SALES_REP]
    taker = await make_employee(project, roles, divisions=[division], partner=partner)
    due_at = clock.at - MINUTE
    await make_reminder(taker, contact=contact, due_at=due_at, snoozed_until=clock.at + 60 * MINUTE)
    document, sent = {
        "leadShareRecall": (RECALL, {"id": share}),
        "employeeUpdate": (UPDATE, {"id": taker, "divisionIds": [other]}),
        "contactUpdate": (MOVE, {"id": contact, "divisionId": other}),
    }[way]

    answer = await as_employee(director).run(document, input=sent)

    assert answer.faults(way) == []
    await _ended(None)
    assert await next_popup_of(director) == due_at, "overdue: it opens at once"


async def _ended(assignee: Employee | None) -> None:
    reminder = await Reminder.get()
    assert reminder.assignee_id == (assignee.id if assignee else None)
    assert (reminder.snoozed_until, reminder.alert_at) == (None, reminder.due_at)
    changes = [entry.changes for entry in await AuditEntry.filter(subject="Reminder")]
    (given,) = [each for each in changes if "assignee_id" in each]
    assert given["snoozed_until"][1] is None


async def test_what_is_nobodys_cannot_rest(director: Employee, clock: Clock) -> None:
    reminder = await make_reminder(None, created_by=director, due_at=clock.at)
    boss = await as_employee(director).sign_in()
    before = await state_of_reminders()

    answer = await boss.run(SNOOZE, input={"id": reminder, "until": {"minutes": 60}})

    assert answer.faults("reminderSnooze") == [("input.id", "WRONG_STATE")]
    assert await state_of_reminders() == before


async def test_a_snooze_until_when_it_rests_already_is_no_change(rep: Employee, snoozed: Reminder) -> None:
    until = {"at": snoozed.snoozed_until or (await Reminder.get()).snoozed_until}
    before = await state_of_reminders()

    answer = await as_employee(rep).run(SNOOZE, input={"id": snoozed, "until": until})

    assert answer.faults("reminderSnooze") == []
    assert await state_of_reminders() == before
