"""A schema that knows nothing of CRM, behind the real endpoint, on a real uvicorn and socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import httpx
import strawberry
import uvicorn
from graphql import GraphQLError
from starlette.applications import Starlette
from strawberry.types import Info

from app.engine.guards import GUARD
from app.errors import Forbidden, Invalid, NotFound, RateLimited, ServiceUnavailable, Unauthenticated
from app.http.graphiql import graphiql_routes
from app.http.graphql import GraphQLEndpoint
from app.http.hot import HotRoads
from app.http.middleware import middleware
from app.http.sockets import Sockets
from app.main import SERVER_OPTIONS
from app.policy import AccountViewer, Level, Permission, Viewer
from app.schema.context import ClientInfo, Context
from app.schema.documents import DocumentSchema

ToyInfo = Info[Context, None]


@strawberry.input
class ToyInput:
    name: str
    count: int = 1


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def who(self, info: ToyInfo) -> str:
        viewer = info.context.viewer
        return str(viewer.account_id) if isinstance(viewer, AccountViewer) else "nobody"

    @strawberry.field
    def agent(self, info: ToyInfo) -> str:
        return f"{info.context.client_ip} {info.context.user_agent}"

    @strawberry.field
    def request_id(self, info: ToyInfo) -> str:
        return info.context.request_id

    @strawberry.field
    def echo(self, data: ToyInput) -> str:
        return f"{data.name}×{data.count}"

    @strawberry.field
    def long(self, size: int = 5_000) -> str:
        return "ž" * size

    @strawberry.field
    def boom(self) -> str | None:
        raise RuntimeError("SELECT secret FROM table")

    @strawberry.field
    def not_null(self) -> str | None:
        return None

    @strawberry.field
    def bad_int(self) -> int | None:
        return "a secret that is no number"  # type: ignore[return-value]

    @strawberry.field
    def denied(self) -> str | None:
        raise Forbidden("No.", requiredPermission="X")

    @strawberry.field
    def lost(self) -> str | None:
        raise NotFound(input_path=("contact_id",))

    @strawberry.field
    def invalid(self) -> str | None:
        raise Invalid.at("name", "Too short.")

    @strawberry.field
    def throttled(self) -> str | None:
        raise RateLimited("Wait.", retry_after_s=17)

    @strawberry.field
    def unavailable(self) -> str | None:
        raise ServiceUnavailable("The register does not answer.")

    @strawberry.field
    async def slow(self, seconds: float = 60) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @strawberry.field
    def me(self) -> "Query":
        return Query()


@strawberry.type
class Mutation:
    @strawberry.mutation
    def sign_in(self, info: ToyInfo, password: str = "") -> str:
        return toy_of(info).note("sign in")

    @strawberry.mutation
    def write(self, info: ToyInfo) -> str:
        return toy_of(info).note("write")

    @strawberry.mutation(metadata={GUARD: Level.ACCOUNT})
    def write_mine(self, info: ToyInfo) -> str:
        return toy_of(info).note("write mine")

    @strawberry.mutation(metadata={GUARD: Permission.PROJECT_DELETE})
    def refused_before(self, info: ToyInfo) -> str | None:
        return toy_of(info).note("not refused")

    @strawberry.mutation
    def refused_inside(self, info: ToyInfo) -> str | None:
        raise Permission.PROJECT_DELETE.refusal(info.context.viewer)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 3) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def feed(self, info: ToyInfo) -> AsyncIterator[str]:
        toy = toy_of(info)
        queue: asyncio.Queue[str] = asyncio.Queue()
        toy.feeds.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            toy.feeds.remove(queue)

    @strawberry.subscription
    async def watched(self, info: ToyInfo) -> AsyncIterator[str]:
        """Tells whenever it was woken, while that is allowed."""
        toy, woken = toy_of(info), asyncio.Event()
        info.context.wake = woken.set
        yield "watching"
        while await woken.wait():
            woken.clear()
            if toy.is_watching_forbidden:
                raise Forbidden("No.")
            yield "woken"

    @strawberry.subscription
    async def flood(self, kilobytes: int = 64) -> AsyncIterator[str]:
        while True:
            yield "x" * 1024 * kilobytes

    @strawberry.subscription
    async def trap(self) -> AsyncIterator[str]:
        yield "one"
        raise RuntimeError("SELECT secret FROM table")

    @strawberry.subscription
    async def forbidden(self, info: ToyInfo, after: int = 0) -> AsyncIterator[str]:
        """Refused the way the guard refuses: with a path, and after some events if rights change under it."""
        toy = toy_of(info)
        try:
            for number in range(after):
                yield str(number)
            raise GraphQLError("No.", path=["forbidden"], original_error=Forbidden("No."))
        finally:
            toy.note("stopped")


schema = DocumentSchema(Query, Mutation, Subscription)


@dataclass
class Toy:
    """The running server, and what a test may turn on it."""

    sockets: Sockets
    sessions: dict[str, UUID] = field(default_factory=dict)
    looked_up: int = 0
    is_database_down: bool = False
    is_watching_forbidden: bool = False
    ends_while_looked_up: bool = False
    done: list[str] = field(default_factory=list)
    feeds: list[asyncio.Queue[str]] = field(default_factory=list)
    front: HotRoads = field(init=False)
    server: uvicorn.Server = field(init=False)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def reset(self) -> None:
        self.sessions.clear()
        self.done.clear()
        self.looked_up = 0
        self.is_database_down = False
        self.is_watching_forbidden = False
        self.ends_while_looked_up = False

    def sign_in(self, account_id: UUID | None = None) -> str:
        token = f"token-{len(self.sessions)}"
        self.sessions[token] = account_id or uuid4()
        return token

    def note(self, what: str) -> str:
        self.done.append(what)
        return what

    def say(self, text: str) -> None:
        for queue in self.feeds:
            queue.put_nowait(text)

    async def authenticate(self, token: str | None, client: ClientInfo, *, anew: bool = False) -> Viewer:
        self.looked_up += 1
        if self.is_database_down:
            raise ConnectionError("the database is away")
        if token is None:
            return Viewer()
        if token not in self.sessions:
            raise Unauthenticated("The session is over: sign in again.")
        account_id = self.sessions[token]
        if self.ends_while_looked_up:
            del self.sessions[token]
            self.sockets.account_changed(account_id)
        return AccountViewer(account_id, uuid5(NAMESPACE_OID, token))


def toy_of(info: ToyInfo) -> Toy:
    toy = info.context.hub
    assert isinstance(toy, Toy)
    return toy


class QuietServer(uvicorn.Server):
    """Leaves the test runner's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def running(sockets: Sockets | None = None, **settings: Any) -> AsyncIterator[Toy]:
    """A server of its own on a free port of the loopback, stopped at the end."""
    toy = Toy(sockets or Sockets())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        toy.port = listener.getsockname()[1]
        public = {
            "public_url": f"http://127.0.0.1:{toy.port}",
            "environment": "production",
            "allowed_origins": "",
        }
        chosen = SimpleNamespace(**{**public, **settings})
        endpoint = GraphQLEndpoint(
            schema, authenticate=toy.authenticate, hub=toy, settings=chosen, sockets=toy.sockets
        )
        routes = [endpoint.route(), *graphiql_routes()]
        toy.front = HotRoads(Starlette(routes=routes, middleware=middleware(chosen)), endpoint)
        options = {**SERVER_OPTIONS, "timeout_graceful_shutdown": 2}
        config = uvicorn.Config(toy.front, lifespan="off", **options)
        toy.server = QuietServer(config)
        serving = asyncio.create_task(toy.server.serve([listener]))
        try:
            await _started(toy.server, serving)
            yield toy
        finally:
            toy.server.should_exit = True
            await asyncio.wait_for(serving, 10)


async def _started(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(10):
        while not server.started:
            assert not serving.done(), "the server ended"
            await asyncio.sleep(0.01)


@dataclass
class Client:
    """An HTTP client of the toy."""

    http: httpx.AsyncClient
    toy: Toy

    async def post(
        self,
        query: str,
        *,
        accept: str = "application/graphql-response+json",
        token: str | None = None,
        **more: Any,
    ) -> httpx.Response:
        headers = {"accept": accept, **({"authorization": f"Bearer {token}"} if token else {})}
        return await self.http.post(self.toy.url, json={"query": query, **more}, headers=headers)


def codes(response: httpx.Response) -> list[str]:
    """The codes of an answer's errors; checks on the way that each has a request id and nothing of our inside."""
    assert response.headers["content-type"].endswith("charset=utf-8"), response.headers
    errors = response.json()["errors"]
    for error in errors:
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]
        for secret in ("Traceback", "SELECT", "secret", "Did you mean"):
            assert secret not in response.text
    return [error["extensions"]["code"] for error in errors]
