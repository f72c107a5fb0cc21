"""Divisions: made, changed, archived; what they inherit."""

import asyncio
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import AccountToken, AuditEntry, Division, Email, EmailPurpose, Employee, Project
from app.policy import Role
from tests.factories import NOON, make_contact, make_division, make_employee, make_project
from tests.graphql import (
    SentJob,
    as_employee,
    as_role,
    code_of_id,
    gid,
)
from tests.schema.project_cases import BASE_DATA

CREATE = """
mutation CreateDivision($input: DivisionCreateInput!) {
  divisionCreate(input: $input) { division { id name email } errors { code message path } }
}
"""
UPDATE = """
mutation UpdateDivision($input: DivisionUpdateInput!) {
  divisionUpdate(input: $input) { division { id name email version } errors { code message path } }
}
"""
ARCHIVE = """
mutation ArchiveDivision($input: DivisionArchiveInput!) {
  divisionArchive(input: $input) { division { id archivedAt version } errors { code message path } }
}
"""
DIVISIONS = "{ divisions { totalCount nodes { name archivedAt } } }"
DIVISION = """
query($id: ID!) {
  division(id: $id) {
    ico vatId address { street city }
    baseData { email ico vatId legalForm address { street city postalCode country } }
  }
}
"""
MUTATIONS = {
    "divisionCreate": (CREATE, {"name": "B2B"}),
    "divisionUpdate": (UPDATE, {"name": "B2B"}),
    "divisionArchive": (ARCHIVE, {}),
}


@pytest.fixture
async def project() -> Project:
    return await make_project(
        ico="25596641",
        vat_id="CZ25596641",
        legal_form="s.r.o.",
        street="Dlouhá 1",
        city="Brno",
        postal_code="60200",
        country="CZ",
    )


@pytest.fixture
async def director(project: Project) -> Employee:
    return await make_employee(project, [Role.DIRECTOR])


async def test_a_division_is_made_with_a_name_and_an_email(
    director: Employee, project: Project, sent_jobs: list[SentJob]
) -> None:
    answer = await as_employee(director).run(CREATE, input={"name": "B2B", "email": "b2b@firma.cz"})

    assert answer.faults("divisionCreate") == []
    division = await Division.get()
    assert answer.data["divisionCreate"]["division"] == {
        "id": gid(division),
        "name": "B2B",
        "email": "b2b@firma.cz",
    }
    assert (division.project_id, division.email_verified_at) == (project.id, None)
    assert (await Email.get()).purpose is EmailPurpose.ADDRESS_VERIFICATION and len(sent_jobs) == 1
    assert (await AccountToken.get()).division_id == division.id


async def test_divisions_are_listed_the_czech_way_with_the_archived(
    director: Employee, project: Project
) -> None:
    await make_division(await make_project(), name="Cizí")
    for name in ("Chalupy", "Domy", "Hotely"):
        await make_division(project, name=name, archived_at=NOON if name == "Domy" else None)

    answer = await as_employee(director).run(DIVISIONS)

    assert answer.data["divisions"] == {
        "totalCount": 3,
        "nodes": [
            {"name": "Domy", "archivedAt": "2026-03-02T12:00:00.000Z"},
            {"name": "Hotely", "archivedAt": None},
            {"name": "Chalupy", "archivedAt": None},
        ],
    }


async def test_what_a_division_does_not_set_is_the_projects(project: Project, director: Employee) -> None:
    division = await make_division(project)

    answer = await as_employee(director).run(DIVISION, id=division)

    assert answer.data["division"] == {
        "ico": None,
        "vatId": None,
        "address": None,
        "baseData": {
            "email": project.email,
            "ico": "25596641",
            "vatId": "CZ25596641",
            "legalForm": "s.r.o.",
            "address": {"street": "Dlouhá 1", "city": "Brno", "postalCode": "60200", "country": "CZ"},
        },
    }


async def test_two_seats_are_not_mixed_and_another_firm_takes_no_vat_id(
    project: Project, director: Employee
) -> None:
    division = await make_division(project, ico="27082440", city="Praha")

    answer = await as_employee(director).run(DIVISION, id=division)

    assert answer.data["division"]["baseData"] == {
        "email": project.email,
        "ico": "27082440",
        "vatId": None,
        "legalForm": None,
        "address": {"street": None, "city": "Praha", "postalCode": None, "country": None},
    }


async def test_a_division_is_changed_and_null_makes_it_inherit_again(
    project: Project, director: Employee
) -> None:
    division = await make_division(project, ico="27082440", street="Jiná 3", city="Praha")

    answer = await as_employee(director).run(
        UPDATE, input={"id": division, "ico": None, "address": {"city": "Plzeň"}, "expectedVersion": 1}
    )

    assert answer.faults("divisionUpdate") == []
    changed = await Division.get(id=division.id)
    assert (changed.ico, changed.street, changed.city, changed.version) == (None, "Jiná 3", "Plzeň", 2)
    assert (await AuditEntry.get(action="divisionUpdate")).changes == {
        "ico": ["27082440", None],
        "city": ["Praha", "Plzeň"],
    }


async def test_an_archived_division_stays_with_all_that_is_in_it(
    project: Project, director: Employee
) -> None:
    division = await make_division(project)
    contact = await make_contact(project, division=division)

    first = await as_employee(director).run(ARCHIVE, input={"id": division})
    again = await as_employee(director).run(ARCHIVE, input={"id": division})

    assert first.data["divisionArchive"]["division"]["archivedAt"] is not None
    assert again.data == first.data
    shown = await as_employee(director).run(
        "query($id: ID!) { contact(id: $id) { division { id } } }", id=contact
    )
    assert shown.data["contact"]["division"] == {"id": gid(division)}


@pytest.mark.parametrize("name", ["B2B", "b2b", " B2B "])
async def test_two_divisions_in_use_have_different_names(
    project: Project, director: Employee, name: str
) -> None:
    await make_division(project, name="B2B")
    other = await make_division(project, name="B2C")

    made = await as_employee(director).run(CREATE, input={"name": name})
    renamed = await as_employee(director).run(UPDATE, input={"id": other, "name": name})

    assert made.faults("divisionCreate") == [("input.name", "TAKEN")]
    assert renamed.faults("divisionUpdate") == [("input.name", "TAKEN")]
    assert await Division.all().count() == 2


async def test_the_name_of_an_archived_or_foreign_division_is_free(
    project: Project, director: Employee
) -> None:
    await make_division(project, name="B2B", archived_at=NOON)
    await make_division(await make_project(), name="B2B")

    answer = await as_employee(director).run(CREATE, input={"name": "B2B"})

    assert answer.faults("divisionCreate") == []


async def test_an_archived_division_may_have_any_name(project: Project, director: Employee) -> None:
    await make_division(project, name="B2B")
    archived = await make_division(project, archived_at=NOON)

    answer = await as_employee(director).run(UPDATE, input={"id": archived, "name": "B2B"})

    assert answer.faults("divisionUpdate") == []


async def test_of_parallel_divisions_with_one_name_one_is_made(project: Project, director: Employee) -> None:
    client = await as_employee(director).sign_in()

    answers = await asyncio.gather(*[client.run(CREATE, input={"name": "B2B"}) for _ in range(5)])

    faults = sorted(str(answer.faults("divisionCreate")) for answer in answers)
    assert faults == [*["[('input.name', 'TAKEN')]"] * 4, "[]"]
    assert await Division.all().count() == 1


async def test_a_repeated_request_makes_one_division(director: Employee, sent_jobs: list[SentJob]) -> None:
    given = {"name": "B2B", "email": "b2b@firma.cz", "idempotencyKey": "k"}

    first = await as_employee(director).run(CREATE, input=given)
    again = await as_employee(director).run(CREATE, input=given)
    other = await as_employee(director).run(CREATE, input={**given, "name": "B2C"})

    assert first.data == again.data and other.codes == ["IDEMPOTENCY_MISMATCH"]
    assert await Division.all().count() == 1 and len(sent_jobs) == 1


@pytest.mark.parametrize("mutation", ["divisionCreate", "divisionUpdate"])
@pytest.mark.parametrize(("field", "value", "code"), BASE_DATA)
async def test_wrong_data_are_told_with_their_place_and_change_nothing(
    project: Project,
    director: Employee,
    sent_jobs: list[SentJob],
    mutation: str,
    field: str,
    value: Any,
    code: str,
) -> None:
    division = await make_division(project)
    document, given = MUTATIONS[mutation]
    target = {"id": division} if mutation == "divisionUpdate" else {}

    answer = await as_employee(director).run(document, input={**given, **target, field: value})

    (fault,) = answer.faults(mutation)
    assert fault[0].startswith(f"input.{field}") and fault[1] == code
    (unchanged,) = await Division.all()
    assert (unchanged.version, unchanged.name) == (1, division.name) and sent_jobs == []


@pytest.mark.parametrize("mutation", ["divisionUpdate", "divisionArchive"])
async def test_a_stale_version_writes_nothing(project: Project, director: Employee, mutation: str) -> None:
    division = await make_division(project, version=4)
    document, given = MUTATIONS[mutation]

    answer = await as_employee(director).run(document, input={**given, "id": division, "expectedVersion": 3})

    assert answer.faults(mutation) == [("input.expectedVersion", "STALE_VERSION")]
    unchanged = await Division.get()
    assert (unchanged.version, unchanged.name, unchanged.archived_at) == (4, division.name, None)


@pytest.mark.parametrize("mutation", ["divisionUpdate", "divisionArchive"])
async def test_an_id_that_names_no_division_of_the_project_is_not_found(
    project: Project, director: Employee, mutation: str
) -> None:
    foreign = await make_division(await make_project())
    unknown = global_id("Division", uuid7())
    document, given = MUTATIONS[mutation]

    ids = (foreign, unknown, project, director, "nonsense", "")
    answers = [await as_employee(director).run(document, input={**given, "id": each}) for each in ids]

    assert [answer.codes for answer in answers] == [[code_of_id(each, "Division")] for each in ids]
    assert answers[0].errors[0]["message"] == answers[1].errors[0]["message"]
    assert {tuple(answer.errors[0]["extensions"]["inputPath"]) for answer in answers} == {("input", "id")}
    assert (await Division.get()).version == 1


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DIRECTOR, Role.ADMIN}))
async def test_nobody_else_touches_divisions(
    project: Project, sent_jobs: list[SentJob], mutation: str, role: Role
) -> None:
    division = await make_division(project)
    document, given = MUTATIONS[mutation]
    target = {} if mutation == "divisionCreate" else {"id": division}

    answer = await as_role(role, project=project).run(document, input={**given, **target})

    assert answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["extensions"]["requiredPermission"] == "PROJECT_SETTINGS"
    (unchanged,) = await Division.all()
    assert (unchanged.version, unchanged.archived_at) == (1, None) and sent_jobs == []


async def test_an_external_sees_no_division(project: Project) -> None:
    division = await make_division(project)

    answer = await as_role(Role.EXTERNAL_TELEPHONIST, project=project).run(
        "query($id: ID!) { node(id: $id) { id } division(id: $id) { id } }", id=division
    )

    assert answer.data == {"node": None, "division": None} and answer.codes == ["FORBIDDEN"]
