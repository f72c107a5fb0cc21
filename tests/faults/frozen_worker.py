"""A worker is frozen inside a transaction that has claimed windows: the other workers and the web go on without it."""

import asyncio
import signal
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.e2e.installation import until
from tests.faults import processes
from tests.faults.checker import shown_twice
from tests.faults.people import Person, make_due, make_people
from tests.faults.result import Result
from tests.faults.stage import Stage, stage
from tests.faults.workload import Outcome, reminder

LIMIT_S = 20.0
#: Longer than promised, to tell by how much it is late.
PATIENCE_S = 45.0
DUE_IN_S = 1.0
TRY_AGAIN_S = 0.2


@dataclass(frozen=True)
class Size:
    """Windows of all `people` are claimed by one of the `workers`; some of them write meanwhile."""

    people: int
    workers: int = 3
    writers: int = 10


LARGE = Size(people=250)
SMALL = Size(people=20, workers=2, writers=3)


async def play(folder: Path, seed: str, size: Size = LARGE) -> Result:
    """Nothing is left to chance: `seed` changes nothing."""
    people = partial(make_people, 1, each=size.people)
    async with stage(folder, people=people) as here, here.sql() as connection:
        frozen_at = await _freeze_the_claimant(here)
        for index in range(1, size.workers):
            here.start_worker(index)
        windows = until(partial(_all_are_open, here), PATIENCE_S)
        writes = asyncio.gather(*(_write(here, each) for each in here.people[: size.writers]))
        windows_s, writes_s = await asyncio.gather(_took(frozen_at, windows), _took(frozen_at, writes))
        processes.strike([here.workers[0].process.pid], signal.SIGCONT)
        await _all_are_shown(here)
        events = await connection.fetch("SELECT * FROM reminder_events ORDER BY employee_id, number")
    broken = list(shown_twice(events))
    for what, took_s in (("windows", windows_s), ("mutations", writes_s)):
        if took_s is None or took_s > LIMIT_S:
            broken.append(f"{what} whole after {_told(took_s)} s")
    notes = [f"windows whole after {_told(windows_s)} s, mutations after {_told(writes_s)} s"]
    slowest = None if windows_s is None or writes_s is None else max(windows_s, writes_s)
    return Result(f"frozen worker recovery_s {_told(slowest)}", broken, notes)


async def _freeze_the_claimant(here: Stage) -> float:
    """The only worker freezes when it has claimed everybody's window; tells when."""
    await here.end(here.workers[0])
    here.start_worker(0, CRASH_POINT="window_after_claim", CRASH_PASSAGE="1", CRASH_SIGNAL="SIGSTOP")
    await here.started()
    async with here.sql() as connection:
        await make_due(connection, here.people, in_s=DUE_IN_S, title="Frozen")
    pid = here.workers[0].process.pid
    await until(lambda: processes.is_stopped(pid))
    frozen_at = time.monotonic()
    async with here.sql() as connection:
        free = await connection.fetchval(_FREE, [each.employee_id for each in here.people])
    assert free == 0, f"The windows of {free} people are not claimed by the frozen worker."
    return frozen_at


_FREE = """
    SELECT count(*) FROM (SELECT 1 FROM employees WHERE id = ANY($1) FOR NO KEY UPDATE SKIP LOCKED) AS free
"""


async def _all_are_open(here: Stage) -> bool:
    async with here.sql() as connection:
        opened = await connection.fetchval("SELECT count(DISTINCT employee_id) FROM reminder_events")
    return bool(opened == len(here.people))


async def _all_are_shown(here: Stage) -> None:
    """Until no window is due any more."""
    async with here.sql() as connection:

        async def is_none_due() -> bool:
            return not await connection.fetchval("SELECT count(*) FROM employees WHERE next_popup_at < now()")

        await until(is_none_due, PATIENCE_S)


async def _write(here: Stage, person: Person) -> None:
    """Until one of those whose windows are claimed can write what locks them."""
    mutation = reminder(person, f"while-frozen-{person.employee_id}")
    async with asyncio.timeout(PATIENCE_S):
        while await mutation.send(here.client(person)) is not Outcome.ACKNOWLEDGED:
            await asyncio.sleep(TRY_AGAIN_S)


async def _took(since: float, what: Awaitable[object]) -> float | None:
    """Seconds; None if it was given up."""
    try:
        await what
    except TimeoutError:
        return None
    return time.monotonic() - since


def _told(seconds: float | None) -> str:
    return f"{seconds:.1f}" if seconds is not None else f"over_{PATIENCE_S:g}"
