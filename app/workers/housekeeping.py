"""Keeping tables from growing for ever."""

from app.jobs import unit_of_work
from app.services import housekeeping
from app.workers.sweeps import sweep

EVERY_S = 600.0
AT_ONCE = 1_000


@sweep(EVERY_S)
async def forget_served() -> None:
    """In short transactions, until little is left: on SQLite a long one would stop everybody."""
    gone = AT_ONCE
    while gone >= AT_ONCE:
        async with unit_of_work() as work:
            gone = await housekeeping.forget_served(now=work.now, limit=AT_ONCE)
