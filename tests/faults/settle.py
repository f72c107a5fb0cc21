"""Until nothing is under way any more, with the clock put forward where somebody would wait for minutes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from tests.e2e.installation import until
from tests.faults.checker import unheard
from tests.faults.listeners import Listener
from tests.faults.stage import Stage
from tests.faults.workload import LATEST_DUE_S

WINDOWS_PATIENCE_S = 30.0
MAILS_PATIENCE_S = 120.0
LOOK_EVERY_S = 0.5


async def settle_windows(here: Stage, listeners: Sequence[Listener]) -> None:
    """Until all windows have opened and everybody has heard so, or has had the time to: the checker tells what did not."""
    await asyncio.sleep(LATEST_DUE_S)
    async with here.sql() as connection:

        async def is_settled() -> bool:
            if await connection.fetchval("SELECT count(*) FROM employees WHERE next_popup_at < now()"):
                return False
            reminders = await connection.fetch("SELECT id::text, state FROM reminders")
            events = await connection.fetch("SELECT * FROM reminder_events")
            return not any(next(unheard(each, reminders, events), None) for each in listeners)

        await _or_let_it_be(is_settled, WINDOWS_PATIENCE_S)


async def settle_mails(here: Stage) -> None:
    """Until each mail is decided. A new worker does it: so a mail that is being sent is one whose sender is dead."""
    await asyncio.gather(*(here.end(each) for each in here.workers if each.process.poll() is None))
    async with here.sql() as connection:
        await connection.execute(
            "UPDATE emails SET lease_until = now() - interval '1 s' WHERE state = 'SENDING'"
        )
        here.start_worker(0)

        async def are_decided() -> bool:
            await connection.execute(
                "UPDATE emails SET next_attempt_at = now() WHERE state IN ('QUEUED', 'DEFERRED') "
                "AND next_attempt_at > now()"
            )
            return not await connection.fetchval(
                "SELECT count(*) FROM emails WHERE state IN ('QUEUED', 'DEFERRED', 'SENDING')"
            )

        await _or_let_it_be(are_decided, MAILS_PATIENCE_S)


async def _or_let_it_be(claim: Callable[[], Awaitable[bool]], within_s: float) -> None:
    try:
        await until(claim, within_s)
    except TimeoutError:
        return
