import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from app.integrations import pubsub, redis_breaker, valkey
from app.integrations.ares import RedisCache
from app.integrations.pubsub import Bell, Hub
from app.integrations.redis_breaker import RedisBreaker
from tests.valkey import redis_url, running_valkey

__all__ = ["redis_url"]

PATIENCE_S = 5.0
A_MOMENT_S = 0.05


@asynccontextmanager
async def running_hub(url: str, **options: Any) -> AsyncIterator[Hub]:
    hub = Hub(url, **options)
    await hub.start()
    async with asyncio.timeout(PATIENCE_S):
        await hub.connected()
    yield hub
    await hub.stop()


@pytest.fixture
async def here(redis_url: str) -> AsyncIterator[Hub]:
    async with running_hub(redis_url) as hub:
        yield hub


@pytest.fixture
async def there(redis_url: str) -> AsyncIterator[Hub]:
    """The hub of another process."""
    async with running_hub(redis_url) as hub:
        yield hub


async def test_a_ring_is_heard_in_every_process(here: Hub, there: Hub) -> None:
    async with here.listen("employee:1") as ours, there.listen("employee:1") as theirs:
        await here.ring("employee:1")

        assert await ours.wait(PATIENCE_S)
        assert await theirs.wait(PATIENCE_S)


async def test_a_bell_hears_its_own_channel_alone(here: Hub) -> None:
    async with (
        here.listen("employee:1") as one,
        here.listen("employee:2") as two,
        here.listen("employee:*") as star,
    ):
        await here.ring("employee:1")

        assert await one.wait(PATIENCE_S)
        assert not await two.wait(A_MOMENT_S)
        assert not await star.wait(0)


async def test_many_rings_are_one(here: Hub) -> None:
    async with here.listen("employee:1") as bell, here.listen("last") as last:
        for _ in range(50):
            await here.ring("employee:1")
        await here.ring("last")
        assert await last.wait(PATIENCE_S)

        assert await bell.wait(PATIENCE_S)
        assert not await bell.wait(A_MOMENT_S)


async def test_rings_of_one_moment_are_one_message_and_each_is_heard(
    here: Hub, there: Hub, redis_url: str
) -> None:
    heard: list[tuple[str, str]] = []
    there.on("employee:", lambda who, payload: heard.append((who, payload)))
    async with there.listen("employee:7") as bell, Redis.from_url(redis_url) as redis, redis.pubsub() as all_:
        await all_.psubscribe("*")
        await all_.get_message(timeout=PATIENCE_S)

        await asyncio.gather(*(here.ring(f"employee:{each}", str(each)) for each in range(50)))

        assert await bell.wait(PATIENCE_S)
        sent = [await all_.get_message(timeout=PATIENCE_S), await all_.get_message(timeout=A_MOMENT_S)]
    assert heard == [(str(each), str(each)) for each in range(50)]
    assert sent[0]["channel"] == pubsub.TOGETHER.encode() and sent[1] is None


async def test_more_rings_than_a_message_holds_are_all_heard(
    here: Hub, there: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "MOST_TOGETHER", 3)
    heard: list[str] = []
    there.on("employee:", lambda who, _: heard.append(who))
    async with there.listen("employee:6") as last:
        await here.ring_all([f"employee:{each}" for each in range(7)])

        assert await last.wait(PATIENCE_S)
    assert heard == [str(each) for each in range(7)]


async def test_a_message_that_nobody_can_read_is_passed_over(here: Hub, redis_url: str) -> None:
    async with here.listen("employee:1") as bell, Redis.from_url(redis_url) as redis:
        for payload in ("", "{", "[5]", "null", '[["employee:2"]]'):
            await redis.publish(pubsub.TOGETHER, payload)

        await here.ring("employee:1")

        assert await bell.wait(PATIENCE_S)


async def test_a_ring_between_two_waits_is_not_lost(here: Hub) -> None:
    async with here.listen("employee:1") as bell, here.listen("last") as last:
        await here.ring("employee:1")
        assert await bell.wait(PATIENCE_S)

        await here.ring("employee:1")
        await here.ring("last")
        assert await last.wait(PATIENCE_S)

        assert await bell.wait(0)


async def test_a_wait_that_ends_as_the_bell_rings_leaves_the_ring_for_the_next() -> None:
    bell = Bell()
    waiting = asyncio.create_task(bell.wait(PATIENCE_S))
    await asyncio.sleep(0)
    bell.ring()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert await bell.wait(0)


async def test_all_bells_of_a_channel_ring_and_those_taken_down_do_not(here: Hub) -> None:
    async with here.listen("employee:1") as stays:
        async with here.listen("employee:1") as leaves:
            await here.ring("employee:1")
            assert await stays.wait(PATIENCE_S)
            assert await leaves.wait(PATIENCE_S)
        await here.ring("employee:1")

        assert await stays.wait(PATIENCE_S)
        assert not await leaves.wait(0)
    assert here._bells == {}


async def test_a_listener_hears_what_follows_its_prefix(here: Hub, there: Hub) -> None:
    heard: list[tuple[str, str]] = []
    here.on("viewers:", lambda rest, payload: heard.append((rest, payload)))

    async with here.listen("last") as last:
        await there.ring("viewers:7")
        await there.ring("viewers:8", "žádný obsah")
        await there.ring("employee:7")
        await there.ring("last")
        assert await last.wait(PATIENCE_S)

    assert heard == [("7", ""), ("8", "žádný obsah")]


async def test_one_listeners_mistake_leaves_the_others_hearing(here: Hub) -> None:
    heard: list[str] = []

    def fail(rest: str, payload: str) -> None:
        raise RuntimeError("mistake")

    here.on("viewers:", fail)
    here.on("viewers:", lambda rest, payload: heard.append(rest))

    async with here.listen("viewers:1") as bell, here.listen("last") as last:
        await here.ring("viewers:1")
        await here.ring("last")
        assert await last.wait(PATIENCE_S)
        assert await bell.wait(0)

    assert heard == ["1"]


async def test_installations_on_one_redis_do_not_hear_each_other(redis_url: str) -> None:
    async with (
        running_hub(redis_url, prefix="a*:") as one,
        running_hub(redis_url, prefix="ab:") as two,
        one.listen("x") as ours,
        two.listen("x") as theirs,
    ):
        assert await rings(two, theirs)
        assert not await ours.wait(A_MOMENT_S)
        assert await rings(one, ours)


async def rings(hub: Hub, bell: Bell) -> bool:
    await hub.ring("x")
    return await bell.wait(PATIENCE_S)


async def test_after_a_restart_of_redis_every_bell_rings_once_and_then_as_before(tmp_path: Path) -> None:
    missed: list[str] = []
    with running_valkey(tmp_path) as url:
        hub = Hub(url)
        hub.on("viewers:", lambda rest, payload: None, missed=lambda: missed.append("!"))
        await hub.start()
        async with AsyncExitStack() as bells:
            one, two = [await bells.enter_async_context(hub.listen(name)) for name in ("1", "2")]
            assert await one.wait(PATIENCE_S), "at the first connection too"
            assert await two.wait(PATIENCE_S)
            assert missed == ["!"]

            valkey.stop_left_behind(tmp_path)
            assert not await one.wait(A_MOMENT_S)
            assert not hub.is_connected
            again = valkey.start(tmp_path)

            assert await one.wait(PATIENCE_S)
            assert await two.wait(PATIENCE_S)
            assert not await one.wait(A_MOMENT_S)
            assert missed == ["!", "!"]
            await hub.ring("1")
            assert await one.wait(PATIENCE_S)
            assert not await two.wait(A_MOMENT_S)
        await hub.stop()
        again.stop()


async def test_a_killed_connection_is_noticed(here: Hub, redis_url: str) -> None:
    async with here.listen("employee:1") as bell, Redis.from_url(redis_url) as redis:
        await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

        assert await bell.wait(PATIENCE_S)
        await here.ring("employee:1")
        assert await bell.wait(PATIENCE_S)


async def test_a_connection_that_went_dead_in_silence_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pubsub, "SILENCE_S", 0.05)
    connections = 0

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while line := await reader.readline():
            if line.strip().upper() in (b"SETINFO", b"SELECT"):
                writer.write(b"+OK\r\n")
            elif line.strip() == b"PSUBSCRIBE":
                writer.write(b"*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n")

    async with await asyncio.start_server(answer_once, "127.0.0.1", 0) as server:
        hub = Hub(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await hub.start()
        async with hub.listen("employee:1") as bell:
            assert await bell.wait(PATIENCE_S)
            assert await bell.wait(PATIENCE_S), "rings again after the reconnection"
        await hub.stop()

    assert connections >= 2


async def test_a_quiet_connection_that_answers_is_kept(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "SILENCE_S", 0.02)
    async with running_hub(redis_url) as hub, hub.listen("employee:1") as bell:
        assert not await bell.wait(0.3)
        assert hub.is_connected


async def test_without_redis_a_ring_is_heard_in_this_process_and_is_no_error(tmp_path: Path) -> None:
    hub = Hub(f"unix://{tmp_path / 'nobody.sock'}")
    await hub.start()

    async with hub.listen("employee:1") as bell:
        await hub.ring("employee:1")
        assert await bell.wait(0)
    await hub.stop()


async def test_a_redis_that_hangs_holds_a_ring_up_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_breaker, "COMMAND_TIMEOUT_S", 0.1)

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with await asyncio.start_server(stay_silent, "127.0.0.1", 0) as server:
        hub = Hub(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        began = time.monotonic()
        await hub.ring("employee:1")
        assert time.monotonic() - began < 1
        await hub.stop()


async def test_ten_thousand_bells_hang_on_one_connection(here: Hub, there: Hub, redis_url: str) -> None:
    async with AsyncExitStack() as hung, Redis.from_url(redis_url) as redis:
        bells = [await hung.enter_async_context(here.listen(f"employee:{i}")) for i in range(10_000)]
        clients = len(await redis.client_list(_type="pubsub"))
        waiting = [asyncio.create_task(bell.wait(60)) for bell in bells]

        for i in range(0, 10_000, 100):
            await asyncio.gather(*(there.ring(f"employee:{j}") for j in range(i, i + 100)))

        async with asyncio.timeout(30):
            assert all(await asyncio.gather(*waiting))
        # One of each process; of one that was too busy to hear for a while perhaps an old one besides.
        assert clients <= 4


async def test_stopping_twice_and_starting_again_is_fine(redis_url: str) -> None:
    hub = Hub(redis_url)
    await hub.stop()
    for _ in range(2):
        await hub.start()
        await hub.start()
        async with asyncio.timeout(PATIENCE_S):
            await hub.connected()
        await hub.stop()
        await hub.stop()
    assert not hub.is_connected


async def test_the_registers_cache_lives_in_redis(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        cache = RedisCache(redis, RedisBreaker(redis_url))
        await cache.set("ares:test", b"null", 60)

        assert await cache.get("ares:test") == b"null"
        assert await cache.get("ares:other") is None
        assert 0 < await redis.ttl("ares:test") <= 60


def test_the_valkey_of_a_killed_run_is_gone(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _A_RUN, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert run.stdout is not None
    pid = int(run.stdout.readline())
    run.kill()
    run.communicate()

    deadline = time.monotonic() + PATIENCE_S
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_alive(pid)


_A_RUN = """
import sys, time
from pathlib import Path
from redis import Redis
from tests.valkey import running_valkey
with running_valkey(Path(sys.argv[1])) as url:
    print(Redis.from_url(url).info("server")["process_id"], flush=True)
    time.sleep(60)
"""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
