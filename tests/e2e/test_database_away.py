"""PostgreSQL is stopped under an installation, and started again: what clients get meanwhile, and what the logs say."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from app import db
from tests.e2e.client import DOCUMENTS, PATIENCE_S
from tests.e2e.installation import Installation, installation, until
from tests.factories import make_employee, make_project
from tests.graphql import as_employee
from tests.http.socket_client import SocketClient, opened, signed_in
from tests.stopping import Stoppable, stoppable_server

PEOPLE = 10
SOCKETS_EACH = 10
REQUESTS_AT_ONCE = 25
ROUNDS = 8
TRY_AGAIN_LATER = 1013
JSON, GRAPHQL_JSON = "application/json", "application/graphql-response+json"
QUERY = "{ contacts(first: 1) { totalCount } }"
MUTATION = """
    mutation { reminderCreate(input: {title: "Zavolat", dueAt: "2030-01-01T00:00:00Z"}) { errors { message } } }
"""
#: What makes a request take the full road: it comes from a page.
FROM_A_PAGE = {"Origin": "https://crm.example.com"}


@dataclass
class Stage:
    """An installation of one web and one worker process, the tokens of ten people, and its database server."""

    divize: Installation
    postgres: Stoppable
    tokens: Sequence[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.divize.ports[0]}/graphql"

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def logs(self) -> list[str]:
        return [each.log.read_text() for each in (*self.divize.webs, *self.divize.workers)]

    async def post(self, query: str, accept: str = GRAPHQL_JSON, **headers: str) -> httpx.Response:
        sent = {"Accept": accept, "Authorization": f"Bearer {self.tokens[0]}", **headers}
        return await self.divize.http.post(self.url, json={"query": query}, headers=sent)

    @asynccontextmanager
    async def sockets(self) -> AsyncIterator[tuple[list[SocketClient], list[SocketClient]]]:
        """A hundred: half of them with nothing under way, half with a feed that is live."""
        async with AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(signed_in(self, token))
                for token in self.tokens
                for _ in range(SOCKETS_EACH)
            ]
            idle, feeds = sockets[::2], sockets[1::2]
            for socket in feeds:
                await socket.subscribe(DOCUMENTS, operationName="Feed")
                while not await _is_live(socket):
                    pass
            yield idle, feeds


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    with stoppable_server() as postgres:
        url = await postgres.create("away")
        await db.connect(url, pool_size=1)
        await db.migrate()
        await db.close()
        async with installation(tmp_path, url) as divize:
            async with divize.rows():
                project = await make_project()
                people = [await make_employee(project, ["SALES_REP"]) for _ in range(PEOPLE)]
                clients = [await as_employee(each).sign_in() for each in people]
            yield Stage(divize, postgres, [each.token or "" for each in clients])


async def test_a_stopped_database_is_503_on_every_road_and_two_lines_of_log(stage: Stage) -> None:
    async with stage.sockets() as (idle, feeds):
        quiet = sum(map(len, stage.logs()))
        stage.postgres.stop()

        await until(lambda: _is_believed_no_more(stage))
        told = [
            await stage.post(query, accept, **headers)
            for query in (QUERY, MUTATION)
            for accept in (JSON, GRAPHQL_JSON)
            for headers in ({}, FROM_A_PAGE)
        ]
        over_sockets = await asyncio.gather(*(_asked_again(each) for each in idle))
        ended = await asyncio.gather(*(_subscribed_again(each) for each in feeds))
        refused = await asyncio.gather(*(_initialised(stage, token) for token in stage.tokens))
        for _ in range(ROUNDS):
            await asyncio.gather(*(stage.post(QUERY) for _ in range(REQUESTS_AT_ONCE)))
        not_ready = await stage.divize.http.get(stage.url.replace("/graphql", "/readyz"))
        logged = sum(map(len, stage.logs())) - quiet

    assert {(each.status_code, each.headers.get("retry-after"), *_codes(each)) for each in told} == {
        (503, "2", "SERVICE_UNAVAILABLE")
    }
    assert set(over_sockets) == {"SERVICE_UNAVAILABLE"}
    assert set(ended) == set(refused) == {TRY_AGAIN_LATER}
    assert not_ready.status_code == 503
    assert logged < 1_000, f"{logged} bytes of log"

    stage.postgres.start()
    await until(lambda: _is_answered(stage))
    await until(lambda: all("database back" in each for each in stage.logs()))
    for log in stage.logs():
        assert len(re.findall("database away", log)) == len(re.findall("database back", log)) == 1, log


def _codes(answer: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json().get("errors", [])]


async def _is_live(socket: SocketClient) -> bool:
    (event,) = (await socket.receive())["payload"]["data"].values()
    return bool(event["__typename"] == "ReminderFeedLive")


async def _is_believed_no_more(stage: Stage) -> bool:
    """A session is believed for a second after it was read."""
    return (await stage.post(QUERY)).status_code != 200


async def _is_answered(stage: Stage) -> bool:
    return (await stage.post(QUERY)).status_code == 200


async def _asked_again(socket: SocketClient) -> str:
    """The code of the answer to a query."""
    await socket.subscribe(QUERY)
    frame = await socket.receive()
    payload: Any = frame["payload"]
    errors = payload if frame["type"] == "error" else payload["errors"]
    return str(errors[0]["extensions"]["code"])


async def _subscribed_again(socket: SocketClient) -> int | None:
    """How it is closed, if its first feed did not break before."""
    with suppress(ConnectionClosed):
        await socket.subscribe(DOCUMENTS, "2", operationName="Feed")
    return (await socket.closed(PATIENCE_S))[0]


async def _initialised(stage: Stage, token: str) -> int | None:
    """How a new socket is closed, once its session is believed no more."""
    while True:
        async with opened(stage) as socket:
            with suppress(ConnectionClosed):
                await socket.init(token)
                continue
            return socket.connection.close_code
