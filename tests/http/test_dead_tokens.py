"""An operation that needs no session runs whatever token comes with it; what needs one is refused as ever."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.http.socket_client import opened, signed_in
from tests.http.toy import Client, Toy, codes

JSON = {"content-type": "application/json"}
DETOUR = {"content-encoding": "identity"}
NEW = {"accept": "application/graphql-response+json"}
Ask = Callable[..., Awaitable[httpx.Response]]
DEAD = [
    "Bearer token-99",
    "Bearer",
    "",
    "Basic dTpw",
    "Bearer " + "x" * 600,
    "token-0",
]


@pytest.fixture(params=["hot", "full", "GET"])
def ask(client: Client, request: pytest.FixtureRequest) -> Ask:
    """Asks on one of the roads of HTTP."""

    async def send(query: str, **headers: str) -> httpx.Response:
        url, sent = client.toy.url, NEW | headers
        if request.param == "GET":
            return await client.http.get(url, params={"query": query}, headers=sent)
        detour = DETOUR if request.param == "full" else {}
        return await client.http.post(url, json={"query": query}, headers=JSON | sent | detour)

    return send


@pytest.mark.parametrize("header", DEAD)
async def test_what_needs_no_session_runs_with_any_token(client: Client, ask: Ask, header: str) -> None:
    client.toy.sign_in()

    answer = await ask("{ __typename hello who __schema { queryType { name } } }", authorization=header)

    expected = {"hello": "hello world", "who": "nobody", "__schema": {"queryType": {"name": "Query"}}}
    assert answer.json() == {"data": {"__typename": "Query", **expected}}


@pytest.mark.parametrize("header", DEAD)
async def test_one_signs_in_while_an_old_token_is_still_sent(client: Client, header: str) -> None:
    answers = [
        await client.http.post(
            client.toy.url,
            json={"query": f"mutation {{ {mutation} }}"},
            headers=NEW | {"authorization": header} | detour,
        )
        for detour in ({}, DETOUR)
        for mutation in ("signIn", "writeMine")
    ]

    assert [answer.status_code for answer in answers] == [200, 401] * 2
    assert [codes(answer) for answer in answers[1::2]] == [["UNAUTHENTICATED"]] * 2
    assert client.toy.done == ["sign in"] * 2


async def test_a_session_that_ended_says_so_to_what_needs_one(client: Client) -> None:
    ended, malformed, none = [
        (await client.post("mutation { writeMine }", token=token)).json()["errors"][0]["message"]
        for token in ("token-99", "a b", None)
    ]

    assert ended == "The session is over: sign in again."
    assert malformed == "Send the session's token as `Authorization: Bearer …`."
    assert none == "Sign in first: send the session's token as `Authorization: Bearer …`."


async def test_a_socket_of_an_ended_session_runs_what_needs_none_and_closes_at_what_needs_one(
    toy: Toy,
) -> None:
    token = toy.sign_in()
    async with signed_in(toy, token) as client:
        del toy.sessions[token]
        await client.subscribe("mutation { signIn }")
        came_in = await client.receive_until_complete()
        await client.subscribe("mutation { writeMine }")

        assert await client.closed() == (4403, "The session is over: sign in again.")
    assert came_in[0]["payload"] == {"data": {"signIn": "sign in"}}
    assert toy.done == ["sign in"]


async def test_a_socket_is_not_opened_with_a_dead_token_and_is_without(toy: Toy) -> None:
    async with opened(toy) as client:
        await client.send(type="connection_init", payload={"Authorization": "Bearer token-99"})
        assert await client.closed() == (4403, "The session is over: sign in again.")
    async with signed_in(toy) as client:
        await client.subscribe("mutation { signIn }")
        assert (await client.receive())["payload"] == {"data": {"signIn": "sign in"}}
