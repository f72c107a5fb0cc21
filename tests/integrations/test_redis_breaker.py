"""A Redis that is stopped or cut off: nobody waits long, everybody is told at once, and it is found again."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import InvalidResponse, ResponseError
from structlog.testing import capture_logs

from app.integrations import redis_breaker
from app.integrations.ares import RedisCache
from app.integrations.redis_breaker import RedisAway, RedisBreaker, close, make_connections
from tests.faults.proxy import Proxy
from tests.valkey import redis_url, running_valkey, socket_of, stopped, url_through

__all__ = ["redis_url"]

PATIENCE_S = 15
#: A command may take one second.
LIMIT_S = 1.5
#: What does not wait at all takes no longer, on the busiest machine.
AT_ONCE_S = 0.5


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client_of(redis_url) as redis:
        yield redis


@pytest.fixture
async def breaker(redis_url: str, redis: Redis) -> AsyncIterator[RedisBreaker]:
    breaker = RedisBreaker(redis_url)
    breaker.cover(redis)
    yield breaker
    breaker.stop()


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Redis]:
    redis = Redis(connection_pool=make_connections(url))
    yield redis
    await close(redis)


async def is_away(breaker: RedisBreaker, command: Callable[[], Any], *, within_s: float) -> bool:
    """Whether it is refused because Redis is away. Fails if that takes longer."""
    began = time.monotonic()
    try:
        await breaker.run(command)
    except RedisAway:
        assert time.monotonic() - began < within_s
        return True
    return False


async def closed(breaker: RedisBreaker) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while breaker.is_open:
            await asyncio.sleep(0.01)


async def test_what_it_is_asked_is_answered(breaker: RedisBreaker, redis: Redis) -> None:
    assert await breaker.run(redis.ping) is True
    assert not breaker.is_open


async def test_the_first_who_asks_a_silent_redis_waits_and_nobody_after(
    breaker: RedisBreaker, redis: Redis, redis_url: str
) -> None:
    await breaker.run(redis.ping)
    with stopped(redis_url):
        assert await is_away(breaker, redis.ping, within_s=LIMIT_S)
        for _ in range(20):
            assert await is_away(breaker, redis.ping, within_s=AT_ONCE_S)


async def test_those_who_ask_at_the_same_moment_wait_together(
    breaker: RedisBreaker, redis: Redis, redis_url: str
) -> None:
    with stopped(redis_url):
        asking = [is_away(breaker, redis.ping, within_s=LIMIT_S) for _ in range(20)]
        assert await asyncio.gather(*asking) == [True] * 20


async def test_a_command_that_does_not_end_when_it_is_cancelled_is_left_behind(redis_url: str) -> None:
    """redis-py's pipeline, watching a key, over a connection that has no limits of its own."""
    watches, goes_on = asyncio.Event(), asyncio.Event()
    breaker = RedisBreaker(redis_url)

    async with Redis.from_url(redis_url) as unlimited:

        async def watching() -> None:
            async with unlimited.pipeline() as pipe:
                await pipe.watch("key")
                watches.set()
                await goes_on.wait()
                await pipe.get("key")

        asking = asyncio.create_task(is_away(breaker, watching, within_s=LIMIT_S))
        await watches.wait()
        with stopped(redis_url):
            goes_on.set()
            done, _ = await asyncio.wait([asking], timeout=PATIENCE_S)
            assert done and asking.result()
        breaker.stop()


async def test_who_is_cancelled_ends_at_once(redis: Redis, breaker: RedisBreaker, redis_url: str) -> None:
    with stopped(redis_url):
        asking = asyncio.create_task(breaker.run(redis.ping))
        await asyncio.sleep(0.05)
        asking.cancel()
        _, late = await asyncio.wait([asking], timeout=AT_ONCE_S)

    assert not late and not breaker.is_open


async def test_a_redis_that_goes_on_is_found_without_being_asked_by_anybody(
    breaker: RedisBreaker, redis: Redis, redis_url: str
) -> None:
    with stopped(redis_url):
        assert await is_away(breaker, redis.ping, within_s=LIMIT_S)

    await closed(breaker)
    assert await breaker.run(redis.ping) is True


async def test_connections_that_are_as_dead_as_the_one_go_with_it(redis_url: str) -> None:
    async with Proxy.to(socket_of(redis_url)) as proxy, client_of(url_through(proxy)) as redis:
        breaker = RedisBreaker(url_through(proxy))
        breaker.cover(redis)
        await asyncio.gather(*(breaker.run(redis.ping) for _ in range(5)))

        proxy.silence()
        assert await is_away(breaker, redis.ping, within_s=LIMIT_S)
        await closed(breaker)

        assert await asyncio.gather(*(breaker.run(redis.ping) for _ in range(5))) == [True] * 5
        breaker.stop()


async def test_a_proxy_that_takes_connections_and_passes_nothing_on_is_silence_too(redis_url: str) -> None:
    async with Proxy.to(socket_of(redis_url)) as proxy, client_of(url_through(proxy)) as redis:
        proxy.silence(new_too=True)
        breaker = RedisBreaker(url_through(proxy))

        assert await is_away(breaker, redis.ping, within_s=LIMIT_S)
        assert not await breaker.is_answered()
        breaker.stop()


async def test_a_redis_that_is_down_is_left_alone_until_it_is_up(tmp_path: Path) -> None:
    async with client_of(f"unix://{tmp_path / 'valkey.sock'}") as redis:
        breaker = RedisBreaker(f"unix://{tmp_path / 'valkey.sock'}")
        assert await is_away(breaker, redis.ping, within_s=AT_ONCE_S)
        assert breaker.is_open

        with running_valkey(tmp_path):
            await closed(breaker)
            assert await breaker.run(redis.ping) is True


async def test_an_answer_that_is_an_error_says_that_redis_is_there(
    breaker: RedisBreaker, redis: Redis
) -> None:
    with pytest.raises(ResponseError):
        await breaker.run(lambda: redis.execute_command("NOSUCH"))  # type: ignore[no-untyped-call]

    assert not breaker.is_open


async def test_one_line_tells_of_a_silence_and_one_of_its_end(
    breaker: RedisBreaker, redis: Redis, redis_url: str
) -> None:
    with capture_logs() as log:
        with stopped(redis_url):
            for _ in range(20):
                assert await is_away(breaker, redis.ping, within_s=LIMIT_S)
            breaker.lost(TimeoutError())
        await closed(breaker)

    assert [(line["event"], line["log_level"]) for line in log] == [
        ("redis_lost", "warning"),
        ("redis_back", "info"),
    ]


async def test_a_cache_is_empty_while_redis_is_away(
    breaker: RedisBreaker, redis: Redis, redis_url: str
) -> None:
    cache = RedisCache(redis, breaker)
    await cache.set("ares:silent", b"kept", 60)
    began = time.monotonic()
    with stopped(redis_url):
        for _ in range(5):
            await cache.set("ares:other", b"kept", 60)
            assert await cache.get("ares:silent") is None
        assert time.monotonic() - began < LIMIT_S

    await closed(breaker)
    assert await cache.get("ares:silent") == b"kept"


async def test_the_probe_ends_with_whoever_held_the_breaker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_breaker, "FIRST_PAUSE_S", 0.01)
    breaker = RedisBreaker(f"unix://{tmp_path / 'nobody.sock'}")
    breaker.lost(ConnectionError())
    probing = breaker._probing
    assert probing is not None

    del breaker
    gc.collect()

    _, late = await asyncio.wait([probing], timeout=PATIENCE_S)
    assert not late


async def test_a_client_of_a_silent_redis_is_closed_in_a_moment(redis_url: str) -> None:
    redis = Redis(connection_pool=make_connections(redis_url))
    await redis.ping()
    began = time.monotonic()
    with stopped(redis_url):
        asking = asyncio.ensure_future(redis.set("key", b"x" * 10_000_000))
        await asyncio.sleep(0.05)
        await close(redis)
        assert time.monotonic() - began < LIMIT_S
        asking.cancel()
        await asyncio.wait([asking], timeout=AT_ONCE_S)


async def test_who_speaks_something_else_for_a_moment_does_not_keep_it_open_for_ever(
    breaker: RedisBreaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A balancer that answers HTTP during a failover ended the probe, and nobody began another."""
    asks_rightly, told = redis_breaker._ping, 0

    async def ping(connection: Any) -> None:
        nonlocal told
        told += 1
        if told == 1:
            raise InvalidResponse('Protocol error, got "H" as reply type byte')
        await asks_rightly(connection)

    monkeypatch.setattr(redis_breaker, "_ping", ping)
    breaker.lost(ConnectionError("gone"))

    async with asyncio.timeout(PATIENCE_S):
        while breaker.is_open:
            await asyncio.sleep(0.01)
    assert told >= 2
