"""Keeps a worker alive: arq's ends when Redis is lost, ours starts again until it is told to stop."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from typing import Any

import orjson
import structlog
from arq.worker import Worker
from redis.exceptions import RedisError, WatchError

from app import db
from app.config import Settings
from app.integrations.pubsub import Hub
from app.integrations.redis_breaker import CLOSE_TIMEOUT_S, LOST, RedisBreaker, abandon, close, is_lost
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
from app.workers.sweeps import is_cancelled, run_sweeps

log = structlog.get_logger(__name__)

#: A second is promised from due to delivered; this is the part that waiting in the queue may take.
POLL_DELAY_S = 0.05
#: What each of its questions may take. arq asks without blocking, so only a Redis that hangs takes so long; and a hiccup
#: of a second or two, which a change does not wait for, need not end the worker.
QUEUE_TIMEOUT_S = 3.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0

#: Workers that lost their connection, while their jobs end.
_ending: set[asyncio.Task[None]] = set()

Lost = Callable[[Exception], None]


@every(HEARTBEAT_EVERY_S)
async def heartbeat(ctx: dict[str, Any]) -> None:
    """Tells `/readyz` that jobs are being run: being one itself, it proves more than a living process would."""
    with suppress(*LOST):  # Its absence tells what an error would, and the worker itself ends by the same.
        await ctx["redis"].set(HEARTBEAT_KEY, b"1", ex=HEARTBEAT_KEPT_S)


async def supervise(run: Callable[[], Awaitable[None]], *, name: str, lost: Lost | None = None) -> None:
    """Calls `run` again whenever it ends, after a pause that doubles up to 5 s. Ends by cancellation only.

    `lost` is told when it ended because its connection was lost; without, that is logged each time.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        started = time.monotonic()
        try:
            await run()
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            log.error("gave up", name=name, retry_in_s=pause_s)
        except Exception as error:
            # arq says WatchError of a connection that it lost while it looked at a job.
            if is_lost(error) or isinstance(error, WatchError):
                (lost or _log_lost)(error)
            elif isinstance(error, RedisError):
                log.warning("ended by Redis", name=name, error=type(error).__name__, retry_in_s=pause_s)
            else:
                log.exception("ended by an error", name=name, retry_in_s=pause_s)
        if time.monotonic() - started > LONGEST_PAUSE_S:
            pause_s = FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def run_worker(settings: Settings, *, drain_s: float = LONGEST_JOB_S - 10) -> None:
    """One life of a worker in this loop. When cancelled it takes no more jobs and gives the running ones `drain_s`.

    When Redis is lost it ends at once, and its jobs go on: what they do is in the database.
    """
    worker = Worker(
        WORKER_FUNCTIONS,
        # arq keeps a cron job's next run in the object: a copy, or a restart would make up for the pause.
        cron_jobs=[replace(each, next_run=None) for each in CRON_JOBS],
        redis_pool=create_pool(settings, timeout_s=QUEUE_TIMEOUT_S),
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
    polling = asyncio.create_task(worker.async_run())
    try:
        await asyncio.wait([polling])
    except asyncio.CancelledError:
        polling.cancel()
        await _wind_down(worker, drain_s)
        await asyncio.wait([polling], timeout=CLOSE_TIMEOUT_S)
        abandon(polling)  # that Redis was lost on the way out is nobody's news
        raise
    _let_end(worker)
    polling.result()


async def work(
    settings: Settings, *, drain_s: float = LONGEST_JOB_S - 10, breaker: RedisBreaker | None = None
) -> None:
    """All of a worker's work in this loop until cancelled: jobs while there is Redis, sweeps in any case.

    `breaker` is the process's own: what the queue finds out spares the sweeps' doorbell a wait.
    """
    lost = breaker.lost if breaker else None
    try:
        async with asyncio.TaskGroup() as group:
            jobs = supervise(lambda: run_worker(settings, drain_s=drain_s), name="worker", lost=lost)
            group.create_task(jobs, name="jobs")
            group.create_task(run_sweeps(drain_s=drain_s), name="sweeps")
    finally:
        if _ending:
            await asyncio.wait(_ending, timeout=drain_s)


async def run_process(settings: Settings) -> bool:
    """The whole of `python -m app worker`: until SIGTERM or SIGINT. False if it ended by an error, which is in the log.

    Raises DatabaseAway if that does not answer at the start: whoever watches over processes starts it again.
    """
    await db.connect(settings.database_url, pool_size=settings.pool_size)
    try:
        hub = Hub(settings.redis_url)
        async with bound(create_pool(settings), hub):
            working = asyncio.create_task(work(settings, breaker=hub.breaker))
            for each in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(each, working.cancel)
            log.info("worker started", jobs=len(WORKER_FUNCTIONS), regular_jobs=len(CRON_JOBS))
            await asyncio.wait([working])
            if not working.cancelled() and (error := working.exception()) is not None:
                log.critical("worker ended by an error", exc_info=error)
                return False
            log.info("worker stopped")
            return True
    finally:
        await db.close()


def _let_end(worker: Worker) -> None:
    ending = asyncio.create_task(_wind_down(worker, None))
    _ending.add(ending)
    ending.add_done_callback(_ending.discard)


async def _wind_down(worker: Worker, drain_s: float | None) -> None:
    """Waits for the running jobs, without a limit if `drain_s` is None: arq gives each its own."""
    worker.allow_pick_jobs = False
    running = list(worker.tasks.values())
    for each in running:
        each.add_done_callback(_look_at)
    if running:
        _, late = await asyncio.wait(running, timeout=drain_s)
        for task in late:
            task.cancel()
        # A cancelled job goes back into the queue; if Redis is lost, its sweeper takes care of it.
        if late:
            await asyncio.wait(late, timeout=QUEUE_TIMEOUT_S)
    await close(worker.pool)


def _look_at(job: asyncio.Task[Any]) -> None:
    """arq raises a job's error in its main task; this one failed later, by what ended that one."""
    if not job.cancelled() and (error := job.exception()) and not isinstance(error, (RedisError, OSError)):
        log.error("job ended by an error", exc_info=error)


def _log_lost(error: Exception) -> None:
    log.warning("lost its connection", error=type(error).__name__)
