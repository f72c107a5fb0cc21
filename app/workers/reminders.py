"""Opening windows at their moments: a timer in each worker that needs no Redis, and a job for what is sooner."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.jobs import Job, Origin, unit_of_work
from app.services import popup_firing, popup_windows, reminder_log
from app.services.popup_firing import Fired, Look
from app.workers import job
from app.workers.sweeps import sweep

LOOK_AHEAD = timedelta(seconds=2)
#: What the audit log calls it: reminders that their holder may no longer see are taken from him.
OPENING = "popupOpen"
#: The queue keeps the clock of Redis' clients, the database decides: a job that much too early waits.
EARLY = timedelta(seconds=1)
#: A round keeps in mind whom it left. It ends with so many, and the next one begins with these.
MOST_LEFT = 5_000
FORGET_EVERY_S = 60.0
FORGOTTEN_AT_ONCE = 1_000


@job(Job.FIRE_POPUP)
async def fire_popup(ctx: dict[str, Any], employee_id: str) -> None:
    """Opens this employee's window if it is due."""
    look = await _open_due(EARLY, UUID(employee_id))
    if look.moment is not None:
        await _wait_for(look.moment, look.now)
        await _open_due(EARLY, UUID(employee_id))


@sweep(0)
async def open_windows() -> None:
    """Opens what is due, and at its very moment what falls due within the next two seconds; then it is over.

    All workers do so at once: whoever claims a window opens it.
    """
    moment = ends_at = None
    while moment is None or moment != ends_at:
        look = await _open_due(LOOK_AHEAD)
        ends_at = ends_at or look.now + LOOK_AHEAD
        moment = min(look.moment or ends_at, ends_at)
        await _wait_for(moment, look.now)


@sweep(FORGET_EVERY_S)
async def forget_old_events() -> None:
    """Keeps the log from growing for ever."""
    forgotten = FORGOTTEN_AT_ONCE
    while forgotten == FORGOTTEN_AT_ONCE:
        async with unit_of_work() as work:
            forgotten = await reminder_log.forget_old(now=work.now, limit=FORGOTTEN_AT_ONCE)


async def _open_due(within: timedelta, employee_id: UUID | None = None) -> Look:
    """Opens what is due; tells when to look again, if that is no further ahead than `within`."""
    while (look := await popup_firing.look(within=within, employee_id=employee_id)).is_due:
        if not await _open_batches(employee_id):  # somebody else holds them at this moment
            return Look(look.now, look.now + popup_firing.STEP)
    return look


async def _open_batches(employee_id: UUID | None) -> int:
    """Opens what is due in rounds, until no window is left for want of room; tells how many were opened.

    Each round passes by all that are due, so that nobody waits for those before them who have much due. From the second
    on it begins with the first that was left, and claims few at once: there is not room for many.
    """
    opened, since, first, largest = 0, None, popup_firing.FIRST_BATCH, popup_firing.BATCH
    while True:
        passed = await _pass_by(employee_id, since, first, largest)
        opened, since = opened + passed.claimed - len(passed.left), passed.left_since
        if since is None or passed.claimed == len(passed.left):
            return opened
        first = largest = popup_windows.FULL_AT_ONCE


async def _pass_by(employee_id: UUID | None, since: datetime | None, first: int, largest: int) -> Fired:
    """One round, in a transaction for each batch: small ones at first, and for as long as they leave something."""
    claimed, left, left_since = 0, list[str](), None
    while True:
        most = first if left or claimed < popup_firing.BATCH else largest
        async with unit_of_work(Origin(OPENING)) as work:
            fired = await popup_firing.fire(
                now=work.now, employee_id=employee_id, since=since, but=left, most=most
            )
        claimed, left, since = claimed + fired.claimed, [*left, *fired.left], fired.last
        left_since = left_since or fired.left_since
        if fired.claimed < most or len(left) >= MOST_LEFT:
            return Fired(claimed, since, left, left_since)


async def _wait_for(moment: datetime, now: datetime) -> None:
    """Until the database's clock, which said `now`, has reached it; never long, should that clock be set back."""
    await asyncio.sleep(max(0.0, min(moment - now, LOOK_AHEAD).total_seconds()))
