"""Purging deleted projects whose grace is over."""

from uuid import UUID

import structlog

from app import db
from app.errors import DatabaseAway, Locked
from app.jobs import Origin, unit_of_work
from app.services import project_purging
from app.workers.sweeps import sweep

log = structlog.get_logger(__name__)

PURGE_EVERY_S = 300.0
ACTION = "projectPurge"
#: Rows that one transaction deletes: on SQLite a long one would stop everybody.
AT_ONCE = 1_000


@sweep(PURGE_EVERY_S)
async def purge_due() -> None:
    """One that fails is logged, and the others go on. What was begun and not ended, the next round goes on with."""
    for project_id in await project_purging.due(now=await db.now()):
        try:
            was_purged = await _purge(project_id)
        except DatabaseAway:
            raise
        except Locked:
            log.info("another worker purges this project", project_id=str(project_id))
        except Exception:
            log.exception("project not purged", project_id=str(project_id))
        else:
            log.info("project purged", project_id=str(project_id), was_there=was_purged)


async def _purge(project_id: UUID) -> bool:
    """Row by row to the end; False if it is not due, or another worker ended it."""
    async with unit_of_work() as work:
        if not await project_purging.begin(project_id, now=work.now):
            return False
    for table in project_purging.TABLES:
        gone = AT_ONCE
        while gone >= AT_ONCE:
            async with unit_of_work():
                gone = await project_purging.delete_rows(project_id, table, limit=AT_ONCE)
    async for entries in project_purging.entries_of(project_id):
        async with unit_of_work():
            await project_purging.forget(project_id, entries)
    async with unit_of_work(Origin(ACTION)):
        return await project_purging.finish(project_id)
