"""A plain graphql-transport-ws client: it sends what it is told, right or wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PROTOCOL = "graphql-transport-ws"


class Listening(Protocol):
    """A server that runs."""

    @property
    def ws_url(self) -> str: ...


@dataclass
class SocketClient:
    connection: ClientConnection

    async def send(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def init(self, token: str | None = None) -> dict[str, Any]:
        await self.send(
            type="connection_init", **({"payload": {"Authorization": f"Bearer {token}"}} if token else {})
        )
        return await self.receive()

    async def subscribe(self, query: str, operation_id: str = "1", **more: Any) -> None:
        await self.send(type="subscribe", id=operation_id, payload={"query": query, **more})

    async def receive(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.connection.recv(), 5)
        assert isinstance(text, str)
        message = orjson.loads(text)
        assert isinstance(message, dict)
        return message

    async def receive_until_complete(self) -> list[dict[str, Any]]:
        received = [await self.receive()]
        while received[-1]["type"] not in ("complete", "error"):
            received.append(await self.receive())
        return received

    async def closed(self, within_s: float = 5) -> tuple[int | None, str | None]:
        """The close code and reason; whatever came before is read and dropped."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(within_s):
                while True:
                    await self.connection.recv()
        return self.connection.close_code, self.connection.close_reason


@contextlib.asynccontextmanager
async def opened(server: Listening, *, path: str = "", **options: Any) -> AsyncIterator[SocketClient]:
    options.setdefault("subprotocols", [Subprotocol(PROTOCOL)])
    async with connect(server.ws_url + path, **options) as connection:
        yield SocketClient(connection)


@contextlib.asynccontextmanager
async def signed_in(server: Listening, token: str | None = None) -> AsyncIterator[SocketClient]:
    """A socket that was acknowledged; nobody's, unless a token is given."""
    async with opened(server) as client:
        assert await client.init(token) == {"type": "connection_ack"}
        yield client


async def eventually(claim: Any, within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not claim():
            await asyncio.sleep(0.01)
