"""The feed: what is open first, then what happens, for whoever may still see it."""

import asyncio
import json
from typing import Any

import pytest

from app import jobs
from app.engine.run import Run
from app.integrations.pubsub import Hub
from app.jobs import unit_of_work
from app.models import Division, Employee, EmployeeDivision, LeadShare, Project, ReminderEvent, Session
from app.policy import Member, Role
from app.services import feed_pages, feed_watch, sessions
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
from tests.graphql import as_employee, as_role, gid
from tests.schema.feed_cases import (
    FEED,
    SHORT_S,
    Events,
    answers,
    brief,
    feed,
    hub,
    is_silent,
    live_of,
    next_event,
    open_window,
    until_live,
)
from tests.schema.reminder_cases import MINUTE, REASSIGN, RESOLVE, SNOOZE, director, project, rep

__all__ = ["director", "hub", "project", "rep"]


async def test_what_is_due_comes_first_then_the_feed_is_live(hub: Hub, rep: Employee, clock: Clock) -> None:
    contact = await make_contact(await rep.project, name="Řezník")
    due = await make_reminder(rep, title="Zavolat", due_at=clock.at - MINUTE, contact=contact)
    await make_reminder(rep, due_at=clock.at + MINUTE)

    async with feed(hub, as_employee(rep)) as events:
        popup, live = await until_live(events)

    assert isinstance(popup.pop("cursor"), str)
    assert popup == {
        "__typename": "ReminderPopup",
        "serverTime": "2026-03-02T09:00:00.000Z",
        "repeatMinutes": 10,
        "replayed": True,
        "reminders": [
            {
                "id": gid(due),
                "title": "Zavolat",
                "dueAt": "2026-03-02T08:59:00.000Z",
                "contact": {"id": gid(contact), "name": "Řezník"},
            }
        ],
        "moreDue": 0,
    }
    assert brief(live) == ("live", 2)


async def test_where_nothing_is_due_an_empty_window_says_so_before_the_feed_is_live(
    hub: Hub, rep: Employee, clock: Clock
) -> None:
    client, reminder = as_employee(rep), await make_reminder(rep, due_at=clock.at)
    async with feed(hub, client) as events:
        assert brief((await until_live(events))[0]) == ("popup", True, gid(reminder))
    await client.run(RESOLVE, input={"id": reminder})

    async with feed(hub, client) as events:
        popup, live = await until_live(events)

    assert (brief(popup), brief(live)) == (("popup", True), ("live", 0)), "no stale window stays open"


async def test_with_the_window_off_only_the_count_is_told(hub: Hub, project: Project, clock: Clock) -> None:
    silent = await make_employee(project, [Role.SALES_REP])
    await make_reminder(silent, due_at=clock.at - MINUTE)

    async with feed(hub, as_employee(silent)) as events:
        assert [brief(each) for each in await until_live(events)] == [("live", 1)]


async def test_a_window_that_opens_is_delivered_by_the_bell(hub: Hub, rep: Employee, clock: Clock) -> None:
    async with feed(hub, as_employee(rep)) as events:
        await until_live(events)
        reminder = await make_reminder(rep, due_at=clock.at)

        await open_window(rep, clock.at)

        assert brief(await next_event(events)) == ("popup", False, gid(reminder))
        assert await is_silent(events)


async def test_without_a_bell_the_database_is_looked_into_all_the_same(
    hub: Hub, rep: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "POLL_EVERY_S", SHORT_S)
    async with feed(hub, as_employee(rep)) as events:
        await until_live(events)
        reminder = await make_reminder(rep, due_at=clock.at)
        jobs.bind(None, None)

        await open_window(rep, clock.at)

        assert brief(await next_event(events)) == ("popup", False, gid(reminder))


async def test_snoozing_on_one_device_closes_it_on_the_other(hub: Hub, rep: Employee, clock: Clock) -> None:
    reminder = await make_reminder(rep, due_at=clock.at)
    phone, desk = as_employee(rep), as_employee(rep)
    async with feed(hub, phone) as on_phone, feed(hub, desk) as on_desk:
        await until_live(on_phone)
        await until_live(on_desk)

        await phone.run(SNOOZE, input={"id": reminder, "until": {"minutes": 30}})

        for events in (on_phone, on_desk):
            closed = await next_event(events)
            assert brief(closed) == ("closed", "SNOOZED", gid(reminder))
            assert closed["snoozedUntil"] == "2026-03-02T09:30:00.000Z"


async def test_giving_away_closes_it_for_the_one_and_says_nothing_to_the_other(
    hub: Hub, rep: Employee, director: Employee, clock: Clock
) -> None:
    reminder = await make_reminder(rep, due_at=clock.at + MINUTE)
    boss = as_employee(director)
    async with feed(hub, as_employee(rep)) as of_rep, feed(hub, boss) as of_boss:
        await until_live(of_rep)
        await until_live(of_boss)

        await boss.run(REASSIGN, input={"id": reminder, "assigneeId": director})

        assert brief(await next_event(of_rep)) == ("closed", "GIVEN_AWAY", gid(reminder))
        assert await is_silent(of_boss)


async def test_a_heartbeat_tells_that_the_line_is_alive(
    hub: Hub, rep: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "HEARTBEAT_EVERY_S", SHORT_S)
    monkeypatch.setattr(feed_watch, "POLL_EVERY_S", SHORT_S)
    async with feed(hub, as_employee(rep)) as events:
        live = (await until_live(events))[-1]

        beats = [await next_event(events), await next_event(events)]

    assert [brief(each) for each in beats] == [("ReminderHeartbeat",)] * 2
    assert {each["cursor"] for each in beats} == {live["cursor"]}


async def test_events_name_ids_only_once_a_contact_is_out_of_sight(
    hub: Hub, project: Project, clock: Clock
) -> None:
    partner = await make_partner(project)
    contact = await make_contact(project, name="Tajná firma")
    share = await make_lead_share(project, partner, [contact])
    external = await make_employee(
        project, [Role.EXTERNAL_TELEPHONIST], partner=partner, reminder_interval_minutes=5
    )
    reminder = await make_reminder(external, due_at=clock.at, contact=contact)
    async with feed(hub, as_employee(external)) as events:
        assert brief((await until_live(events))[0]) == ("popup", True, gid(reminder))

        await LeadShare.filter(id=share.id).update(recalled_at=clock.at)
        await open_window(external, clock.at)

        closed = await next_event(events)
        assert brief(closed) == ("closed", "GIVEN_AWAY", gid(reminder))
        assert "Tajná" not in json.dumps(closed, ensure_ascii=False)
        assert await is_silent(events)


async def codes_after_live(results: Events) -> list[str]:
    """Why the feed, live since its first result, ends."""
    ending = [result async for result in results]
    assert all(result.data is None for result in ending)
    return [code for result in ending for code in result.codes]


async def test_a_revoked_session_gets_no_further_event(hub: Hub, rep: Employee, clock: Clock) -> None:
    assert rep.account_id is not None
    async with answers(hub, as_employee(rep)) as results:
        assert (await live_of(results))["openCount"] == 0
        async with unit_of_work() as work:
            await sessions.revoke_all(rep.account_id, now=work.now)
        await make_reminder(rep, due_at=clock.at)

        await open_window(rep, clock.at)

        assert await codes_after_live(results) == ["UNAUTHENTICATED"]


async def test_what_happens_after_a_revocation_is_not_told_even_where_nobody_heard_of_it(
    hub: Hub, rep: Employee, clock: Clock
) -> None:
    async with answers(hub, as_employee(rep)) as results:
        assert (await live_of(results))["openCount"] == 0
        assert sessions.BELIEVED._by_hash
        await Session.filter(employee_id=rep.id).update(revoked_at=clock.at)
        await make_reminder(rep, due_at=clock.at)

        await open_window(rep, clock.at)

        assert await codes_after_live(results) == ["UNAUTHENTICATED"]


async def test_a_popup_chosen_in_the_moment_of_a_withdrawal_is_cut(
    hub: Hub, project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, taken = await make_division(project), await make_division(project)
    rep = await make_employee(project, [Role.SALES_REP], divisions=[mine, taken], reminder_interval_minutes=5)
    kept = await make_reminder(rep, due_at=clock.at, contact=await make_contact(project, division=mine))
    await make_reminder(rep, due_at=clock.at, contact=await make_contact(project, division=taken))

    async with feed(hub, as_employee(rep)) as events:
        await until_live(events)
        withdraw_once_read(monkeypatch, rep, taken)
        await open_window(rep, clock.at)

        assert brief(await next_event(events)) == ("popup", False, gid(kept))


async def test_a_popup_of_which_that_leaves_nothing_is_not_told(
    hub: Hub, project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = await make_division(project)
    rep = await make_employee(project, [Role.SALES_REP], divisions=[taken], reminder_interval_minutes=5)
    await make_reminder(rep, due_at=clock.at, contact=await make_contact(project, division=taken))

    async with feed(hub, as_employee(rep)) as events:
        await until_live(events)
        withdraw_once_read(monkeypatch, rep, taken)
        await open_window(rep, clock.at)
        await make_reminder(rep, title="Jiný", due_at=clock.at)
        await open_window(rep, clock.at)

        assert [each["title"] for each in (await next_event(events))["reminders"]] == ["Jiný"]


def withdraw_once_read(patch: pytest.MonkeyPatch, employee: Employee, division: Division) -> None:
    """The division goes as soon as a page of the feed was read. Nobody rings."""
    page_after = feed_pages.page_after

    async def page_before_withdrawal(viewer: Member, number: int) -> feed_pages.Page:
        page = await page_after(viewer, number)
        await EmployeeDivision.filter(employee_id=employee.id, division_id=division.id).delete()
        return page

    patch.setattr(feed_pages, "page_after", page_before_withdrawal)


async def test_a_popup_is_cut_too_if_only_the_share_ended_after_it_was_chosen(
    hub: Hub, project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = await make_partner(project)
    contact = await make_contact(project)
    share = await make_lead_share(project, partner, [contact])
    external = await make_employee(
        project, [Role.EXTERNAL_TELEPHONIST], partner=partner, reminder_interval_minutes=5
    )
    await make_reminder(external, due_at=clock.at, contact=contact)
    take_event = Run.take_event

    async def late(run: Run, event: Any) -> bool:
        await LeadShare.filter(id=share.id).update(recalled_at=clock.at)
        return await take_event(run, event)

    async with feed(hub, as_employee(external)) as events:
        await until_live(events)
        monkeypatch.setattr(Run, "take_event", late)
        await open_window(external, clock.at)

        assert brief(await next_event(events)) == ("popup", False)


async def test_who_loses_his_roles_loses_the_feed(hub: Hub, rep: Employee, clock: Clock) -> None:
    assert rep.account_id is not None
    async with answers(hub, as_employee(rep)) as results:
        assert (await live_of(results))["openCount"] == 0
        await make_reminder(rep, due_at=clock.at)
        await open_window(rep, clock.at)
        await Employee.filter(id=rep.id).update(roles=[])
        sessions.forget(rep.account_id)

        assert await codes_after_live(results) == ["FORBIDDEN"]


async def test_without_a_role_there_is_no_feed(hub: Hub, project: Project) -> None:
    async with answers(hub, as_role(project=project)) as results:
        assert await codes_after_live(results) == ["FORBIDDEN"]


async def test_a_seat_at_the_doorbell_is_given_up_with_its_subscription(hub: Hub, rep: Employee) -> None:
    async with feed(hub, as_employee(rep)) as events:
        await until_live(events)
        assert feed_watch.seats_taken(hub) == 1

    assert feed_watch.seats_taken(hub) == 0


async def test_events_of_parallel_changes_arrive_without_gap(hub: Hub, rep: Employee, clock: Clock) -> None:
    made = [await make_reminder(rep, due_at=clock.at + MINUTE) for _ in range(20)]
    client = await as_employee(rep).sign_in()
    async with feed(hub, client) as events:
        await until_live(events)

        answers = await asyncio.gather(*(client.run(RESOLVE, input={"id": each}) for each in made))
        told = [brief(await next_event(events)) for _ in made]

    assert all(answer.errors == [] for answer in answers)
    assert set(told) == {("closed", "RESOLVED", gid(each)) for each in made}
    numbers = [event.number for event in await ReminderEvent.filter(employee_id=rep.id).order_by("number")]
    assert numbers == list(range(1, 21))


async def test_nobody_hears_of_another_project(hub: Hub, rep: Employee, clock: Clock) -> None:
    stranger = await make_employee(await make_project(), [Role.ADMIN], reminder_interval_minutes=5)
    await make_reminder(stranger, due_at=clock.at)
    async with feed(hub, as_employee(rep)) as events:
        assert [brief(each) for each in await until_live(events)] == [("popup", True), ("live", 0)]

        await open_window(stranger, clock.at)

        assert await is_silent(events)


async def test_a_field_is_denied_by_the_rights_at_each_event(
    hub: Hub, project: Project, clock: Clock
) -> None:
    contact = await make_contact(project, vat_id="CZ27082440")
    employee = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)
    await make_reminder(employee, due_at=clock.at - MINUTE, contact=contact)
    document = FEED.replace("contact { id name }", "contact { name vatId }")

    async with answers(hub, as_employee(employee), document=document) as results:
        before = await next_event(results)
        await next_event(results)
        await Employee.filter(id=employee.id).update(roles=[Role.TELEPHONIST])
        sessions.BELIEVED.clear()
        await open_window(employee, clock.at)
        after = await next_event(results)

    shown = [each.data["reminderFeed"]["reminders"][0]["contact"]["vatId"] for each in (before, after)]
    assert (shown, before.errors) == (["CZ27082440", None], [])
    (denial,) = after.errors
    assert denial["path"] == ["reminderFeed"]
    assert denial["extensions"]["coordinate"] == "Contact.vatId" and after.codes == ["FORBIDDEN"]
