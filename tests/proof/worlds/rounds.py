"""A round: one secret, one person who may not see it, and some operations of his, in the one world and in the other."""

import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import orjson

from app.schema import build
from app.schema.errors import INTERNAL
from tests.differential.generate import Operation
from tests.differential.shrink import shrunk
from tests.differential.stage import Request
from tests.proof.worlds.authors import Curious, author_for, within_limits
from tests.proof.worlds.planting import Hints, Secret
from tests.proof.worlds.pointed import pointed
from tests.proof.worlds.theatre import Ask, Theatre, Told, undone
from tests.proof.worlds.transport import GRAPHQL_JSON, Headers

OPERATIONS = 80
MOST_IN_EPISODE = 6
#: Shares of the operations: those on a socket, and those asked before, since when something may have happened.
SOCKETS, REPEATS = 0.04, 0.45
#: Nobody outside of the project sees much: most rounds are of those inside.
SELDOM = {
    "nobody": 1,
    "account": 1,
    "other_director": 2,
    "other_external": 1,
    "without_roles": 2,
    "external_alone": 2,
}
OFTEN = 6
#: What is written, and how often: all sorts of queries, those that ask for the secret alone, mutations.
KINDS: Sequence[tuple[Callable[[Curious], Operation], int]] = (
    (Curious.operation, 35),
    (pointed, 30),
    (Curious.mutation, 20),
    (Curious.pointed_mutation, 15),
)
REQUEST_ID = b"0123456789abcdef"


class Difference(NamedTuple):
    """Who noticed what: what he asked before, since it was undone last, and the answers in both worlds."""

    round: str
    secret: Secret
    asked: Sequence[Ask]
    one: Told
    other: Told

    @property
    def request(self) -> Request:
        return self.asked[-1].request


@dataclass
class Played:
    """What a round, or many, came to. `stumbles` are answers that only a fault of ours can give."""

    operations: int = 0
    differences: list[Difference] = field(default_factory=list)
    stumbles: list[Difference] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Played") -> None:
        self.operations += other.operations
        self.differences += other.differences
        self.stumbles += other.stumbles
        self.kinds += other.kinds


def play(theatre: Theatre, name: str, secret: Secret, viewer: str, many: int = OPERATIONS) -> Played:
    """A round; the same for the same name."""
    return theatre.runner.run(_play(theatre, name, secret, viewer, many))


def who_asks(secret: Secret, chance: random.Random) -> str:
    names = list(secret.hidden_from)
    return chance.choices(names, [SELDOM.get(name, OFTEN) for name in names])[0]


async def _play(theatre: Theatre, name: str, secret: Secret, viewer: str, many: int) -> Played:
    played = Played()
    first: list[list[tuple[Ask, Told]]] = []
    writer = Writer(theatre, name, secret, viewer)
    async with theatre.world(secret, is_other=False):
        while played.operations < many:
            episode: list[tuple[Ask, Told]] = []
            async with undone():
                await writer.episode(partial(_hear, theatre, episode))
            first.append(episode)
            played.operations += len(episode)
    async with theatre.world(secret, is_other=True):
        for episode in first:
            async with undone():
                await _repeat(theatre, name, secret, episode, played)
    return played


async def _hear(theatre: Theatre, episode: list[tuple[Ask, Told]], ask: Ask) -> Told:
    told = await theatre.ask(ask)
    episode.append((ask, told))
    return told


async def _repeat(
    theatre: Theatre, name: str, secret: Secret, episode: Sequence[tuple[Ask, Told]], played: Played
) -> None:
    """To the first difference: what comes after it follows from it."""
    for number, (ask, one) in enumerate(episode, 1):
        other = await theatre.ask(ask)
        found = Difference(name, secret, [each for each, _ in episode[:number]], one, other)
        played.kinds.update(_kinds(ask, one))
        if INTERNAL.encode() in one.heard.body:
            played.stumbles.append(found)
        if is_noticed(secret, ask, one, other):
            played.differences.append(found)
            return


def _kinds(ask: Ask, told: Told) -> Iterator[str]:
    yield "socket" if ask.road == "socket" else ask.request.document.partition(" ")[0].strip("{") or "query"
    if ask.request.document.startswith("mutation") and b'"errors":[]' in told.heard.body:
        yield "mutation that succeeded"
    if b'"errors"' not in told.heard.body:
        yield "without errors"


@dataclass
class Writer:
    """Thinks of what to ask; sends what it thought of at once, for an answer may bring a cursor."""

    theatre: Theatre
    name: str
    secret: Secret
    viewer: str

    def __post_init__(self) -> None:
        self._chance = random.Random(self.name)
        self._hints = Hints.of(self.secret)
        self._cursors: dict[str, list[str]] = {}
        self._known: list[Request] = []
        self._asked = 0

    async def episode(self, send: Callable[[Ask], Awaitable[Told]]) -> None:
        """Some operations after another, that may see what those before them did."""
        for _ in range(1 + self._chance.randrange(MOST_IN_EPISODE)):
            thrown = self._chance.random()
            if thrown < SOCKETS:
                await send(self._ask(self._subscription(), road="socket"))
            elif thrown < SOCKETS + REPEATS and self._known:
                await send(self._ask(self._chance.choice(self._known)))
            else:
                request = await self._written(send)
                await send(self._ask(request))
                self._known.append(request)

    async def _written(self, send: Callable[[Ask], Awaitable[Told]]) -> Request:
        write = self._chance.choices(*zip(*KINDS, strict=True))[0]
        operation = write(self._author())
        while not within_limits(operation) or self._is_open(operation):
            operation = write(self._author())
        document, variables = operation.document, operation.variables
        for wish in operation.wishes:
            cursor = await self._cursor(wish.document, wish.place, send)
            document = document.replace(f'"{wish.token}"', json.dumps(cursor))
            variables = {name: cursor if value == wish.token else value for name, value in variables.items()}
        return Request(document, variables, self.viewer)

    def _author(self) -> Curious:
        theatre = self.theatre
        return author_for(
            build()._schema,
            self._chance,
            theatre.sights[self.viewer],
            self.viewer,
            theatre.everything,
            self._hints,
            theatre.scene.emails.get(self.viewer, ""),
        )

    def _is_open(self, operation: Operation) -> bool:
        return any(f"{name}(" in operation.document for name in self.secret.open_by)

    async def _cursor(self, document: str, place: int, send: Callable[[Ask], Awaitable[Told]]) -> str | None:
        if document not in self._cursors:
            ask = self._ask(Request(document, {}, self.viewer))
            told = await send(ask._replace(headers=()))
            self._cursors[document] = list(_cursors_in(orjson.loads(told.heard.body)))
        known = self._cursors[document]
        return known[place % len(known)] if known else None

    def _subscription(self) -> Request:
        arguments = self._author().arguments
        if self._chance.random() < 0.5:
            document = "subscription($id: ID!) { emailStatus(emailId: $id) { id state subject recipients { address } } }"
            return Request(document, {"id": arguments.some_id("Email")}, self.viewer)
        shown = "moreDue reminders { id title note contact { id name vatId } assignee { name } }"
        document = (
            "subscription { reminderFeed { __typename cursor serverTime "
            f"... on ReminderPopup {{ {shown} }} ... on ReminderFeedLive {{ openCount dueCount popupsOff }} }} }}"
        )
        return Request(document, {}, self.viewer)

    def _ask(self, request: Request, road: Any = "post") -> Ask:
        self._asked += 1
        return Ask(request, road, self._headers(), f"{self.name}:{self._asked}")

    def _headers(self) -> Headers:
        """Mostly those of a program; a page's take the longer road through the application."""
        headers = [(b"x-request-id", REQUEST_ID), (b"accept", GRAPHQL_JSON), (b"user-agent", b"worlds")]
        if self._chance.random() < 0.1:
            headers.append((b"accept-encoding", b"gzip"))
        if self._chance.random() < 0.05:
            headers.append((b"origin", b"https://crm.example.com"))
        return tuple(headers)


def _cursors_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "cursor" and isinstance(each, str):
                yield each
            else:
                yield from _cursors_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _cursors_in(each)


def explained(theatre: Theatre, difference: Difference) -> str:
    """The difference over fewer and smaller operations, and both answers."""
    last = difference.asked[-1]
    before = _shortened(theatre, difference.secret, difference.asked)

    def differs(request: Request) -> bool:
        return _differ(theatre, difference.secret, [*before, last._replace(request=request)]) is not None

    smaller = shrunk(last.request, differs, longest_s=20) if differs(last.request) else last.request
    asked = [*before, last._replace(request=smaller)]
    one, other = _differ(theatre, difference.secret, asked) or (difference.one, difference.other)
    steps = "\n".join(
        f"{each.request.document}\n  variables: {dict(each.request.variables)}" for each in asked
    )
    return (
        f"{difference.secret.name!r} shows to {last.request.viewer} ({theatre.engine}, round {difference.round}):\n"
        f"{steps}\none world:   {one.heard.told()}\nother world: {other.heard.told()}"
        + ("" if one.heard != other.heard else f"\nstatements {one.statements}\nand {other.statements}")
    )


def _shortened(theatre: Theatre, secret: Secret, asked: Sequence[Ask]) -> list[Ask]:
    """Without those of the earlier operations that the difference does not need."""
    *before, last = asked
    for ask in list(before):
        fewer = [each for each in before if each is not ask]
        if _differ(theatre, secret, [*fewer, last]):
            before = fewer
    return before


def _differ(theatre: Theatre, secret: Secret, asked: Sequence[Ask]) -> tuple[Told, Told] | None:
    """What the last of them is told in both worlds, if that differs."""
    one, other = (
        theatre.runner.run(_told_last(theatre, secret, asked, is_other=is_other))
        for is_other in (False, True)
    )
    return (one, other) if is_noticed(secret, asked[-1], one, other) else None


def is_noticed(secret: Secret, ask: Ask, one: Told, other: Told) -> bool:
    """By the answer; or, as how long it took might tell, by what the database was asked."""
    if one.heard != other.heard:
        return True
    works_more = any(f"{name}(" in ask.request.document for name in secret.more_work_in)
    return one.statements != other.statements and not works_more


async def _told_last(theatre: Theatre, secret: Secret, asked: Sequence[Ask], *, is_other: bool) -> Told:
    async with theatre.world(secret, is_other=is_other):
        for ask in asked:
            told = await theatre.ask(ask)
    return told
