"""The way into the queue, and the binding of `app.jobs` to it and to the doorbell.

Jobs travel as JSON: with arq's default, pickle, whoever can write to Redis runs code here.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import orjson
import structlog
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from app import jobs
from app.config import Settings
from app.integrations.pubsub import Hub
from app.jobs import Job

log = structlog.get_logger(__name__)

#: A change is in the database already when its job is sent: nobody waits longer than this for Redis.
SEND_TIMEOUT_S = 1.0


def create_pool(settings: Settings) -> ArqRedis:
    """A client that connects when it is first used; so a process starts, and says so, while Redis is away."""
    connections = ConnectionPool.from_url(settings.redis_url, socket_connect_timeout=SEND_TIMEOUT_S)
    return ArqRedis(connections, job_serializer=serialize, job_deserializer=orjson.loads)


@asynccontextmanager
async def bound(pool: ArqRedis, hub: Hub) -> AsyncIterator[None]:
    """Connects `app.jobs` to the queue and the doorbell for the length of the block, then closes both."""

    async def send(job: Job, ids: Sequence[str], at: datetime | None) -> None:
        await _send_softly(pool, job, ids, at)

    jobs.bind(send, hub.ring_all)
    try:
        yield
    finally:
        jobs.bind(None, None)
        await hub.stop()
        await pool.aclose(close_connection_pool=True)


def serialize(value: Any) -> bytes:
    """JSON of a job; of what JSON does not know (a failed job's exception) its text."""
    return orjson.dumps(value, default=str)


async def _send_softly(pool: ArqRedis, job: Job, ids: Sequence[str], at: datetime | None) -> None:
    """The sweepers find what a lost job would have done, so a lost job is no error of the caller."""
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await pool.enqueue_job(job, *ids, _defer_until=at)
    except (RedisError, OSError) as error:
        log.warning("job not sent", job=job, error=type(error).__name__)
