"""A front end of Divize: it runs the documents of the first run by their names, over HTTP and graphql-transport-ws.

admin = divize.client()
await admin.do("SignUp", email=…, password=…, name=…)      # a mutation, with its input; gives the payload
project = await admin.ask("Project")                        # a query; gives its root field
async with admin.socket() as socket:
    feed = await socket.subscribe("Feed")
    event = await feed.next()
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.graphql import Answer

#: The longest that anything is waited for.
PATIENCE_S = 20
DOCUMENTS = (Path(__file__).parents[1] / "documents" / "first-run.graphql").read_text()
ACCEPT = "application/graphql-response+json"
HEARTBEAT = "ReminderHeartbeat"


@dataclass(frozen=True)
class HttpAnswer(Answer):
    """What a client gets, with its HTTP status."""

    status: int = 0


@dataclass
class Client:
    """One device: it keeps the token that it was given last."""

    http: httpx.AsyncClient
    address: str
    token: str | None = None

    async def run(self, operation: str, /, **variables: Any) -> HttpAnswer:
        """Runs one of the documents of the first run."""
        return await self._post(query=DOCUMENTS, operationName=operation, variables=variables)

    async def query(self, document: str, /, **variables: Any) -> HttpAnswer:
        """Runs a document of the test's own."""
        return await self._post(query=document, variables=variables)

    async def ask(self, operation: str, /, **variables: Any) -> Any:
        """The root field of a query. Fails on any error."""
        answer = await self.run(operation, **variables)
        assert (answer.status, answer.errors) == (200, []), (operation, answer)
        (root,) = answer.data.values()
        return root

    async def do(self, operation: str, /, **values: Any) -> Any:
        """The payload of a mutation with this input; its session's token is used from then on. Fails on any error."""
        payload = await self.ask(operation, **({"input": values} if values else {}))
        assert payload["errors"] == [], (operation, payload)
        if session := payload.get("session"):
            self.token = session["token"]
        return payload

    async def is_refused(self) -> bool:
        """Whether the token is worth nothing."""
        answer = await self.run("Me")
        return answer.status == 401 and answer.codes == ["UNAUTHENTICATED"]

    def on(self, other: "Client") -> "Client":
        """The same session at another web process."""
        return Client(self.http, other.address, self.token)

    @asynccontextmanager
    async def socket(self) -> AsyncIterator["Socket"]:
        """A socket that was acknowledged."""
        protocol = Subprotocol("graphql-transport-ws")
        async with connect(f"ws://{self.address}/graphql", subprotocols=[protocol], proxy=None) as connection:
            socket = Socket(connection)
            await socket.send(type="connection_init", payload={"Authorization": f"Bearer {self.token}"})
            async with asyncio.timeout(PATIENCE_S):
                assert orjson.loads(await connection.recv()) == {"type": "connection_ack"}
            socket.reading = asyncio.create_task(socket.read())
            yield socket

    async def _post(self, **body: Any) -> HttpAnswer:
        headers = {"Content-Type": "application/json", "Accept": ACCEPT}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        response = await self.http.post(
            f"http://{self.address}/graphql", content=orjson.dumps(body), headers=headers
        )
        answer = response.json()
        return HttpAnswer(answer.get("data"), answer.get("errors", []), response.status_code)


class Socket:
    """One connection, with any number of subscriptions."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.reading: asyncio.Task[None] | None = None
        self._ids = count(1)
        self._streams: dict[str, Stream] = {}

    async def send(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def subscribe(self, operation: str, /, **variables: Any) -> "Stream":
        stream = Stream(str(next(self._ids)))
        self._streams[stream.id] = stream
        payload = {"query": DOCUMENTS, "operationName": operation, "variables": variables}
        await self.send(id=stream.id, type="subscribe", payload=payload)
        return stream

    async def read(self) -> None:
        """Gives each message to its stream until the connection is over."""
        try:
            async for text in self.connection:
                message = orjson.loads(text)
                if message["type"] == "ping":
                    await self.send(type="pong")
                elif stream := self._streams.get(message.get("id", "")):
                    stream.messages.put_nowait(message)
        except ConnectionClosed:
            return

    async def closed(self, within_s: float = PATIENCE_S) -> int | None:
        """The close code, once the server has closed the connection."""
        async with asyncio.timeout(within_s):
            await self.connection.wait_closed()
        return self.connection.close_code


class Stream:
    """The answers to one subscription."""

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def next(self, within_s: float = PATIENCE_S) -> Any:
        """The root field of the next event; heartbeats are passed over. Fails on an error or the end of the stream."""
        while True:
            message = await self._receive(within_s)
            assert message["type"] == "next" and "errors" not in message["payload"], message
            (event,) = message["payload"]["data"].values()
            if event.get("__typename") != HEARTBEAT:
                return event

    async def backlog(self) -> list[Any]:
        """What a feed tells before it is live."""
        return (await self.opening())[:-1]

    async def live(self) -> Any:
        """What a feed says when it is live."""
        return (await self.opening())[-1]

    async def opening(self) -> list[Any]:
        """What a feed tells until it is live."""
        events = [await self.next()]
        while events[-1]["__typename"] != "ReminderFeedLive":
            events.append(await self.next())
        return events

    async def rest(self) -> list[Any]:
        """The root fields of all events until the server ends the stream."""
        events = []
        while (message := await self._receive())["type"] == "next":
            events += message["payload"]["data"].values()
        assert message["type"] == "complete", message
        return events

    async def ending(self, within_s: float = PATIENCE_S) -> str:
        """How the stream ends, as the next thing: "complete", or the code of the error."""
        message = await self._receive(within_s)
        if message["type"] == "error":
            (error,) = message["payload"]
            return str(error["extensions"]["code"])
        assert message["type"] == "complete", message
        return "complete"

    async def _receive(self, within_s: float = PATIENCE_S) -> dict[str, Any]:
        async with asyncio.timeout(within_s):
            return await self.messages.get()
