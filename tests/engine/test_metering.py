"""Whatever road leads to a metered row, it is counted; for everybody else the statements are what they always were."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, get_named_type

from app.engine.declare import TABLES
from app.engine.guards import guard_of
from app.engine.ids import global_id, type_and_id
from app.ids import uuid7
from app.models import Contact, Employee, ExternalRead, Project
from app.policy import Role, Viewer
from app.schema import build
from tests.engine.asking import Asked, ask
from tests.engine.whole import LEFT_OUT, fill, of_row
from tests.factories import (
    make_activity,
    make_contact,
    make_employee,
    make_lead_share,
    make_partner,
    make_person,
    make_project,
    make_proposal,
    make_reminder,
    viewer_of,
)
from tests.graphql import Client, as_employee, gid

#: So many rows are opened on the way.
DEEPEST = 2
#: What tells, at the end of a road, which contact was shown.
LEAVES = {"Contact": "{ id }", "Person": "{ contactId }"}
#: What shows something of rows without them. A cursor holds what its row is sorted by, and a page ends with one.
OF_CONNECTIONS = (
    "{ edges { cursor } }",
    "{ pageInfo { endCursor } }",
    "{ pageInfo { startCursor } }",
    "{ pageInfo { hasNextPage hasPreviousPage } }",
)


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def external(project: Project) -> Employee:
    """To whom three contacts are shared, with something of his own at each."""
    partner = await make_partner(project)
    employee = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
    contacts = [await make_contact(project, owner=employee, created_by=employee) for _ in range(3)]
    await make_lead_share(project, partner, contacts)
    for contact in contacts:
        await make_person(contact)
        await make_activity(contact, employee)
        await make_reminder(employee, contact=contact)
    await make_proposal(employee)
    return employee


def is_granted(owner: Any, definition: GraphQLField, viewer: Viewer) -> bool:
    guard, table = guard_of(definition), TABLES.get(owner.name)
    return guard is not None and (guard.granted_to(viewer) or (table is not None and guard is table.see))


def below(type_: Any, viewer: Viewer, rows: int) -> Iterator[str]:
    """Selections from a type down to something of a metered row. So many `rows` more may be opened."""
    if type_.name in LEAVES:
        yield from (LEAVES[type_.name], "{ __typename }")
    if type_.name.removesuffix("Connection") in LEAVES and type_.name.endswith("Connection"):
        yield from OF_CONNECTIONS
    for name, definition in type_.fields.items():
        next_type = get_named_type(definition.type)
        left = rows - (next_type.name in TABLES)
        if isinstance(next_type, GraphQLObjectType) and left >= 0 and is_granted(type_, definition, viewer):
            yield from (f"{{ {name} {each} }}" for each in below(next_type, viewer, left))


def roads(viewer: Viewer) -> Iterator[tuple[str, str | None]]:
    """Each query that leads to a metered row, with the type of the row that it begins with, if it begins with one."""
    root = build()._schema.query_type
    assert root is not None
    for name, definition in root.fields.items():
        if name in LEFT_OUT or not is_granted(root, definition, viewer):
            continue
        type_ = get_named_type(definition.type)
        given = "(id: $id)" if "id" in definition.args else "(ids: [$id])" if "ids" in definition.args else ""
        heading = f"query {'($id: ID!) ' if given else ''}{{ {name}{given}"
        if isinstance(type_, GraphQLInterfaceType):
            for each in TABLES:
                for selection in below(build()._schema.type_map[each], viewer, DEEPEST):
                    yield f"{heading} {{ ... on {each} {selection} }} }}", each
        elif isinstance(type_, GraphQLObjectType):
            for selection in below(type_, viewer, DEEPEST - (type_.name in TABLES)):
                yield f"{heading} {selection} }}", type_.name if given else None


async def id_of(type_name: str, viewer: Viewer) -> str:
    """Of a row that the viewer sees; of nothing if he sees none."""
    row = await TABLES[type_name].model.visible_to(viewer).first()
    return gid(row) if row is not None else global_id(type_name, uuid7())


def found(data: Any) -> set[Any]:
    """The ids of contacts at the ends of an answer."""
    if isinstance(data, list):
        return set().union(*map(found, data))
    if isinstance(data, dict):
        return set().union(*map(found, data.values()))
    try:
        type_name, id_ = type_and_id(data)
    except (ValueError, TypeError):
        return set()
    return {id_} if type_name == "Contact" else set()


def is_empty(data: Any) -> bool:
    """Does an answer show nothing?"""
    if isinstance(data, dict):
        return all(map(is_empty, data.values()))
    return all(map(is_empty, data)) if isinstance(data, list) else data is None


async def counted() -> set[Any]:
    """What was counted since it was asked last."""
    rows = await ExternalRead.all()
    await ExternalRead.all().delete()
    return {row.contact_id for row in rows}


@pytest.mark.parametrize("only_core", [False, True])
async def test_whatever_road_leads_to_a_contact_or_a_person_it_is_counted(
    external: Employee, only_core: bool
) -> None:
    client, viewer = await as_employee(external).sign_in(), await viewer_of(external)
    walked = 0
    for document, type_name in roads(viewer):
        given = {"id": await id_of(type_name, viewer)} if type_name else {}

        asked = await ask(client, document, only_core=only_core, **given)

        seen, shown = await counted(), found(asked.data)
        assert seen or is_empty(asked.data), document
        assert seen >= shown, document
        walked += bool(seen)
    assert walked >= 60


async def test_a_list_of_numbers_shows_no_row(external: Employee) -> None:
    document = "{ contacts { totalCount totalCountCapped edges { __typename } } persons { totalCount } }"

    asked = await ask(await as_employee(external).sign_in(), document)

    assert asked.data["contacts"]["totalCount"] == 3 and await counted() == set()


@pytest.mark.parametrize("page", ["first: 2", "last: 2", "first: 2, orderBy: [{createdAt: DESC}]"])
@pytest.mark.parametrize("selection", OF_CONNECTIONS)
async def test_what_is_read_only_to_be_counted_is_not_in_the_answer(
    external: Employee, page: str, selection: str
) -> None:
    inside = await make_employee(await Project.get(id=external.project_id), [Role.ADMIN])
    document = f"{{ contacts({page}) {selection} }}"
    answers = []
    for employee in (external, inside):
        for only_core in (False, True):
            asked = await ask(await as_employee(employee).sign_in(), document, only_core=only_core)
            answers.append(asked.data)

    assert answers[1:] == answers[:-1]
    assert len(await counted()) == 2


async def _asked(client: Client, document: str, **given: Any) -> Asked:
    """Planned anew: text that nobody sent before."""
    return await ask(client, f"{document} # {id(object())}", **given)


@pytest.mark.usefixtures("any_cost")
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.EXTERNAL_TELEPHONIST])
async def test_for_people_of_the_firm_the_statements_are_as_if_nothing_were_metered(
    project: Project, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(project, 2)
    client = await as_employee(await make_employee(project, [role])).sign_in()
    contact = await Contact.first()
    documents = [of_row("Contact", 2, set()), "{ contacts { edges { cursor } } persons { nodes { name } } }"]
    metered = [await _asked(client, each, id=contact) for each in documents]
    for table in TABLES.values():
        monkeypatch.setattr(table, "metered", None)

    unmetered = [await _asked(client, each, id=contact) for each in documents]

    assert [each.statements for each in metered] == [each.statements for each in unmetered]
    assert all(each.statements for each in metered)
