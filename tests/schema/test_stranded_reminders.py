"""What is nobody's, and nobody sees who could give it to somebody, is the admins'; and what a giver loses leaves their window."""

from typing import Any

import pytest

from app.integrations.pubsub import Hub
from app.jobs import unit_of_work
from app.models import Contact, Division, Employee, Project, Reminder, ReminderEvent
from app.policy import Role
from app.services import popup_firing, unassigned
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_reminder,
)
from tests.graphql import as_employee, gid
from tests.schema.employee_cases import DEACTIVATE, UPDATE
from tests.schema.feed_cases import answers, hub, next_event, open_window
from tests.schema.reminder_cases import MINUTE, REASSIGN, closed_for, next_popup_of, project
from tests.schema.share_cases import RECALL
from tests.schema.test_unassigned_reminders import FEED, events_of, orphans, until_live

__all__ = ["hub", "project"]

LIVE = FEED.replace("openCount", "openCount dueCount")


@pytest.fixture
async def division(project: Project) -> Division:
    return await make_division(project)


@pytest.fixture
async def contact(project: Project, division: Division) -> Contact:
    return await make_contact(project, division=division)


@pytest.fixture
async def admin(project: Project) -> Employee:
    """Works with other divisions than the contact's, as everybody who gives reminders."""
    return await make_employee(project, [Role.ADMIN], divisions=[], reminder_interval_minutes=10)


@pytest.mark.parametrize("way", ["division", "giver narrowed", "giver gone"])
async def test_what_nobody_sees_opens_the_windows_of_the_admins_and_is_counted(
    hub: Hub, project: Project, admin: Employee, division: Division, contact: Contact, clock: Clock, way: str
) -> None:
    boss = as_employee(admin)
    await Employee.filter(id=admin.id).update(last_popup_at=clock.at - MINUTE)
    role = Role.SALES_REP if way == "division" else Role.COMPLAINTS
    rep = await make_employee(project, [role], divisions=[division], reminder_interval_minutes=10)
    due = clock.at - 5 * MINUTE
    lost = await make_reminder(
        rep if way == "division" else None, created_by=rep, contact=contact, due_at=due
    )

    if way == "giver gone":
        answer = await boss.run(DEACTIVATE, input={"id": rep})
        assert answer.faults("employeeDeactivate") == []
    else:
        answer = await boss.run(UPDATE, input={"id": rep, "divisionIds": []})
        assert answer.faults("employeeUpdate") == []

    assert (await Reminder.get(id=lost.id)).assignee_id is None
    assert await next_popup_of(admin) == due, "at once, though their window opened a minute ago"
    async with answers(hub, boss, document=LIVE) as results:
        events = events_of(results)
        first, live = await until_live(events)
        assert (first["unassigned"], first["moreUnassigned"]) == ([], 1)
        assert (live["openCount"], live["dueCount"]) == (1, 1)
        await open_window(admin, clock.at)
        again = await next_event(events)
        assert (again["unassigned"], again["moreUnassigned"]) == ([], 1)
    assert await next_popup_of(admin) == clock.at + 10 * MINUTE, "until it is given or done"

    await boss.run(UPDATE, input={"id": admin, "divisionIds": [division]})

    async with answers(hub, boss, document=LIVE) as results:
        first, _ = await until_live(events_of(results))
    assert (first["unassigned"], first["moreUnassigned"]) == ([{"id": gid(lost)}], 0)


@pytest.mark.parametrize("way", ["external", "partner"])
async def test_who_becomes_external_leaves_what_goes_out_of_sight_to_a_colleague(
    project: Project, admin: Employee, clock: Clock, way: str
) -> None:
    boss = as_employee(admin)
    rep = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)
    heir = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)
    for each in (None, await make_contact(project), await make_contact(project)):
        await make_reminder(rep, contact=each)
    ways: dict[str, dict[str, Any]] = {
        "external": {"roles": ["SALES_REP", "EXTERNAL_TELEPHONIST"]},
        "partner": {"partnerId": await make_partner(project)},
    }
    changes = ways[way]

    refused = await boss.run(UPDATE, input={"id": rep, **changes})

    assert refused.faults("employeeUpdate") == [("input.reassignRemindersTo", "OPEN_REMINDERS")]
    assert ": 2." in refused.data["employeeUpdate"]["errors"][0]["message"]
    assert await Reminder.filter(assignee_id=rep.id).count() == 3
    taken = await boss.run(UPDATE, input={"id": rep, **changes, "reassignRemindersTo": heir})
    assert taken.faults("employeeUpdate") == []
    assert await Reminder.filter(assignee_id=heir.id).count() == 2


@pytest.mark.parametrize("way", ["recall", "move", "opening"])
async def test_what_becomes_nobodys_overdue_opens_the_window_at_once(
    project: Project, division: Division, contact: Contact, clock: Clock, way: str
) -> None:
    values: dict[str, Any] = {"reminder_interval_minutes": 1_440, "last_popup_at": clock.at - 5 * MINUTE}
    boss = await make_employee(project, [Role.DIRECTOR], **values)
    blind = await make_employee(project, [Role.COMPLAINTS], divisions=[], **values)
    partner = await make_partner(project)
    share = await make_lead_share(project, partner, [contact], created_by=boss)
    holder = (
        await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
        if way == "recall"
        else await make_employee(
            project,
            [Role.SALES_REP],
            divisions=[] if way == "opening" else [division],
            reminder_interval_minutes=10,
            next_popup_at=clock.at,
        )
    )
    lost = await make_reminder(holder, contact=contact, due_at=clock.at - 10 * MINUTE)

    if way == "recall":
        await as_employee(boss).run(RECALL, input={"id": share})
    elif way == "move":
        other = await make_division(project)
        await as_employee(boss).run(
            "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { errors { code } } }",
            input={"id": contact, "divisionId": other},
        )
    else:
        async with unit_of_work() as work:
            await popup_firing.fire(now=work.now)

    assert (await Reminder.get(id=lost.id)).assignee_id is None
    assert await next_popup_of(boss) == lost.due_at
    assert await next_popup_of(blind) is None


@pytest.mark.parametrize("way", ["roles", "divisions", "partner", "deactivation"])
async def test_what_a_giver_can_give_no_more_leaves_their_window(
    project: Project, division: Division, contact: Contact, clock: Clock, way: str
) -> None:
    boss = await make_employee(project, [Role.ADMIN])
    giver = await make_employee(
        project, [Role.COMPLAINTS], divisions=[division], reminder_interval_minutes=10
    )
    told, given = await orphans(boss, clock, 2, contact=contact)
    kept = (await orphans(boss, clock, 1))[0]
    await open_window(giver, clock.at)
    await as_employee(boss).run(REASSIGN, input={"id": given, "assigneeId": boss})
    later = await make_reminder(None, created_by=boss, contact=contact, due_at=clock.at - MINUTE)
    ways: dict[str, dict[str, Any]] = {
        "roles": {"roles": ["SALES_REP"]},
        "divisions": {"divisionIds": []},
        "partner": {"partnerId": await make_partner(project)},
    }

    if way == "deactivation":
        await as_employee(boss).run(DEACTIVATE, input={"id": giver})
    else:
        await as_employee(boss).run(UPDATE, input={"id": giver, **ways[way]})

    closed = await closed_for(giver)
    assert (given.id, "GIVEN_AWAY") in closed
    lost = {told.id, later.id, *([] if way == "divisions" else [kept.id])}
    assert {id_ for id_, reason in closed if reason == "GIVEN_AWAY"} == lost | {given.id}


async def test_what_is_replayed_counts_those_of_nobody_that_are_due_now(
    hub: Hub, project: Project, clock: Clock
) -> None:
    boss = await make_employee(project, [Role.DIRECTOR], reminder_interval_minutes=10)
    many = await orphans(boss, clock, unassigned.MOST_SHOWN + 10)
    async with answers(hub, as_employee(boss), document=FEED) as results:
        (*_, live) = await until_live(events_of(results))
    await make_reminder(boss, due_at=clock.at)
    await open_window(boss, clock.at)
    gone = [each.id for each in many[:-1]]
    await Reminder.filter(id__in=gone).update(assignee_id=boss.id)

    async with answers(hub, as_employee(boss), live["cursor"], FEED) as results:
        popup, *_ = await until_live(events_of(results))
    assert (popup["unassigned"], popup["moreUnassigned"]) == ([], 1)

    await ReminderEvent.filter(employee_id=boss.id).update(reminder_ids="[]")
    async with answers(hub, as_employee(boss), live["cursor"], FEED) as results:
        popup, *_ = await until_live(events_of(results))
        assert (popup["reminders"], popup["moreUnassigned"]) == ([], 1), "it is shown for these alone"
    await Reminder.filter(id=many[-1].id).update(assignee_id=boss.id)
    async with answers(hub, as_employee(boss), live["cursor"], FEED) as results:
        assert [each["__typename"] for each in await until_live(events_of(results))] == ["ReminderFeedLive"]
