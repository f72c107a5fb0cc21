"""Keeps a worker alive: arq's ends when Redis is lost, ours starts again until it is told to stop."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC
from typing import Any

import orjson
import structlog
from arq.worker import Worker
from redis.exceptions import RedisError

from app import db
from app.config import Settings
from app.integrations.pubsub import Hub
from app.workers import (
    CRON_JOBS,
    HEARTBEAT_EVERY_S,
    HEARTBEAT_KEPT_S,
    HEARTBEAT_KEY,
    LONGEST_JOB_S,
    WORKER_FUNCTIONS,
    emails,  # noqa: F401  Registers its jobs and sweeps.
    every,
    housekeeping,  # noqa: F401  The same.
    lead_shares,  # noqa: F401  The same.
    projects,  # noqa: F401  The same.
    reminders,  # noqa: F401  The same.
)
from app.workers.pool import bound, create_pool, serialize
from app.workers.sweeps import run_sweeps

log = structlog.get_logger(__name__)

#: A second is promised from due to delivered; this is the part that waiting in the queue may take.
POLL_DELAY_S = 0.05
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0


@every(HEARTBEAT_EVERY_S)
async def heartbeat(ctx: dict[str, Any]) -> None:
    """Tells `/readyz` that jobs are being run: being one itself, it proves more than a living process would."""
    await ctx["redis"].set(HEARTBEAT_KEY, b"1", ex=HEARTBEAT_KEPT_S)


async def supervise(run: Callable[[], Awaitable[None]], *, name: str) -> None:
    """Calls `run` again whenever it ends, after a pause that doubles up to 10 s. Ends by cancellation only."""
    pause_s = FIRST_PAUSE_S
    while True:
        started = time.monotonic()
        try:
            await run()
        except (RedisError, OSError) as error:
            log.warning("lost its connection", name=name, error=type(error).__name__, retry_in_s=pause_s)
        except Exception:
            log.exception("ended by an error", name=name, retry_in_s=pause_s)
        if time.monotonic() - started > LONGEST_PAUSE_S:
            pause_s = FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def run_worker(settings: Settings, *, drain_s: float = LONGEST_JOB_S - 10) -> None:
    """One life of a worker in this loop. When cancelled it takes no more jobs and gives the running ones `drain_s`."""
    worker = Worker(
        WORKER_FUNCTIONS,
        # arq keeps a cron job's next run in the object: a copy, or a restart would make up for the pause.
        cron_jobs=[replace(each, next_run=None) for each in CRON_JOBS],
        redis_pool=create_pool(settings),
        handle_signals=False,
        poll_delay=POLL_DELAY_S,
        job_timeout=LONGEST_JOB_S,
        keep_result=0,
        health_check_interval=60,
        job_serializer=serialize,
        job_deserializer=orjson.loads,
        timezone=UTC,
        log_results=False,
        ctx={"settings": settings},
    )
    try:
        await worker.async_run()
    finally:
        await _wind_down(worker, drain_s)


async def work(settings: Settings, *, drain_s: float = LONGEST_JOB_S - 10) -> None:
    """All of a worker's work in this loop until cancelled: jobs while there is Redis, sweeps in any case."""
    async with asyncio.TaskGroup() as group:
        jobs = supervise(lambda: run_worker(settings, drain_s=drain_s), name="worker")
        group.create_task(jobs, name="jobs")
        group.create_task(run_sweeps(drain_s=drain_s), name="sweeps")


async def run_process(settings: Settings) -> None:
    """The whole of `python -m app worker`: until SIGTERM or SIGINT."""
    await db.connect(settings.database_url, pool_size=settings.pool_size)
    try:
        async with bound(create_pool(settings), Hub(settings.redis_url)):
            working = asyncio.create_task(work(settings))
            for each in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(each, working.cancel)
            log.info("worker started", jobs=len(WORKER_FUNCTIONS), regular_jobs=len(CRON_JOBS))
            await asyncio.wait([working])
            log.info("worker stopped")
    finally:
        await db.close()


async def _wind_down(worker: Worker, drain_s: float) -> None:
    worker.allow_pick_jobs = False
    running = list(worker.tasks.values())
    if running:
        _, late = await asyncio.wait(running, timeout=drain_s)
        for task in late:
            task.cancel()
        # A cancelled job goes back into the queue; if Redis is lost, its sweeper takes care of it.
        await asyncio.gather(*late, return_exceptions=True)
    await worker.pool.aclose(close_connection_pool=True)
