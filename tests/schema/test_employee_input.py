"""What is no good input about an employee: told with its place, or coded, and nothing is written or sent."""

from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Employee, Project
from app.policy import Role
from tests.factories import NOON, make_division, make_employee, make_partner, make_project
from tests.graphql import (
    Bells,
    as_employee,
    code_of_id,
    gid,
)
from tests.schema.employee_cases import (
    INVITE,
    MUTATIONS,
    NOVAK,
    UPDATE,
    admin,
    director,
    everything,
    project,
    rep,
)

__all__ = ["admin", "director", "project", "rep"]

LONG = "ž" * 10_000
TYPED = [
    ("name", "", "REQUIRED"),
    ("name", " \u00a0 ", "REQUIRED"),
    ("name", LONG, "TOO_LONG"),
    ("name", "dva\nřádky", "INVALID"),
    ("name", "nul\x00", "INVALID"),
    ("name", "čára\u2028dál", "INVALID"),
    ("name", "zpět\u202e", "INVALID"),
    ("roles", ["SALES_REP"] * 17, "TOO_LONG"),
    ("reminderIntervalMinutes", 0, "OUT_OF_RANGE"),
    ("reminderIntervalMinutes", -1, "OUT_OF_RANGE"),
    ("reminderIntervalMinutes", 1441, "OUT_OF_RANGE"),
    ("timeZone", "Europe/Praha", "INVALID"),
    ("timeZone", LONG, "TOO_LONG"),
    ("timeZone", "../../etc/passwd", "INVALID"),
]
ADDRESSES = [
    ("", "REQUIRED"),
    ("jan", "INVALID"),
    ("a@x.cz> SIZE=1", "INVALID"),
    ("a@x.cz, b@y.cz", "INVALID"),
    ("Jan <a@x.cz>", "INVALID"),
    ('"a b"@x.cz', "INVALID"),
    ("a@x.cz\r\nBcc: b@y.cz", "INVALID"),
    ("a\u2028@x.cz", "INVALID"),
    ("a\x00@x.cz", "INVALID"),
    (f"{LONG}@x.cz", "TOO_LONG"),
]
NEVER_NULL = ("name", "roles", "divisionScope", "canDeleteContacts", "canSendBulkEmail")


async def refused(viewer: Employee, document: str, given: dict[str, Any], bells: Bells) -> Any:
    """The answer to what must change and send nothing."""
    client = await as_employee(viewer).sign_in()
    before = await everything()
    answer = await client.run(document, input=given)
    assert await everything() == before and bells.jobs == [] and bells.rings == []
    return answer


@pytest.mark.parametrize("mutation", ["employeeInvite", "employeeUpdate"])
@pytest.mark.parametrize(("field", "value", "code"), TYPED)
async def test_what_was_typed_wrong_is_told_with_its_place(
    director: Employee, rep: Employee, bells: Bells, mutation: str, field: str, value: Any, code: str
) -> None:
    base = NOVAK if mutation == "employeeInvite" else {"id": rep}

    answer = await refused(director, MUTATIONS[mutation], {**base, field: value}, bells)

    assert answer.faults(mutation) == [(f"input.{field}", code)]


@pytest.mark.parametrize(("email", "code"), ADDRESSES)
async def test_what_is_no_address_is_not_invited(
    director: Employee, bells: Bells, email: str, code: str
) -> None:
    answer = await refused(director, INVITE, {**NOVAK, "email": email}, bells)

    assert answer.faults("employeeInvite") == [("input.email", code)]


@pytest.mark.parametrize("field", NEVER_NULL)
async def test_what_everybody_has_is_not_emptied(
    director: Employee, rep: Employee, bells: Bells, field: str
) -> None:
    answer = await refused(director, UPDATE, {"id": rep, field: None}, bells)

    assert answer.faults("employeeUpdate") == [(f"input.{field}", "REQUIRED")]


async def test_all_faults_are_told_at_once(director: Employee, bells: Bells) -> None:
    given = {**NOVAK, "name": "", "email": "x", "reminderIntervalMinutes": 0}

    answer = await refused(director, INVITE, given, bells)

    assert sorted(answer.faults("employeeInvite")) == [
        ("input.email", "INVALID"),
        ("input.name", "REQUIRED"),
        ("input.reminderIntervalMinutes", "OUT_OF_RANGE"),
    ]


@pytest.mark.parametrize("mutation", ["employeeInvite", "employeeUpdate"])
async def test_all_divisions_and_some_contradict_each_other(
    project: Project, director: Employee, rep: Employee, bells: Bells, mutation: str
) -> None:
    base = NOVAK if mutation == "employeeInvite" else {"id": rep}
    scope = {"divisionScope": "ALL", "divisionIds": [await make_division(project)]}

    answer = await refused(director, MUTATIONS[mutation], {**base, **scope}, bells)

    assert answer.faults(mutation) == [("input.divisionIds", "INVALID")]


@pytest.mark.parametrize("mutation", ["employeeInvite", "employeeUpdate"])
async def test_more_divisions_than_fit_and_archived_ones_are_refused(
    project: Project, director: Employee, rep: Employee, bells: Bells, mutation: str
) -> None:
    base = NOVAK if mutation == "employeeInvite" else {"id": rep}
    old = await make_division(project, archived_at=NOON)

    many = await refused(director, MUTATIONS[mutation], {**base, "divisionIds": [old] * 251}, bells)
    archived = await refused(director, MUTATIONS[mutation], {**base, "divisionIds": [old]}, bells)

    assert many.faults(mutation) == [("input.divisionIds", "TOO_LONG")]
    assert archived.faults(mutation) == [("input.divisionIds.0", "WRONG_STATE")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reminderIntervalMinutes", 1.5),
        ("reminderIntervalMinutes", "5"),
        ("reminderIntervalMinutes", 2**40),
        ("roles", ["BOSS"]),
        ("roles", [None]),
        ("divisionScope", "NONE"),
        ("canDeleteContacts", "yes"),
        ("projectId", "x"),
        ("status", "ACTIVE"),
        ("accountId", "x"),
        ("name", 5),
        ("name", ["a"]),
    ],
)
@pytest.mark.parametrize("mutation", ["employeeInvite", "employeeUpdate"])
async def test_what_does_not_fit_the_schema_is_a_coded_error(
    director: Employee, rep: Employee, bells: Bells, mutation: str, field: str, value: Any
) -> None:
    base = NOVAK if mutation == "employeeInvite" else {"id": rep}

    answer = await refused(director, MUTATIONS[mutation], {**base, field: value}, bells)

    assert answer.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_what_must_be_sent_must_be_sent(director: Employee, bells: Bells, mutation: str) -> None:
    answer = await refused(director, MUTATIONS[mutation], {}, bells)

    assert set(answer.codes) == {"BAD_USER_INPUT"}


async def test_a_stale_version_writes_nothing(project: Project, director: Employee, bells: Bells) -> None:
    person = await make_employee(project, [Role.SALES_REP], version=7)

    answer = await refused(director, UPDATE, {"id": person, "roles": [], "expectedVersion": 6}, bells)

    assert answer.faults("employeeUpdate") == [("input.expectedVersion", "STALE_VERSION")]


@pytest.mark.parametrize("mutation", [name for name in MUTATIONS if name != "employeeInvite"])
async def test_an_id_that_names_no_employee_of_the_project_is_not_found(
    project: Project, director: Employee, bells: Bells, mutation: str
) -> None:
    foreign = await make_employee(await make_project(), [Role.SALES_REP])
    ids = [gid(foreign), global_id("Employee", uuid7()), gid(project), "nonsense", "", "\x00", LONG]

    answers = [await refused(director, MUTATIONS[mutation], {"id": each}, bells) for each in ids]

    assert [answer.codes for answer in answers] == [[code_of_id(each, "Employee")] for each in ids]
    assert {tuple(answer.errors[0]["extensions"]["inputPath"]) for answer in answers} == {("input", "id")}
    assert answers[0].errors[0]["message"] == answers[1].errors[0]["message"]


@pytest.mark.parametrize("mutation", ["employeeInvite", "employeeUpdate"])
async def test_ids_of_links_that_name_nothing_of_the_project_are_not_found(
    project: Project, director: Employee, rep: Employee, bells: Bells, mutation: str
) -> None:
    base = NOVAK if mutation == "employeeInvite" else {"id": rep}
    other, own = await make_project(), await make_division(project)
    divisions = [gid(await make_division(other)), global_id("Division", uuid7()), gid(rep), "x"]
    partners = [gid(await make_partner(other)), global_id("Partner", uuid7()), gid(own), "x"]

    for each in divisions:
        answer = await refused(director, MUTATIONS[mutation], {**base, "divisionIds": [own, each]}, bells)
        assert answer.codes == [code_of_id(each, "Division")]
        assert answer.errors[0]["extensions"]["inputPath"] == ["input", "divisionIds", "1"]
    for each in partners:
        answer = await refused(director, MUTATIONS[mutation], {**base, "partnerId": each}, bells)
        assert answer.codes == [code_of_id(each, "Partner")]
        assert answer.errors[0]["extensions"]["inputPath"] == ["input", "partnerId"]


@pytest.mark.parametrize("mutation", ["employeeInvite", "employeeInvitationResend"])
@pytest.mark.parametrize("key", ["", "k" * 201, "a\x00"])
async def test_a_key_that_cannot_be_kept_is_a_coded_error(
    director: Employee, rep: Employee, bells: Bells, mutation: str, key: str
) -> None:
    base = NOVAK if mutation == "employeeInvite" else {"id": rep}

    answer = await refused(director, MUTATIONS[mutation], {**base, "idempotencyKey": key}, bells)

    assert answer.codes == ["BAD_USER_INPUT"]
