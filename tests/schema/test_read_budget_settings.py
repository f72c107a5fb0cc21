"""What the director sees and sets of how much people of outside firms read."""

from datetime import UTC, datetime, timedelta

import pytest

from app.models import AuditEntry, Contact, Employee, ExternalRead, Project
from app.policy import Role
from app.services import housekeeping
from tests.conftest import Clock
from tests.engine.asking import ask
from tests.factories import make_contact, make_employee, make_external_read, make_partner, make_project
from tests.graphql import Client, as_employee, gid
from tests.schema.read_budget_cases import (
    LIMIT,
    client,
    contacts,
    counted,
    external,
    look_at,
    partner,
    project,
    shown,
)

__all__ = ["client", "contacts", "external", "partner", "project"]


async def test_a_refusal_is_told_to_the_director_once_an_hour(
    client: Client, external: Employee, contacts: list[Contact], clock: Clock
) -> None:
    await look_at(client, contacts[:3])
    for _ in range(3):
        await look_at(client, contacts[3:4])
    first = await AuditEntry.all()
    clock.advance(timedelta(minutes=61))
    await look_at(client, contacts[3:4])

    (entry,) = first
    assert (entry.action, entry.subject, entry.subject_id) == ("externalReadLimit", "Employee", external.id)
    assert (entry.employee_id, entry.project_id) == (external.id, external.project_id)
    assert entry.changes == {"limit": [None, 3], "read": [None, 3], "searches": [None, 0]}
    assert entry.client_ip == client.ip and entry.request_id
    assert await AuditEntry.all().count() == 2


ENTRIES = """{ auditEntries(where: {action: {eq: "externalReadLimit"}}) { nodes {
  subject employee { id } changes { field old new } } } }"""


async def test_the_director_reads_it_in_the_audit_log(
    project: Project, client: Client, external: Employee, contacts: list[Contact]
) -> None:
    await look_at(client, contacts[:2])
    await look_at(client, contacts)

    answer = await as_employee(await make_employee(project, [Role.DIRECTOR])).run(ENTRIES)

    assert answer.errors == []
    assert answer.data["auditEntries"]["nodes"] == [
        {
            "subject": "Employee",
            "employee": {"id": gid(external)},
            "changes": [
                {"field": "limit", "old": None, "new": "3"},
                {"field": "read", "old": None, "new": "2"},
                {"field": "searches", "old": None, "new": "0"},
            ],
        }
    ]
    assert (await client.run(ENTRIES)).codes == ["FORBIDDEN"]


async def test_the_log_names_nobody(
    client: Client, external: Employee, contacts: list[Contact], capfd: pytest.CaptureFixture[str]
) -> None:
    await look_at(client, contacts)

    said = "".join(capfd.readouterr())
    assert "external_read_limit" in said
    assert external.name not in said and external.email not in said and "Kontakt" not in said


SETTINGS = "mutation ($input: ProjectUpdateInput!) { projectUpdate(input: $input) { project { externalReadLimit } errors { path code } } }"


async def test_the_director_sets_the_limit(project: Project, client: Client, contacts: list[Contact]) -> None:
    director = as_employee(await make_employee(project, [Role.DIRECTOR]))

    changed = await director.run(SETTINGS, input={"externalReadLimit": 1})

    assert changed.data["projectUpdate"] == {"project": {"externalReadLimit": 1}, "errors": []}
    assert (await look_at(client, contacts[:2])).codes == ["RATE_LIMITED"]
    assert len(shown(await look_at(client, contacts[:1]))) == 1


@pytest.mark.parametrize(
    ("limit", "code"), [(-1, "OUT_OF_RANGE"), (100_001, "OUT_OF_RANGE"), (None, "REQUIRED")]
)
async def test_the_limit_is_from_none_to_a_hundred_thousand(
    project: Project, limit: int | None, code: str
) -> None:
    director = as_employee(await make_employee(project, [Role.DIRECTOR]))

    answer = await director.run(SETTINGS, input={"externalReadLimit": limit})

    assert answer.faults("projectUpdate") == [("input.externalReadLimit", code)]
    assert (await Project.get()).external_read_limit == LIMIT


async def test_nobody_below_the_director_sees_or_sets_it(project: Project, client: Client) -> None:
    rep = as_employee(await make_employee(project, [Role.SALES_REP]))

    for each in (rep, client):
        assert (await each.run(SETTINGS, input={"externalReadLimit": 9})).codes == ["FORBIDDEN"]
        read = await each.run("{ project { externalReadLimit } viewer { employee { contactsReadToday } } }")
        assert read.data == {
            "project": {"externalReadLimit": None},
            "viewer": {"employee": {"contactsReadToday": None}},
        }
        assert read.codes == ["FORBIDDEN", "FORBIDDEN"]


async def test_what_counts_no_more_is_cleared_away(
    external: Employee, contacts: list[Contact], clock: Clock
) -> None:
    await make_external_read(external, contacts[0], read_at=clock.at - timedelta(hours=25))
    await make_external_read(external, contacts[1], read_at=clock.at - timedelta(hours=23))

    assert await housekeeping.forget_served(ExternalRead, now=clock.at) == 1
    assert await counted() == {contacts[1].id}


async def test_he_sees_how_much_was_read_within_a_day_by_the_database_s_own_clock() -> None:
    project = await make_project()
    external = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=await make_partner(project))
    for hours in (0, 23, 25):
        at = datetime.now(UTC) - timedelta(hours=hours)
        await make_external_read(external, await make_contact(project), read_at=at)
    director = as_employee(await make_employee(project, [Role.DIRECTOR]))

    answer = await director.run("{ employees { nodes { contactsReadToday } } }")

    assert sorted(row["contactsReadToday"] for row in answer.data["employees"]["nodes"]) == [0, 2]


@pytest.mark.parametrize(
    ("selection", "is_read"),
    [
        ("id", False),
        ("employee { name }", False),
        ("b: readBudget { contactsLeft }", True),
        ("... on Viewer { ...Left } } } fragment Left on Viewer { ... { readBudget { searchesLeft }", True),
    ],
)
async def test_what_is_left_is_counted_only_where_it_is_asked(
    client: Client, selection: str, is_read: bool
) -> None:
    found = await ask(client, f"{{ viewer {{ {selection} }} }}")

    assert found.answer.errors == []
    assert any("external_searches" in each.sql for each in found.statements) == is_read
