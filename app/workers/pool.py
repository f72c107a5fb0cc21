"""The way into the queue, and the binding of `app.jobs` to it and to the doorbell.

Jobs travel as JSON: with arq's default, pickle, whoever can write to Redis runs code here.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import orjson
import structlog
from arq.connections import ArqRedis
from arq.constants import expires_extra_ms, job_key_prefix
from arq.jobs import serialize_job
from arq.utils import timestamp_ms, to_unix_ms
from redis.exceptions import RedisError

from app import jobs
from app.config import Settings
from app.integrations.pubsub import Hub
from app.integrations.redis_breaker import COMMAND_TIMEOUT_S, RedisAway, RedisBreaker, close, make_connections
from app.jobs import QueuedJob

log = structlog.get_logger(__name__)


def create_pool(settings: Settings, *, timeout_s: float = COMMAND_TIMEOUT_S) -> ArqRedis:
    """A client that connects when it is first used; so a process starts, and says so, while Redis is away."""
    connections = make_connections(settings.redis_url, timeout_s=timeout_s)
    return ArqRedis(connections, job_serializer=serialize, job_deserializer=orjson.loads)


@asynccontextmanager
async def bound(pool: ArqRedis, hub: Hub) -> AsyncIterator[None]:
    """Connects `app.jobs` to the queue and the doorbell for the length of the block, then closes both.

    They share the doorbell's breaker: Redis is the same.
    """
    hub.breaker.cover(pool)

    async def send(queued: Sequence[QueuedJob]) -> None:
        await _send_softly(pool, hub.breaker, queued)

    jobs.bind(send, hub.ring_all)
    try:
        yield
    finally:
        jobs.bind(None, None)
        await hub.stop()
        await close(pool)


def serialize(value: Any) -> bytes:
    """JSON of a job; of what JSON does not know (a failed job's exception) its text."""
    return orjson.dumps(value, default=str)


async def _send_softly(pool: ArqRedis, breaker: RedisBreaker, queued: Sequence[QueuedJob]) -> None:
    """The sweepers find what a lost job would have done, so a lost job is no error of the caller."""
    try:
        await breaker.run(lambda: _enqueue(pool, queued))
    except RedisAway:
        return  # the breaker has told it, once
    except RedisError as error:
        names = sorted({job for job, _, _ in queued})
        log.warning("jobs not sent", jobs=names, error=type(error).__name__)


async def _enqueue(pool: ArqRedis, queued: Sequence[QueuedJob]) -> None:
    """What `ArqRedis.enqueue_job` does, for all in one round trip: it takes five for each, in case an id is taken."""
    now_ms = timestamp_ms()
    async with pool.pipeline(transaction=True) as pipe:
        for job, ids, at in queued:
            id_, score = uuid4().hex, now_ms if at is None else to_unix_ms(at)
            told = serialize_job(job, ids, {}, None, now_ms, serializer=serialize)
            pipe.psetex(job_key_prefix + id_, max(score - now_ms, 0) + expires_extra_ms, told)
            pipe.zadd(pool.default_queue_name, {id_: score})
        await pipe.execute()
