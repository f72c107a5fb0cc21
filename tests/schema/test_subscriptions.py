"""What every subscription must do, whatever it tells."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from app.integrations.pubsub import Hub
from app.models import Employee
from app.schema import build, execution
from app.schema.errors import code_of
from app.schema.subscriptions import SUBSCRIPTIONS
from app.services import sessions
from tests.factories import make_contact, make_email
from tests.graphql import as_role, gid
from tests.schema.feed_cases import PATIENCE_S, hub

__all__ = ["hub"]


async def feed(employee: Employee) -> tuple[str, dict[str, Any]]:
    return "subscription { reminderFeed { cursor } }", {}


async def mail(employee: Employee) -> tuple[str, dict[str, Any]]:
    project = await employee.project
    email = await make_email(project, contact=await make_contact(project))
    return "subscription ($id: ID!) { emailStatus(emailId: $id) { state } }", {"id": gid(email)}


#: How to ask each so that it waits after its first event.
EXAMPLES: dict[str, Callable[[Employee], Awaitable[tuple[str, dict[str, Any]]]]] = {
    "reminder_feed": feed,
    "email_status": mail,
}


def test_for_every_subscription_stands_here_how_it_is_asked() -> None:
    build()

    assert EXAMPLES.keys() == SUBSCRIPTIONS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
async def test_one_that_waits_ends_as_soon_as_it_is_woken_without_its_right(name: str, hub: Hub) -> None:
    """It puts what wakes it into `context.wake`."""
    me = await as_role("SALES_REP").sign_in()
    me.hub = hub
    assert me.employee is not None and me.employee.account_id is not None
    query, variables = await EXAMPLES[name](me.employee)
    schema, context = build(), await me.context()
    document = schema.documents.read(query)
    answers = execution.subscribe(schema, document, document.operation(None), variables, context)

    async with aclosing(answers), asyncio.timeout(PATIENCE_S):
        assert not (await anext(answers)).errors
        waiting = asyncio.ensure_future(anext(answers))
        await asyncio.sleep(0)
        await Employee.filter(id=me.employee.id).update(roles=[])
        sessions.forget(me.employee.account_id)
        assert context.wake is not None
        context.wake()
        last = await waiting

    assert last.data is None
    assert [code_of(error) for error in last.errors] == ["FORBIDDEN"]
