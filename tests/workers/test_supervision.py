"""A real Valkey, a real arq worker in this loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from arq.connections import ArqRedis

from app import jobs, workers
from app.config import TEST_SECRET_KEY, Settings
from app.integrations import valkey
from app.integrations.pubsub import Hub
from app.jobs import Job
from app.workers import pool as queue
from app.workers import supervision
from app.workers.pool import create_pool
from app.workers.supervision import run_worker, supervise

Done = asyncio.Queue[tuple[str, ...]]
PATIENCE_S = 10


@pytest.fixture
def server(tmp_path: Path) -> Iterator[valkey.Valkey]:
    server = valkey.start(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def settings(server: valkey.Valkey) -> Settings:
    return settings_of(server.url)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Done:
    """What the only job of these tests, `send_email`, was called with."""
    done: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
    monkeypatch.setattr(workers, "WORKER_FUNCTIONS", [])
    monkeypatch.setattr(supervision, "WORKER_FUNCTIONS", workers.WORKER_FUNCTIONS)
    heartbeat = [each for each in workers.CRON_JOBS if each.name.endswith("heartbeat")]
    monkeypatch.setattr(supervision, "CRON_JOBS", heartbeat)

    @workers.job(Job.SEND_EMAIL)
    async def send_email(ctx: dict[str, Any], *ids: str) -> None:
        if ids == ("fail",):
            raise ValueError("a job that fails")
        if ids[0] == "slow":
            await asyncio.sleep(float(ids[1]))
        await done.put(ids)

    return done


def settings_of(redis_url: str) -> Settings:
    return Settings(
        environment="test",
        secret_key=TEST_SECRET_KEY,
        database_url="sqlite:///unused.db",
        redis_url=redis_url,
        public_url="http://127.0.0.1:8000",
        smtp_url="smtp://127.0.0.1:1",
        smtp_from="divize@example.com",
    )


@asynccontextmanager
async def bound(settings: Settings) -> AsyncIterator[ArqRedis]:
    pool = create_pool(settings)
    async with queue.bound(pool, Hub(settings.redis_url)):
        yield pool


@asynccontextmanager
async def working(settings: Settings, drain_s: float = 0) -> AsyncIterator[None]:
    task = asyncio.create_task(supervise(lambda: run_worker(settings, drain_s=drain_s), name="worker"))
    yield
    task.cancel()
    await asyncio.wait([task])


async def next_of(done: Done) -> tuple[str, ...]:
    return await asyncio.wait_for(done.get(), PATIENCE_S)


async def send(*ids: str, at: datetime | None = None) -> None:
    assert jobs._send_jobs is not None
    await jobs._send_jobs([(Job.SEND_EMAIL, ids, at)])


async def test_a_job_runs_with_its_ids(settings: Settings, done: Done) -> None:
    async with bound(settings), working(settings):
        await send("1", "2")

        assert await next_of(done) == ("1", "2")


async def test_a_job_waits_for_its_moment(settings: Settings, done: Done) -> None:
    async with bound(settings), working(settings):
        await send("later", at=datetime.now(UTC) + timedelta(seconds=0.5))
        await send("now")

        assert [await next_of(done), await next_of(done)] == [("now",), ("later",)]


async def test_jobs_lie_in_the_queue_as_json(settings: Settings) -> None:
    async with bound(settings) as pool:
        await send("1")

        [key] = await pool.keys("arq:job:*")
        kept = orjson.loads(await pool.get(key) or b"")

    assert (kept["f"], kept["a"]) == ("send_email", ["1"])


async def test_a_pickle_in_the_queue_is_not_run(settings: Settings, done: Done, tmp_path: Path) -> None:
    trace = tmp_path / "was-run"
    pickled = b"cposix\nsystem\n(S'touch %s'\ntR." % str(trace).encode()
    async with bound(settings) as pool, working(settings):
        await pool.set("arq:job:evil", pickled)
        await pool.zadd("arq:queue", {"evil": 1})
        await asyncio.sleep(0.2)
        await send("after")

        assert await next_of(done) == ("after",)

    assert not trace.exists()


async def test_a_failing_job_stops_neither_the_worker_nor_its_next_try(
    settings: Settings, done: Done
) -> None:
    async with bound(settings) as pool, working(settings):
        await send("fail")
        await send("well")

        assert await next_of(done) == ("well",)
        assert await pool.keys("arq:result:*") == []


async def test_the_worker_tells_that_it_lives(settings: Settings, done: Done) -> None:
    async with working(settings), asyncio.timeout(PATIENCE_S):
        redis = create_pool(settings)
        while not await redis.exists(workers.HEARTBEAT_KEY):
            await asyncio.sleep(0.02)

        assert 0 < await redis.ttl(workers.HEARTBEAT_KEY) <= workers.HEARTBEAT_KEPT_S
        await redis.aclose()


async def test_a_lost_redis_is_waited_for(
    server: valkey.Valkey, settings: Settings, done: Done, tmp_path: Path
) -> None:
    async with bound(settings), working(settings):
        await send("before")
        assert await next_of(done) == ("before",)
        server.stop()
        await asyncio.sleep(0.3)

        again = valkey.start(tmp_path)
        await send("after")

        assert await next_of(done) == ("after",)
    again.stop()


async def test_a_job_that_cannot_be_sent_is_no_error_and_holds_nobody_up(tmp_path: Path) -> None:
    async with bound(settings_of(f"unix://{tmp_path / 'nobody.sock'}")), asyncio.timeout(2):
        await send("1")


async def test_a_stopping_worker_lets_running_jobs_end(settings: Settings, done: Done) -> None:
    async with bound(settings) as pool:
        async with working(settings, drain_s=PATIENCE_S):
            await send("slow", "0.4")
            while not await pool.keys("arq:in-progress:*"):
                await asyncio.sleep(0.01)

        assert done.get_nowait() == ("slow", "0.4")


async def test_a_job_that_is_cut_off_runs_again_in_the_next_worker(settings: Settings, done: Done) -> None:
    async with bound(settings) as pool:
        async with working(settings, drain_s=0):
            await send("slow", "0.3")
            while not await pool.keys("arq:in-progress:*"):
                await asyncio.sleep(0.01)
        assert done.empty()

        async with working(settings):
            assert await next_of(done) == ("slow", "0.3")


async def test_supervision_pauses_longer_after_each_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            raise asyncio.CancelledError

    async def failing() -> None:
        raise ConnectionError

    monkeypatch.setattr(asyncio, "sleep", pause)
    with pytest.raises(asyncio.CancelledError):
        await supervise(failing, name="worker")

    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5]


@pytest.mark.parametrize("seconds", [0, 7, 61])
def test_regular_jobs_divide_the_minute(seconds: int) -> None:
    with pytest.raises(ValueError, match="does not divide a minute"):
        workers.every(seconds)


async def test_what_is_supervised_may_be_cancelled_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was cancelled within arq ended the worker's queue for good, without a word."""
    monkeypatch.setattr(supervision, "FIRST_PAUSE_S", 0.001)
    has_run_again = asyncio.Event()
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise asyncio.CancelledError
        has_run_again.set()
        await asyncio.Event().wait()

    supervising = asyncio.create_task(supervise(run, name="worker"))
    async with asyncio.timeout(10):
        await has_run_again.wait()

    supervising.cancel()
    with pytest.raises(asyncio.CancelledError):
        await supervising
