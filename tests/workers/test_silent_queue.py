"""A worker whose Valkey is stopped or cut off: a real one in this loop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from arq.connections import ArqRedis
from structlog.testing import capture_logs

from app import jobs, workers
from app.integrations.pubsub import Hub
from app.integrations.valkey import Valkey
from app.jobs import Job
from app.workers import pool as queue
from app.workers.pool import create_pool
from app.workers.supervision import work
from tests.faults.proxy import Proxy
from tests.valkey import socket_of, stopped, url_through
from tests.workers.test_supervision import Done, done, next_of, send, server, settings, settings_of

__all__ = ["done", "server", "settings"]

WHOLE_S = 15
SEND_S, STOP_S = 1.5, 6.0
#: Longer than a worker waits for an answer.
SILENT_S = 4.0


@pytest.fixture(autouse=True)
def _no_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.workers.sweeps.SWEEPS", [])


@asynccontextmanager
async def process(redis_url: str, *, drain_s: float = 0) -> AsyncIterator[ArqRedis]:
    """A worker process but for its database; gives its queue."""
    chosen = settings_of(redis_url)
    pool, hub = create_pool(chosen), Hub(redis_url)
    async with queue.bound(pool, hub):
        working = asyncio.create_task(work(chosen, drain_s=drain_s, breaker=hub.breaker))
        try:
            yield pool
        finally:
            working.cancel()
            await asyncio.wait([working])


async def until_done(done: Done, *ids: str) -> None:
    """Sends the job until it was done: one that is sent while nobody is asked is for the sweepers."""
    async with asyncio.timeout(WHOLE_S):
        while done.empty():
            await send(*ids)
            await asyncio.sleep(0.1)
    assert set(_all_of(done)) == {ids}


async def under_way(queue: ArqRedis) -> None:
    """Until a worker has read its job, which it says in the same breath."""
    async with asyncio.timeout(WHOLE_S):
        while not await queue.keys("arq:retry:*"):
            await asyncio.sleep(0.01)


def _all_of(done: Done) -> list[tuple[str, ...]]:
    return [done.get_nowait() for _ in range(done.qsize())]


async def test_jobs_of_one_unit_of_work_go_together(server: Valkey, done: Done) -> None:
    pool = create_pool(settings_of(server.url))
    async with queue.bound(pool, Hub(server.url)):
        assert jobs._send_jobs is not None
        await jobs._send_jobs([(Job.SEND_EMAIL, (str(number),), None) for number in range(5)])

        sent = await pool.info("commandstats")
        assert await pool.zcard("arq:queue") == len(await pool.keys("arq:job:*")) == 5
    assert sent["cmdstat_exec"]["calls"] == 1 and "cmdstat_watch" not in sent


async def test_sending_is_late_once_and_then_skipped(server: Valkey) -> None:
    async with queue.bound(create_pool(settings_of(server.url)), Hub(server.url)):
        began = time.monotonic()
        with stopped(server.url), capture_logs() as log:
            for _ in range(20):
                await send("1")
            assert time.monotonic() - began < SEND_S

    assert [line["event"] for line in log] == ["redis_lost"]


async def test_a_worker_that_is_cut_off_goes_on_over_a_new_connection(server: Valkey, done: Done) -> None:
    async with Proxy.to(socket_of(server.url)) as proxy, process(url_through(proxy)) as pool:
        await until_done(done, "before")
        proxy.silence()

        await until_done(done, "after")
        async with asyncio.timeout(WHOLE_S):
            await pool.delete(workers.HEARTBEAT_KEY)
            while not await pool.exists(workers.HEARTBEAT_KEY):
                await asyncio.sleep(0.02)


async def test_a_worker_goes_on_when_its_valkey_does(server: Valkey, done: Done) -> None:
    with capture_logs() as log:
        async with process(server.url) as pool:
            await until_done(done, "before")
            with stopped(server.url):
                await asyncio.sleep(SILENT_S)

            await until_done(done, "after")
            async with asyncio.timeout(WHOLE_S):
                await pool.delete(workers.HEARTBEAT_KEY)
                while not await pool.exists(workers.HEARTBEAT_KEY):
                    await asyncio.sleep(0.02)

    assert [line["event"] for line in log if line["log_level"] != "info"] == ["redis_lost"]


async def test_what_runs_when_the_queue_is_lost_is_neither_ended_nor_done_again(
    server: Valkey, done: Done
) -> None:
    async with process(server.url, drain_s=WHOLE_S) as pool:
        await send("slow", str(SILENT_S + 1))
        await under_way(pool)
        with stopped(server.url):
            await asyncio.sleep(SILENT_S)

        assert await next_of(done) == ("slow", str(SILENT_S + 1))
        await until_done(done, "after")
    assert set(_all_of(done)) <= {("after",)}


async def test_a_worker_ends_in_seconds_while_its_valkey_is_silent(server: Valkey, done: Done) -> None:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(process(server.url))
        await until_done(done, "before")
        await send("slow", "60")
        await under_way(pool)

        with stopped(server.url):
            began = time.monotonic()
            await stack.aclose()
            assert time.monotonic() - began < STOP_S
