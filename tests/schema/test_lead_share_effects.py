"""What follows when contacts are no longer lent: reminders, windows and open sockets of the partner's people."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import db
from app.integrations.pubsub import Hub
from app.jobs import Job
from app.models import (
    Contact,
    Employee,
    LeadShare,
    Partner,
    Project,
    Reminder,
    ReminderClosedReason,
    ReminderEvent,
    ReminderEventKind,
)
from app.policy import Role
from tests.factories import (
    FAR_AWAY,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_reminder,
)
from tests.graphql import Answer, SentJob, as_employee, as_role, gid
from tests.schema.employee_cases import UPDATE as UPDATE_EMPLOYEE
from tests.schema.feed_cases import brief, feed, hub, next_event, open_window, until_live
from tests.schema.share_cases import (
    ARCHIVE,
    CREATE,
    RECALL,
    REMOVE,
    SOMEDAY,
    UPDATE,
    YESTERYEAR,
    contacts,
    director,
    external,
    partner,
    project,
    seen_by,
)

__all__ = ["contacts", "director", "external", "hub", "partner", "project"]

Ending = Callable[[Any, LeadShare, Partner, Employee, list[Contact]], Awaitable[Answer]]


async def recall(boss: Any, share: LeadShare, *_: Any) -> Answer:
    answer: Answer = await boss.run(RECALL, input={"id": share})
    return answer


async def take_out(boss: Any, share: LeadShare, _: Any, __: Any, contacts: list[Contact]) -> Answer:
    answer: Answer = await boss.run(REMOVE, input={"id": share, "contactIds": contacts})
    return answer


async def end_in_the_past(boss: Any, share: LeadShare, *_: Any) -> Answer:
    answer: Answer = await boss.run(UPDATE, input={"id": share, "validUntil": YESTERYEAR})
    return answer


async def put_off(boss: Any, share: LeadShare, *_: Any) -> Answer:
    answer: Answer = await boss.run(UPDATE, input={"id": share, "validFrom": SOMEDAY})
    return answer


async def archive(boss: Any, _: Any, partner: Partner, *__: Any) -> Answer:
    answer: Answer = await boss.run(ARCHIVE, input={"id": partner})
    return answer


async def move_to_another_partner(
    boss: Any, _: Any, partner: Partner, external: Employee, **more: Any
) -> Answer:
    other = await make_partner(await Project.get(id=partner.project_id))
    answer: Answer = await boss.run(UPDATE_EMPLOYEE, input={"id": external, "partnerId": other, **more})
    return answer


ENDINGS = [recall, take_out, end_in_the_past, put_off, archive]


@pytest.fixture
async def boss(project: Project) -> Any:
    """An admin: only he changes the partner of somebody who has all eight roles."""
    return await as_role(Role.ADMIN, project=project).sign_in()


@pytest.fixture
async def share(
    project: Project, director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> LeadShare:
    await Employee.filter(id=external.id).update(reminder_interval_minutes=30)
    return await make_lead_share(project, partner, contacts, created_by=director)


@pytest.mark.parametrize("end", ENDINGS)
async def test_his_open_reminders_of_what_he_sees_no_longer_are_given_away_at_once(
    share: LeadShare,
    boss: Any,
    partner: Partner,
    external: Employee,
    contacts: list[Contact],
    rings: list[str],
    end: Ending,
) -> None:
    lost = [await make_reminder(external, contact=each, due_at=FAR_AWAY) for each in contacts[:2]]
    kept = await make_reminder(external, due_at=FAR_AWAY + timedelta(days=1))
    await Employee.filter(id=external.id).update(next_popup_at=FAR_AWAY)
    outsider = await as_employee(external).sign_in()
    assert await seen_by(outsider) == ["Alfa", "Beta", "Gama"]

    answer = await end(boss, share, partner, external, contacts)

    assert answer.errors == []
    assert await seen_by(outsider) == []
    given = {each.id: each for each in await Reminder.all()}
    assert [given[each.id].assignee_id for each in (*lost, kept)] == [None, None, external.id]
    events = await ReminderEvent.filter(employee_id=external.id).order_by("number")
    assert [(each.kind, each.closed_reason, each.reminder_id) for each in events] == [
        (ReminderEventKind.CLOSED, ReminderClosedReason.GIVEN_AWAY, each.id) for each in lost
    ]
    assert (await Employee.get(id=external.id)).next_popup_at == kept.due_at
    assert f"viewers:{external.account_id}" in rings and f"feed:{external.id}" in rings


async def test_one_who_moves_to_another_partner_leaves_them_to_a_colleague_who_is_named(
    share: LeadShare, boss: Any, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    reminder = await make_reminder(external, contact=contacts[0], due_at=FAR_AWAY)
    outsider = await as_employee(external).sign_in()

    refused = await move_to_another_partner(boss, share, partner, external)

    assert refused.faults("employeeUpdate") == [("input.reassignRemindersTo", "OPEN_REMINDERS")]
    assert await seen_by(outsider) == ["Alfa", "Beta", "Gama"]

    moved = await move_to_another_partner(boss, share, partner, external, reassignRemindersTo=boss.employee)

    assert moved.faults("employeeUpdate") == []
    assert await seen_by(outsider) == []
    assert (await Reminder.get(id=reminder.id)).assignee_id == boss.employee.id


async def test_who_gives_reminders_sees_them_without_an_assignee(
    share: LeadShare, boss: Any, director: Employee, external: Employee, contacts: list[Contact]
) -> None:
    await make_reminder(external, contact=contacts[0], title="Zavolat", due_at=FAR_AWAY)

    await boss.run(RECALL, input={"id": share})

    answer = await as_employee(director).run(
        "{ reminders { nodes { title assignee { name } contact { name } } } }"
    )
    assert answer.data["reminders"]["nodes"] == [
        {"title": "Zavolat", "assignee": None, "contact": {"name": "Alfa"}}
    ]


async def test_only_who_belongs_to_the_partner_is_concerned(
    project: Project,
    share: LeadShare,
    boss: Any,
    director: Employee,
    external: Employee,
    contacts: list[Contact],
    rings: list[str],
) -> None:
    other_partner = await make_partner(project)
    await make_lead_share(project, other_partner, contacts, created_by=director)
    other = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=other_partner)
    theirs = [await make_reminder(each, contact=contacts[0], due_at=FAR_AWAY) for each in (other, director)]

    await boss.run(RECALL, input={"id": share})

    assert [(await Reminder.get(id=each.id)).assignee_id for each in theirs] == [other.id, director.id]
    assert rings == [f"viewers:{external.account_id}"]


async def test_what_another_share_still_lends_is_kept(
    project: Project,
    share: LeadShare,
    boss: Any,
    director: Employee,
    partner: Partner,
    external: Employee,
    contacts: list[Contact],
) -> None:
    await make_lead_share(project, partner, contacts[:1], created_by=director)
    kept, lost = [await make_reminder(external, contact=each, due_at=FAR_AWAY) for each in contacts[:2]]

    await boss.run(RECALL, input={"id": share})

    assert (await Reminder.get(id=kept.id)).assignee_id == external.id
    assert (await Reminder.get(id=lost.id)).assignee_id is None
    assert await seen_by(as_employee(external)) == ["Alfa"]


async def test_many_people_of_a_partner_lose_what_each_had(
    project: Project, share: LeadShare, boss: Any, partner: Partner, contacts: list[Contact]
) -> None:
    b2b = await make_division(project)
    people = [
        await make_employee(
            project,
            [Role.EXTERNAL_TELEPHONIST],
            partner=partner,
            divisions=[b2b] if number % 2 else None,
            reminder_interval_minutes=5,
            next_popup_at=FAR_AWAY,
        )
        for number in range(5)
    ]
    for each in people:
        for contact in contacts:
            await make_reminder(each, contact=contact, due_at=FAR_AWAY)

    await boss.run(RECALL, input={"id": share})

    assert await Reminder.filter(assignee_id__isnull=False).count() == 0
    assert await ReminderEvent.filter(closed_reason=ReminderClosedReason.GIVEN_AWAY).count() == 15
    assert await Employee.filter(partner_id=partner.id, next_popup_at__isnull=False).count() == 0


async def test_an_open_feed_is_told_when_a_share_is_recalled(
    share: LeadShare, boss: Any, external: Employee, contacts: list[Contact], hub: Hub
) -> None:
    reminder = await make_reminder(external, contact=contacts[0])
    async with feed(hub, as_employee(external)) as events:
        assert [brief(each) for each in await until_live(events)] == [
            ("popup", True, gid(reminder)),
            ("live", 1),
        ]

        await boss.run(RECALL, input={"id": share})

        assert brief(await next_event(events)) == ("closed", "GIVEN_AWAY", gid(reminder))


async def ended_at(share: LeadShare, moment: datetime) -> None:
    """As if time had passed: the row's end is moved, and no job ran."""
    await LeadShare.filter(id=share.id).update(valid_until=moment)


async def test_a_window_never_shows_what_went_out_of_sight_though_no_job_ran(
    share: LeadShare, external: Employee, contacts: list[Contact], hub: Hub
) -> None:
    now = await db.now()
    lost = await make_reminder(external, contact=contacts[0], due_at=now)
    kept = await make_reminder(external, due_at=now)
    async with feed(hub, as_employee(external)) as events:
        first = await until_live(events)
        assert {each["id"] for each in first[0]["reminders"]} == {gid(lost), gid(kept)}
        await ended_at(share, now)

        await open_window(external, now + timedelta(seconds=1))

        found = [brief(await next_event(events)) for _ in range(2)]
    assert ("closed", "GIVEN_AWAY", gid(lost)) in found
    assert ("popup", False, gid(kept)) in found


async def test_a_window_that_opened_before_the_end_is_not_read_after_it(
    share: LeadShare, external: Employee, contacts: list[Contact], hub: Hub
) -> None:
    now = await db.now()
    reminder = await make_reminder(external, contact=contacts[0], due_at=now)
    async with feed(hub, as_employee(external)) as events:
        [*_, live] = await until_live(events)
    await open_window(external, now)
    await ended_at(share, now)

    async with feed(hub, as_employee(external), after=live["cursor"]) as events:
        missed = await until_live(events)
    async with feed(hub, as_employee(external)) as events:
        anew = await until_live(events)

    assert [brief(each) for each in missed] == [("live", 0)]
    assert [brief(each) for each in anew] == [("popup", True), ("live", 0)], "and the window is empty"
    assert (await Reminder.get(id=reminder.id)).assignee_id == external.id


PAGE = """
query($after: String) {
  contacts(first: 1, after: $after) { totalCount nodes { name } pageInfo { endCursor hasNextPage } }
}
"""
ROADS = """
query($contact: ID!, $reminder: ID!) {
  contact(id: $contact) { name }
  node(id: $contact) { id }
  nodes(ids: [$contact]) { id }
  counted: contacts { totalCount }
  searched: contacts(search: "alfa") { totalCount nodes { name } }
  filtered: contacts(where: {name: {eq: "Alfa"}}) { totalCount nodes { name } }
  activities { totalCount nodes { summary } }
  persons: node(id: $contact) { ... on Contact { persons { name } } }
  reminders { totalCount nodes { contact { name } } }
  reminder: node(id: $reminder) { ... on Reminder { title contact { name } } }
}
"""


async def test_an_open_page_walk_ends_with_the_share(
    share: LeadShare, external: Employee, contacts: list[Contact]
) -> None:
    client = as_employee(external)
    first = (await client.run(PAGE)).data["contacts"]
    assert (first["totalCount"], first["nodes"]) == (3, [{"name": "Alfa"}])
    await ended_at(share, await db.now())

    second = await client.run(PAGE, after=first["pageInfo"]["endCursor"])

    assert second.errors == []
    assert second.data["contacts"] == {
        "totalCount": 0,
        "nodes": [],
        "pageInfo": {"endCursor": None, "hasNextPage": False},
    }


async def test_after_its_end_a_share_opens_nothing_by_any_road(
    share: LeadShare, external: Employee, contacts: list[Contact]
) -> None:
    reminder = await make_reminder(external, contact=contacts[0])
    client = as_employee(external)
    before = (await client.run(ROADS, contact=contacts[0], reminder=reminder)).data
    assert before["contact"] == {"name": "Alfa"} and before["counted"] == {"totalCount": 3}
    await ended_at(share, await db.now())

    after = await client.run(ROADS, contact=contacts[0], reminder=reminder)

    empty = {"totalCount": 0, "nodes": []}
    assert after.errors == []
    assert after.data == {
        "contact": None,
        "node": None,
        "nodes": [None],
        "counted": {"totalCount": 0},
        "searched": empty,
        "filtered": empty,
        "activities": empty,
        "persons": None,
        "reminders": empty,
        "reminder": None,
    }


@pytest.mark.parametrize(
    ("document", "sent"),
    [
        (
            "mutation($input: ActivityRecordInput!) { activityRecord(input: $input) { activity { id } } }",
            {"kind": "CALL", "area": "SALES", "summary": "Hovor"},
        ),
        (
            "mutation($input: ReminderCreateInput!) { reminderCreate(input: $input) { reminder { id } } }",
            {"title": "Zavolat", "dueAt": SOMEDAY.isoformat()},
        ),
    ],
    ids=["activity", "reminder"],
)
async def test_after_its_end_nothing_is_written_to_what_was_lent(
    share: LeadShare, external: Employee, contacts: list[Contact], document: str, sent: dict[str, Any]
) -> None:
    await ended_at(share, await db.now())

    answer = await as_employee(external).run(document, input={**sent, "contactId": contacts[0]})

    assert answer.codes == ["NOT_FOUND"] and await Reminder.all().count() == 0


async def test_a_near_end_is_rung_for_at_its_moment_and_a_far_one_left_to_the_sweep(
    boss: Any, partner: Partner, contacts: list[Contact], sent_jobs: list[SentJob]
) -> None:
    near = await db.now() + timedelta(seconds=3)
    sent = {"partnerId": partner, "campaign": "Jaro", "contactIds": contacts}

    await boss.run(CREATE, input={**sent, "validUntil": SOMEDAY})
    assert sent_jobs == []
    await boss.run(CREATE, input={**sent, "validUntil": near})

    share = await LeadShare.get(valid_until__lt=SOMEDAY)
    assert sent_jobs == [SentJob(Job.END_LEAD_SHARE, (str(share.id),), share.valid_until)]
