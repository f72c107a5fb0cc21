"""Making reminders, for oneself and for others."""

from typing import Any

import pytest

from app.jobs import Job
from app.models import AuditEntry, Employee, EmployeeStatus, Project, Reminder
from app.policy import Role
from tests.conftest import Clock
from tests.factories import make_contact, make_division, make_employee, make_reminder
from tests.graphql import SentJob, as_employee, as_role, gid
from tests.schema.reminder_cases import (
    COUNT,
    CREATE,
    DUE,
    MINUTE,
    REASSIGN,
    UPDATE,
    director,
    next_popup_of,
    project,
    rep,
    state_of_reminders,
)

__all__ = ["director", "project", "rep"]


async def test_a_new_reminder_is_the_viewers_own_and_times_his_window(
    rep: Employee, project: Project, sent_jobs: list[SentJob]
) -> None:
    contact = await make_contact(project, name="Řezník")
    sent = {
        "title": " Zavolat ",
        "dueAt": DUE,
        "kind": "FOLLOW_UP",
        "contactId": contact,
        "note": "Cena\r\nsleva",
    }

    answer = await as_employee(rep).run(CREATE, input=sent)

    assert answer.faults("reminderCreate") == []
    made = answer.data["reminderCreate"]["reminder"]
    assert made == {
        "id": gid(await Reminder.get()),
        "title": "Zavolat",
        "note": "Cena\nsleva",
        "kind": "FOLLOW_UP",
        "dueAt": "2026-03-03T08:30:00.000Z",
        "snoozedUntil": None,
        "state": "OPEN",
        "resolvedAt": None,
        "version": 1,
        "assignee": {"id": gid(rep)},
        "contact": {"id": gid(contact), "name": "Řezník"},
        "createdBy": {"id": gid(rep)},
        "viewerCan": {"update": True, "delete": True},
    }
    assert await next_popup_of(rep) == DUE and sent_jobs == []
    assert [entry.subject for entry in await AuditEntry.all()] == ["Reminder"]


async def test_one_due_in_the_past_rings_the_worker_at_once(
    rep: Employee, clock: Clock, sent_jobs: list[SentJob]
) -> None:
    await Employee.filter(id=rep.id).update(last_popup_at=clock.at - MINUTE)

    await as_employee(rep).run(CREATE, input={"title": "Pozdě", "dueAt": clock.at - 60 * MINUTE})

    assert sent_jobs == [(Job.FIRE_POPUP, (str(rep.id),), None)]


async def test_without_an_interval_it_is_listed_and_no_window_opens(project: Project, clock: Clock) -> None:
    client = as_role("SALES_REP", project=project)

    await client.run(CREATE, input={"title": "Tiše", "dueAt": clock.at - MINUTE})

    assert (await client.run(COUNT)).data == {"openReminderCount": 1}
    assert client.employee is not None and await next_popup_of(client.employee) is None


async def test_a_repeated_key_makes_one_reminder(rep: Employee) -> None:
    sent = {"title": "Jednou", "dueAt": DUE, "idempotencyKey": "k1"}
    client = as_employee(rep)

    answers = [await client.run(CREATE, input=sent) for _ in range(3)]

    assert answers[0].data == answers[1].data == answers[2].data
    assert await Reminder.all().count() == 1
    other = await client.run(CREATE, input={**sent, "title": "Podruhé"})
    assert other.codes == ["IDEMPOTENCY_MISMATCH"] and await Reminder.all().count() == 1


async def test_a_director_gives_reminders_to_others(rep: Employee, director: Employee) -> None:
    answer = await as_employee(director).run(
        CREATE, input={"title": "Pro tebe", "dueAt": DUE, "assigneeId": rep}
    )

    assert answer.faults("reminderCreate") == []
    assert answer.data["reminderCreate"]["reminder"]["assignee"] == {"id": gid(rep)}
    assert (await next_popup_of(rep), await next_popup_of(director)) == (DUE, None)


async def test_others_may_name_only_themselves(
    rep: Employee, director: Employee, sent_jobs: list[SentJob]
) -> None:
    client = as_employee(rep)
    own = await client.run(CREATE, input={"title": "Sobě", "dueAt": DUE, "assigneeId": rep})
    before = await state_of_reminders()

    refused = await client.run(CREATE, input={"title": "Tobě", "dueAt": DUE, "assigneeId": director})

    assert own.faults("reminderCreate") == []
    assert refused.codes == ["FORBIDDEN"] and await state_of_reminders() == before and sent_jobs == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"status": EmployeeStatus.DEACTIVATED}, "WRONG_STATE"),
        ({"status": EmployeeStatus.INVITED}, "WRONG_STATE"),
        ({"roles": []}, "NOT_ALLOWED"),
    ],
)
@pytest.mark.parametrize("way", ["create", "reassign"])
async def test_nobody_gets_a_reminder_who_could_not_handle_it(
    project: Project, director: Employee, values: dict[str, Any], code: str, way: str
) -> None:
    colleague = await make_employee(project, **{"roles": [Role.SALES_REP], **values})
    reminder = await make_reminder(director)
    before = await state_of_reminders()

    if way == "create":
        sent = {"title": "Komu", "dueAt": DUE, "assigneeId": colleague}
        answer = await as_employee(director).run(CREATE, input=sent)
        assert answer.faults("reminderCreate") == [("input.assigneeId", code)]
    else:
        answer = await as_employee(director).run(REASSIGN, input={"id": reminder, "assigneeId": colleague})
        assert answer.faults("reminderReassign") == [("input.assigneeId", code)]

    assert await state_of_reminders() == before


async def test_the_assignee_must_see_the_contact(project: Project, director: Employee) -> None:
    contact = await make_contact(project, division=await make_division(project))
    blind = await make_employee(project, [Role.SALES_REP], divisions=[])
    of_director = await make_reminder(director, contact=contact)
    of_blind = await make_reminder(blind)
    client = as_employee(director)
    before = await state_of_reminders()

    made = await client.run(
        CREATE, input={"title": "Slepě", "dueAt": DUE, "assigneeId": blind, "contactId": contact}
    )
    given = await client.run(REASSIGN, input={"id": of_director, "assigneeId": blind})
    linked = await client.run(UPDATE, input={"id": of_blind, "contactId": contact})

    assert made.faults("reminderCreate") == [("input.assigneeId", "NOT_ALLOWED")]
    assert given.faults("reminderReassign") == [("input.assigneeId", "NOT_ALLOWED")]
    assert linked.faults("reminderUpdate") == [("input.contactId", "NOT_ALLOWED")]
    assert await state_of_reminders() == before
