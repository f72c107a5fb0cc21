"""Heads of requests: too long, or never done. All of it before anybody has said who he is."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.http import protocol
from app.main import SERVER_OPTIONS
from tests.http.toy import Toy

#: nginx's and most balancers' own: they must be the ones who close.
PROXIES_KEEP_S = 60
CHUNK = b"x" * 60_000
POST = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"query": "{ hello }"}'
WHOLE = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


class Wire:
    """A connection without an HTTP client to keep it decent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, sent: bytes, *, times: int = 1) -> None:
        for _ in range(times):
            self.writer.write(sent)
            await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(5):
            return await self.reader.read()


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for before `wire`: the clock starts with the connection."""
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.2)


@pytest.fixture
async def wire(toy: Toy) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", toy.port)
    yield Wire(reader, writer)
    writer.close()


@pytest.mark.parametrize(
    "start",
    [
        b"GET /graphql?query=",
        b"GET /graphql HTTP/1.1\r\nX-A: ",
        b"GET /graphql HTTP/1.1\r\nX-A",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: ",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5;",
        WHOLE + b"GET /graphql HTTP/1.1\r\nX-A: ",
    ],
    ids=["address", "header", "name", "trailer", "chunk extension", "second request"],
)
async def test_a_head_without_end_ends_the_connection(wire: Wire, start: bytes) -> None:
    await wire.send(start)
    try:
        await wire.send(CHUNK, times=50)
        answer = await wire.rest()
    except ConnectionError:
        return

    assert b"HTTP/1.1 400" in answer


async def test_headers_without_end_end_the_connection(wire: Wire) -> None:
    await wire.send(b"GET /graphql HTTP/1.1\r\n")
    try:
        await wire.send(b"X-A: b\r\n" * 5_000, times=100)
        answer = await wire.rest()
    except ConnectionError:
        return

    assert b"HTTP/1.1 400" in answer


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("start", [b"\r\n", b"GET /gra", b"GET /graphql HTTP/1.1\r\nX-A: b\r\n"])
async def test_a_head_that_is_never_done_ends_the_connection(
    impatience: None, wire: Wire, start: bytes, is_first: bool
) -> None:
    if not is_first:
        await wire.send(WHOLE)
        assert (await wire.reader.readuntil(b"}}")).startswith(b"HTTP/1.1 200")

    await wire.send(start)

    assert await wire.rest() == b""


async def test_a_connection_that_says_nothing_ends(impatience: None, wire: Wire) -> None:
    assert await wire.rest() == b""


async def test_a_long_head_and_many_requests_on_one_connection_pass(wire: Wire) -> None:
    long = POST.replace(b"Host: x", b"Host: x\r\nX-A: " + b"a" * 50_000)

    for _ in range(4):
        await wire.send(long + b"Content-Length: %d\r\n\r\n" % len(BODY))
        await wire.send(BODY)
        answer = await wire.reader.readuntil(b"}}")
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b'{"data":{"hello":"hello world"}}')


async def test_an_idle_connection_is_kept_longer_than_proxies_keep_theirs(toy: Toy, wire: Wire) -> None:
    await wire.send(WHOLE)
    await wire.reader.readuntil(b"}}")

    (connection,) = toy.server.server_state.connections
    assert isinstance(connection, protocol.BoundedProtocol)
    assert connection._deadline is None and connection.timeout_keep_alive_task is not None
    kept_s = connection.timeout_keep_alive_task.when() - asyncio.get_running_loop().time()
    assert kept_s > PROXIES_KEEP_S


def test_the_application_is_served_by_it() -> None:
    assert SERVER_OPTIONS["http"] is protocol.BoundedProtocol
