"""Connections to Redis that never hang, and the breaker that leaves a Redis alone that was lost.

redis-py waits without a limit unless it is told otherwise, and to cancel it does not help: a pipeline that is cancelled
while it watches a key says UNWATCH, for which it connects again. So each connection has limits of its own, and a command
runs in a task that is waited for within a limit, never for its cancellation.
"""

import asyncio
import random
import socket
import time
import weakref
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import structlog
from redis import exceptions
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")
#: What a client of redis-py is asked. Its types say no more.
Command = Callable[[], Any]

#: A change is in the database already when Redis is told: nobody waits longer than this.
COMMAND_TIMEOUT_S = 1.0
CLOSE_TIMEOUT_S = 0.5
#: Between two probes of a Redis that was lost.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 4.0
#: So a firewall keeps what is idle, and the kernel finds within 11 s what is dead.
_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}

#: What says that the connection is lost; an answer that is an error says that it is not.
LOST = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)


def is_lost(error: BaseException) -> bool:
    """Whether it says that a connection ended. uvloop has no class for what is written to one that is closed."""
    if isinstance(error, RuntimeError):
        return "the handler is closed" in str(error)
    return isinstance(error, LOST)


class RedisAway(OSError):
    """Redis does not answer, or did not a moment ago and is left alone."""


def make_connections(redis_url: str, *, timeout_s: float = COMMAND_TIMEOUT_S) -> ConnectionPool:
    """Connections that are made when they are needed. Each step, connecting too, has `timeout_s`; nothing is retried.

    redis-py's own health check is left out: before a command it asks whether the connection is alive, and
    that question takes as long to fail as the command would.
    """
    return ConnectionPool.from_url(
        redis_url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        **({} if redis_url.startswith("unix:") else _keepalive()),
    )


async def close(redis: Redis) -> None:
    """Closes the connections, and waits for a server that hangs no longer than a moment."""
    await _close(redis.connection_pool)


async def limited(command: Coroutine[Any, Any, Answer], timeout_s: float) -> Answer:
    """What the command gives. Raises TimeoutError after `timeout_s`, whatever the command makes of its cancellation."""
    running = asyncio.create_task(command)
    try:
        await asyncio.wait([running], timeout=timeout_s)
        if not running.done():
            raise TimeoutError(f"No answer within {timeout_s:g} s.")
        return running.result()
    finally:
        if not running.done():
            abandon(running)


class RedisBreaker:
    """What this process knows of its Redis: one for its queue, doorbell and cache together.

    It opens when Redis is lost, which is logged once. While it is open nobody asks Redis but a probe of its own, so that
    no request has to wait to find out.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._clients: list[Redis] = []
        self._away_since: float | None = None
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._away_since is not None

    def cover(self, redis: Redis) -> None:
        """This client's idle connections go when Redis is lost: they are as dead as the one that was found so."""
        self._clients.append(redis)

    async def run(self, command: Command) -> Any:
        """What the command gives. Raises RedisAway, while the breaker is open at once; other errors of Redis as they are."""
        if self.is_open:
            raise RedisAway("Redis was lost, and is left alone for a moment.")
        try:
            return await limited(command(), COMMAND_TIMEOUT_S)
        except Exception as fault:
            if not is_lost(fault):
                raise
            self.lost(fault)
            raise RedisAway("Redis does not answer.") from fault

    def lost(self, fault: Exception) -> None:
        """Somebody found that Redis does not answer."""
        if self.is_open:
            return
        log.warning("redis_lost", fault=type(fault).__name__)
        self._away_since = time.monotonic()
        self._end_probing()
        self._probing = asyncio.create_task(_probe(weakref.ref(self)), name="redis-probe")

    def answers(self) -> None:
        """Somebody found that Redis answers."""
        if self._away_since is None:
            return
        log.info("redis_back", away_s=round(time.monotonic() - self._away_since, 1))
        self._away_since = None

    async def is_answered(self) -> bool:
        """Asks Redis over a connection of its own."""
        return await _answers(self._redis_url)

    def stop(self) -> None:
        """For whoever closes the clients."""
        self._end_probing()
        self._away_since = None

    async def drop_idle_connections(self) -> None:
        for each in self._clients:
            # A pool of its own for what comes later: redis-py may lend a connection while it is being closed.
            dropped, each.connection_pool = each.connection_pool, make_connections(self._redis_url)
            await _close(dropped, inuse_connections=False)

    def _end_probing(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None


async def _probe(breaker: "weakref.ref[RedisBreaker]") -> None:
    """Until Redis answers, or nobody holds the breaker any more."""
    pause_s = FIRST_PAUSE_S
    if held := breaker():
        await held.drop_idle_connections()
    while held and held.is_open:
        held = None
        # Unequal pauses, so that many processes do not come back at one moment.
        await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        if (held := breaker()) and held.is_open and await held.is_answered():
            held.answers()


async def _answers(redis_url: str) -> bool:
    connection = make_connections(redis_url).make_connection()  # type: ignore[no-untyped-call]
    try:
        await limited(_ping(connection), COMMAND_TIMEOUT_S)
    except exceptions.ResponseError:
        return True  # whoever refuses has heard
    except Exception as fault:  # noqa: BLE001  Whatever else is said is no answer of a Redis; the probe must go on.
        if not is_lost(fault):
            log.warning("redis_speaks_something_else", fault=type(fault).__name__)
        return False
    finally:
        await connection.disconnect(nowait=True)
    return True


async def _ping(connection: Any) -> None:
    await connection.connect()
    await connection.send_command("PING")
    await connection.read_response()


async def _close(connections: ConnectionPool, *, inuse_connections: bool = True) -> None:
    closing = asyncio.create_task(connections.disconnect(inuse_connections))
    await asyncio.wait([closing], timeout=CLOSE_TIMEOUT_S)
    abandon(closing)


_abandoned: set[asyncio.Task[Any]] = set()


def abandon(task: asyncio.Task[Any]) -> None:
    """Ends a task for which nobody waits any more, and whose outcome nobody will hear."""
    task.cancel()
    _abandoned.add(task)
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()


def _keepalive() -> Mapping[str, Any]:
    options = {getattr(socket, name): value for name, value in _KEEPALIVE.items() if hasattr(socket, name)}
    return {"socket_keepalive": True, "socket_keepalive_options": options}
