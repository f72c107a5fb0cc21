"""Correcting, giving away, snoozing, resolving and deleting reminders."""

import pytest

from app.models import Employee, Project, Reminder, ReminderClosedReason, ReminderEvent, ReminderState
from tests.conftest import Clock
from tests.factories import make_contact, make_reminder
from tests.graphql import SentJob, as_employee, gid
from tests.schema.reminder_cases import (
    DELETE,
    DUE,
    LIST,
    MINUTE,
    REASSIGN,
    RESOLVE,
    SNOOZE,
    UPDATE,
    closed_for,
    director,
    next_popup_of,
    project,
    rep,
    state_of_reminders,
)

__all__ = ["director", "project", "rep"]


async def test_an_update_changes_what_was_sent_and_nothing_else(rep: Employee, project: Project) -> None:
    contact = await make_contact(project)
    reminder = await make_reminder(rep, title="Staré", note="Zůstane", due_at=DUE)

    answer = await as_employee(rep).run(
        UPDATE,
        input={
            "id": reminder,
            "title": "Nové",
            "kind": "FOLLOW_UP",
            "contactId": contact,
            "expectedVersion": 1,
        },
    )

    assert answer.faults("reminderUpdate") == []
    assert answer.data["reminderUpdate"]["reminder"] == {
        "id": gid(reminder),
        "title": "Nové",
        "note": "Zůstane",
        "kind": "FOLLOW_UP",
        "dueAt": "2026-03-03T08:30:00.000Z",
        "snoozedUntil": None,
        "version": 2,
        "contact": {"id": gid(contact)},
    }


async def test_null_takes_the_note_and_the_contact_away(rep: Employee, project: Project) -> None:
    reminder = await make_reminder(rep, note="Pryč", contact=await make_contact(project))

    answer = await as_employee(rep).run(UPDATE, input={"id": reminder, "note": None, "contactId": None})

    shown = answer.data["reminderUpdate"]["reminder"]
    assert (shown["note"], shown["contact"]) == (None, None)


async def test_an_update_without_a_change_is_no_new_version(rep: Employee) -> None:
    reminder = await make_reminder(rep, title="Totéž")

    await as_employee(rep).run(UPDATE, input={"id": reminder, "title": "Totéž"})

    assert (await Reminder.get(id=reminder.id)).version == 1


async def test_a_stale_version_writes_nothing(rep: Employee) -> None:
    reminder = await make_reminder(rep, version=3)
    before = await state_of_reminders()

    answer = await as_employee(rep).run(
        UPDATE, input={"id": reminder, "title": "Pozdě", "expectedVersion": 2}
    )

    assert answer.faults("reminderUpdate") == [("input.expectedVersion", "STALE_VERSION")]
    assert await state_of_reminders() == before


async def test_a_later_due_time_closes_it_in_the_window_and_ends_a_snooze(
    rep: Employee, clock: Clock
) -> None:
    reminder = await make_reminder(rep, due_at=clock.at - MINUTE, snoozed_until=clock.at - MINUTE / 2)

    await as_employee(rep).run(UPDATE, input={"id": reminder, "dueAt": DUE})

    moved = await Reminder.get(id=reminder.id)
    assert (moved.due_at, moved.alert_at) == (DUE, DUE) and moved.snoozed_until is None
    assert await closed_for(rep) == [(reminder.id, ReminderClosedReason.CHANGED)]
    assert await next_popup_of(rep) == DUE


async def test_an_earlier_due_time_opens_the_window_earlier_and_closes_nothing(
    rep: Employee, clock: Clock
) -> None:
    reminder = await make_reminder(rep, due_at=DUE)

    await as_employee(rep).run(UPDATE, input={"id": reminder, "dueAt": clock.at + 5 * MINUTE})

    assert await closed_for(rep) == [] and await next_popup_of(rep) == clock.at + 5 * MINUTE


async def test_giving_away_closes_it_here_and_opens_it_there(
    rep: Employee, director: Employee, clock: Clock, rings: list[str], sent_jobs: list[SentJob]
) -> None:
    reminder = await make_reminder(director, due_at=clock.at - MINUTE)

    answer = await as_employee(director).run(REASSIGN, input={"id": reminder, "assigneeId": rep})

    assert answer.data["reminderReassign"]["reminder"]["assignee"] == {"id": gid(rep)}
    assert await closed_for(director) == [(reminder.id, ReminderClosedReason.GIVEN_AWAY)]
    assert await closed_for(rep) == [] and await next_popup_of(rep) == reminder.alert_at
    assert rings == [f"feed:{director.id}"] and [job.ids for job in sent_jobs] == [(str(rep.id),)]


async def test_giving_it_to_whom_it_belongs_changes_nothing(rep: Employee, director: Employee) -> None:
    reminder = await make_reminder(rep)
    before = await state_of_reminders()

    answer = await as_employee(director).run(REASSIGN, input={"id": reminder, "assigneeId": rep})

    assert answer.faults("reminderReassign") == [] and await state_of_reminders() == before


async def test_one_without_an_assignee_is_shown_to_givers_only_and_can_be_given(
    rep: Employee, director: Employee
) -> None:
    reminder = await make_reminder(None, created_by=director)
    where = {"assigneeId": {"isNull": True}}

    unseen = await as_employee(rep).run(LIST, where=where)
    seen = await as_employee(director).run(LIST, where=where)
    given = await as_employee(director).run(REASSIGN, input={"id": reminder, "assigneeId": rep})

    assert unseen.data["reminders"]["nodes"] == []
    assert seen.data["reminders"]["nodes"] == [{"id": gid(reminder)}]
    assert given.data["reminderReassign"]["reminder"]["assignee"] == {"id": gid(rep)}


async def test_snoozing_closes_it_until_then(rep: Employee, clock: Clock, rings: list[str]) -> None:
    reminder = await make_reminder(rep, due_at=clock.at - MINUTE)

    answer = await as_employee(rep).run(SNOOZE, input={"id": reminder, "until": {"minutes": 10}})

    assert answer.data["reminderSnooze"] == {
        "reminder": {
            "id": gid(reminder),
            "state": "OPEN",
            "dueAt": "2026-03-02T08:59:00.000Z",
            "snoozedUntil": "2026-03-02T09:10:00.000Z",
        },
        "errors": [],
    }
    assert await closed_for(rep) == [(reminder.id, ReminderClosedReason.SNOOZED)]
    assert (await ReminderEvent.get()).snoozed_until == clock.at + 10 * MINUTE
    assert await next_popup_of(rep) == clock.at + 10 * MINUTE and rings == [f"feed:{rep.id}"]


async def test_snoozing_until_a_moment(rep: Employee) -> None:
    reminder = await make_reminder(rep)

    answer = await as_employee(rep).run(
        SNOOZE, input={"id": reminder, "until": {"at": "2026-03-03T10:00:00+01:00"}}
    )

    assert answer.data["reminderSnooze"]["reminder"]["snoozedUntil"] == "2026-03-03T09:00:00.000Z"


async def test_resolving_takes_it_out_for_good_and_twice_is_no_error(rep: Employee, clock: Clock) -> None:
    reminder = await make_reminder(rep, due_at=clock.at - MINUTE)
    client = as_employee(rep)

    first = await client.run(RESOLVE, input={"id": reminder})
    clock.advance(MINUTE)
    second = await client.run(RESOLVE, input={"id": reminder})

    assert (
        first.data
        == second.data
        == {
            "reminderResolve": {
                "reminder": {
                    "id": gid(reminder),
                    "state": "RESOLVED",
                    "resolvedAt": "2026-03-02T09:00:00.000Z",
                    "resolvedBy": {"id": gid(rep)},
                    "version": 2,
                },
                "errors": [],
            }
        }
    )
    assert await closed_for(rep) == [(reminder.id, ReminderClosedReason.RESOLVED)]
    assert await next_popup_of(rep) is None


async def test_a_resolved_reminder_changes_no_more(rep: Employee, director: Employee, clock: Clock) -> None:
    reminder = await make_reminder(rep, state=ReminderState.RESOLVED, resolved_at=clock.at)
    client = as_employee(director)
    before = await state_of_reminders()

    answers = {
        "reminderUpdate": await client.run(UPDATE, input={"id": reminder, "title": "Znovu"}),
        "reminderSnooze": await client.run(SNOOZE, input={"id": reminder, "until": {"minutes": 5}}),
        "reminderReassign": await client.run(REASSIGN, input={"id": reminder, "assigneeId": director}),
    }

    for mutation, answer in answers.items():
        assert answer.faults(mutation) == [("input.id", "WRONG_STATE")], mutation
    assert await state_of_reminders() == before


@pytest.mark.parametrize("state", list(ReminderState))
async def test_deleting_removes_it_open_or_resolved(
    rep: Employee, clock: Clock, state: ReminderState
) -> None:
    resolved_at = clock.at if state is ReminderState.RESOLVED else None
    reminder = await make_reminder(rep, state=state, resolved_at=resolved_at, due_at=DUE)
    client = as_employee(rep)

    first = await client.run(DELETE, input={"id": reminder})
    again = await client.run(DELETE, input={"id": reminder})

    assert first.data["reminderDelete"] == {"deletedReminderId": gid(reminder), "errors": []}
    assert again.codes == ["NOT_FOUND"] and await Reminder.all().count() == 0
    told = [(reminder.id, ReminderClosedReason.DELETED)] if state is ReminderState.OPEN else []
    assert await closed_for(rep) == told
