"""Somebody outside holds a lock on a row, and mutations wait for it: others go on, and who waits gets CONFLICT."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.client import HttpAnswer
from tests.faults.people import make_people
from tests.faults.result import Result, percentile
from tests.faults.stage import Stage, stage
from tests.faults.workload import Mutation, Outcome, contact, summary

#: Others are promised to go on: this is what somebody at a screen takes for going on.
OTHERS_P50_LIMIT_S = 0.5
#: Everything is answered within ten seconds; one more, for a busy machine.
ANSWER_LIMIT_S = 11.0
PAUSE_S = 0.02


@dataclass(frozen=True)
class Size:
    """`waiters` come at once and wait for the same contact, while others read and write for `held_s`."""

    waiters: int
    others: int
    held_s: float


LARGE = Size(waiters=24, others=4, held_s=25.0)
SMALL = Size(waiters=12, others=2, held_s=4.0)


@dataclass(frozen=True)
class Waited:
    """One who waited for the lock."""

    answer: HttpAnswer
    took_s: float


async def play(folder: Path, seed: str, size: Size = LARGE) -> Result:
    async with stage(folder, people=lambda: make_people(2, each=2)) as here:
        async with here.sql() as holder, holder.transaction():
            person = here.people[0]
            await holder.execute("SELECT 1 FROM contacts WHERE project_id = $1 FOR UPDATE", person.project_id)
            waiting = asyncio.gather(*(_wait(here) for _ in range(size.waiters)))
            read_s, written = await _others(here, seed, size)
            held = await asyncio.wait_for(waiting, here.http.timeout.read)
        answered = [*read_s, *(each.took_s for each in written)]
        codes = Counter(code for each in held for code in each.answer.codes or ["none"])
        notes = [
            f"{size.waiters} waiters got {dict(codes)}, the last after {max(each.took_s for each in held):.1f} s",
            f"others: {len(read_s)} reads; {summary(written)}; p95 {1000 * percentile(answered, 95):.0f} ms",
        ]
        broken = _broken(written, answered, held)
    return Result(f"lock waiters others_p50_ms {1000 * percentile(answered, 50):.0f}", broken, notes)


def _broken(written: list[Mutation], answered: list[float], held: list[Waited]) -> list[str]:
    broken = []
    if not answered or percentile(answered, 50) > OTHERS_P50_LIMIT_S:
        broken.append(f"others got {len(answered)} answers, p50 {percentile(answered, 50):.2f} s")
    if undone := [each for each in written if each.outcome is not Outcome.ACKNOWLEDGED]:
        broken.append(f"{len(undone)} writes of others were not done: {summary(undone)}")
    if wrong := [each for each in held if each.answer.codes != ["CONFLICT"]]:
        broken.append(f"{len(wrong)} waiters got {wrong[0].answer} instead of CONFLICT")
    if late := [each for each in held if each.took_s > ANSWER_LIMIT_S]:
        broken.append(f"{len(late)} waiters waited for more than 10 s")
    return broken


async def _wait(here: Stage) -> Waited:
    """A mutation of the contact that is locked."""
    person, began = here.people[0], time.monotonic()
    answer = await here.client(person).run(
        "UpdateContact", input={"id": person.contact, "phone": "+420601123456"}
    )
    return Waited(answer, time.monotonic() - began)


async def _others(here: Stage, seed: str, size: Size) -> tuple[list[float], list[Mutation]]:
    """Reads' seconds and writes, of people at work meanwhile."""
    await asyncio.sleep(0.2)
    until, read_s, written = time.monotonic() + size.held_s, list[float](), list[Mutation]()

    async def work(number: int) -> None:
        chance, person = random.Random(f"others-{seed}-{number}"), here.people[number % len(here.people)]
        while time.monotonic() < until:
            if chance.random() < 0.5:
                began = time.monotonic()
                await here.client(person).ask("Me")
                read_s.append(time.monotonic() - began)
            else:
                written.append(contact(person, f"other-{number}-{len(written)}"))
                await written[-1].send(here.client(person))
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(work(number) for number in range(size.others)))
    return read_s, written
