"""What a viewer may not read: null in every row and one error, told before anything is read. What he may not ask: refused."""

import logging
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Contact, Project
from app.policy import Role
from app.services import sessions
from tests.engine.asking import ask
from tests.factories import make_contact, make_person, make_project, make_reminder
from tests.graphql import Answer, Client, anonymous, as_account, as_role, gid, make_account_with_password


@pytest.fixture
async def project() -> Project:
    project = await make_project()
    for number in range(3):
        contact = await make_contact(project, name=f"Firma {number}", vat_id="CZ27082440", price_level="A")
        await make_person(contact)
    return project


@pytest.fixture
async def telephonist(project: Project) -> Client:
    """He sees contacts, and not their billing data."""
    return await as_role(Role.TELEPHONIST, project=project).sign_in()


def told(answer: Any) -> list[tuple[Any, ...]]:
    return [
        (
            error["extensions"]["code"],
            error["extensions"]["coordinate"],
            error["path"],
            error["extensions"]["pathPattern"],
        )
        for error in answer.errors
    ]


async def test_a_denied_field_is_null_in_every_row_with_one_error(telephonist: Client) -> None:
    answer = await telephonist.run("{ contacts { edges { node { name vatId } } } }")

    assert [edge["node"] for edge in answer.data["contacts"]["edges"]] == [
        {"name": f"Firma {number}", "vatId": None} for number in range(3)
    ]
    (error,) = answer.errors
    assert error["path"] == ["contacts"]
    request_id = error["extensions"].pop("requestId")
    assert request_id and error["extensions"] == {
        "code": "FORBIDDEN",
        "coordinate": "Contact.vatId",
        "pathPattern": ["contacts", "edges", "*", "node", "vatId"],
        "requiredPermission": "CONTACT_BILLING_READ",
        "requiredRoles": ["SALES_REP", "COMPLAINTS", "INVOICER", "DIRECTOR", "ADMIN"],
    }


async def test_where_no_list_lies_between_the_path_is_exact(telephonist: Client) -> None:
    contact = await Contact.first()

    answer = await telephonist.run("query ($id: ID!) { mine: contact(id: $id) { dic: vatId } }", id=contact)

    assert answer.data == {"mine": {"dic": None}}
    assert told(answer) == [("FORBIDDEN", "Contact.vatId", ["mine", "dic"], ["mine", "dic"])]


@pytest.mark.parametrize(
    "selection",
    [
        "vatId",
        "x: vatId",
        "... on Contact { vatId }",
        "... on Node { ... on Contact { vatId } }",
        "... { vatId }",
        "...Deep",
        "vatId @include(if: true)",
        "vatId @skip(if: false)",
        "vatId @include(if: $yes)",
        "... @include(if: $yes) { vatId }",
        "vatId vatId name ...Deep",
        "persons { contact { vatId } }",
        "persons { contact { persons { contact { ...Deep } } } }",
    ],
)
async def test_no_way_of_asking_gets_around_it(telephonist: Client, selection: str) -> None:
    fragments = "fragment Deep on Contact { ...Deeper } fragment Deeper on Contact { vatId }"
    used = f" {fragments}" if "Deep" in selection else ""
    variable = "($yes: Boolean = true)" if "$yes" in selection else ""

    answer = await telephonist.run(
        f"query {variable} {{ contacts {{ nodes {{ name {selection} }} }} }}{used}"
    )

    assert "CZ27082440" not in str(answer.data) and len(answer.data["contacts"]["nodes"]) == 3
    assert [each[:3] for each in told(answer)] == [("FORBIDDEN", "Contact.vatId", ["contacts"])]


async def test_a_field_of_an_object_that_is_null_makes_no_error(
    project: Project, telephonist: Client
) -> None:
    seen = await Contact.first()
    assert seen is not None
    hidden, foreign = await make_contact(project), await make_contact(await make_project())
    await hidden.delete()

    absent = [
        (answer.data, answer.errors)
        for row in (hidden, foreign)
        for answer in (await telephonist.run(OF_ONE, id=row), await told_through_core(telephonist, row))
    ]
    present = await telephonist.run(OF_ONE, id=seen)

    nothing = {"contact": None, "again": None, "node": None, "nodes": [None]}
    assert absent == [(nothing, [])] * 4
    assert [each[1:] for each in told(present)] == [
        ("Contact.vatId", ["contact", "vatId"], ["contact", "vatId"]),
        ("Contact.priceLevel", ["contact"], ["contact", "persons", "*", "contact", "priceLevel"]),
    ]


async def test_of_many_places_the_first_that_is_there_is_told(telephonist: Client) -> None:
    document = """query ($no: ID!, $yes: ID!) {
      a: contact(id: $no) { vatId } b: contact(id: $yes) { x: vatId } c: contact(id: $yes) { vatId } }"""
    nobodys = global_id("Contact", uuid7())

    answer = await telephonist.run(document, no=nobodys, yes=await Contact.first())

    assert told(answer) == [("FORBIDDEN", "Contact.vatId", ["b", "x"], ["b", "x"])]


async def test_a_list_of_nothing_is_told_as_one_of_many(project: Project, telephonist: Client) -> None:
    """Not so a list in which none has the object that was asked for."""
    await make_reminder(telephonist.employee, contact=None)
    document = """query ($where: ContactWhere) {
      contacts(where: $where) { nodes { vatId } } reminders { nodes { contact { priceLevel } } } }"""

    empty = await telephonist.run(document, where={"name": {"eq": "Nikdo"}})

    assert empty.data == {"contacts": {"nodes": []}, "reminders": {"nodes": [{"contact": None}]}}
    assert [each[1] for each in told(empty)] == ["Contact.vatId"]


async def told_through_core(client: Client, row: Any) -> Answer:
    return (await ask(client, OF_ONE, only_core=True, id=gid(row))).answer


OF_ONE = """query ($id: ID!) {
  contact(id: $id) { name vatId persons { contact { priceLevel } } }
  again: contact(id: $id) { ... on Contact { vatId } }
  node(id: $id) { ... on Reminder { contact { internalRating } } ... on Contact { vatId } }
  nodes(ids: [$id]) { id ... on Contact { priceLevel } }
}"""


async def test_neither_do_node_and_nodes(telephonist: Client) -> None:
    contact = await Contact.first()
    document = """query ($id: ID!) {
      node(id: $id) { id ... on Contact { vatId } } nodes(ids: [$id]) { ... on Contact { priceLevel } } }"""

    answer = await telephonist.run(document, id=contact)

    assert answer.data["node"]["vatId"] is None and answer.data["nodes"] == [{"priceLevel": None}]
    assert [each[1:] for each in told(answer)] == [
        ("Contact.vatId", ["node", "vatId"], ["node", "vatId"]),
        ("Contact.priceLevel", ["nodes"], ["nodes", "*", "priceLevel"]),
    ]


@pytest.mark.parametrize(
    "selection",
    ["vatId @skip(if: true)", "vatId @include(if: $no)", "... @skip(if: true) { vatId }", "__typename"],
)
async def test_what_is_left_out_is_not_denied(telephonist: Client, selection: str) -> None:
    variable = "($no: Boolean = false)" if "$no" in selection else ""

    answer = await telephonist.run(f"query {variable} {{ contacts {{ nodes {{ name {selection} }} }} }}")

    assert answer.errors == [] and len(answer.data["contacts"]["nodes"]) == 3


async def test_the_answer_of_a_mutation_is_guarded_alike(telephonist: Client) -> None:
    contact = await Contact.first()
    document = """mutation ($input: ContactUpdateInput!) {
      contactUpdate(input: $input) { contact { name vatId bankAccount } errors { code } } }"""

    answer = await telephonist.run(document, input={"id": contact, "name": "Nová"})

    assert answer.data["contactUpdate"] == {
        "contact": {"name": "Nová", "vatId": None, "bankAccount": None},
        "errors": [],
    }
    assert [each[1:3] for each in told(answer)] == [
        ("Contact.vatId", ["contactUpdate", "contact", "vatId"]),
        ("Contact.bankAccount", ["contactUpdate", "contact", "bankAccount"]),
    ]


async def test_each_field_is_told_once_however_often_it_is_asked_for(telephonist: Client) -> None:
    contact = await Contact.first()
    document = """query ($id: ID!) {
      a: contact(id: $id) { vatId } b: contact(id: $id) { vatId } contacts { nodes { vatId x: vatId } } }"""

    answer = await telephonist.run(document, id=contact)

    assert told(answer) == [("FORBIDDEN", "Contact.vatId", ["a", "vatId"], ["a", "vatId"])]


async def test_what_is_denied_is_not_even_read(telephonist: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
        await telephonist.run("{ contacts { nodes { name vatId creditLimit { amount } priceLevel } } }")

    (statement,) = [text for text in caplog.messages if '"contacts"' in text and "SELECT" in text]
    assert '"name"' in statement
    assert all(column not in statement for column in ("vat_id", "credit_limit_minor", "price_level"))


REFUSED = [
    "query ($v: String!) { contacts(where: {vatId: {eq: $v}}) { nodes { name } } }",
    "query ($v: String!) { contacts(where: {not: {vatId: {eq: $v}}}) { nodes { name } } }",
    "query ($v: String!) { contacts(where: {or: [{and: [{vatId: {in: [$v]}}]}]}) { totalCount } }",
    "query ($v: String!) { contacts(where: {vatId: {eq: $v}}, first: 1) { pageInfo { hasNextPage } } }",
    "query ($v: String!) { contacts { totalCount } b: contacts(where: {vatId: {eq: $v}}) { totalCount } }",
    "query ($v: String!) { contacts { nodes { name } } ...F } fragment F on Query { x: contacts(where: {vatId: {eq: $v}}) { totalCount } }",
]


@pytest.mark.parametrize("document", REFUSED)
async def test_a_filter_by_a_denied_field_refuses_all_before_anything_is_read(
    telephonist: Client, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
        answer = await telephonist.run(document, v="CZ27082440")

    assert answer.data is None and answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["extensions"]["coordinate"] == "ContactWhere.vatId"
    assert answer.errors[0]["extensions"]["requiredPermission"] == "CONTACT_BILLING_READ"
    assert not [text for text in caplog.messages if '"contacts"' in text]


async def test_so_does_one_that_came_in_a_variable(telephonist: Client) -> None:
    document = "query ($where: ContactWhere) { contacts(where: $where) { totalCount } }"
    wheres: list[Any] = [
        {"vatId": {"eq": "x"}},
        {"vatId": None},
        {"and": [{"or": [{"not": {"vatId": {}}}]}]},
        {"name": {"eq": "x"}, "internalRating": {"isNull": True}},
    ]

    answers = [await telephonist.run(document, where=where) for where in wheres]

    assert [(answer.data, answer.codes) for answer in answers] == [(None, ["FORBIDDEN"])] * len(wheres)


async def test_a_filter_that_is_skipped_is_not_refused(telephonist: Client) -> None:
    answer = await telephonist.run(
        '{ contacts { totalCount } b: contacts(where: {vatId: {eq: "x"}}) @skip(if: true) { totalCount } }'
    )

    assert answer.errors == [] and answer.data == {"contacts": {"totalCount": 3}}


async def test_one_denied_mutation_refuses_the_others_too(telephonist: Client) -> None:
    first, second = await Contact.all().limit(2)
    document = """mutation ($a: ContactUpdateInput!, $b: ContactDeleteInput!) {
      contactUpdate(input: $a) { errors { code } } contactDelete(input: $b) { errors { code } } }"""

    answer = await telephonist.run(document, a={"id": first, "name": "Nová"}, b={"id": second})

    assert answer.data is None and answer.codes == ["FORBIDDEN"]
    assert not await Contact.filter(name="Nová").exists() and await Contact.all().count() == 3


BILLING = {"eq": "BILLING"}


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("{ activities(where: {area: {eq: BILLING}}) { totalCount } }", {}),
        ("{ activities(where: {not: {or: [{area: {in: [SALES, BILLING]}}]}}) { totalCount } }", {}),
        ("query ($a: Area) { activities(where: {area: {eq: $a}}) { totalCount } }", {"a": "BILLING"}),
        ("query ($a: Area = BILLING) { activities(where: {area: {eq: $a}}) { totalCount } }", {}),
        ("query ($w: ActivityWhere) { activities(where: $w) { totalCount } }", {"w": {"area": BILLING}}),
        ("{ contacts { nodes { activities(where: {area: {eq: BILLING}}) { totalCount } } } }", {}),
    ],
)
async def test_a_value_that_one_may_not_send_refuses_the_whole_operation(
    telephonist: Client, document: str, variables: dict[str, Any]
) -> None:
    answer = await telephonist.run(document, **variables)
    allowed = await telephonist.run("{ activities(where: {area: {eq: SALES}}) { totalCount } }")

    (error,) = answer.errors
    assert answer.data is None and error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["coordinate"] == "Area.BILLING"
    assert error["extensions"]["requiredPermission"] == "ACTIVITY_BILLING_READ"
    assert allowed.errors == []


async def test_without_a_session_one_is_told_to_sign_in(project: Project) -> None:
    answer = await anonymous().run("{ contacts { nodes { name } } }")
    bare = await anonymous().run("{ __typename }")

    assert answer.data is None and answer.codes == ["UNAUTHENTICATED"]
    assert bare.data == {"__typename": "Query"} and bare.errors == []


async def test_outside_of_a_project_contacts_are_denied_and_the_rest_answered() -> None:
    client = as_account(await make_account_with_password())

    answer = await client.run("{ contacts { nodes { name } } viewer { account { name } } }")

    assert answer.codes == ["FORBIDDEN"] and answer.data["contacts"] is None
    assert answer.data["viewer"]["account"]["name"] and "Enter a project" in answer.errors[0]["message"]


async def test_at_most_twenty_errors_are_told_and_the_rest_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.denials.MOST_ERRORS", 2)
    project = await make_project()
    await make_contact(project)
    client = as_role(Role.EXTERNAL_TELEPHONIST, project=project)

    answer = await client.run(
        "{ contacts { nodes { vatId bankAccount priceLevel internalRating creditLimit { amount } } } }"
    )

    assert answer.codes == ["FORBIDDEN"] * 3
    assert answer.errors[2]["message"] == "3 more fields were denied."


async def test_the_right_to_read_is_asked_for_at_every_request(project: Project) -> None:
    client = await as_role(Role.SALES_REP, project=project).sign_in()
    document = "{ contacts(first: 1) { nodes { vatId } } }"
    before = await client.run(document)
    assert client.employee is not None
    client.employee.roles = (Role.TELEPHONIST,)
    await client.employee.save(update_fields=["roles"])
    sessions.forget(client.employee.account_id or client.employee.id)

    after = await client.run(document)

    assert before.data["contacts"]["nodes"] == [{"vatId": "CZ27082440"}]
    assert after.data["contacts"]["nodes"] == [{"vatId": None}]
