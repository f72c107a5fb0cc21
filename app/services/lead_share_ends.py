"""What follows when a lead share ends by time: for its partner's people, reminders and open sockets.

That they see nothing any more needs no job: visibility asks the database's clock in each statement.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import Q

from app import jobs
from app.jobs import Job
from app.models import LeadShare
from app.services import lead_share_log, partner_sight

#: An end nearer than this gets a job of its own at once; the sweep sees to those further off.
NEAR = timedelta(seconds=5)


def ring_at_end(share: LeadShare, now: datetime) -> None:
    """Rings the worker for the end of an open share, if it is near."""
    if share.closed_at is None and share.valid_until is not None and share.valid_until - now <= NEAR:
        jobs.after_commit(Job.END_LEAD_SHARE, share.id, at=share.valid_until)


async def due(*, now: datetime, limit: int, but_partners: Collection[UUID] = ()) -> list[tuple[UUID, UUID]]:
    """Shares that are over and whose end was not carried through: (id, partner id). None of those partners."""
    waiting = LeadShare.filter(closed_at__isnull=True)
    if but_partners:
        waiting = waiting.filter(~Q(partner_id__in=list(but_partners)))
    # Each by an index of its own: asked for together, all that run would be read through.
    ended = waiting.filter(valid_until__lte=now).order_by("valid_until", "id").limit(limit)
    recalled = waiting.filter(recalled_at__isnull=False).order_by("recalled_at", "id").limit(limit)
    rows = [*await ended.values("id", "partner_id"), *await recalled.values("id", "partner_id")]
    return [*dict.fromkeys((row["id"], row["partner_id"]) for row in rows)][:limit]


async def next_end(*, now: datetime, share_id: UUID | None = None) -> datetime | None:
    """When the next share, or this one, ends by time."""
    running = LeadShare.filter(closed_at__isnull=True, recalled_at__isnull=True, valid_until__gt=now)
    if share_id is not None:
        running = running.filter(id=share_id)
    ends = await running.order_by("valid_until").limit(1).values("valid_until")
    return ends[0]["valid_until"] if ends else None


async def close(share_id: UUID, *, now: datetime) -> bool:
    """Carries the end of a share through, by time or by recall; False if it is not over, or another did it."""
    share = await LeadShare.get_or_none(id=share_id)
    if share is None:
        return False
    await partner_sight.lock(share.partner_id)
    over = LeadShare.filter(LeadShare.to_be_closed_q(now), id=share_id)
    if not await over.update(closed_at=now):
        return False
    jobs.note(share, {"closed_at": [None, now]})
    await lead_share_log.note_all_taken_back(share)
    await partner_sight.shrank(share.partner_id, now=now)
    return True
