"""Keeping tables from growing for ever."""

from app.jobs import unit_of_work
from app.services import audit_retention, housekeeping
from app.workers.sweeps import sweep

EVERY_S = 600.0
EVERY_DAY_S = 86_400.0
AT_ONCE = 1_000


@sweep(EVERY_S)
async def forget_served() -> None:
    """In short transactions, until little is left: on SQLite a long one would stop everybody."""
    for table in housekeeping.TABLES:
        gone = AT_ONCE
        while gone >= AT_ONCE:
            async with unit_of_work() as work:
                gone = await housekeeping.forget_served(table, now=work.now, limit=AT_ONCE)


@sweep(EVERY_DAY_S)
async def forget_old_audit_entries() -> None:
    """Once a day, and when a worker starts."""
    gone = AT_ONCE
    while gone >= AT_ONCE:
        async with unit_of_work() as work:
            gone = await audit_retention.forget_old(now=work.now, limit=AT_ONCE)
