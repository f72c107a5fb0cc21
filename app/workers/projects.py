"""Purging deleted projects whose grace is over."""

import structlog

from app import db
from app.errors import DatabaseAway
from app.jobs import Origin, unit_of_work
from app.services import project_deletion
from app.workers.sweeps import sweep

log = structlog.get_logger(__name__)

PURGE_EVERY_S = 300.0
ACTION = "projectPurge"


@sweep(PURGE_EVERY_S)
async def purge_due() -> None:
    """Each in a transaction of its own: one that fails is logged, and the others go on."""
    for project_id in await project_deletion.due(now=await db.now()):
        try:
            async with unit_of_work(Origin(ACTION)) as work:
                was_purged = await project_deletion.purge(project_id, now=work.now)
        except DatabaseAway:
            raise
        except Exception:
            log.exception("project not purged", project_id=str(project_id))
        else:
            log.info("project purged", project_id=str(project_id), was_there=was_purged)
