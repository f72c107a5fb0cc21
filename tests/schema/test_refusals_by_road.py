"""One refusal has one code and permission, whichever road finds it: before execution, or in the transaction that misses a
right withdrawn meanwhile. tests/http compares the statuses.
"""

from dataclasses import replace
from typing import Any

import pytest

from app.policy import Flag, Member, Role, grants_of
from app.schema import build
from tests.factories import make_contact, make_employee, make_project
from tests.graphql import Answer, Client, answer_of, as_employee
from tests.schema.operations import Operation, operations
from tests.schema.test_refusals import guarded_inputs


async def found_in_transaction(client: Client, asked: Operation) -> Answer:
    """As a process answers that has not heard yet that the employee may no longer do everything."""
    context = await client.context()
    assert isinstance(context.viewer, Member)
    context.viewer = replace(context.viewer, roles=frozenset(Role), grants=grants_of(Role, Flag))
    return await answer_of(build().documents.read(asked.document), None, asked.variables, context)


def told(answer: Answer) -> list[tuple[Any, ...]]:
    return [
        (error["message"], *(error["extensions"].get(key) for key in TOLD), error["path"])
        for error in answer.errors
    ]


TOLD = ("code", "requiredPermission", "requiredRoles", "coordinate")


@pytest.mark.parametrize("role", Role)
async def test_a_right_that_is_gone_is_missed_alike_before_the_transaction_and_in_it(role: Role) -> None:
    project = await make_project()
    contact = await make_contact(project)
    client = await as_employee(await make_employee(project, [role])).sign_in()
    viewer, tried = (await client.context()).viewer, 0

    mutations = (each for each in operations(build()._schema) if each.kind == "mutation")
    refused = [each for each in mutations if not each.guard.granted_to(viewer)]
    for asked in (*refused, *guarded_inputs(viewer)):
        before = await client.run(asked.document, **asked.variables)
        inside = await found_in_transaction(client, asked)

        assert before.codes == ["FORBIDDEN"] and told(inside) == told(before), asked.name
        assert not inside.data or set(inside.data.values()) == {None}, asked.name
        tried += 1

    assert (await contact.get(id=contact.id)).version == 1
    assert tried >= 5 or role in (Role.DIRECTOR, Role.ADMIN)
