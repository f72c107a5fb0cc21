"""Documents as clients write them: aliases, fragments, variables, directives, the same list twice."""

from datetime import timedelta
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Activity, Contact, Person, Project
from app.policy import Role
from tests.engine.asking import ask
from tests.factories import (
    NOON,
    make_activity,
    make_contact,
    make_division,
    make_employee,
    make_person,
    make_project,
)
from tests.graphql import Client, as_role, gid

NOBODYS = global_id("Contact", uuid7())


@pytest.fixture
async def project() -> Project:
    """Three contacts: A, B, C; A has no owner, C no city; each has two activities and a person of its name."""
    project = await make_project()
    owner = await make_employee(project, [Role.SALES_REP], name="Jana")
    for name in "ABC":
        contact = await make_contact(
            project,
            name=name,
            owner=None if name == "A" else owner,
            city=None if name == "C" else f"U {name}",
        )
        await make_person(contact, name=f"Osoba {name}")
        for number in range(2):
            at = NOON + timedelta(days=number)
            await make_activity(contact, owner, summary=f"{name}{number}", occurred_at=at)
    return project


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.DIRECTOR, project=project).sign_in()


async def data(client: Client, document: str, operation: str | None = None, **variables: Any) -> Any:
    answer = await client.run(document, operation, **variables)
    assert answer.errors == [], answer.errors
    return answer.data


async def test_the_same_list_twice_with_other_arguments_and_selections(reader: Client) -> None:
    found = await data(
        reader,
        """{ up: contacts(first: 2) { totalCount nodes { name } pageInfo { hasNextPage } }
             down: contacts(last: 1) { edges { node { name city } } pageInfo { hasPreviousPage } }
             brno: contacts(where: {city: {eq: "U B"}}) { nodes { city } } }""",
    )

    assert found == {
        "up": {"totalCount": 3, "nodes": [{"name": "A"}, {"name": "B"}], "pageInfo": {"hasNextPage": True}},
        "down": {"edges": [{"node": {"name": "C", "city": None}}], "pageInfo": {"hasPreviousPage": True}},
        "brno": {"nodes": [{"city": "U B"}]},
    }


async def test_a_list_below_each_row_twice_with_other_arguments(reader: Client) -> None:
    found = await data(
        reader,
        """{ contacts { nodes {
             first: activities(first: 1, orderBy: [{occurredAt: ASC}]) { nodes { summary } totalCount }
             last: activities(first: 1) { edges { node { summary author { name } } } }
             none: activities(where: {kind: {eq: MEETING}}) { totalCount nodes { id } } } } }""",
    )

    assert found["contacts"]["nodes"] == [
        {
            "first": {"nodes": [{"summary": f"{name}0"}], "totalCount": 2},
            "last": {"edges": [{"node": {"summary": f"{name}1", "author": {"name": "Jana"}}}]},
            "none": {"totalCount": 0, "nodes": []},
        }
        for name in "ABC"
    ]


async def test_selections_under_one_key_are_merged(reader: Client) -> None:
    found = await data(
        reader,
        """{ contacts(first: 1) { nodes { name } } ...More contacts(first: 1) { edges { cursor node { name } } }
             contacts(first: 1) { edges { node { city } } nodes { owner { name } } } }
           fragment More on Query { contacts(first: 1) { totalCount nodes { city persons { name } } } }""",
    )

    page = found["contacts"]
    assert page["totalCount"] == 3
    assert page["nodes"] == [{"name": "A", "city": "U A", "persons": [{"name": "Osoba A"}], "owner": None}]
    assert page["edges"][0]["node"] == {"name": "A", "city": "U A"} and page["edges"][0]["cursor"]


async def test_a_field_under_several_aliases_and_a_key_of_another_field(reader: Client) -> None:
    found = await data(
        reader, "{ contacts(first: 1) { nodes { name: city city: name a: name b: name id: name } } }"
    )

    assert found["contacts"]["nodes"] == [{"name": "U A", "city": "A", "a": "A", "b": "A", "id": "A"}]


async def test_the_parts_of_a_connection_may_be_renamed(reader: Client) -> None:
    found = await data(
        reader,
        """{ contacts(first: 1) { rows: edges { row: node { name } again: node { city } place: cursor also: cursor }
             list: nodes { name } many: totalCount more: totalCountCapped
             info: pageInfo { next: hasNextPage hasNextPage } } }""",
    )

    page = found["contacts"]
    (row,) = page["rows"]
    assert row["row"] == {"name": "A"} and row["again"] == {"city": "U A"} and row["place"] == row["also"]
    assert page["list"] == [{"name": "A"}] and page["many"] == 3 and page["more"] is False
    assert page["info"] == {"next": True, "hasNextPage": True}


async def test_typename_is_known_everywhere(reader: Client, project: Project) -> None:
    found = await data(
        reader,
        """query ($id: ID!, $none: ID!) { __typename contacts(first: 1) { __typename edges { __typename node { __typename address { __typename }
             persons { __typename } viewerCan { __typename } } } pageInfo { __typename } nodes { __typename } }
             node(id: $id) { __typename } nodes(ids: [$id, $none]) { t: __typename } }""",
        id=await Contact.get(name="B"),
        none=NOBODYS,
    )

    page = found["contacts"]
    assert found["__typename"] == "Query" and page["__typename"] == "ContactConnection"
    assert page["edges"][0]["__typename"] == "ContactEdge" and page["pageInfo"]["__typename"] == "PageInfo"
    assert page["edges"][0]["node"] == {
        "__typename": "Contact",
        "address": {"__typename": "Address"},
        "persons": [{"__typename": "Person"}],
        "viewerCan": {"__typename": "ViewerCan"},
    }
    assert page["nodes"] == [{"__typename": "Contact"}]
    assert found["node"] == {"__typename": "Contact"} and found["nodes"] == [{"t": "Contact"}, None]


async def test_a_list_of_which_nothing_but_its_name_is_asked(reader: Client) -> None:
    found = await data(reader, "{ contacts { __typename nodes { __typename } } persons { totalCount } }")

    assert found["contacts"] == {"__typename": "ContactConnection", "nodes": [{"__typename": "Contact"}] * 3}
    assert found["persons"] == {"totalCount": 3}


async def test_fragments_on_types_and_interfaces(reader: Client) -> None:
    found = await data(
        reader,
        """query ($ids: [ID!]!) { nodes(ids: $ids) { ...Any ... on Contact { name ...Persons } ... on Activity { summary }
             ... on Person { name contact { ...Persons name } } ... on Node { key: id } } }
           fragment Any on Node { id }
           fragment Persons on Contact { persons { ...Name } }
           fragment Name on Person { name }""",
        ids=[await Contact.get(name="A"), await Person.get(name="Osoba B"), await Activity.get(summary="C1")],
    )

    contact, person, activity = found["nodes"]
    assert contact["key"] == contact["id"] and contact["name"] == "A"
    assert contact["persons"] == [{"name": "Osoba A"}]
    assert person["name"] == "Osoba B" and person["contact"] == {
        "persons": [{"name": "Osoba B"}],
        "name": "B",
    }
    assert activity == {"id": activity["id"], "summary": "C1", "key": activity["id"]}


@pytest.mark.parametrize(
    ("yes", "keys"),
    [(True, {"name", "city", "d", "e"}), (False, {"name", "b", "c", "e"})],
)
async def test_skip_and_include_by_variables(reader: Client, yes: bool, keys: set[str]) -> None:
    found = await data(
        reader,
        """query ($yes: Boolean!) { contacts(first: 1) { nodes { name city @include(if: $yes) b: city @skip(if: $yes)
             ... @skip(if: $yes) { c: name } ...D @include(if: $yes) e: city @include(if: true) @skip(if: false)
             f: name @include(if: $yes) @skip(if: $yes) } } }
           fragment D on Contact { d: name }""",
        yes=yes,
    )

    assert set(found["contacts"]["nodes"][0]) == keys


async def test_a_whole_list_may_be_left_out(reader: Client) -> None:
    document = """query ($deep: Boolean = false) { contacts(first: 1) { nodes { name
      activities @include(if: $deep) { nodes { summary } } } edges @include(if: $deep) { node { name } } } }"""

    shallow, deep = await data(reader, document), await data(reader, document, deep=True)

    assert shallow == {"contacts": {"nodes": [{"name": "A"}]}}
    assert len(deep["contacts"]["nodes"][0]["activities"]["nodes"]) == 2 and deep["contacts"]["edges"]


async def test_variables_have_defaults_and_may_be_left_out(reader: Client) -> None:
    document = """query ($first: Int = 2, $where: ContactWhere = {city: {isNull: false}}, $way: SortDirection! = DESC) {
      contacts(first: $first, where: $where, orderBy: [{name: $way}]) { nodes { name } } }"""

    assert (await data(reader, document))["contacts"]["nodes"] == [{"name": "B"}, {"name": "A"}]
    changed = await data(reader, document, first=1, where=None, way="ASC")
    assert changed["contacts"]["nodes"] == [{"name": "A"}]


async def test_one_operation_of_several_is_picked(reader: Client) -> None:
    document = "query A { contacts { totalCount } } query B { persons(first: 1) { nodes { name } } }"

    assert await data(reader, document, "B") == {"persons": {"nodes": [{"name": "Osoba A"}]}}
    assert await data(reader, document, "A") == {"contacts": {"totalCount": 3}}


async def test_round_trips_through_relations(reader: Client, project: Project) -> None:
    division = await make_division(project, name="B2B")
    await Contact.filter(name="B").update(division_id=division.id)

    found = await data(
        reader,
        """{ contacts { nodes { name division { name } owner { name } activities(first: 1) { nodes {
             contact { name owner { name } persons { contact { name } } } author { name } } } } } }""",
    )

    rows = found["contacts"]["nodes"]
    assert [row["division"] for row in rows] == [None, {"name": "B2B"}, None]
    assert [row["owner"] for row in rows] == [None, {"name": "Jana"}, {"name": "Jana"}]
    for row in rows:
        (activity,) = row["activities"]["nodes"]
        assert activity["contact"]["name"] == row["name"] and activity["contact"]["owner"] == row["owner"]
        assert activity["contact"]["persons"] == [{"contact": {"name": row["name"]}}]


async def test_node_finds_what_its_id_names_and_nothing_else(reader: Client) -> None:
    contact = await Contact.get(name="A")
    person = await Person.get(name="Osoba A")
    foreign = await make_contact(await make_project())
    wrong = ["", "x", "%%%", str(contact.id), "Q29udGFjdDo=", "UXVlcnk6MQ==", gid(contact) + "=", "\x00"]
    absent = [gid(foreign), NOBODYS]
    as_contact = "query ($id: ID!) { contact(id: $id) { name } node(id: $id) { id } }"

    found = await data(
        reader, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[contact, *absent, contact, person]
    )

    ids = [each and each["id"] for each in found["nodes"]]
    assert ids == [gid(contact), None, None, gid(contact), gid(person)]
    for each in absent:
        assert await data(reader, as_contact, id=each) == {"contact": None, "node": None}
    for other in (*wrong, gid(person)):
        refused = await ask(reader, as_contact, id=other)
        assert refused.answer.codes == ["BAD_USER_INPUT"] and refused.answer.data is None, other
        assert refused.statements == []


@pytest.mark.parametrize(("many", "codes"), [(0, []), (100, []), (101, ["BAD_USER_INPUT"])])
async def test_a_hundred_ids_at_once(reader: Client, many: int, codes: list[str]) -> None:
    answer = await reader.run("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[NOBODYS] * many)

    assert answer.codes == codes
    assert codes or answer.data == {"nodes": [None] * many}


@pytest.mark.parametrize(
    "odd",
    [
        {"and": [{}] * 2_500},
        {"or": [{"name": {"in": [""] * 250}} for _ in range(10)]},
        {"not": {"and": [{"or": [{}]}] * 900}},
    ],
    ids=["empty branches", "values", "branches"],
)
async def test_variables_of_more_than_2500_values_are_refused_unread(reader: Client, odd: Any) -> None:
    answer = await reader.run(
        "query ($where: ContactWhere) { contacts(where: $where) { totalCount } }", where=odd
    )

    assert answer.data is None and answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["message"] == "The variables hold more than 2500 values."


@pytest.mark.parametrize(("uses", "codes"), [(2, []), (3, ["BAD_USER_INPUT"])])
async def test_a_large_variable_is_not_multiplied_by_aliases(
    reader: Client, uses: int, codes: list[str]
) -> None:
    fields = " ".join(f"a{number}: contacts(where: $where) {{ totalCount }}" for number in range(uses))
    where = {"or": [{"name": {"in": [""] * 240}} for _ in range(10)]}

    answer = await reader.run(f"query ($where: ContactWhere) {{ {fields} }}", where=where)

    assert answer.codes == codes and (answer.data is None) == bool(codes)
