"""The doorbell of a Valkey that is stopped or cut off: it notices, goes on in this process, and hears again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from app.integrations.pubsub import Hub
from tests.faults.proxy import Proxy
from tests.integrations.test_pubsub import rings, running_hub
from tests.valkey import redis_url, socket_of, stopped, url_through

__all__ = ["redis_url"]

#: Noticed after three seconds, and whole within fifteen.
NOTICED_S, WHOLE_S = 5.0, 15.0
RING_S = 1.5
STOP_S = 2.0


@asynccontextmanager
async def two_hubs(url: str, there_url: str) -> AsyncIterator[tuple[Hub, Hub]]:
    async with running_hub(url) as here, running_hub(there_url) as there:
        yield here, there


async def unheard(hub: Hub) -> None:
    async with asyncio.timeout(NOTICED_S):
        while hub.is_connected:
            await asyncio.sleep(0.01)


async def test_a_silent_redis_is_noticed_without_a_ring_and_heard_again(redis_url: str) -> None:
    missed: list[str] = []
    async with two_hubs(redis_url, redis_url) as (here, there), here.listen("x") as bell:
        here.on("viewers:", lambda rest, payload: None, missed=lambda: missed.append("!"))
        with stopped(redis_url):
            await unheard(here)
            assert here.breaker.is_open
        async with asyncio.timeout(WHOLE_S):
            await asyncio.gather(here.connected(), there.connected())

        assert missed == ["!"]
        assert await bell.wait(0), "rung for what was missed"
        await there.ring("x")
        assert await bell.wait(RING_S)


async def test_a_connection_that_is_cut_off_is_replaced_by_one_that_hears(redis_url: str) -> None:
    async with (
        Proxy.to(socket_of(redis_url)) as proxy,
        two_hubs(url_through(proxy), redis_url) as (here, there),
        here.listen("x") as bell,
    ):
        proxy.silence()

        async with asyncio.timeout(WHOLE_S):
            await unheard(here)
            await here.connected()
        assert await bell.wait(0), "rung for what was missed"
        await there.ring("x")
        assert await bell.wait(RING_S)


async def test_many_rings_in_a_silence_are_heard_here_and_take_no_time(redis_url: str) -> None:
    async with running_hub(redis_url) as hub, hub.listen("x") as bell:
        began = time.monotonic()
        with stopped(redis_url), capture_logs() as log:
            for _ in range(20):
                assert await rings(hub, bell)
            await hub.ring_all([f"employee:{each}" for each in range(2_000)])
            assert time.monotonic() - began < RING_S
            await unheard(hub)

    assert [line["event"] for line in log] == ["redis_lost"]


async def test_it_stops_in_a_moment_while_redis_is_silent(redis_url: str) -> None:
    hub = Hub(redis_url)
    await hub.start()
    await hub.connected()
    with stopped(redis_url):
        await unheard(hub)
        began = time.monotonic()
        await hub.stop()
        assert time.monotonic() - began < STOP_S
    assert not hub.is_connected


async def test_it_stops_in_a_moment_when_the_silence_has_just_begun(redis_url: str) -> None:
    hub = Hub(redis_url)
    await hub.start()
    await hub.connected()
    with stopped(redis_url):
        ringing = asyncio.create_task(hub.ring("x"))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await hub.stop()
        assert time.monotonic() - began < STOP_S
        await ringing
