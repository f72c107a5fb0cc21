"""Changing a project's base data and settings."""

from typing import Any

import pytest

from app.models import AuditEntry, Email, EmailPurpose, Project
from app.policy import Role
from tests.factories import NOON, make_project
from tests.graphql import SentJob, as_role
from tests.schema.project_cases import BASE_DATA

UPDATE = """
mutation UpdateProject($input: ProjectUpdateInput!) {
  projectUpdate(input: $input) { project { id name email version } errors { code message path } }
}
"""


async def test_a_director_changes_the_base_data() -> None:
    project = await make_project(street="Krátká 2", city="Brno", country="CZ")

    answer = await as_role(Role.DIRECTOR, project=project).run(
        UPDATE,
        input={
            "name": "Šťastný",
            "ico": "177041",
            "address": {"city": "Praha"},
            "timeZone": "Europe/London",
            "expectedVersion": 1,
        },
    )

    assert answer.faults("projectUpdate") == []
    changed = await Project.get(id=project.id)
    assert (changed.name, changed.ico, changed.street, changed.city, changed.time_zone, changed.version) == (
        "Šťastný",
        "00177041",
        "Krátká 2",
        "Praha",
        "Europe/London",
        2,
    )
    assert changed.sort_key > project.sort_key
    entry = await AuditEntry.get(action="projectUpdate")
    assert entry.changes["city"] == ["Brno", "Praha"] and entry.subject_id == project.id


async def test_null_empties_a_field_and_what_is_not_sent_stays() -> None:
    project = await make_project(ico="25596641", street="Krátká 2", city="Brno")

    answer = await as_role(Role.DIRECTOR, project=project).run(UPDATE, input={"email": None, "address": None})

    assert answer.faults("projectUpdate") == []
    changed = await Project.get(id=project.id)
    assert (changed.email, changed.email_verified_at, changed.street, changed.city, changed.ico) == (
        None,
        None,
        None,
        None,
        "25596641",
    )


async def test_a_new_address_must_be_proved_anew(sent_jobs: list[SentJob]) -> None:
    project = await make_project()

    await as_role(Role.DIRECTOR, project=project).run(UPDATE, input={"email": "jina@firma.cz"})

    assert (await Project.get(id=project.id)).email_verified_at is None
    assert (await Email.get()).purpose is EmailPurpose.ADDRESS_VERIFICATION and len(sent_jobs) == 1


async def test_the_same_data_sent_again_change_nothing(sent_jobs: list[SentJob]) -> None:
    project = await make_project(ico="25596641")

    answer = await as_role(Role.DIRECTOR, project=project).run(
        UPDATE, input={"name": project.name, "email": project.email, "ico": "25596641"}
    )

    assert answer.data["projectUpdate"]["project"]["version"] == 1
    assert (await Project.get(id=project.id)).email_verified_at == NOON and sent_jobs == []


async def test_a_stale_version_writes_nothing(sent_jobs: list[SentJob]) -> None:
    project = await make_project(version=3)

    answer = await as_role(Role.ADMIN, project=project).run(
        UPDATE, input={"name": "Jiná", "email": "jina@firma.cz", "expectedVersion": 2}
    )

    assert answer.faults("projectUpdate") == [("input.expectedVersion", "STALE_VERSION")]
    unchanged = await Project.get(id=project.id)
    assert (unchanged.name, unchanged.email, unchanged.version) == (project.name, project.email, 3)
    assert sent_jobs == []


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        *BASE_DATA,
        ("name", None, "REQUIRED"),
        ("timeZone", None, "REQUIRED"),
        ("timeZone", "Europe/Praha", "INVALID"),
        ("dailyDeleteLimit", None, "REQUIRED"),
        ("dailyDeleteLimit", -1, "OUT_OF_RANGE"),
        ("dailyDeleteLimit", 1_000_001, "OUT_OF_RANGE"),
    ],
)
async def test_wrong_data_are_told_with_their_place_and_change_nothing(
    sent_jobs: list[SentJob], field: str, value: Any, code: str
) -> None:
    project = await make_project()

    answer = await as_role(Role.ADMIN, project=project).run(UPDATE, input={field: value})

    (fault,) = answer.faults("projectUpdate")
    assert fault[0].startswith(f"input.{field}") and fault[1] == code
    assert (await Project.get(id=project.id)).version == 1 and sent_jobs == []


async def test_an_admin_sets_how_much_is_deleted_a_day() -> None:
    project = await make_project()

    answer = await as_role(Role.ADMIN, project=project).run(UPDATE, input={"dailyDeleteLimit": 5})

    assert answer.faults("projectUpdate") == []
    assert (await Project.get(id=project.id)).daily_delete_limit == 5


@pytest.mark.parametrize("value", [1_000_000, None])
async def test_a_director_does_not_set_how_much_is_deleted_a_day(value: int | None) -> None:
    project = await make_project()

    answer = await as_role(Role.DIRECTOR, project=project).run(
        UPDATE, input={"name": "Jiná", "dailyDeleteLimit": value}
    )

    assert answer.codes == ["FORBIDDEN"]
    unchanged = await Project.get(id=project.id)
    assert (unchanged.daily_delete_limit, unchanged.name) == (100, project.name)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DIRECTOR, Role.ADMIN}))
async def test_nobody_else_changes_the_project(role: Role, sent_jobs: list[SentJob]) -> None:
    project = await make_project()

    answer = await as_role(role, project=project).run(UPDATE, input={"email": "jina@firma.cz"})

    assert answer.codes == ["FORBIDDEN"]
    assert (await Project.get(id=project.id)).email == project.email and sent_jobs == []
