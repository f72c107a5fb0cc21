"""What lost its assignee is shown to whoever can give it to somebody, until it is given or done."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.integrations.pubsub import Hub
from app.jobs import unit_of_work
from app.models import (
    Contact,
    Division,
    Employee,
    EmployeeStatus,
    LeadShare,
    Partner,
    Project,
    Reminder,
    ReminderEvent,
)
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
from tests.schema.employee_cases import REACTIVATE, UPDATE
from tests.schema.feed_cases import answers, hub, is_silent, next_event, open_window
from tests.schema.reminder_cases import (
    COUNT,
    DELETE,
    MINUTE,
    REASSIGN,
    RESOLVE,
    closed_for,
    director,
    next_popup_of,
    project,
)
from tests.schema.share_cases import RECALL

__all__ = ["director", "hub", "project"]

FEED = """subscription Feed($after: String) { reminderFeed(after: $after) {
  __typename cursor
  ... on ReminderPopup { replayed reminders { id } unassigned { id } moreUnassigned }
  ... on ReminderClosed { reminderId closedReason }
  ... on ReminderFeedLive { openCount } } }"""
MOVE = (
    "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { errors { code message path } } }"
)
GIVE_OR_DO = {
    "reminderReassign": (REASSIGN, "GIVEN_AWAY"),
    "reminderResolve": (RESOLVE, "RESOLVED"),
    "reminderDelete": (DELETE, "DELETED"),
}


@pytest.fixture
async def division(project: Project) -> Division:
    return await make_division(project)


@pytest.fixture
async def contact(project: Project, division: Division) -> Contact:
    return await make_contact(project, division=division)


@pytest.fixture
async def handler(project: Project, division: Division) -> Employee:
    """Handles complaints in the division of the contact, and may give reminders to others."""
    return await make_employee(project, [Role.COMPLAINTS], divisions=[division], reminder_interval_minutes=10)


@pytest.fixture
async def blind(project: Project) -> Employee:
    """The same in no division: does not see the contact."""
    return await make_employee(project, [Role.COMPLAINTS], divisions=[], reminder_interval_minutes=10)


@pytest.fixture
async def partner(project: Project) -> Partner:
    return await make_partner(project)


@pytest.fixture
async def share(project: Project, partner: Partner, contact: Contact, director: Employee) -> LeadShare:
    return await make_lead_share(project, partner, [contact], created_by=director)


@pytest.fixture
async def external(project: Project, partner: Partner) -> Employee:
    return await make_employee(
        project, [Role.EXTERNAL_TELEPHONIST], partner=partner, reminder_interval_minutes=10
    )


async def orphans(creator: Employee, clock: Clock, many: int, **values: Any) -> Sequence[Reminder]:
    """So many that are nobody's, the longest due first."""
    due = [clock.at - (many - number) * MINUTE for number in range(many)]
    return [await make_reminder(None, created_by=creator, due_at=each, **values) for each in due]


def events_of(events: Any) -> Any:
    async def told() -> Any:
        async for result in events:
            assert not result.errors, result.errors
            yield result.data["reminderFeed"]

    return told()


async def until_live(events: Any) -> list[Any]:
    found = [await next_event(events)]
    while found[-1]["__typename"] != "ReminderFeedLive":
        found.append(await next_event(events))
    return found


async def test_what_a_recall_takes_away_opens_the_windows_of_those_who_can_give_it(
    hub: Hub,
    director: Employee,
    handler: Employee,
    blind: Employee,
    external: Employee,
    contact: Contact,
    share: LeadShare,
    clock: Clock,
) -> None:
    lost = await make_reminder(external, contact=contact, due_at=clock.at - MINUTE)
    boss = as_employee(director)

    answer = await boss.run(RECALL, input={"id": share})

    assert answer.faults("leadShareRecall") == []
    assert [await next_popup_of(each) for each in (director, handler, blind, external)] == [
        lost.due_at,
        lost.due_at,
        None,
        None,
    ]
    async with answers(hub, boss, document=FEED) as results:
        events = events_of(results)
        shown, live = await until_live(events)
        assert (shown["reminders"], shown["unassigned"], shown["moreUnassigned"]) == (
            [],
            [{"id": gid(lost)}],
            0,
        )
        assert shown["replayed"] and live["openCount"] == 1
        await open_window(director, clock.at)
        again = await next_event(events)
        assert (again["reminders"], again["unassigned"]) == ([], [{"id": gid(lost)}])
    assert await next_popup_of(director) == clock.at + 10 * MINUTE, "until it is given or done"


@pytest.mark.parametrize("way", GIVE_OR_DO)
async def test_it_leaves_every_window_when_it_is_given_or_done(
    hub: Hub,
    director: Employee,
    handler: Employee,
    blind: Employee,
    contact: Contact,
    clock: Clock,
    way: str,
) -> None:
    (orphan,) = await orphans(director, clock, 1, contact=contact)
    document, reason = GIVE_OR_DO[way]
    taker = await make_employee(await director.project, [Role.SALES_REP], reminder_interval_minutes=10)
    sent = {"id": orphan, **({"assigneeId": taker} if way == "reminderReassign" else {})}
    async with answers(hub, as_employee(director), document=FEED) as results:
        events = events_of(results)
        assert (await until_live(events))[0]["unassigned"] == [{"id": gid(orphan)}]

        answer = await as_employee(handler).run(document, input=sent)

        assert answer.faults(way) == []
        closed = await next_event(events)
        assert (closed["reminderId"], closed["closedReason"]) == (gid(orphan), reason)
        assert await is_silent(events)
    assert [len(await closed_for(each)) for each in (director, handler, blind, taker)] == [1, 1, 0, 0]
    assert [await next_popup_of(each) for each in (director, handler)] == [None, None]
    assert await next_popup_of(taker) == (orphan.due_at if way == "reminderReassign" else None)


async def test_fifty_are_shown_the_longest_due_first_and_the_rest_is_counted(
    hub: Hub, director: Employee, clock: Clock
) -> None:
    many = unassigned.MOST_SHOWN + 3
    waiting = await orphans(director, clock, many)
    await make_reminder(None, created_by=director, due_at=clock.at + MINUTE)
    own = await make_reminder(director, due_at=clock.at)
    expected = [{"id": gid(each)} for each in waiting[: unassigned.MOST_SHOWN]]
    async with answers(hub, as_employee(director), document=FEED) as results:
        events = events_of(results)
        first, live = await until_live(events)
        await open_window(director, clock.at)
        for shown in (first, await next_event(events)):
            assert shown["reminders"] == [{"id": gid(own)}]
            assert (shown["unassigned"], shown["moreUnassigned"]) == (expected, 3)
    assert live["openCount"] == many + 2
    assert await next_popup_of(director) == clock.at + MINUTE, "when the next is due"


async def test_what_was_given_meanwhile_is_left_out_of_what_is_replayed(
    hub: Hub, director: Employee, handler: Employee, clock: Clock
) -> None:
    given, kept = await orphans(director, clock, 2)
    async with answers(hub, as_employee(director), document=FEED) as results:
        (*_, live) = await until_live(events_of(results))
    await open_window(director, clock.at)
    await as_employee(handler).run(REASSIGN, input={"id": given, "assigneeId": handler})

    async with answers(hub, as_employee(director), live["cursor"], FEED) as results:
        popup, closed, _ = await until_live(events_of(results))

    assert (popup["unassigned"], popup["replayed"]) == ([{"id": gid(kept)}], True)
    assert (closed["reminderId"], closed["closedReason"]) == (gid(given), "GIVEN_AWAY")


async def test_what_moves_with_its_contact_moves_from_window_to_window(
    project: Project, director: Employee, handler: Employee, contact: Contact, clock: Clock
) -> None:
    other = await make_division(project)
    newcomer = await make_employee(
        project, [Role.COMPLAINTS], divisions=[other], reminder_interval_minutes=10
    )
    (orphan,) = await orphans(director, clock, 1, contact=contact)

    answer = await as_employee(director).run(MOVE, input={"id": contact, "divisionId": other})

    assert answer.faults("contactUpdate") == []
    assert await closed_for(handler) == [(orphan.id, "GIVEN_AWAY")]
    assert await closed_for(director) == await closed_for(newcomer) == []
    assert [await next_popup_of(each) for each in (handler, newcomer)] == [None, orphan.due_at]


async def test_whoever_comes_to_give_reminders_gets_a_window(
    project: Project, director: Employee, clock: Clock
) -> None:
    (orphan,) = await orphans(director, clock, 1)
    boss = as_employee(await make_employee(project, [Role.ADMIN]))
    rep = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)
    back = await make_employee(
        project, [Role.COMPLAINTS], reminder_interval_minutes=10, status=EmployeeStatus.DEACTIVATED
    )

    await boss.run(UPDATE, input={"id": rep, "roles": ["SALES_REP", "COMPLAINTS"]})
    await boss.run(REACTIVATE, input={"id": back})

    assert [await next_popup_of(each) for each in (rep, back)] == [orphan.due_at] * 2
    await boss.run(UPDATE, input={"id": rep, "roles": ["SALES_REP"]})
    assert await next_popup_of(rep) is None


async def test_what_nobody_at_work_sees_or_has_a_window_for_is_in_the_admins_count(
    project: Project, contact: Contact, blind: Employee, clock: Clock
) -> None:
    admin = await make_employee(project, [Role.ADMIN], divisions=[])
    await orphans(admin, clock, 2, contact=contact)
    await orphans(admin, clock, 1)

    counts = [(await as_employee(each).run(COUNT)).data["openReminderCount"] for each in (admin, blind)]

    assert counts == [3, 1]


async def test_a_window_that_opens_on_what_is_hidden_hands_it_to_those_who_can_give_it(
    project: Project, director: Employee, contact: Contact, clock: Clock
) -> None:
    """A share ended a moment ago, and its end was not carried through yet."""
    rep = await make_employee(project, [Role.SALES_REP], divisions=[], reminder_interval_minutes=10)
    hidden = await make_reminder(rep, contact=contact, due_at=clock.at)
    shown = await make_reminder(director, due_at=clock.at)
    await Employee.filter(id__in=[rep.id, director.id]).update(next_popup_at=clock.at)

    async with unit_of_work() as work:
        await popup_firing.fire(now=work.now)
    async with unit_of_work() as work:
        await popup_firing.fire(now=work.now)

    assert (await Reminder.get(id=hidden.id)).assignee_id is None
    popups = await ReminderEvent.filter(employee_id=director.id, kind="POPUP").order_by("number")
    assert [each.reminder_ids for each in popups] == [[str(shown.id)]] * 2
    assert [each.unassigned_ids for each in popups] == [None, [str(hidden.id)]], "at once, as it is overdue"
    assert await next_popup_of(director) == clock.at + 10 * MINUTE
