"""C. What lists, searches, counts and caches of one firm let through of another: nothing, and no hint of it."""

import asyncio
import json
import re
from collections.abc import Iterator

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, get_named_type
from tortoise.transactions import in_transaction

from app.engine.declare import Column
from app.engine.types import graphql_name
from app.models import Account, Employee
from app.policy import Role
from app.schema import build
from tests.abuse.serving import Divize
from tests.abuse.tenants import (
    Tenants,
    connections,
    id_of,
    ids_in,
    ids_of,
    listings,
    tables,
    told,
    two_tenants,
)
from tests.factories import make_contact, make_employee, make_project
from tests.graphql import as_employee, gid
from tests.models.world import make_world

NOT_OF_THIS_LIST = ["BAD_USER_INPUT"]
CURSOR = "edges { cursor }"


@pytest.fixture
async def tenants(inside: None) -> Tenants:
    return await two_tenants()


async def cursor_of(tenants: Tenants, place: str, *, theirs: bool = False, **more: str) -> str | None:
    """The first cursor of a root connection, for one admin or the other's."""
    client = as_employee(tenants.theirs.me) if theirs else tenants.client
    passed = ", ".join(f"{name}: {value}" for name, value in {"first": "1", **more}.items())
    answer = await client.run(f"{{ {place}({passed}) {{ {CURSOR} }} }}")
    assert answer.errors == [], answer.errors
    edges = answer.data[place]["edges"]
    return edges[0]["cursor"] if edges else None


async def test_case_27_a_cursor_of_another_project_is_refused(tenants: Tenants) -> None:
    tried = 0
    for listed in listings():
        theirs = await cursor_of(tenants, listed.place, theirs=True)
        if theirs is None:
            continue
        for argument in ("after", "before"):
            document = listed.document("$cursor: String", f"{argument}: $cursor", CURSOR)
            foreign = await tenants.client.run(document, cursor=theirs)
            nonsense = await tenants.client.run(document, cursor="00")
            assert foreign.codes == NOT_OF_THIS_LIST and told(foreign) == told(nonsense), listed.place
            tried += 1
    assert tried >= 2 * (len(listings()) - 1)


async def test_case_27_a_cursor_of_another_filter_or_sort_is_refused(tenants: Tenants) -> None:
    for listed in listings():
        sort = next(iter(order_by(listed.table.__name__).fields))
        own = await cursor_of(tenants, listed.place, orderBy=f"[{{{sort}: ASC}}]")
        where = next(
            graphql_name(name)
            for name, spec in listed.table.specs.items()
            if isinstance(spec, Column) and spec.filter and not spec.id_of
        )
        for other in (
            f"orderBy: [{{{sort}: DESC}}]",
            f"orderBy: [{{{sort}: ASC}}], where: {{{where}: {{}}}}",
        ):
            answer = await tenants.client.run(f'{{ {listed.place}(after: "{own}", {other}) {{ {CURSOR} }} }}')
            assert own is None or answer.codes == NOT_OF_THIS_LIST, (listed.place, other)


async def test_case_27_a_cursor_whose_values_were_changed_leads_to_own_rows_alone(tenants: Tenants) -> None:
    """The values in a cursor are no secret and not signed: a page begins there, and visibility applies anyway."""
    cursor = await cursor_of(tenants, "contacts")
    assert cursor is not None
    tag, *values = json.loads(bytes.fromhex(cursor))
    foreign = tenants.theirs.contact
    forged = json.dumps([tag, "", str(foreign.id)]).encode().hex()
    assert len(values) == 2

    answer = await tenants.client.run(f'{{ contacts(after: "{forged}") {{ nodes {{ id }} }} }}')

    assert ids_in(answer.data) == {gid(each) for each in tenants.mine.contacts}


def order_by(type_name: str) -> GraphQLInputObjectType:
    found = build()._schema.type_map[f"{type_name}OrderBy"]
    assert isinstance(found, GraphQLInputObjectType)
    return found


def input_types(ending: str) -> Iterator[tuple[str, GraphQLInputObjectType]]:
    for name, type_ in build()._schema.type_map.items():
        if name.endswith(ending) and isinstance(type_, GraphQLInputObjectType):
            yield name.removesuffix(ending), type_


def test_case_28_one_sorts_by_columns_of_the_type_itself_alone() -> None:
    for owner, type_ in input_types("OrderBy"):
        columns = {
            graphql_name(name) for name, spec in tables()[owner].specs.items() if isinstance(spec, Column)
        }
        for name, field in type_.fields.items():
            assert isinstance(get_named_type(field.type), GraphQLEnumType) and name in columns, (owner, name)


async def test_case_28_whatever_one_sorts_by_one_gets_own_rows_alone(tenants: Tenants) -> None:
    foreign = set().union(*[await ids_of(tenants.theirs, name) for name in tables()])
    for listed in listings():
        for name in order_by(listed.table.__name__).fields:
            for direction in ("ASC", "DESC"):
                passed = f"first: 100, orderBy: [{{{name}: {direction}}}]"
                answer = await tenants.client.run(listed.document("", passed, "nodes { id }"))
                assert answer.errors == [] and not ids_in(answer.data) & foreign, (listed.place, name)


def test_case_26_no_filter_leads_through_a_relation() -> None:
    """When one does, it must be tried with rows of another project on the other side."""
    for owner, type_ in input_types("Where"):
        for name, field in type_.fields.items():
            inner = get_named_type(field.type)
            own = name in ("and", "or", "not") and inner is type_
            assert own or inner.name.endswith("Filter"), (owner, name)


async def test_case_29_a_search_finds_nothing_of_another_firm(tenants: Tenants) -> None:
    """Neither a row nor a difference to what nobody has: of every word in any column of theirs."""
    for listed in listings():
        if "search" not in listed.arguments:
            continue
        document = listed.document("$search: String", "search: $search", "totalCount nodes { id }")
        nothing = await tenants.client.run(document, search="Xyzzy Qwertz")
        own = " ".join(map(str, await listed.table.model.filter(project_id=tenants.mine.project.id).values()))
        for row in await listed.table.model.filter(project_id=tenants.theirs.project.id).values():
            for value in row.values():
                if isinstance(value, str) and 2 <= len(value) <= 100 and value not in own:
                    answer = await tenants.client.run(document, search=value)
                    assert told(answer) == told(nothing), (listed.place, value)
        assert nothing.errors == []


SAME = {
    "contactCreate": (
        "mutation ($input: ContactCreateInput!) { contactCreate(input: $input) "
        "{ contact { name ico email phone } errors { code path message } } }",
        {"name": "Řezník a syn", "ico": "27082440", "email": "reznik@firma.cz", "phone": "+420602602602"},
    ),
    "divisionCreate": (
        "mutation ($input: DivisionCreateInput!) { divisionCreate(input: $input) "
        "{ division { name email } errors { code path message } } }",
        {"name": "Řeznictví", "email": "reznik@firma.cz"},
    ),
    "employeeInvite": (
        "mutation ($input: EmployeeInviteInput!) { employeeInvite(input: $input) "
        "{ employee { name email } errors { code path message } } }",
        {"name": "Jan Řezník", "email": "reznik@firma.cz", "roles": ["TELEPHONIST"]},
    ),
}


@pytest.mark.parametrize("mutation", SAME)
async def test_case_29_nobody_is_told_that_another_firm_has_one_already(
    tenants: Tenants, mutation: str
) -> None:
    document, sent = SAME[mutation]
    theirs = await as_employee(tenants.theirs.me).run(document, input=sent)
    assert theirs.faults(mutation) == []

    mine = await tenants.client.run(document, input=sent)

    assert told(mine) == told(theirs)


async def test_case_30_counts_and_pages_are_the_same_whether_another_firm_is_there_or_not(
    inside: None,
) -> None:
    async with in_transaction():
        mine = await make_world([Role.ADMIN])
    client = as_employee(mine.me)
    documents = [
        listed.document("", "first: 100", "totalCount totalCountCapped nodes { id }")
        for listed in connections()
    ]
    before = [told(await client.run(document)) for document in documents]

    async with in_transaction():
        await make_world([Role.ADMIN])

    assert [told(await client.run(document)) for document in documents] == before


async def test_case_30_a_count_of_nothing_is_nought_though_others_have_some(tenants: Tenants) -> None:
    await make_contact(tenants.theirs.project, name="Jen u nich", city="Aš")

    answer = await tenants.client.run('{ contacts(where: {city: {eq: "Aš"}}) { totalCount nodes { id } } }')

    assert told(answer) == ({"contacts": {"totalCount": 0, "nodes": []}}, [])


WORDS_OF_FIGURES = re.compile(r"aggregat|group|facet|distinct|having|sum$|avg|minimum|maximum", re.IGNORECASE)


def test_case_30_nothing_else_counts_or_groups() -> None:
    """When something does, it must be tried as `totalCount` is (case 43 asks for its guards)."""
    figures = [
        f"{owner}.{name}"
        for owner, type_ in build()._schema.type_map.items()
        if isinstance(type_, GraphQLObjectType | GraphQLInputObjectType) and not owner.startswith("__")
        for name, field in type_.fields.items()
        for word in (name, *getattr(field, "args", ()))
        if WORDS_OF_FIGURES.search(word) and word != "vatGroupId"
    ]

    assert figures == []


ALL_NAMES = "{ project { name } contacts { nodes { name owner { name } activities { nodes { summary } } } } }"


async def test_case_38_what_is_remembered_of_one_firms_request_serves_no_other(divize: Divize) -> None:
    """The same document from many at once: parsed, planned and compiled once, and asked in one batch."""
    names = ("První", "Druhá", "Třetí")
    devices = []
    for name in names:
        project = await make_project(name=name)
        boss = await make_employee(project, ["ADMIN"], name=f"{name} šéfová")
        await make_contact(project, name=f"{name} kontakt", owner=boss)
        devices += [await divize.device(boss) for _ in range(2)]

    answers = await asyncio.gather(*(device.query(ALL_NAMES) for _ in range(8) for device in devices))

    for number, answer in enumerate(answers):
        name = names[number % len(devices) // 2]
        assert answer.data["project"]["name"] == name
        (contact,) = answer.data["contacts"]["nodes"]
        assert (contact["name"], contact["owner"]["name"]) == (f"{name} kontakt", f"{name} šéfová")


async def test_case_38_nor_does_what_is_remembered_of_one_role_serve_another(divize: Divize) -> None:
    project = await make_project()
    await make_contact(project, name="Kontakt", vat_id="CZ27082440")
    document = "{ contacts { nodes { name vatId } } }"
    devices = [
        await divize.device(await make_employee(project, [role])) for role in (Role.ADMIN, Role.TELEPHONIST)
    ]

    answers = await asyncio.gather(*(device.query(document) for _ in range(8) for device in devices))

    shown = [answer.data["contacts"]["nodes"][0]["vatId"] for answer in answers]
    assert shown == ["CZ27082440", None] * 8


async def test_case_39_a_person_in_two_firms_is_in_one_at_a_time(tenants: Tenants) -> None:
    account = await Account.get(id=tenants.mine.me.account_id)
    there = await make_employee(tenants.theirs.project, [Role.ADMIN], account=account)
    both = {"mine": tenants.client, "theirs": as_employee(there)}
    document = (
        "query ($id: ID!) { project { id } contact(id: $id) { name } contacts(first: 100) { nodes { id } } }"
    )

    for here, world in (("mine", tenants.mine), ("theirs", tenants.theirs)):
        other = tenants.theirs if here == "mine" else tenants.mine
        answer = await both[here].run(document, id=other.contact)
        assert answer.data["project"]["id"] == gid(world.project)
        assert answer.data["contact"] is None
        assert ids_in(answer.data["contacts"]) == {gid(each) for each in world.contacts}


async def test_case_39_the_exchange_of_a_token_leaves_the_first_firm_behind(divize: Divize) -> None:
    tenants = await two_tenants()
    account = await Account.get(id=tenants.mine.me.account_id)
    await make_employee(tenants.theirs.project, [Role.TELEPHONIST], account=account)
    device = await divize.device(await Employee.get(id=tenants.mine.me.id))

    await device.do("EnterProject", projectId=await id_of(tenants.theirs, "Project"))
    answer = await device.query("{ viewer { roles } contacts(first: 100) { nodes { id } } }")

    assert answer.data["viewer"]["roles"] == ["TELEPHONIST"]
    assert ids_in(answer.data) == {gid(each) for each in tenants.theirs.contacts}
