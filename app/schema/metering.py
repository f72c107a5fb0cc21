"""What the engine asks for viewers who read within a budget: each answer is counted in a transaction of its own."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from uuid import UUID

from app.errors import RateLimited
from app.jobs import Origin, unit_of_work
from app.policy import Member
from app.services import read_budget, search_budget


async def count_shown(origin: Origin, contact_ids: Collection[UUID], *, is_done: bool) -> None:
    """Counts the contacts of an answer. Raises RateLimited if they are too many, unless what it tells `is_done`."""
    viewer = origin.viewer
    if not isinstance(viewer, Member) or not viewer.is_metered:
        return
    async with _counting(viewer, origin) as now:
        await read_budget.count(viewer, contact_ids, now=now, is_done=is_done)


async def count_searches(origin: Origin, questions: Collection[str]) -> None:
    """Counts searches that are about to be made, by the hashes of what they ask. Raises RateLimited if they are too many."""
    viewer = origin.viewer
    if not isinstance(viewer, Member) or not viewer.is_metered:
        return
    async with _counting(viewer, origin) as now:
        await search_budget.count(viewer, questions, now=now)


@asynccontextmanager
async def _counting(viewer: Member, origin: Origin) -> AsyncIterator[datetime]:
    """A transaction for the block. A refusal in it is told to the director, in another: nothing of its own is kept."""
    try:
        async with unit_of_work(first=partial(read_budget.lock, viewer)) as work:
            yield work.now
    except RateLimited:
        async with unit_of_work(first=partial(read_budget.lock, viewer)) as telling:
            searches, _ = await search_budget.made_today(viewer, now=telling.now)
            await read_budget.tell(viewer, searches=searches, now=telling.now)
            telling.origin = origin
        raise
