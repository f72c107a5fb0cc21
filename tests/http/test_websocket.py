"""graphql-transport-ws as clients speak it: the protocol, and everything that is not the protocol."""

from typing import Any

import pytest

from app.http import websocket
from tests.http.socket_client import eventually, opened, signed_in
from tests.http.toy import Toy


async def test_a_subscription_streams_and_completes(toy: Toy) -> None:
    async with signed_in(toy) as client:
        await client.subscribe("subscription S($to: Int!) { count(to: $to) }", variables={"to": 2})
        received = await client.receive_until_complete()

    assert received == [
        {"id": "1", "type": "next", "payload": {"data": {"count": 0}}},
        {"id": "1", "type": "next", "payload": {"data": {"count": 1}}},
        {"id": "1", "type": "complete"},
    ]


async def test_queries_and_mutations_run_over_a_socket_too(toy: Toy) -> None:
    async with signed_in(toy) as client:
        await client.subscribe('query A { hello(name: "ž") } query B { who }', "q", operationName="A")
        query = await client.receive_until_complete()
        await client.subscribe("mutation { write }", "m")
        mutation = await client.receive_until_complete()

    assert [message.get("payload") for message in query] == [{"data": {"hello": "hello ž"}}, None]
    assert [message.get("payload") for message in mutation] == [{"data": {"write": "write"}}, None]
    assert toy.done == ["write"]


@pytest.mark.parametrize(
    "payload",
    [{"Authorization": "Bearer {}"}, {"authorization": "bearer {}"}, {"token": "{}"}],
)
async def test_the_token_comes_with_connection_init(toy: Toy, payload: dict[str, str]) -> None:
    token = toy.sign_in()
    async with opened(toy) as client:
        await client.send(
            type="connection_init", payload={name: value.format(token) for name, value in payload.items()}
        )
        assert await client.receive() == {"type": "connection_ack"}
        await client.subscribe("{ who }")
        answer = await client.receive()

    assert answer["payload"]["data"]["who"] == str(toy.sessions[token])


@pytest.mark.parametrize("payload", [None, {}, {"Authorization": None}, {"token": None}])
async def test_without_a_token_one_is_nobody(toy: Toy, payload: Any) -> None:
    async with opened(toy) as client:
        await client.send(type="connection_init", payload=payload)
        assert await client.receive() == {"type": "connection_ack"}
        await client.subscribe("{ who }")
        answer = await client.receive()

    assert answer["payload"]["data"]["who"] == "nobody"


@pytest.mark.parametrize(
    "payload",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "token-0"},
        {"Authorization": 5},
        {"token": 5},
        {"token": ["x"]},
        {"token": ""},
    ],
)
async def test_a_wrong_token_closes_with_4403(toy: Toy, payload: dict[str, Any]) -> None:
    toy.sign_in()
    async with opened(toy) as client:
        await client.send(type="connection_init", payload=payload)

        assert (await client.closed())[0] == 4403


async def test_without_init_the_socket_closes_with_4408(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert websocket.INIT_TIMEOUT_S == 5
    monkeypatch.setattr(websocket, "INIT_TIMEOUT_S", 0.2)
    async with opened(toy) as client:
        assert (await client.closed())[0] == 4408


async def test_subscribing_before_init_closes_with_4401(toy: Toy) -> None:
    async with opened(toy) as client:
        await client.subscribe("{ hello }")

        assert (await client.closed())[0] == 4401


async def test_a_second_init_closes_with_4429(toy: Toy) -> None:
    async with signed_in(toy) as client:
        await client.send(type="connection_init")

        assert (await client.closed())[0] == 4429


async def test_an_id_in_use_closes_with_4409(toy: Toy) -> None:
    async with signed_in(toy) as client:
        await client.subscribe("subscription { feed }", "x" * 128)
        await client.subscribe("subscription { feed }", "x" * 128)

        assert (await client.closed())[0] == 4409
    await eventually(lambda: not toy.feeds)


async def test_an_id_may_be_used_again_after_complete(toy: Toy) -> None:
    async with signed_in(toy) as client:
        await client.subscribe("subscription { feed }")
        await eventually(lambda: len(toy.feeds) == 1)
        await client.send(type="complete", id="1")
        await client.subscribe("subscription { count(to: 1) }")
        received = await client.receive_until_complete()

    assert [message["type"] for message in received] == ["next", "complete"]
    await eventually(lambda: not toy.feeds)


FRAMES = [
    "null",
    "5",
    '"x"',
    "[]",
    "{}",
    "{",
    "",
    "[" * 30_000,
    '{"type": null}',
    '{"type": 5}',
    '{"type": "start"}',
    '{"type": "connection_terminate"}',
    '{"type": "' + "x" * 500 + '"}',
    '{"type": ["subscribe"]}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": null, "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": "' + "x" * 500 + '", "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": "1"}',
    '{"type": "subscribe", "id": "1", "payload": null}',
    '{"type": "subscribe", "id": "1", "payload": []}',
    '{"type": "subscribe", "id": "1", "payload": {}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "operationName": {}}}',
    '{"type": "complete"}',
    '{"type": "complete", "id": 1}',
    '{"type": "ping", "payload": 5}',
    '{"type": "connection_init", "payload": "x"}',
    '{"type": "ping", "payload": {"a": "\\ud800"}}',
    b'{"type": "ping"}',
]


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
@pytest.mark.parametrize("is_acknowledged", [False, True])
async def test_a_malformed_frame_closes_with_4400(
    toy: Toy, frame: str | bytes, is_acknowledged: bool
) -> None:
    async with opened(toy) as client:
        if is_acknowledged:
            await client.init()
        await client.connection.send(frame)
        code, reason = await client.closed()

    assert code == 4400
    assert reason


async def test_what_is_unknown_to_complete_is_ignored_and_pings_are_answered(toy: Toy) -> None:
    async with opened(toy) as client:
        await client.send(type="ping", payload={"a": 1})
        assert await client.receive() == {"type": "pong"}
        await client.init()
        await client.send(type="complete", id="unknown")
        await client.send(type="pong")
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ helo }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "me { " * 50 + "hello" + "}" * 51, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "BAD_REQUEST"),
        ("query Q($data: ToyInput!) { echo(data: $data) }", "BAD_USER_INPUT"),
        ("subscription S($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
    ],
)
async def test_a_request_error_ends_its_operation_and_leaves_the_others_alive(
    toy: Toy, query: str, code: str
) -> None:
    async with signed_in(toy) as client:
        await client.subscribe("subscription { feed }", "lives")
        await client.subscribe(query, "fails")
        error = await client.receive()
        await eventually(lambda: len(toy.feeds) == 1)
        toy.say("still here")
        event = await client.receive()

    assert (error["id"], error["type"]) == ("fails", "error")
    assert [each["extensions"]["code"] for each in error["payload"]] == [code]
    assert all(each["extensions"]["requestId"] for each in error["payload"])
    assert event == {"id": "lives", "type": "next", "payload": {"data": {"feed": "still here"}}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ boom }", "INTERNAL_SERVER_ERROR"),
        ("{ denied }", "FORBIDDEN"),
    ],
)
async def test_errors_of_fields_are_coded_and_masked(toy: Toy, query: str, code: str) -> None:
    async with signed_in(toy) as client:
        await client.subscribe(query)
        received = await client.receive_until_complete()

    payloads = [message["payload"] for message in received if "payload" in message]
    errors = [
        error
        for payload in payloads
        for error in (payload if isinstance(payload, list) else payload.get("errors", []))
    ]
    assert [error["extensions"]["code"] for error in errors] == [code]
    assert "SELECT" not in str(received)


async def test_a_stream_that_breaks_asks_its_client_to_come_back(toy: Toy) -> None:
    async with signed_in(toy) as client:
        await client.subscribe("subscription { trap }")
        event = await client.receive()
        code, reason = await client.closed()

    assert event["payload"] == {"data": {"trap": "one"}}
    assert (code, reason) == (1013, "Try again later")


@pytest.mark.parametrize("after", [0, 2])
async def test_a_refused_subscription_ends_with_an_error_and_stops(toy: Toy, after: int) -> None:
    async with signed_in(toy) as client:
        await client.subscribe(f"subscription {{ forbidden(after: {after}) }}")
        received = await client.receive_until_complete()
        await client.subscribe("{ hello }")
        reused = await client.receive()

    assert [message["type"] for message in received] == ["next"] * after + ["error"]
    assert received[-1]["payload"][0]["extensions"]["code"] == "FORBIDDEN"
    assert reused["type"] == "next"
    assert toy.done == ["stopped"]


async def test_each_operation_has_a_request_id_of_its_own(toy: Toy) -> None:
    async with signed_in(toy) as client:
        ids = set()
        for number in range(3):
            await client.subscribe("{ requestId }", str(number))
            ids.add((await client.receive_until_complete())[0]["payload"]["data"]["requestId"])

    assert len(ids) == 3
