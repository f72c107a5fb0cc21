"""The way into the queue: one pool of Redis connections per process, shared with the doorbell.

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
from app.jobs import Job

log = structlog.get_logger(__name__)

#: A change is in the database already when its bell is rung: nobody waits longer than this for Redis.
RING_TIMEOUT_S = 1.0


def create_pool(settings: Settings) -> ArqRedis:
    """A client that connects when it is first used; so a process starts, and says so, while Redis is away."""
    connections = ConnectionPool.from_url(settings.redis_url, socket_connect_timeout=RING_TIMEOUT_S)
    return ArqRedis(connections, job_serializer=serialize, job_deserializer=orjson.loads)


@asynccontextmanager
async def bound(settings: Settings) -> AsyncIterator[ArqRedis]:
    """Connects `app.jobs` to the queue and the doorbell for the length of the block."""
    pool = create_pool(settings)

    async def send(job: Job, ids: Sequence[str], at: datetime | None) -> None:
        await _ring_softly(job, pool.enqueue_job(job, *ids, _defer_until=at))

    async def ring(channel: str) -> None:
        await _ring_softly(channel, pool.publish(channel, b""))

    jobs.bind(send, ring)
    try:
        yield pool
    finally:
        jobs.bind(None, None)
        await pool.aclose(close_connection_pool=True)


def serialize(value: Any) -> bytes:
    """JSON of a job; of what JSON does not know (a failed job's exception) its text."""
    return orjson.dumps(value, default=str)


async def _ring_softly(bell: str, ringing: Any) -> None:
    """The sweepers find what a lost bell would have said, so a lost bell is no error of the caller."""
    try:
        await asyncio.wait_for(ringing, RING_TIMEOUT_S)
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("bell not rung", bell=bell, error=type(error).__name__)
