"""D. Filtering and sorting by what a role may not read, and what the refusals and other errors let out."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from app.engine.guards import guard_of
from app.jobs import unit_of_work
from app.policy import Role
from app.schema import build
from app.services import divisions
from tests.abuse.mutating import document_of
from tests.abuse.rights import People, guarded_inputs, make_people
from tests.abuse.serving import Divize
from tests.abuse.tenants import Listed, connections
from tests.engine.asking import ask
from tests.factories import make_employee, make_project
from tests.graphql import as_employee
from tests.schema.operations import sample
from tests.schema.sign_in_cases import SIGN_IN


@pytest.fixture
async def people(inside: None) -> People:
    return await make_people()


def hidden_in(where: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same condition at the top and deep inside."""
    yield where
    yield {"not": where}
    yield {"and": [where]}
    yield {"or": [{}, where]}
    yield {"and": [{"or": [{"not": {"and": [where]}}]}]}


def a_condition(owner: str, name: str) -> dict[str, Any]:
    filter_type = get_named_type(field_of(f"{owner}Where", name).type)
    assert isinstance(filter_type, GraphQLInputObjectType)
    operator, field = next(iter(filter_type.fields.items()))
    return {name: {operator: sample(field)}}


def field_of(input_name: str, name: str) -> Any:
    return build()._schema.type_map[input_name].fields[name]  # type: ignore[attr-defined]


def reached(people: People, role: Role, owner: str) -> list[Listed]:
    """The connections over this type behind root fields that the role may ask for."""
    viewer = people.viewers[role]
    return [each for each in connections() if each.table.__name__ == owner and each.guard.granted_to(viewer)]


async def refused_unread(people: People, role: Role, document: str, **variables: Any) -> bool:
    asked = await ask(people.clients[role], document, **variables)
    assert asked.statements == [], (document, asked)
    return asked.answer.codes == ["FORBIDDEN"] and asked.answer.data is None


async def test_case_42_a_guarded_field_in_any_filter_is_refused_before_anything_is_read(
    people: People,
) -> None:
    tried = set()
    for owner, name, _, guard in guarded_inputs("Where"):
        for role in people.without(guard):
            for where in hidden_in(a_condition(owner, name)):
                for listed in reached(people, role, owner):
                    document = listed.document(f"$where: {owner}Where", "where: $where", "totalCount")
                    assert await refused_unread(people, role, document, where=where), (role, document, where)
            tried.add(f"{owner}.{name}")
    assert {"Contact.vatId", "Contact.priceLevel", "Contact.internalRating", "Contact.divisionId"} <= tried


async def test_case_42_an_empty_condition_or_one_that_finds_nothing_is_refused_as_well(
    people: People,
) -> None:
    for where in ("{vatId: {}}", '{vatId: {eq: "nobody has it"}}', "{not: {not: {vatId: {in: []}}}}"):
        document = f"{{ contacts(where: {where}) {{ nodes {{ id }} }} }}"

        assert await refused_unread(people, Role.TELEPHONIST, document), where


async def test_case_43_a_guarded_field_in_any_sort_is_refused(people: People) -> None:
    """There is none to sort by yet; the first will be tried here."""
    for owner, name, _, guard in guarded_inputs("OrderBy"):
        for role in people.without(guard):
            for listed in reached(people, role, owner):
                document = listed.document("", f"orderBy: [{{{name}: ASC}}]", "totalCount")
                assert await refused_unread(people, role, document), (role, document)


def test_case_43_whoever_sorts_or_filters_by_a_field_needs_what_reading_it_needs() -> None:
    for ending in ("Where", "OrderBy"):
        for owner, name, _, guard in guarded_inputs(ending):
            shown = build()._schema.type_map[owner].fields[name]  # type: ignore[attr-defined]
            assert guard is guard_of(shown), (owner, name)
    guarded_names = {f"{owner}.{name}" for owner, name, _, _ in guarded_inputs("Where")}
    assert "Contact.vatId" in guarded_names and "Contact.name" not in guarded_names


SECRET = "tajneheslo-7"
MISTAKES: dict[str, Any] = {
    "an object": {"email": "jana@firma.cz", "password": {"value": SECRET}},
    "a list": {"email": "jana@firma.cz", "password": [SECRET]},
    "a wrong field": {"email": "jana@firma.cz", "password": SECRET, "projektId": SECRET},
    "a missing field": {"password": SECRET},
    "a wrong id": {"email": "jana@firma.cz", "password": SECRET, "projectId": {"id": SECRET}},
}


@pytest.mark.parametrize("sent", MISTAKES.values(), ids=MISTAKES)
async def test_case_50_an_error_does_not_say_a_value_again(divize: Divize, sent: dict[str, Any]) -> None:
    answer = await divize.post({"query": SIGN_IN, "variables": {"input": sent}})

    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert SECRET not in answer.text and "jana@firma.cz" not in answer.text


@pytest.mark.parametrize(
    "document",
    [
        "{ contacts { nodes { vatID } } }",
        "{ contacts { nodes { internalRatings } } }",
        "{ contact }",
        "{ contacts(where: {vatIds: {}}) { totalCount } }",
        "{ contacts(orderBy: [{naem: ASC}]) { totalCount } }",
        "{ activities(where: {area: {eq: BILING}}) { totalCount } }",
        "mutation { contactDelet(input: {}) { errors { code } } }",
        "query ($a: ContactWher) { contacts(where: $a) { totalCount } }",
    ],
)
async def test_case_50_no_error_suggests_a_name(divize: Divize, document: str) -> None:
    device = await divize.device(await make_employee(await make_project(), [Role.TELEPHONIST]))

    answer = await device.query(document)

    text = str(answer.errors)
    assert answer.codes and "Did you mean" not in text and "did you mean" not in text
    for hidden in ("'vatId'", "internalRating'", "'BILLING'", "'contactDelete'"):
        assert hidden not in text


async def test_case_50_a_failure_shows_no_statement_and_a_taken_value_no_row(
    inside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await make_employee(await make_project(), [Role.ADMIN])
    colleague = await make_employee(await admin.project, [Role.SALES_REP], email="jana@firma.cz")
    invite = document_of("employeeInvite")

    taken = await as_employee(admin).run(
        invite, input={"name": "X", "email": colleague.email, "roles": ["SALES_REP"]}
    )

    async def fail(*_: object, **__: object) -> None:
        async with unit_of_work():
            raise AssertionError("unreachable")

    monkeypatch.setattr(divisions, "create", fail)
    failed = await as_employee(admin).run(document_of("divisionCreate"), input={"name": "X"})

    assert [code for _, code in taken.faults("employeeInvite")] == ["TAKEN"]
    assert failed.codes == ["INTERNAL_SERVER_ERROR"]
    told = json.dumps([taken.data, failed.data, failed.errors])
    for word in ("SELECT", "INSERT", "constraint", "uq_", "transaction", str(colleague.id), "Traceback"):
        assert word not in told
