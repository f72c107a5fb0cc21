"""Somebody outside holds a lock on a row, and mutations wait for it: others go on, and who waits gets CONFLICT."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.client import HttpAnswer
from tests.faults.checker import lost_rows
from tests.faults.people import make_people
from tests.faults.result import Result, percentile
from tests.faults.stage import Stage, stage
from tests.faults.workload import Mutation, Outcome, contact, summary

#: Others go on: who reads does not notice; who writes waits at most for a turn among those who wait for the lock.
READS_P50_LIMIT_S, WRITE_LIMIT_S = 0.5, 5.0
#: Everything is answered within ten seconds; one more, for a busy machine.
ANSWER_LIMIT_S = 11.0
PAUSE_S = 0.02
WAITING_AFTER_S = 0.5


@dataclass(frozen=True)
class Size:
    """So many `waiters` want the same contact again and again, while others read and write for `held_s`."""

    waiters: int
    others: int
    held_s: float


LARGE = Size(waiters=12, others=4, held_s=25.0)
SMALL = Size(waiters=12, others=2, held_s=4.0)


@dataclass(frozen=True)
class Waited:
    """What somebody got, and after how long."""

    answer: HttpAnswer
    began: float
    ended: float

    @property
    def took_s(self) -> float:
        return self.ended - self.began


async def play(folder: Path, seed: str, size: Size = LARGE) -> Result:
    async with stage(folder, people=lambda: make_people(2, each=2)) as here:
        return await act(here, seed, size)


async def act(here: Stage, seed: str, size: Size) -> Result:
    """On a stage with at least `size.others` people."""
    async with here.sql() as holder, holder.transaction():
        contacts = "SELECT 1 FROM contacts WHERE project_id = $1 FOR UPDATE"
        await holder.execute(contacts, here.people[0].project_id)
        until = time.monotonic() + size.held_s
        waiting = asyncio.gather(*(_wait(here, until) for _ in range(size.waiters)))
        reads, written = await _others(here, seed, size.others, until)
        released = time.monotonic()
    async with here.sql() as connection:
        lost = await lost_rows(connection, written)
    # Who waits at that moment gets the lock.
    held = [waited for each in await waiting for waited in each if waited.ended <= released]
    answered = seconds(reads, written)
    codes = Counter(code for each in held for code in each.answer.codes or ["none"])
    notes = [
        f"{size.waiters} waiters got {dict(codes)}, the slowest after {max(seconds(held, []), default=0.0):.1f} s",
        f"others: {len(reads)} reads, p50 {_p50_ms(seconds(reads, [])):.0f} ms; {summary(written)}, "
        f"p50 {_p50_ms(seconds([], written)):.0f} ms; the slowest took {max(answered, default=0):.2f} s",
    ]
    line = f"lock waiters others_p50_ms {_p50_ms(answered):.0f}"
    return Result(line, [*lost, *broken(reads, written, held)], notes)


def broken(reads: list[Waited], written: list[Mutation], held: list[Waited]) -> list[str]:
    """What was promised and did not hold, or was not put to the test."""
    broken, read_s, slowest_s = list[str](), seconds(reads, []), max(seconds([], written), default=0.0)
    if not read_s or percentile(read_s, 50) > READS_P50_LIMIT_S:
        broken.append(f"others read {len(reads)} times, p50 {percentile(read_s, 50):.2f} s")
    if not written or slowest_s > WRITE_LIMIT_S:
        broken.append(f"others wrote {len(written)} times, the slowest took {slowest_s:.2f} s")
    if refused := [each for each in reads if each.answer.errors]:
        broken.append(f"{len(refused)} reads of others were refused: {refused[0].answer}")
    if undone := [each for each in written if each.outcome is not Outcome.ACKNOWLEDGED]:
        broken.append(f"{len(undone)} writes of others were not done: {summary(undone)}")
    if not held:
        broken.append("nobody who waited was answered")
    if wrong := [each for each in held if each.answer.codes != ["CONFLICT"]]:
        broken.append(f"{len(wrong)} waiters got {wrong[0].answer} instead of CONFLICT")
    if late := [each for each in held if each.took_s > ANSWER_LIMIT_S]:
        broken.append(f"{len(late)} waiters waited for more than 10 s")
    return broken


def seconds(reads: list[Waited], written: list[Mutation]) -> list[float]:
    """Of all answers."""
    return [*(each.took_s for each in reads), *(each.took_s for each in written)]


def _p50_ms(took_s: list[float]) -> float:
    return 1000 * percentile(took_s, 50)


async def _wait(here: Stage, until: float) -> list[Waited]:
    """Mutations of the contact that is locked, one after another."""
    person, waited = here.people[0], list[Waited]()
    while time.monotonic() < until:
        sent = {"id": person.contact, "phone": "+420601123456"}
        waited.append(await _answered(here.client(person).run("UpdateContact", input=sent)))
    return waited


async def _others(here: Stage, seed: str, count: int, until: float) -> tuple[list[Waited], list[Mutation]]:
    """Reads and writes of people at work, as soon as the locks are waited for."""
    await asyncio.sleep(WAITING_AFTER_S)
    reads, written = list[Waited](), list[Mutation]()

    async def work(number: int) -> None:
        chance, person = random.Random(f"others-{seed}-{number}"), here.people[number % len(here.people)]
        while time.monotonic() < until:
            if chance.random() < 0.5:
                reads.append(await _answered(here.client(person).run("Me")))
            else:
                written.append(contact(person, f"other-{number}-{len(written)}"))
                await written[-1].send(here.client(person))
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(work(number) for number in range(count)))
    return reads, written


async def _answered(answer: Awaitable[HttpAnswer]) -> Waited:
    began = time.monotonic()
    return Waited(await answer, began, time.monotonic())
