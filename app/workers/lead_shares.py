"""Carrying through the ends of lead shares at their moments: a timer in each worker that needs no Redis, and a job for
what is sooner."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from app import db
from app.errors import DatabaseAway
from app.jobs import Job, Origin, unit_of_work
from app.services import lead_share_ends
from app.workers import job
from app.workers.sweeps import sweep

log = structlog.get_logger(__name__)

#: What the audit log calls it.
ENDING = "leadShareEnd"
LOOK_AHEAD = timedelta(seconds=2)
#: The queue keeps the clock of Redis' clients, the database decides: a job that much too early waits.
EARLY = timedelta(seconds=1)
AT_ONCE = 100


@job(Job.END_LEAD_SHARE)
async def end_lead_share(ctx: dict[str, Any], share_id: str) -> None:
    """Carries this share's end through if it is over."""
    if not await _close(UUID(share_id)):
        now = await db.now()
        await _wait_for(await lead_share_ends.next_end(now=now, share_id=UUID(share_id)), now, EARLY)
        await _close(UUID(share_id))


@sweep(0)
async def end_lead_shares() -> None:
    """Ends what is over, and waits for what ends within the next two seconds; then it is over itself.

    All workers do so at once: whoever claims a share ends it. One that fails is logged, and the others go on.
    """
    now = await db.now()
    failed: set[UUID] = set()
    while new := await _end(await lead_share_ends.due(now=now, limit=AT_ONCE, but_partners=failed)):
        failed |= new
    await _wait_for(await lead_share_ends.next_end(now=now) or now + LOOK_AHEAD, now, LOOK_AHEAD)


async def _end(shares: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
    """Tells the partners of whose shares one failed: perhaps somebody holds one of their people, whom all of theirs need.

    So no more than one of them takes the others' time, and the next round tries them again.
    """
    failed: set[UUID] = set()
    for share_id, partner_id in shares:
        if partner_id in failed:
            continue
        try:
            await _close(share_id)
        except DatabaseAway:
            raise
        except Exception:  # an edge: the others' ends must not wait for it
            log.exception("share not ended", lead_share_id=str(share_id))
            failed.add(partner_id)
    return failed


async def _close(share_id: UUID) -> bool:
    async with unit_of_work(Origin(ENDING)) as work:
        return await lead_share_ends.close(share_id, now=work.now)


async def _wait_for(moment: datetime | None, now: datetime, longest: timedelta) -> None:
    """Until the database's clock, which said `now`, has reached it; never longer, should that clock be set back."""
    if moment is not None:
        await asyncio.sleep(max(0.0, min(moment - now, longest).total_seconds()))
