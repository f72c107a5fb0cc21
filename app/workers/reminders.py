"""Opening windows at their moments: a timer in each worker that needs no Redis, and a job for what is sooner."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import db
from app.jobs import Job, unit_of_work
from app.services import popups, reminder_log
from app.workers import job
from app.workers.sweeps import sweep

LOOK_AHEAD = timedelta(seconds=2)
#: The queue keeps the clock of Redis' clients, the database decides: a job that much too early waits.
EARLY = timedelta(seconds=1)
FORGET_EVERY_S = 60.0
FORGOTTEN_AT_ONCE = 1_000


@job(Job.FIRE_POPUP)
async def fire_popup(ctx: dict[str, Any], employee_id: str) -> None:
    """Opens this employee's window if it is due."""
    for moment in (await _open_due(EARLY, UUID(employee_id)))[:1]:
        await _wait_for(moment)
        await _open_due(EARLY, UUID(employee_id))


@sweep(0)
async def open_windows() -> None:
    """Opens what is due, and at its very moment what falls due within the next two seconds; then it is over.

    All workers do so at once: whoever claims a window opens it.
    """
    ends_at = await db.now() + LOOK_AHEAD
    moment = None
    while moment != ends_at:
        moment = min([*await _open_due(LOOK_AHEAD), ends_at])
        await _wait_for(moment)


@sweep(FORGET_EVERY_S)
async def forget_old_events() -> None:
    """Keeps the log from growing for ever."""
    forgotten = FORGOTTEN_AT_ONCE
    while forgotten == FORGOTTEN_AT_ONCE:
        async with unit_of_work() as work:
            forgotten = await reminder_log.forget_old(now=work.now, limit=FORGOTTEN_AT_ONCE)


async def _open_due(within: timedelta, employee_id: UUID | None = None) -> list[datetime]:
    """Opens what is due; tells when windows open after that, as far ahead as `within`."""
    while True:
        async with unit_of_work() as work:
            claimed = await popups.fire(now=work.now, employee_id=employee_id)
            if claimed < popups.BATCH:
                return await popups.moments_ahead(now=work.now, within=within, employee_id=employee_id)


async def _wait_for(moment: datetime) -> None:
    """Until the database's clock has reached it; never long, should that clock be set back."""
    left = moment - await db.now()
    await asyncio.sleep(max(0.0, min(left, LOOK_AHEAD).total_seconds()))
