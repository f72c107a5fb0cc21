"""Regular looks into the database: they go on whatever happens, and end when told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.workers import sweeps


@pytest.fixture(autouse=True)
def _no_other_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SWEEPS", [])
    monkeypatch.setattr(sweeps, "PAUSE_AFTER_ERROR_S", 0.02)


@asynccontextmanager
async def sweeping(drain_s: float = 1) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(sweeps.run_sweeps(drain_s=drain_s))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_sweep_comes_back() -> None:
    came = asyncio.Semaphore(0)

    @sweeps.sweep(0.01)
    async def sweep() -> None:
        came.release()

    async with sweeping(), asyncio.timeout(2):
        for _ in range(3):
            await came.acquire()


async def test_an_error_ends_neither_the_sweep_nor_the_others() -> None:
    failed, went_well = asyncio.Semaphore(0), asyncio.Semaphore(0)

    @sweeps.sweep(0)
    async def failing() -> None:
        failed.release()
        raise RuntimeError("a database that is away, say")

    @sweeps.sweep(0.01)
    async def sweep() -> None:
        went_well.release()

    async with sweeping(), asyncio.timeout(2):
        for _ in range(3):
            await failed.acquire()
            await went_well.acquire()


async def test_a_sweep_whose_work_was_cancelled_comes_back() -> None:
    came = asyncio.Semaphore(0)

    @sweeps.sweep(0.01)
    async def sweep() -> None:
        came.release()
        raise asyncio.CancelledError  # of something that it waited for

    async with sweeping(), asyncio.timeout(2):
        for _ in range(3):
            await came.acquire()


async def test_after_an_error_there_is_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "PAUSE_AFTER_ERROR_S", 60)
    failures = 0

    @sweeps.sweep(0)
    async def failing() -> None:
        nonlocal failures
        failures += 1
        raise RuntimeError

    async with sweeping():
        await asyncio.sleep(0.1)

    assert failures == 1


async def test_a_sweep_under_way_may_end_what_it_began() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    @sweeps.sweep(60)
    async def sweep() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            ended.set()

    async with sweeping():
        await began.wait()

    assert ended.is_set()


async def test_a_sweep_that_does_not_end_is_left_behind() -> None:
    began = asyncio.Event()

    @sweeps.sweep(60)
    async def sweep() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(30)

    loop = asyncio.get_running_loop()
    async with sweeping(drain_s=0.1):
        await began.wait()
        started = loop.time()

    assert loop.time() - started < 1
