"""Valkey falls silent: connections that carry nothing, new ones that carry nothing either, or a server that is stopped.

Mutations answer, the first a little late; windows open; and when it speaks again, clients hear of a window at once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from tests.e2e.installation import until
from tests.faults import processes
from tests.faults.checker import lost_rows
from tests.faults.listeners import Listener
from tests.faults.people import make_people
from tests.faults.probes import Windows
from tests.faults.result import Result, percentile
from tests.faults.stage import Stage, stage
from tests.faults.workload import Mutation, Outcome, reminder, summary

FIRST_LATE_LIMIT_S = 1.5
FOLLOWING_LATE_LIMIT_S = 0.05
WINDOWS_LATE_LIMIT_S = 5.0
ANSWER_LIMIT_S = 10.0
WHOLE_LIMIT_S = 15.0
#: For a busy machine: the limits are ours, the waiting for a processor is not.
GRACE_S = 2.0
WARM_UP_MUTATIONS = 40
PAUSE_S = 0.05
CROWD, CROWDED_AFTER_S = 40, 0.1
#: Rung by a worker and heard by a web process; without a bell it takes seconds until somebody looks.
HEARD_WITHIN_S = 1.0
HEARD_IN_A_ROW = 3
GIVEN_UP_S = 45.0


@dataclass(frozen=True)
class Size:
    """`silent_s`: for so long it says nothing; `at_once`: windows that open every half second meanwhile."""

    faults: Sequence[str]
    silent_s: float = 20.0
    workers: int = 3
    at_once: int = 5


@asynccontextmanager
async def connections(here: Stage, size: Size) -> AsyncIterator[float]:
    """Those that there are fall silent, and new ones work: from that moment all is to become whole."""
    here.roads.web_valkey.silence()
    here.roads.worker_valkey.silence()
    since = time.monotonic()
    yield since
    await asyncio.sleep(size.silent_s - (time.monotonic() - since))
    here.roads.heal()


@asynccontextmanager
async def roads(here: Stage, size: Size) -> AsyncIterator[float]:
    """New ones are silent too, for a while; from then on all is to become whole."""
    here.roads.web_valkey.silence(new_too=True)
    here.roads.worker_valkey.silence(new_too=True)
    await asyncio.sleep(size.silent_s)
    here.roads.heal()
    yield time.monotonic()


@asynccontextmanager
async def server(here: Stage, size: Size) -> AsyncIterator[float]:
    """The process is stopped for a while."""
    with processes.stopped([here.valkey_pid]):
        await asyncio.sleep(size.silent_s)
    yield time.monotonic()


FAULTS: dict[str, Callable[[Stage, Size], AbstractAsyncContextManager[float]]] = {
    "connections": connections,
    "roads": roads,
    "server": server,
}
LARGE = Size(faults=tuple(FAULTS))
SMALL = Size(faults=("roads",), silent_s=4.0, workers=1, at_once=2)


@dataclass
class Seen:
    """What one fault did. Seconds; `heard` are moments and how long it took until a client heard."""

    name: str
    mutations: list[Mutation]
    usual_s: float
    crowd: list[Mutation] = field(default_factory=list)
    windows_late_s: list[float] = field(default_factory=list)
    recovery_s: float | None = None
    lost: list[str] = field(default_factory=list)

    @property
    def late_s(self) -> list[float]:
        return [each.took_s - self.usual_s for each in self.mutations]

    @property
    def first_late_s(self) -> float:
        return max(self.late_s, default=0.0)

    @property
    def following_late_s(self) -> float:
        """The median of those after the latest: a machine that is busy makes some late in any case."""
        return percentile(self.late_s[self.late_s.index(self.first_late_s) + 1 :], 50)

    @property
    def undone(self) -> list[Mutation]:
        """All but the one that was under way at the end."""
        done = (Outcome.ACKNOWLEDGED, Outcome.SENT)
        return [each for each in (*self.mutations, *self.crowd) if each.outcome not in done]

    @property
    def crowd_s(self) -> float:
        return max(each.took_s for each in self.crowd)

    def note(self, tracebacks: int) -> str:
        return (
            f"{self.name}: {len(self.mutations)} mutations, {len(self.undone)} not done; the first late by "
            f"{self.first_late_s:.2f} s, {sum(each > FOLLOWING_LATE_LIMIT_S for each in self.late_s)} by more than "
            f"50 ms, following p50 {1000 * self.following_late_s:.0f} p90 {1000 * percentile(self.late_s, 90):.0f} ms; "
            f"a crowd at the moment itself took up to {self.crowd_s:.1f} s; windows late by {max(self.windows_late_s):.1f} s; whole after {told(self.recovery_s)} s; "
            f"{tracebacks} tracebacks"
        )

    def broken(self) -> list[str]:
        limits = [
            ("the first mutation was late by", self.first_late_s, FIRST_LATE_LIMIT_S + GRACE_S),
            ("the following were late by", self.following_late_s, FOLLOWING_LATE_LIMIT_S + self.usual_s),
            ("windows were late by", max(self.windows_late_s), WINDOWS_LATE_LIMIT_S + GRACE_S),
            ("a crowd was answered after", self.crowd_s, ANSWER_LIMIT_S + GRACE_S),
            ("it was whole after", self.recovery_s or GIVEN_UP_S, WHOLE_LIMIT_S + GRACE_S),
        ]
        late = [f"{self.name}: {what} {value:.2f} s" for what, value, limit in limits if value > limit]
        return [
            *self.lost,
            *late,
            *([f"{self.name}: {summary(self.undone)} not done"] if self.undone else []),
        ]


async def play(folder: Path, seed: str, size: Size = LARGE) -> Result:
    """Nothing is left to chance: `seed` changes nothing."""
    notes, broken, recovered = list[str](), list[str](), list[float | None]()
    for name in size.faults:
        people = partial(make_people, 1, each=2 + size.at_once * int(size.silent_s / Windows.APART_S))
        async with stage(folder / name, workers=size.workers, people=people) as here:
            seen = await act(here, name, size)
            notes.append(seen.note(here.tracebacks()))
        broken += seen.broken()
        recovered.append(seen.recovery_s)
    slowest = None if None in recovered else max(each or 0.0 for each in recovered)
    return Result(f"silent valkey recovery_s {told(slowest)}", broken, notes)


async def act(here: Stage, name: str, size: Size) -> Seen:
    """On a stage with people enough: those after the first two have windows."""
    usual = [await _mutation(here, f"before-{name}-{number}") for number in range(WARM_UP_MUTATIONS)]
    seen = Seen(name, [], percentile([each.took_s for each in usual], 50))
    most = size.at_once * int(size.silent_s / Windows.APART_S)
    windows = Windows(here.people[2 : 2 + most], at_once=size.at_once)
    await windows.make(here)
    listener = Listener(here.people[1], lambda: here.client(here.people[1]))
    listening = asyncio.create_task(listener.run())
    await until(lambda: listener.is_live)
    writing = asyncio.create_task(_write(here, seen.mutations, name))
    crowd = asyncio.create_task(_crowd(here, name))
    await asyncio.sleep(CROWDED_AFTER_S)
    async with FAULTS[name](here, size) as since:
        seen.recovery_s = await _whole_after_s(here, listener, since, name)
    seen.crowd = await crowd
    for task in (writing, listening):
        task.cancel()
    await asyncio.gather(writing, listening, return_exceptions=True)
    seen.windows_late_s = [each.late_s for each in await windows.late(here)]
    async with here.sql() as connection:
        seen.lost = await lost_rows(connection, [*usual, *seen.mutations, *seen.crowd])
    return seen


async def _mutation(here: Stage, name: str) -> Mutation:
    """One that rings a bell and sends a job."""
    mutation = reminder(here.people[0], name)
    await mutation.send(here.client(mutation.person))
    return mutation


async def _crowd(here: Stage, name: str) -> list[Mutation]:
    """Many at once, some of which are speaking to Valkey at the moment when it falls silent."""
    crowd = [reminder(here.people[0], f"crowd-{name}-{number}") for number in range(CROWD)]
    await asyncio.gather(*(each.send(here.client(each.person)) for each in crowd))
    return crowd


async def _write(here: Stage, done: list[Mutation], name: str) -> None:
    """One after another, until cancelled."""
    for number in count():
        mutation = reminder(here.people[0], f"during-{name}-{number}")
        try:
            await mutation.send(here.client(mutation.person))
        finally:
            mutation.ended = mutation.ended or time.monotonic()
            done.append(mutation)
        await asyncio.sleep(PAUSE_S)


async def _whole_after_s(here: Stage, listener: Listener, since: float, name: str) -> float | None:
    """When clients began to hear of windows at once, several times in a row; None if it was given up."""
    began, in_a_row = since, 0
    for number in count():
        if time.monotonic() - since > GIVEN_UP_S:
            return None
        title, sent = f"heard-{name}-{number}", time.monotonic()
        await reminder(listener.person, title).send(here.client(listener.person))
        if await _hears(listener, title, sent):
            began, in_a_row = (began if in_a_row else sent), in_a_row + 1
        else:
            in_a_row = 0
        if in_a_row == HEARD_IN_A_ROW:
            return max(0.0, began - since)
    return None


async def _hears(listener: Listener, title: str, sent: float) -> bool:
    """Within a second after it was sent."""
    while time.monotonic() - sent < HEARD_WITHIN_S:
        if listener.heard and title in listener.heard[-1].titles:
            return True
        await asyncio.sleep(0.02)
    return False


def told(seconds: float | None) -> str:
    return f"{seconds:.1f}" if seconds is not None else f"over_{GIVEN_UP_S:g}"
