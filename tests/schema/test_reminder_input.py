"""What is no good input for a reminder: told with its place, or coded, and nothing is written."""

from itertools import product
from typing import Any

import pytest

from app.models import Contact, Employee, Project, Reminder
from app.policy import Role
from tests.factories import make_contact, make_employee, make_project, make_reminder
from tests.graphql import (
    SentJob,
    as_employee,
    code_of_id,
    gid,
)
from tests.schema.reminder_cases import (
    CREATE,
    DUE,
    MUTATIONS,
    SNOOZE,
    UPDATE,
    director,
    project,
    rep,
    state_of_reminders,
)

__all__ = ["director", "project", "rep"]

LONG = "ž" * 10_000


@pytest.mark.parametrize("mutation", ["reminderCreate", "reminderUpdate"])
@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("title", "", "REQUIRED"),
        ("title", " \u00a0 ", "REQUIRED"),
        ("title", LONG, "TOO_LONG"),
        ("title", "dva\nřádky", "INVALID"),
        ("title", "tab\there", "INVALID"),
        ("title", "nul\x00", "INVALID"),
        ("title", "čára\u2028dál", "INVALID"),
        ("title", "zpět\u202e", "INVALID"),
        ("note", LONG, "TOO_LONG"),
        ("note", "nul\x00", "INVALID"),
        ("note", "čára\u2029dál", "INVALID"),
        ("dueAt", "1999-12-31T23:59:59Z", "OUT_OF_RANGE"),
        ("dueAt", "2101-01-01T00:00:00Z", "OUT_OF_RANGE"),
    ],
)
async def test_what_was_typed_wrong_is_told_with_its_place(
    rep: Employee,
    sent_jobs: list[SentJob],
    rings: list[str],
    mutation: str,
    field: str,
    value: str,
    code: str,
) -> None:
    reminder = await make_reminder(rep)
    before = await state_of_reminders()
    base = {"title": "Dobře", "dueAt": DUE} if mutation == "reminderCreate" else {"id": reminder}
    document = CREATE if mutation == "reminderCreate" else UPDATE

    answer = await as_employee(rep).run(document, input={**base, field: value})

    assert answer.faults(mutation) == [(f"input.{field}", code)]
    assert await state_of_reminders() == before and sent_jobs == [] and rings == []


async def test_all_faults_are_told_at_once(rep: Employee) -> None:
    sent = {"title": "", "dueAt": "1900-01-01T00:00:00Z", "note": LONG}

    answer = await as_employee(rep).run(CREATE, input=sent)

    assert {path for path, _ in answer.faults("reminderCreate")} == {
        "input.title",
        "input.dueAt",
        "input.note",
    }


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"title": "Bez data"},
        {"dueAt": "2026-03-03T08:30:00Z"},
        {"title": None, "dueAt": "2026-03-03T08:30:00Z"},
        {"title": 5, "dueAt": "2026-03-03T08:30:00Z"},
        {"title": "Ne", "dueAt": "2026-03-03T08:30:00"},
        {"title": "Ne", "dueAt": "2026-02-30T08:30:00Z"},
        {"title": "Ne", "dueAt": 1_772_440_200},
        {"title": "Ne", "dueAt": "2026-03-03T08:30:00Z", "kind": "LUNCH"},
        {"title": "Ne", "dueAt": "2026-03-03T08:30:00Z", "state": "RESOLVED"},
        {"title": "Ne", "dueAt": "2026-03-03T08:30:00Z", "idempotencyKey": ""},
        {"title": "Ne", "dueAt": "2026-03-03T08:30:00Z", "idempotencyKey": LONG},
        "reminder",
        None,
    ],
)
async def test_a_malformed_request_is_a_coded_error(rep: Employee, sent: Any) -> None:
    answer = await as_employee(rep).run(CREATE, input=sent)

    assert set(answer.codes) == {"BAD_USER_INPUT"} and await Reminder.all().count() == 0


NAMES_NOTHING = ("unknown", "foreign", "a colleague's", "another type's", "malformed", "empty")
SEEN_AFTER_ALL = ("reminderReassign", "a colleague's")  # whoever may reassign sees his colleagues'


@pytest.mark.parametrize(
    ("mutation", "kind"),
    [each for each in product(MUTATIONS, NAMES_NOTHING) if each != SEEN_AFTER_ALL],
)
async def test_an_id_that_names_nothing_in_reach_is_not_found(
    rep: Employee, project: Project, sent_jobs: list[SentJob], rings: list[str], mutation: str, kind: str
) -> None:
    gone = await make_reminder(rep)
    ids: dict[str, Any] = {
        "unknown": gid(gone),
        "foreign": await make_reminder(await make_employee(await make_project(), [Role.ADMIN])),
        "a colleague's": await make_reminder(await make_employee(project, [Role.SALES_REP])),
        "another type's": rep,
        "malformed": "%%%",
        "empty": "",
    }
    await gone.delete()
    asker = rep if mutation != "reminderReassign" else await make_employee(project, [Role.COMPLAINTS])
    more: dict[str, Any] = {
        "reminderReassign": {"assigneeId": asker},
        "reminderSnooze": {"until": {"minutes": 5}},
        "reminderUpdate": {"title": "Cizí"},
    }
    before = await state_of_reminders()

    answer = await as_employee(asker).run(
        MUTATIONS[mutation], input={"id": ids[kind], **more.get(mutation, {})}
    )

    assert answer.codes == [code_of_id(ids[kind], "Reminder")]
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", "id"]
    assert await state_of_reminders() == before and sent_jobs == [] and rings == []


@pytest.mark.parametrize("field", ["assigneeId", "contactId"])
@pytest.mark.parametrize("kind", ["unknown", "foreign", "another type's", "malformed"])
async def test_a_link_that_names_nothing_in_reach_is_not_found(
    director: Employee, field: str, kind: str
) -> None:
    elsewhere = await make_project()
    foreign: Any = (
        (await make_employee(elsewhere)) if field == "assigneeId" else (await make_contact(elsewhere))
    )
    gone: Any = (await make_employee(elsewhere)) if field == "assigneeId" else (await make_contact(elsewhere))
    ids = {"unknown": gid(gone), "foreign": foreign, "another type's": elsewhere, "malformed": "Q29udGFjdDox"}
    await gone.delete()
    before = await state_of_reminders()

    answer = await as_employee(director).run(CREATE, input={"title": "Vazba", "dueAt": DUE, field: ids[kind]})

    assert answer.codes == [code_of_id(ids[kind], type(foreign).__name__)]
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", field]
    assert await state_of_reminders() == before


async def test_a_contact_that_is_deleted_meanwhile_is_not_found(rep: Employee, project: Project) -> None:
    contact: Contact = await make_contact(project)
    await contact.delete()

    answer = await as_employee(rep).run(CREATE, input={"title": "Vazba", "dueAt": DUE, "contactId": contact})

    assert answer.codes == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("until", "path", "code"),
    [
        ({"minutes": 0}, "input.until.minutes", "OUT_OF_RANGE"),
        ({"minutes": -1}, "input.until.minutes", "OUT_OF_RANGE"),
        ({"minutes": 43_201}, "input.until.minutes", "OUT_OF_RANGE"),
        ({"at": "2026-03-02T09:00:00Z"}, "input.until.at", "OUT_OF_RANGE"),
        ({"at": "2101-01-01T00:00:00Z"}, "input.until.at", "OUT_OF_RANGE"),
    ],
)
async def test_a_snooze_ends_in_the_future_and_in_sight(
    rep: Employee, until: dict[str, Any], path: str, code: str
) -> None:
    reminder = await make_reminder(rep)
    before = await state_of_reminders()

    answer = await as_employee(rep).run(SNOOZE, input={"id": reminder, "until": until})

    assert answer.faults("reminderSnooze") == [(path, code)] and await state_of_reminders() == before


@pytest.mark.parametrize(
    "until",
    [
        {},
        {"minutes": 5, "at": "2026-03-03T10:00:00Z"},
        {"minutes": None},
        {"minutes": 1.5},
        {"at": "2026-03-03T10:00:00"},
        {"at": "zítra"},
        5,
        None,
    ],
)
async def test_a_snooze_that_is_none_is_refused_with_a_code(rep: Employee, until: Any) -> None:
    reminder = await make_reminder(rep)
    before = await state_of_reminders()

    answer = await as_employee(rep).run(SNOOZE, input={"id": reminder, "until": until})

    assert answer.codes == ["BAD_USER_INPUT"] and await state_of_reminders() == before
