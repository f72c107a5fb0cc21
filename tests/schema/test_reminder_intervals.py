"""How often a window comes back: nobody's is off unless a person decided so, and everybody sets their own within bounds."""

from datetime import timedelta
from typing import Any

import pytest

from app.integrations.pubsub import Hub
from app.models import AuditEntry, Employee, Project, ReminderState
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    FAR_AWAY,
    LONG_AGO,
    NOON,
    make_account,
    make_contact,
    make_division,
    make_employee,
    make_project,
    make_reminder,
)
from tests.graphql import Answer, Bells, as_account, as_employee, as_role, gid
from tests.schema.employee_cases import INVITE, NOVAK, director, fresh, project, rep
from tests.schema.feed_cases import answers, hub, next_event
from tests.schema.reminder_cases import CREATE, MINUTE

__all__ = ["director", "hub", "project", "rep"]

FOUND = """mutation ($input: ProjectCreateInput!) { projectCreate(input: $input) {
  session { token employee { id reminderIntervalMinutes } } errors { code message path } } }"""
PROJECT_UPDATE = """mutation ($input: ProjectUpdateInput!) { projectUpdate(input: $input) {
  project { defaultReminderIntervalMinutes reminderIntervalMaxMinutes version } errors { code message path } } }"""
VIEWER_UPDATE = """mutation ($input: ViewerUpdateInput!) { viewerUpdate(input: $input) {
  employee { id reminderIntervalMinutes version } errors { code message path } } }"""
LIVE = "subscription { reminderFeed { __typename ... on ReminderFeedLive { openCount dueCount popupsOff } } }"


async def set_own(employee: Employee, minutes: Any) -> Answer:
    return await as_employee(employee).run(VIEWER_UPDATE, input={"reminderIntervalMinutes": minutes})


# What is left out


async def test_a_founder_has_a_window_without_a_word_about_it(bells: Bells, clock: Clock) -> None:
    account = await make_account()

    answer = await as_account(account).run(FOUND, input={"name": "Pekárna"})

    assert answer.faults("projectCreate") == []
    assert answer.data["projectCreate"]["session"]["employee"]["reminderIntervalMinutes"] == 10
    founder = await Employee.get(account_id=account.id)
    due_at = clock.at + timedelta(hours=1)
    await as_employee(founder).run(CREATE, input={"title": "Zavolat", "dueAt": due_at})
    assert (await fresh(founder)).next_popup_at == due_at
    noted = await AuditEntry.get(action="projectCreate", subject="Employee")
    assert noted.changes["reminder_interval_minutes"] == [None, 10]


@pytest.mark.parametrize("default", [10, 25, None])
async def test_whoever_is_invited_without_a_word_gets_the_projects_default(
    project: Project, director: Employee, default: int | None
) -> None:
    sent = {"defaultReminderIntervalMinutes": default}
    before = await fresh(director)
    set_default = await as_employee(director).run(PROJECT_UPDATE, input=sent)
    assert set_default.faults("projectUpdate") == []

    answer = await as_employee(director).run(INVITE, input=NOVAK)

    assert answer.data["employeeInvite"]["employee"]["reminderIntervalMinutes"] == default
    # Who is here already keeps what they have.
    assert await fresh(director) == before and before.reminder_interval_minutes is None


@pytest.mark.parametrize("sent", [None, 45])
async def test_what_the_invitation_says_holds_null_too(director: Employee, sent: int | None) -> None:
    answer = await as_employee(director).run(INVITE, input={**NOVAK, "reminderIntervalMinutes": sent})

    assert answer.data["employeeInvite"]["employee"]["reminderIntervalMinutes"] == sent


# The project's settings


async def test_who_sets_the_project_up_sets_both(project: Project, director: Employee) -> None:
    sent = {"defaultReminderIntervalMinutes": 1440, "reminderIntervalMaxMinutes": 1440}

    answer = await as_employee(director).run(PROJECT_UPDATE, input=sent)

    assert answer.faults("projectUpdate") == []
    assert answer.data["projectUpdate"]["project"] == {**sent, "version": 2}
    assert (await AuditEntry.get(action="projectUpdate")).changes == {
        "default_reminder_interval_minutes": [10, 1440],
        "reminder_interval_max_minutes": [60, 1440],
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("defaultReminderIntervalMinutes", 0, "OUT_OF_RANGE"),
        ("defaultReminderIntervalMinutes", 1441, "OUT_OF_RANGE"),
        ("reminderIntervalMaxMinutes", 0, "OUT_OF_RANGE"),
        ("reminderIntervalMaxMinutes", 1441, "OUT_OF_RANGE"),
        ("reminderIntervalMaxMinutes", None, "REQUIRED"),
    ],
)
async def test_a_wrong_setting_is_told_and_changes_nothing(
    project: Project, director: Employee, field: str, value: int | None, code: str
) -> None:
    answer = await as_employee(director).run(PROJECT_UPDATE, input={field: value})

    assert answer.faults("projectUpdate") == [(f"input.{field}", code)]
    assert await Project.get(id=project.id) == project and (await Project.get(id=project.id)).version == 1


async def test_an_external_sees_how_long_an_interval_they_may_choose(project: Project) -> None:
    answer = await as_role(Role.EXTERNAL_TELEPHONIST, project=project).run(
        "{ project { reminderIntervalMaxMinutes } }"
    )

    assert answer.errors == [] and answer.data["project"]["reminderIntervalMaxMinutes"] == 60


# One's own


@pytest.mark.parametrize("role", list(Role))
async def test_everybody_sets_their_own_interval_and_the_window_moves(
    project: Project, role: Role, clock: Clock, bells: Bells
) -> None:
    person = await make_employee(project, [role])
    await make_reminder(person, due_at=clock.at - MINUTE)

    answer = await set_own(person, 60)

    assert answer.faults("viewerUpdate") == []
    assert answer.data["viewerUpdate"]["employee"] == {
        "id": gid(person),
        "reminderIntervalMinutes": 60,
        "version": 2,
    }
    assert (await fresh(person)).next_popup_at == clock.at - MINUTE
    entry = await AuditEntry.get(action="viewerUpdate")
    assert (entry.employee_id, entry.subject_id) == (person.id, person.id)
    assert entry.changes == {"reminder_interval_minutes": [None, 60]}


@pytest.mark.parametrize(
    ("had", "sent", "code", "said"),
    [
        (10, 61, "OUT_OF_RANGE", "61 is out of range. Enter a number from 1 to 60"),
        (10, 1440, "OUT_OF_RANGE", "1,440 is out of range. Enter a number from 1 to 60"),
        (10, 0, "OUT_OF_RANGE", "0 is out of range"),
        (10, None, "NOT_ALLOWED", "Nobody turns off their own window. Enter 1 to 60 minutes"),
        (None, 90, "OUT_OF_RANGE", "90 is out of range"),
    ],
)
async def test_not_to_off_and_no_longer_than_the_project_says(
    project: Project, had: int | None, sent: int | None, code: str, said: str
) -> None:
    person = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=had)

    answer = await set_own(person, sent)

    assert answer.faults("viewerUpdate") == [("input.reminderIntervalMinutes", code)]
    assert answer.data["viewerUpdate"]["errors"][0]["message"].startswith(said)
    after = await fresh(person)
    assert (after.reminder_interval_minutes, after.version) == (had, 1)
    assert not await AuditEntry.all().exists()


@pytest.mark.parametrize("had", [None, 5, 600])
async def test_ones_own_sent_back_as_read_is_no_change(
    project: Project, had: int | None, bells: Bells
) -> None:
    person = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=had)

    answer = await set_own(person, had)
    nothing = await as_employee(person).run(VIEWER_UPDATE, input={})

    assert answer.faults("viewerUpdate") == nothing.faults("viewerUpdate") == []
    assert (await fresh(person)).version == 1
    assert not await AuditEntry.all().exists() and (bells.rings, bells.jobs) == ([], [])


async def test_who_has_no_role_has_no_window_to_set(project: Project) -> None:
    nobody = await make_employee(project, [])

    answer = await set_own(nobody, 5)

    assert answer.codes == ["FORBIDDEN"] and (await fresh(nobody)).reminder_interval_minutes is None


# Off, and told so


@pytest.mark.parametrize(("minutes", "off"), [(None, True), (10, False)])
async def test_the_feed_says_that_the_window_is_off_and_how_many_are_due(
    project: Project, hub: Hub, clock: Clock, minutes: int | None, off: bool
) -> None:
    person = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=minutes)
    for due_at in (clock.at - MINUTE, clock.at, clock.at + MINUTE):
        await make_reminder(person, due_at=due_at)

    async with answers(hub, as_employee(person), document=LIVE) as results:
        told = (await next_event(results)).data["reminderFeed"]
        while told["__typename"] != "ReminderFeedLive":
            told = (await next_event(results)).data["reminderFeed"]

    assert told == {"__typename": "ReminderFeedLive", "openCount": 3, "dueCount": 2, "popupsOff": off}


WINDOWLESS = """query ($where: EmployeeWhere) {
  employees(where: $where) { totalCount nodes { id dueReminderCount reminderIntervalMinutes } } }"""
UNTOLD = {"reminderIntervalMinutes": {"isNull": True}, "dueReminderCount": {"gt": 0}}


async def test_the_admins_list_tells_who_has_reminders_due_and_no_window(
    project: Project, director: Employee
) -> None:
    untold = await make_employee(project, [Role.SALES_REP])
    told = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)
    has_none_due = await make_employee(project, [Role.SALES_REP])
    for person in (untold, untold, told):
        await make_reminder(person, due_at=LONG_AGO)
    await make_reminder(untold, due_at=LONG_AGO, state=ReminderState.RESOLVED, resolved_at=NOON)
    await make_reminder(has_none_due, due_at=FAR_AWAY)

    everybody = await as_employee(director).run(WINDOWLESS)
    found = await as_employee(director).run(WINDOWLESS, where=UNTOLD)
    rest = await as_employee(director).run(WINDOWLESS, where={"not": UNTOLD})

    counts = {each["id"]: each["dueReminderCount"] for each in everybody.data["employees"]["nodes"]}
    assert counts == {gid(untold): 2, gid(told): 1, gid(has_none_due): 0, gid(director): 0}
    assert found.data["employees"] == {
        "totalCount": 1,
        "nodes": [{"id": gid(untold), "dueReminderCount": 2, "reminderIntervalMinutes": None}],
    }
    assert {each["id"] for each in rest.data["employees"]["nodes"]} == counts.keys() - {gid(untold)}


async def test_what_the_viewer_may_not_see_is_not_counted(project: Project) -> None:
    mine, hidden = await make_division(project), await make_division(project)
    rep = await make_employee(project, [Role.SALES_REP])
    for division in (mine, hidden, hidden):
        contact = await make_contact(project, division=division)
        await make_reminder(rep, due_at=LONG_AGO, contact=contact)
    narrow = await make_employee(project, [Role.DIRECTOR], divisions=[mine])

    one = await as_employee(narrow).run(WINDOWLESS, where={"dueReminderCount": {"eq": 1}})
    three = await as_employee(narrow).run(WINDOWLESS, where={"dueReminderCount": {"gte": 2}})

    (shown,) = one.data["employees"]["nodes"]
    assert (shown["id"], shown["dueReminderCount"]) == (gid(rep), 1)
    assert three.data["employees"] == {"totalCount": 0, "nodes": []}


async def test_nobody_else_learns_or_filters_by_how_many_are_due(project: Project, rep: Employee) -> None:
    await make_reminder(rep, due_at=LONG_AGO)

    shown = await as_employee(rep).run(WINDOWLESS)
    filtered = await as_employee(rep).run(WINDOWLESS, where=UNTOLD)

    assert shown.codes == filtered.codes == ["FORBIDDEN"]
    assert [each["dueReminderCount"] for each in shown.data["employees"]["nodes"]] == [None]
    assert filtered.data is None or filtered.data["employees"] is None


@pytest.mark.parametrize("name", ["defaultReminderIntervalMinutes", "reminderIntervalMaxMinutes"])
async def test_the_default_is_one_that_employees_may_choose_themselves(name: str) -> None:
    project = await make_project(default_reminder_interval_minutes=20, reminder_interval_max_minutes=30)
    boss = as_employee(await make_employee(project, [Role.ADMIN]))
    too_far = {"defaultReminderIntervalMinutes": 31, "reminderIntervalMaxMinutes": 19}

    refused = await boss.run(PROJECT_UPDATE, input={name: too_far[name]})
    both = await boss.run(PROJECT_UPDATE, input=too_far)
    off = await boss.run(
        PROJECT_UPDATE, input={"defaultReminderIntervalMinutes": None, "reminderIntervalMaxMinutes": 5}
    )

    assert refused.faults("projectUpdate") == [(f"input.{name}", "OUT_OF_RANGE")]
    [error] = refused.data["projectUpdate"]["errors"]
    assert all(f"{each}" in error["message"] for each in ((31, 30) if name[0] == "d" else (20, 19)))
    assert both.faults("projectUpdate") == [("input.defaultReminderIntervalMinutes", "OUT_OF_RANGE")]
    assert off.faults("projectUpdate") == []
