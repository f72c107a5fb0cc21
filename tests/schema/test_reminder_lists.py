"""Who sees which reminders, and how the list is narrowed and paged."""

from typing import Any

import pytest

from app.models import Employee, Project, Reminder, ReminderKind, ReminderState
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
from tests.graphql import as_employee, as_role, gid
from tests.schema.reminder_cases import (
    COUNT,
    CREATE,
    DUE,
    LIST,
    MINUTE,
    ONE,
    REASSIGN,
    RESOLVE,
    director,
    project,
    rep,
)

__all__ = ["director", "project", "rep"]


async def test_one_sees_ones_own_and_givers_see_all(
    rep: Employee, director: Employee, project: Project
) -> None:
    own = await make_reminder(rep, due_at=DUE)
    others = await make_reminder(director, due_at=DUE + MINUTE)
    foreign = await make_reminder(await make_employee(await make_project(), [Role.DIRECTOR]))

    of_rep = await as_employee(rep).run(LIST)
    of_director = await as_employee(director).run(LIST)

    assert (
        of_rep.data["reminders"]["nodes"] == [{"id": gid(own)}]
        and of_rep.data["reminders"]["totalCount"] == 1
    )
    assert of_director.data["reminders"]["nodes"] == [{"id": gid(own)}, {"id": gid(others)}]
    for unseen in (others, foreign):
        assert (await as_employee(rep).run(ONE, id=unseen)).data == {"reminder": None}


async def test_a_reminder_whose_contact_is_out_of_sight_is_not_seen(project: Project, clock: Clock) -> None:
    contact = await make_contact(project, division=await make_division(project))
    blind = await make_employee(project, [Role.DIRECTOR], divisions=[], reminder_interval_minutes=5)
    reminder = await make_reminder(blind, contact=contact)

    client = as_employee(blind)

    assert (await client.run(LIST)).data["reminders"]["nodes"] == []
    assert (await client.run(COUNT)).data == {"openReminderCount": 0}
    assert (await client.run(RESOLVE, input={"id": reminder})).codes == ["NOT_FOUND"]


async def test_an_external_has_reminders_about_shared_contacts_only(project: Project, clock: Clock) -> None:
    partner = await make_partner(project)
    shared, kept = await make_contact(project), await make_contact(project)
    await make_lead_share(project, partner, [shared])
    external = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
    client = as_employee(external)

    good = await client.run(CREATE, input={"title": "Zavolat", "dueAt": DUE, "contactId": shared})
    bad = await client.run(CREATE, input={"title": "Zavolat", "dueAt": DUE, "contactId": kept})

    assert good.faults("reminderCreate") == []
    assert bad.codes == ["NOT_FOUND"] and bad.errors[0]["extensions"]["inputPath"] == ["input", "contactId"]
    assert await Reminder.all().count() == 1


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"state": {"eq": "OPEN"}}, ["early", "late"]),
        ({"state": {"eq": "RESOLVED"}}, ["done"]),
        ({"kind": {"in": ["FOLLOW_UP"]}}, ["late"]),
        ({"dueAt": {"lt": "2026-03-03T08:30:01Z"}}, ["early"]),
        ({"not": {"state": {"eq": "OPEN"}}}, ["done"]),
        ({"or": [{"kind": {"eq": "FOLLOW_UP"}}, {"state": {"eq": "RESOLVED"}}]}, ["late", "done"]),
    ],
)
async def test_the_list_can_be_narrowed(
    rep: Employee, clock: Clock, where: dict[str, Any], found: list[str]
) -> None:
    rows = {
        "early": await make_reminder(rep, due_at=DUE),
        "late": await make_reminder(rep, due_at=DUE + MINUTE, kind=ReminderKind.FOLLOW_UP),
        "done": await make_reminder(
            rep, due_at=DUE + 2 * MINUTE, state=ReminderState.RESOLVED, resolved_at=clock.at
        ),
    }

    answer = await as_employee(rep).run(LIST, where=where)

    assert answer.data["reminders"]["nodes"] == [{"id": gid(rows[name])} for name in found]


async def test_the_list_is_narrowed_by_contact_and_assignee(
    rep: Employee, director: Employee, project: Project
) -> None:
    contact = await make_contact(project)
    with_contact = await make_reminder(director, contact=contact, due_at=DUE)
    of_rep = await make_reminder(rep, due_at=DUE)
    client = as_employee(director)

    async def found(where: dict[str, Any]) -> list[str]:
        return [row["id"] for row in (await client.run(LIST, where=where)).data["reminders"]["nodes"]]

    assert await found({"contactId": {"eq": contact}}) == [gid(with_contact)]
    assert await found({"assigneeId": {"eq": rep}}) == [gid(of_rep)]
    assert await found({"assigneeId": {"eq": await make_employee(await make_project())}}) == []


async def test_pages_have_no_gap_where_all_are_due_at_once(rep: Employee) -> None:
    rows = [await make_reminder(rep, due_at=DUE) for _ in range(7)]
    client, seen, after = as_employee(rep), [], None

    while True:
        page = (await client.run(LIST, first=3, after=after, orderBy=[{"dueAt": "DESC"}])).data["reminders"]
        seen += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert len(seen) == 7 and set(seen) == {gid(row) for row in rows}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.EXTERNAL_TELEPHONIST])
async def test_every_role_has_reminders_and_only_givers_give(project: Project, role: Role) -> None:
    other = await make_reminder(await make_employee(project, [Role.SALES_REP]))
    client = as_role(role, project=project)

    made = await client.run(CREATE, input={"title": "Vlastní", "dueAt": DUE})
    given = await client.run(REASSIGN, input={"id": other, "assigneeId": client.employee})

    assert made.faults("reminderCreate") == []
    gives = role in (Role.COMPLAINTS, Role.DIRECTOR, Role.ADMIN)
    assert given.codes == ([] if gives else ["FORBIDDEN"])


async def test_without_a_role_there_are_no_reminders(project: Project) -> None:
    client = as_role(project=project)

    for document, variables in ((LIST, {}), (CREATE, {"input": {"title": "Nic", "dueAt": DUE}}), (COUNT, {})):
        assert (await client.run(document, **variables)).codes == ["FORBIDDEN"]
    assert await Reminder.all().count() == 0
