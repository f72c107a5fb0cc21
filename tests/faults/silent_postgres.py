"""PostgreSQL falls silent: connections that carry nothing any more while new ones work; backends, or all of it, stopped."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults import processes
from tests.faults.checker import lost_rows
from tests.faults.people import make_people
from tests.faults.probes import Lateness, Prober, Windows, windows_whole_after_s
from tests.faults.result import Result
from tests.faults.stage import Stage, stage
from tests.faults.workload import Mutation, contact

ANSWER_LIMIT_S = 10.0
WHOLE_LIMIT_S = 15.0
#: For a busy machine: the limits are ours, the waiting for a processor is not.
GRACE_S = 2.0
WARM_UP_S = 2.0
#: Who asks; the others' windows fall due.
ASKING = 4
#: Requests at once before it begins.
CROWD = 40


@dataclass(frozen=True)
class Size:
    """`stopped_s`: for so long it is stopped. `watched_s`: so long it may take to be whole, before it is given up."""

    faults: Sequence[str]
    stopped_s: float = 8.0
    watched_s: float = 25.0


@asynccontextmanager
async def connections(here: Stage, size: Size) -> AsyncIterator[float]:
    """Those that there are fall silent, and new ones work: from that moment all is to become whole."""
    here.roads.web_postgres.silence()
    here.roads.worker_postgres.silence()
    yield time.monotonic()
    here.roads.heal()


@asynccontextmanager
async def backends(here: Stage, size: Size) -> AsyncIterator[float]:
    """Who serve connections are stopped for a while; from then on all is to become whole."""
    with processes.stopped(here.backends):
        await asyncio.sleep(size.stopped_s)
    yield time.monotonic()


@asynccontextmanager
async def server(here: Stage, size: Size) -> AsyncIterator[float]:
    """The whole of it is stopped for a while."""
    with processes.stopped([processes.postmaster(here.postgres), *here.backends]):
        await asyncio.sleep(size.stopped_s)
    yield time.monotonic()


FAULTS: dict[str, Callable[[Stage, Size], AbstractAsyncContextManager[float]]] = {
    "connections": connections,
    "backends": backends,
    "server": server,
}
LARGE = Size(faults=tuple(FAULTS))
SMALL = Size(faults=("connections",))


async def play(folder: Path, seed: str, size: Size = LARGE) -> Result:
    """Nothing is left to chance: `seed` changes nothing."""
    notes, broken, slowest = list[str](), list[str](), 0.0
    for name in size.faults:
        whole_s, note, faults = await _watched(folder / name, name, size)
        slowest, notes, broken = max(slowest, whole_s), [*notes, note], [*broken, *faults]
    return Result(f"silent postgres recovery_s {slowest:.1f}", broken, notes)


async def _watched(folder: Path, name: str, size: Size) -> tuple[float, str, list[str]]:
    """Seconds until all was whole, in words too, and what broke."""
    windows_count = int((size.stopped_s + size.watched_s) / Windows.APART_S)
    people = partial(make_people, 1, each=ASKING + windows_count)
    async with stage(folder, people=people) as here:
        return await act(here, name, size)


async def act(here: Stage, name: str, size: Size) -> tuple[float, str, list[str]]:
    """On a stage with people enough: those after the first four have a window each."""
    prober = Prober(here, here.people[:ASKING])
    crowd = await _fill_pool(here)
    async with prober.running():
        await asyncio.sleep(WARM_UP_S)
        windows = Windows(here.people[ASKING:])
        await windows.make(here)
        async with FAULTS[name](here, size) as since:
            deadline = since + size.watched_s
            await asyncio.sleep(WARM_UP_S)
            while not (prober.is_well and await _are_well(here, windows)) and time.monotonic() < deadline:
                await asyncio.sleep(0.5)
    late = await windows.late(here)
    async with here.sql() as connection:
        lost = await lost_rows(connection, [*crowd, *prober.written])
    requests_s = prober.whole_after_s(since)
    windows_s = max(0.0, windows_whole_after_s(late) - (since - windows.began))
    note = (
        f"{name}: requests whole after {requests_s:.1f} s, the slowest took {prober.slowest_s():.1f} s, "
        f"{prober.told(windows.began)}; windows whole after {windows_s:.1f} s, "
        f"the latest by {max((each.late_s for each in late), default=0.0):.1f} s; {here.tracebacks()} tracebacks"
    )
    whole_s = max(requests_s, windows_s)
    return whole_s, note, [*lost, *broken(name, whole_s, prober, late)]


async def _fill_pool(here: Stage) -> list[Mutation]:
    """So many at once that each connection that the web process may have is open, and found silent."""
    crowd = [contact(here.people[place % ASKING], f"crowd-{place}") for place in range(CROWD)]
    await asyncio.gather(*(each.send(here.client(each.person)) for each in crowd))
    return crowd


async def _are_well(here: Stage, windows: Windows) -> bool:
    """Did all windows that fell due in the last seconds open in time?"""
    return all(each.is_well for each in (await windows.late(here))[-10:])


def broken(name: str, whole_s: float, prober: Prober, late: Sequence[Lateness]) -> list[str]:
    """What was promised and did not hold, or was not put to the test."""
    broken = []
    if not any(each.is_well for each in prober.probes):
        broken.append(f"{name}: no request was answered well")
    if not late:
        broken.append(f"{name}: no window fell due")
    if whole_s > WHOLE_LIMIT_S + GRACE_S:
        broken.append(f"{name}: whole after {whole_s:.1f} s")
    if prober.slowest_s() > ANSWER_LIMIT_S + GRACE_S:
        slow = sum(each.took_s > ANSWER_LIMIT_S + GRACE_S for each in prober.probes)
        broken.append(f"{name}: {slow} requests were not answered within {ANSWER_LIMIT_S:g} s")
    return broken
