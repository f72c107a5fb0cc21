"""The whole application, called in this process as a server calls it: raw ASGI in, status, headers and bytes out."""

import asyncio
import gzip
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from starlette.types import ASGIApp, Message

from app.http.graphql import PATH, SOCKET_PROTOCOL

PATIENCE_S = 20.0
CLIENT = ("192.0.2.1", 40_000)
GRAPHQL_JSON = b"application/graphql-response+json"

Headers = tuple[tuple[bytes, bytes], ...]


class Heard(NamedTuple):
    """One answer; on a socket `status` is its close code or 0, and the body all its frames."""

    status: int
    headers: Headers
    body: bytes

    def told(self) -> str:
        heads = "".join(f"  {name.decode()}: {value.decode()}\n" for name, value in self.headers)
        is_packed = (b"content-encoding", b"gzip") in self.headers
        body = gzip.decompress(self.body) if is_packed else self.body
        return f"{self.status}\n{heads}  {body.decode()[:2_000]}"


async def post(app: ASGIApp, token: str | None, sent: Mapping[str, Any], headers: Headers) -> Heard:
    """One POST to `/graphql`."""
    body = orjson.dumps(sent)
    heads = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    heads += _authorization(token)
    scope = {**_scope("http", heads), "method": "POST"}
    sent_back: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent_back.append(message)

    await app(scope, receive, send)
    start, *parts = sent_back
    return Heard(
        start["status"],
        tuple(map(tuple, start["headers"])),
        b"".join(part.get("body", b"") for part in parts),
    )


async def subscribe(app: ASGIApp, token: str | None, sent: Mapping[str, Any], headers: Headers) -> Heard:
    """The first events of a subscription: up to the one after which news are waited for."""
    socket = _Socket(token, sent)
    scope = {**_scope("websocket", list(headers)), "subprotocols": [SOCKET_PROTOCOL]}
    async with asyncio.timeout(PATIENCE_S):
        await app(scope, socket.receive, socket.send)
    return Heard(socket.code, socket.headers, b"\n".join(socket.frames))


class _Socket:
    """The other end of a socket: says hello, subscribes, and hangs up when it has heard enough."""

    def __init__(self, token: str | None, sent: Mapping[str, Any]) -> None:
        self.frames: list[bytes] = []
        self.headers: Headers = ()
        self.code = 0
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._subscription = {"id": "1", "type": "subscribe", "payload": sent}
        self._incoming.put_nowait({"type": "websocket.connect"})
        payload = {"authorization": f"Bearer {token}"} if token else {}
        self._say({"type": "connection_init", "payload": payload})

    async def receive(self) -> Message:
        return await self._incoming.get()

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.headers = tuple(map(tuple, message["headers"]))
        elif message["type"] == "websocket.close":
            self.code = message.get("code", 1000)
            self._hang_up()
        elif message["type"] == "websocket.send":
            self._hear(message["text"].encode())

    def _hear(self, frame: bytes) -> None:
        self.frames.append(frame)
        kind = orjson.loads(frame)["type"]
        if kind == "connection_ack":
            self._say(self._subscription)
        elif kind in ("error", "complete") or (kind == "next" and _is_waited_after(frame)):
            self._hang_up()

    def _say(self, frame: Mapping[str, Any]) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "text": orjson.dumps(frame).decode()})

    def _hang_up(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})


def _is_waited_after(frame: bytes) -> bool:
    """A feed is live; any other subscription has told its present state."""
    return b'"reminderFeed"' not in frame or b'"ReminderFeedLive"' in frame


def _authorization(token: str | None) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {token}".encode())] if token else []


def _scope(kind: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http" if kind == "http" else "ws",
        "path": PATH,
        "raw_path": PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"crm.example.com"), *headers],
        "client": CLIENT,
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
