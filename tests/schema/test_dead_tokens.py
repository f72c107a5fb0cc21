"""A token that is no session's changes nothing of what needs no session, and is told where one is needed."""

from collections.abc import Awaitable, Callable

import pytest

from app.models import Session
from app.policy import Level
from app.schema import build
from app.services import sessions
from tests.factories import NOON, make_employee, make_project
from tests.graphql import (
    OTHER_PASSWORD,
    PASSWORD,
    Client,
    anonymous,
    as_employee,
    gid,
    make_account_with_password,
    with_token,
)
from tests.schema.operations import operations

WHO = "{ viewer { roles } }"
SIGN_IN = """
mutation ($email: String!, $password: String!) {
    signIn(input: {email: $email, password: $password}) {
        session { token employee { id } }
        errors { code path }
    }
}"""
TOO_LATE = "This session has ended. Sign in again."


async def garbage() -> Client:
    return with_token("a token that never was")


async def of_ended_session() -> Client:
    client = await as_employee(await make_employee(await make_project())).sign_in()
    await Session.all().update(revoked_at=NOON)
    return client


async def believed_to_live() -> Client:
    """As another process would end it, whose bell is still on its way."""
    client = await as_employee(await make_employee(await make_project())).sign_in()
    assert (await client.run(WHO)).errors == []
    await Session.all().update(revoked_at=NOON)
    return client


async def of_somebody_else() -> Client:
    return await as_employee(await make_employee(await make_project())).sign_in()


TOKENS = [garbage, of_ended_session, believed_to_live, of_somebody_else]


@pytest.mark.parametrize("holder", TOKENS, ids=lambda holder: holder.__name__)
async def test_every_operation_of_level_anonymous_runs_with_any_token(
    holder: Callable[[], Awaitable[Client]],
) -> None:
    client, ran = await holder(), []

    for asked in operations(build()._schema):
        if asked.guard is Level.ANONYMOUS and asked.kind != "subscription":
            expected = await anonymous("198.51.100.7").run(asked.document, **asked.variables)
            assert (await client.run(asked.document, **asked.variables)) == expected, asked.name
            ran.append(asked.name)

    assert {"signIn", "accountCreate", "passwordReset", "passwordResetRequest", "invitationAccept"} <= set(
        ran
    )
    assert (await client.run("{ __typename __schema { queryType { name } } }")).errors == []


@pytest.mark.parametrize("holder", TOKENS, ids=lambda holder: holder.__name__)
async def test_one_signs_in_with_whatever_token(holder: Callable[[], Awaitable[Client]]) -> None:
    client = await holder()
    account = await make_account_with_password(email="jana@example.cz")
    employee = await make_employee(await make_project(), account=account)

    wrong = await client.run(SIGN_IN, email="jana@example.cz", password=OTHER_PASSWORD)
    right = await client.run(SIGN_IN, email="jana@example.cz", password=PASSWORD)

    assert wrong.faults("signIn") == [("input.password", "WRONG_CREDENTIALS")]
    assert right.faults("signIn") == []
    session = right.data["signIn"]["session"]
    assert session["employee"] == {"id": gid(employee)}
    assert (await with_token(session["token"]).run(WHO)).errors == []


@pytest.mark.parametrize("holder", [garbage, of_ended_session, believed_to_live])
async def test_what_needs_a_session_says_that_it_ended(holder: Callable[[], Awaitable[Client]]) -> None:
    client = await holder()
    if client.employee is not None:
        sessions.BELIEVED.clear()

    for document in (WHO, "mutation { signOut { errors { code } } }", "{ contacts { totalCount } }"):
        answer = await client.run(document)
        assert answer.data is None and answer.codes == ["UNAUTHENTICATED"]
        assert answer.errors[0]["message"] == TOO_LATE
