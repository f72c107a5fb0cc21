"""Kills, restarts, crash points and resets under work of every kind: nothing lost, nothing twice unsaid."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.e2e.client import Client
from tests.e2e.installation import until
from tests.faults.checker import Verdict, examine, undone
from tests.faults.listeners import Listener
from tests.faults.people import Person, make_people
from tests.faults.result import Result
from tests.faults.settle import settle_mails, settle_windows
from tests.faults.stage import Stage, stage
from tests.faults.strikes import Striker
from tests.faults.workload import Mutation, Writer, summary


@dataclass(frozen=True)
class Size:
    """`strikes` by name, or how many are drawn; `pauses_s` between them, from and to. A writer pauses for `pause_s`."""

    webs: int
    workers: int
    people: int
    strikes: int | Sequence[str]
    pause_s: float
    pauses_s: tuple[float, float] = (0.5, 2.5)


LARGE = Size(webs=2, workers=3, people=8, strikes=60, pause_s=0.2)
SMALL = Size(
    webs=1,
    workers=2,
    people=4,
    strikes=("kill_web", "crash_worker", "reset", "kill_postgres", "crash_worker", "kill_valkey"),
    pause_s=0.1,
    pauses_s=(0.1, 0.4),
)


async def play(folder: Path, seed: str, size: Size = LARGE) -> Result:
    people = partial(make_people, size.people)
    async with stage(folder, webs=size.webs, workers=size.workers, people=people) as here:
        return await act(here, seed, size)


async def act(here: Stage, seed: str, size: Size) -> Result:
    """On a stage of this size, or a larger one."""
    striker, people = Striker(here, seed, size.pauses_s), here.people[: size.people]
    listeners = [Listener(each, _client(here, each, f"{seed}-ear-{each}")) for each in people]
    listening = [asyncio.create_task(each.run()) for each in listeners]
    await until(lambda: all(each.is_live for each in listeners))
    history = await _written_under_fire(here, striker, seed, size)
    await settle_windows(here, listeners)
    await settle_mails(here)
    for task in listening:
        task.cancel()
    verdict = await examine(here, history, listeners)
    notes = [
        f"{here.tracebacks()} tracebacks",
        f"{sum(each.connections for each in listeners)} connections",
    ]
    broken = [*striker.missed(), *undone(verdict, history, listeners)]
    return _result(verdict, striker, broken, [summary(history), *notes])


async def _written_under_fire(here: Stage, striker: Striker, seed: str, size: Size) -> list[Mutation]:
    is_over = asyncio.Event()
    writers = [
        Writer(f"w{number}", _client(here, each, f"{seed}-{number}"), each, random.Random(f"{seed}-{number}"))
        for number, each in enumerate(here.people[: size.people])
    ]
    async with asyncio.TaskGroup() as group:
        for each in writers:
            group.create_task(each.run(is_over, pause_s=size.pause_s))
        drawn = size.strikes if not isinstance(size.strikes, int) else striker.draw(size.strikes)
        for name in drawn:
            await striker.strike(name)
        here.roads.heal()
        await here.whole()
        is_over.set()
    return [mutation for writer in writers for mutation in writer.history]


def _client(here: Stage, person: Person, seed: str) -> Callable[[], Client]:
    """At a web process of chance."""
    chance = random.Random(seed)
    return lambda: here.client(person, web=chance.randrange(len(here.webs)))


def _result(verdict: Verdict, striker: Striker, undone: Sequence[str], notes: Sequence[str]) -> Result:
    lost, doubled = len(verdict.lost), len(verdict.doubled_unsaid)
    line = f"faults kills {striker.kills.total()} lost {lost} doubled_unsaid {doubled}"
    arrivals = {arrival.value: count for arrival, count in verdict.arrivals.items()}
    told = [
        f"kills {dict(striker.kills)}, crash points {dict(striker.crashes)}",
        f"checked {dict(verdict.checked)}",
        f"mails {arrivals}",
    ]
    return Result(line, [*verdict.lost, *verdict.doubled_unsaid, *undone], [*told, *notes])
