"""Every role, and an external with all of them, against every operation: what is refused changed and sent nothing."""

from itertools import chain
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from app import db
from app.engine.guards import guard_of
from app.models import Employee, Project
from app.policy import Level, Role, Viewer
from app.schema import build
from tests.factories import make_account, make_contact, make_employee, make_partner, make_project, viewer_of
from tests.graphql import Answer, Bells, Client, anonymous, as_account, as_employee
from tests.schema.operations import Operation, operation, operations, sample

NOBODYS: tuple[Role, ...] = ()
ROLE_SETS = [NOBODYS, *((role,) for role in Role)]
NAMES = ["no role", *(role.value for role in Role)]


async def employee_with(roles: tuple[Role, ...], project: Project, **values: Any) -> Employee:
    return await make_employee(project, roles, **values)


async def dump() -> dict[str, list[Any]]:
    """Every row of every table but the sessions' last use."""
    tables = [row["name"] for row in await db.fetch(TABLES[db.dialect()])]
    return {
        table: sorted(_shown(row) for row in await db.fetch(f'SELECT * FROM "{table}"')) for table in tables
    }


def _shown(row: dict[str, Any]) -> str:
    return str({name: value for name, value in row.items() if name not in USE_OF_A_SESSION})


USE_OF_A_SESSION = {"last_used_at", "expires_at", "client_ip"}


TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
}


async def ask(client: Client, asked: Operation) -> Answer:
    if asked.kind != "subscription":
        return await client.run(asked.document, **asked.variables)
    answers = client.subscribe(asked.document, **asked.variables)
    try:
        return await anext(answers)
    finally:
        await answers.aclose()


async def check(client: Client, viewer: Viewer, *, bells: Bells) -> int:
    """Asks for everything that `viewer` may not do; how many that were."""
    await client.sign_in()
    before, refused = await dump(), 0
    for asked in chain(operations(build()._schema), guarded_inputs(viewer)):
        if asked.kind != "guarded input" and asked.guard.granted_to(viewer):
            continue
        answer = await ask(client, asked)
        expected = "UNAUTHENTICATED" if viewer.level is Level.ANONYMOUS else "FORBIDDEN"
        assert answer.codes == [expected], (asked.name, answer)
        assert not answer.data or set(answer.data.values()) == {None}, (asked.name, answer)
        assert (bells.jobs, bells.rings) == ([], []), asked.name
        refused += 1
    assert await dump() == before
    return refused


def guarded_inputs(viewer: Viewer) -> list[Operation]:
    """Mutations that the viewer may run, each with one input field that he may not send."""
    mutation = build()._schema.mutation_type
    assert isinstance(mutation, GraphQLObjectType)
    found = []
    for name, field in mutation.fields.items():
        guard = guard_of(field)
        if guard is None or not guard.granted_to(viewer) or "input" not in field.args:
            continue
        input_type = get_named_type(field.args["input"].type)
        assert isinstance(input_type, GraphQLInputObjectType)
        for input_name, input_field in input_type.fields.items():
            asks = guard_of(input_field)
            if asks is not None and not asks.granted_to(viewer):
                for given in (sample(input_field), None):
                    tried = operation("mutation", name, field, **{input_name: given})
                    found.append(tried._replace(kind="guarded input"))
    return found


@pytest.mark.parametrize("roles", ROLE_SETS, ids=NAMES)
async def test_what_a_role_may_not_do_is_refused_and_changes_nothing(
    roles: tuple[Role, ...], bells: Bells
) -> None:
    project = await make_project()
    await make_contact(project)
    employee = await employee_with(roles, project)
    viewer = await viewer_of(employee)

    refused = await check(as_employee(employee), viewer, bells=bells)

    assert refused == 0 if Role.ADMIN in roles else refused >= 1


async def test_an_external_with_every_role_is_held_by_the_ceiling(bells: Bells) -> None:
    project = await make_project()
    await make_contact(project)
    partner = await make_partner(project)
    flags = {"can_delete_contacts": True, "can_send_bulk_email": True}
    employee = await employee_with(tuple(Role), project, partner=partner, **flags)
    viewer = await viewer_of(employee)

    refused = await check(as_employee(employee), viewer, bells=bells)

    assert viewer.is_external
    assert refused >= 15


async def test_an_account_outside_projects_is_refused_whatever_needs_one(bells: Bells) -> None:
    client = as_account(await make_account())
    context = await client.context()

    refused = await check(client, context.viewer, bells=bells)

    assert refused >= 25


async def test_a_stranger_is_told_to_sign_in(bells: Bells) -> None:
    refused = await check(anonymous(), Viewer(), bells=bells)

    assert refused >= 30


@pytest.mark.parametrize("roles", ROLE_SETS, ids=NAMES)
async def test_what_a_role_may_do_is_never_refused_nor_fails(roles: tuple[Role, ...]) -> None:
    project = await make_project()
    await make_employee(project, (Role.ADMIN,))
    employee = await employee_with(roles, project)
    viewer = await viewer_of(employee)

    for asked in operations(build()._schema):
        if not asked.guard.granted_to(viewer) or asked.kind == "subscription":
            continue
        answer = await ask(as_employee(employee), asked)
        codes = set(answer.codes) - {"NOT_FOUND", "BAD_USER_INPUT", "RATE_LIMITED"}
        assert codes == set() or (asked.name in NEEDS_MORE and codes == {"FORBIDDEN"}), (asked.name, answer)


# The guard opens the door to several rights; the row or the value asked for decides between them.
NEEDS_MORE = {"activityRecord"}


async def test_a_mutation_decides_by_the_rights_in_its_transaction_not_by_those_believed() -> None:
    project = await make_project()
    contact = await make_contact(project, name="Novák")
    employee = await employee_with((Role.SALES_REP,), project)
    client = as_employee(employee)
    assert (await client.run(UPDATE, id=contact)).errors == []

    # As another process would, whose bell is still on its way.
    await Employee.filter(id=employee.id).update(roles=[Role.SERVICE_TECHNICIAN])
    answer = await client.run(UPDATE, id=contact)

    assert answer.codes == ["FORBIDDEN"] and answer.data == {"contactUpdate": None}
    assert (await contact.get(id=contact.id)).version == 2


UPDATE = """
mutation ($id: ID!) { contactUpdate(input: {id: $id, name: "Jiný"}) { contact { name } errors { message } } }
"""
