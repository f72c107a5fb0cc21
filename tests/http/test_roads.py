"""The hot road and the full road give the same answers, to the byte."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http import graphql, limits
from tests.http.socket_client import signed_in
from tests.http.toy import Client

JSON = "application/json"
NEW = "application/graphql-response+json"
ID = "0123456789abcdef"
# Harmless, but no ordinary client sends it.
DETOUR = {"content-encoding": "identity"}


class Seen(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass
class FullRoad:
    """Stands before the full road and counts who comes by."""

    app: ASGIApp
    passed: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.passed += scope["type"] == "http"
        await self.app(scope, receive, send)


@pytest.fixture
def full_road(client: Client, monkeypatch: pytest.MonkeyPatch) -> FullRoad:
    road = FullRoad(client.toy.front.app)
    monkeypatch.setattr(client.toy.front, "app", road)
    return road


async def ask(client: Client, headers: Mapping[str, str | None], content: bytes) -> Seen:
    """What came over the wire, without the time of day."""
    sent = {name: value for name, value in headers.items() if value is not None}
    request = client.http.build_request("POST", client.toy.url, headers=sent, content=content)
    for name, value in headers.items():
        if value is None:
            request.headers.pop(name, None)
    response = await client.http.send(request, stream=True)
    body = b"".join([chunk async for chunk in response.aiter_raw()])
    await response.aclose()
    return Seen(response.status_code, [each for each in response.headers.raw if each[0] != b"date"], body)


def query(text: str, **more: Any) -> bytes:
    return orjson.dumps({"query": text, **more})


@dataclass(frozen=True)
class Case:
    content: bytes
    headers: Mapping[str, str | None] = field(default_factory=dict)


def with_accept(content: bytes, accept: str | None) -> Case:
    return Case(content, {"accept": accept})


def with_authorization(value: str, accept: str = NEW) -> Case:
    return Case(query("mutation { writeMine }"), {"authorization": value, "accept": accept})


HELLO, LONG = query("{ hello }"), query("{ long }")
DECLARED = query("query Q($data: ToyInput!) { echo(data: $data) }", variables={"data": {"name": "ž"}})

ORDINARY = {
    "typename": Case(query("{ __typename }")),
    "two typenames": Case(query("query Q { a: __typename b: __typename a: __typename }", operationName="Q")),
    "typename of mutations": Case(query("mutation { __typename }")),
    "skipped typename": Case(query("{ __typename @skip(if: true) hello }")),
    "typename with a variable": Case(query("query Q($a: Int!) { __typename @skip(if: $a) }")),
    "a field": Case(HELLO),
    "no accept": with_accept(HELLO, None),
    "empty accept": with_accept(HELLO, ""),
    "any accept": with_accept(HELLO, "*/*"),
    "json": with_accept(HELLO, JSON),
    "the new type": with_accept(HELLO, NEW),
    "both types": with_accept(HELLO, f"{NEW}, {JSON};q=0.9"),
    "variables": Case(DECLARED),
    "variables missing": Case(query("query Q($data: ToyInput!) { echo(data: $data) }"), {"accept": NEW}),
    "operation chosen": Case(query("query A { hello } query B { who }", operationName="B")),
    "operation unknown": Case(query("{ hello }", operationName="X"), {"accept": NEW}),
    "operation not chosen": Case(query("query A { hello } query B { who }"), {"accept": NEW}),
    "empty operation name": Case(query("{ hello }", operationName="")),
    "mutation": Case(query("mutation { write }")),
    "subscription": Case(query("subscription { count }"), {"accept": NEW}),
    "syntax error": Case(query("{ hello"), {"accept": NEW}),
    "syntax error in json": Case(query("{ hello")),
    "unknown field": Case(query("{ helo }"), {"accept": NEW}),
    "masked error": Case(query("{ hello boom }"), {"accept": NEW}),
    "denied alone": Case(query("{ denied }"), {"accept": NEW}),
    "denied beside data": Case(query("{ hello denied }"), {"accept": NEW}),
    "throttled": Case(query("{ throttled }"), {"accept": NEW}),
    "throttled in json": Case(query("{ throttled }")),
    "unavailable": Case(query("{ unavailable notNull }"), {"accept": NEW}),
    "null of its own will": Case(query("{ notNull }"), {"accept": NEW}),
    "null of everything": Case(query("{ me { slow: echo(data: {name: \"x\"}) } notNull }")),
    "charset": Case(HELLO, {"content-type": "Application/JSON; charset=utf-8"}),
    "no json": Case(b"{", {"accept": NEW}),
    "empty body": Case(b"", {"accept": NEW}),
    "batch": Case(b"[]"),
    "query is a number": Case(b'{"query": 5}'),
    "variables are a list": Case(b'{"query": "{ hello }", "variables": []}'),
    "a signed-in client": Case(query("{ who agent }"), {"authorization": "Bearer token-0"}),
    "user agent": Case(query("{ agent }"), {"user-agent": "x" * 400}),
    "no user agent": Case(query("{ agent }"), {"user-agent": None}),
    "request id": Case(query("{ requestId }")),
    "wrong token": with_authorization("Bearer wrong"),
    "wrong token in json": with_authorization("Bearer wrong", JSON),
    "basic authorization": with_authorization("Basic dTpw"),
    "empty authorization": with_authorization(""),
    "long and plain": Case(LONG, {"accept-encoding": "identity"}),
    "long and compressed": Case(LONG, {"accept-encoding": "br, gzip"}),
    "long without a word": Case(LONG, {"accept-encoding": None}),
    "very long and compressed": Case(query("{ long(size: 200000) }"), {"accept-encoding": "gzip"}),
    "long error": Case(query("{ " + " ".join(f"a{n}: denied" for n in range(10)) + " }")),
    "largest body": Case(HELLO + b" " * (limits.MOST_BODY_BYTES - len(HELLO))),
}  # fmt: skip

EXTRAORDINARY = {
    "page of another origin": Case(HELLO, {"origin": "http://evil.example"}),
    "page": Case(HELLO, {"origin": "http://127.0.0.1"}),
    "neither type": with_accept(HELLO, "image/png"),
    "text": Case(HELLO, {"content-type": "text/plain"}),
    "no content type": Case(HELLO, {"content-type": None}),
    "another charset": Case(HELLO, {"content-type": f"{JSON}; charset=latin2"}),
    "body too large": Case(HELLO + b" " * limits.MOST_BODY_BYTES),
    "compressed body": Case(HELLO, {"content-encoding": "gzip"}),
    "accept without end": with_accept(HELLO, ", ".join([JSON] * 100)),
}


def complete(case: Case) -> dict[str, str | None]:
    return {"content-type": JSON, "x-request-id": ID, **case.headers}


@pytest.mark.parametrize("case", ORDINARY.values(), ids=ORDINARY.keys())
async def test_both_roads_answer_alike(client: Client, full_road: FullRoad, case: Case) -> None:
    client.toy.sign_in()

    hot = await ask(client, complete(case), case.content)
    passed = full_road.passed
    full = await ask(client, complete(case) | DETOUR, case.content)

    assert hot == full
    assert (passed, full_road.passed) == (0, 1)
    assert (b"x-request-id", ID.encode()) in hot.headers


@pytest.mark.parametrize("case", EXTRAORDINARY.values(), ids=EXTRAORDINARY.keys())
async def test_what_is_not_ordinary_takes_the_full_road(
    client: Client, full_road: FullRoad, case: Case
) -> None:
    await ask(client, complete(case), case.content)

    assert full_road.passed == 1


async def test_headers_given_twice_take_the_full_road(client: Client, full_road: FullRoad) -> None:
    twice = [("accept", JSON), ("accept", NEW), ("content-type", JSON)]

    response = await client.http.post(client.toy.url, content=HELLO, headers=twice)

    assert response.status_code == 200
    assert full_road.passed == 1


async def test_a_query_string_takes_the_full_road(client: Client, full_road: FullRoad) -> None:
    token = client.toy.sign_in()

    response = await client.http.post(f"{client.toy.url}?token={token}", json={"query": "{ who }"})

    assert response.status_code == 400
    assert full_road.passed == 1


async def test_both_roads_mask_what_nobody_foresaw(client: Client, full_road: FullRoad) -> None:
    client.toy.is_database_down = True
    case = Case(HELLO, {"accept": NEW})

    hot = await ask(client, complete(case), case.content)
    full = await ask(client, complete(case) | DETOUR, case.content)

    assert hot == full
    assert (hot.status, full_road.passed) == (500, 1)


async def test_both_roads_give_up_alike(
    client: Client, full_road: FullRoad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphql, "OPERATION_TIMEOUT_S", 0.05)
    case = Case(query("{ slow }"), {"accept": NEW})

    hot = await ask(client, complete(case), case.content)
    full = await ask(client, complete(case) | DETOUR, case.content)

    assert hot == full
    assert (hot.status, full_road.passed) == (503, 1)


async def test_a_client_that_leaves_in_the_middle_of_its_body_breaks_nothing(
    client: Client, full_road: FullRoad, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", client.toy.port)
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: 50\r\n\r\n{{"
    writer.write(head.encode())
    await writer.drain()
    writer.close()

    async with asyncio.timeout(5):
        while client.toy.server.server_state.connections:
            await asyncio.sleep(0.01)

    assert (await client.post("{ hello }")).json() == {"data": {"hello": "hello world"}}
    assert full_road.passed == 0
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_body_in_pieces_is_put_together(client: Client, full_road: FullRoad) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.toy.port)
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {len(HELLO)}\r\n\r\n"
    )
    for piece in (head.encode(), HELLO[:4], HELLO[4:]):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)

    answer = await asyncio.wait_for(reader.readuntil(b"}}"), 5)
    writer.close()

    assert answer.endswith(b'{"data":{"hello":"hello world"}}')
    assert full_road.passed == 0


async def test_connections_end_as_their_clients_wish(client: Client, full_road: FullRoad) -> None:
    head = (
        f"POST /graphql HTTP/1.0\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {len(HELLO)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", client.toy.port)

    writer.write(head.encode() + HELLO)
    old = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert old.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\nconnection: close\r\n" in old
    assert old.endswith(b'\r\n\r\n{"data":{"hello":"hello world"}}')
    assert full_road.passed == 0


async def test_requests_sent_without_waiting_are_answered_in_order(client: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.toy.port)

    for number in range(5):
        body = query(f'{{ hello(name: "{number}") }}')
        head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
    answers = [await asyncio.wait_for(reader.readuntil(b"}}"), 5) for _ in range(5)]
    writer.close()

    ends = [answer.rpartition(b"\r\n\r\n")[2] for answer in answers]
    assert ends == [b'{"data":{"hello":"hello %d"}}' % number for number in range(5)]


async def test_a_refused_mutation_has_one_code_and_status_whichever_road_finds_it(
    client: Client, full_road: FullRoad
) -> None:
    token = client.toy.sign_in()
    told = {
        (seen.status, error["extensions"]["code"], error["message"])
        for name in ("refusedBefore", "refusedInside")
        for detour in ({}, DETOUR)
        for seen in [await ask(client, signed(token) | detour, query(f"mutation {{ {name} }}"))]
        for error in orjson.loads(seen.body)["errors"]
    }
    async with signed_in(client.toy, token) as socket:
        over_socket = []
        for name in ("refusedBefore", "refusedInside"):
            await socket.subscribe(f"mutation {{ {name} }}")
            (first, *_) = await socket.receive_until_complete()
            errors = first["payload"] if first["type"] == "error" else first["payload"]["errors"]
            over_socket += [(error["extensions"]["code"], error["message"]) for error in errors]

    ((status, code, message),) = told
    assert (status, code) == (403, "FORBIDDEN") and client.toy.done == []
    assert over_socket == [(code, message)] * 2


def signed(token: str) -> dict[str, str | None]:
    return {**complete(Case(b"", {"accept": NEW})), "authorization": f"Bearer {token}"}
