"""A clock that starts at the first pause."""

import asyncio
from collections.abc import Awaitable

import pytest

from app.http.patience import within

LONG_S = 60


async def waiting_for(*pauses: Awaitable[str]) -> list[str]:
    return [await each for each in pauses]


async def failing(pause: Awaitable[None]) -> None:
    await pause
    raise LookupError("after a pause")


async def test_what_needs_no_pause_needs_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(asyncio, "timeout")

    assert await within(LONG_S, waiting_for()) == []


async def test_work_goes_on_after_each_of_its_pauses() -> None:
    first, second = asyncio.Future[str](), asyncio.Future[str]()
    work = asyncio.create_task(within(LONG_S, waiting_for(first, asyncio.sleep(0, "yields"), second)))
    await asyncio.sleep(0)

    first.set_result("a")
    await asyncio.sleep(0)
    second.set_result("b")

    assert await work == ["a", "yields", "b"]


async def test_an_exception_passes_before_and_after_a_pause() -> None:
    refused = asyncio.Future[None]()
    refused.set_exception(LookupError("at once"))

    with pytest.raises(LookupError, match="at once"):
        await within(LONG_S, failing(refused))
    with pytest.raises(LookupError, match="after a pause"):
        await within(LONG_S, failing(asyncio.sleep(0)))


async def test_work_that_takes_too_long_is_cancelled() -> None:
    never = asyncio.Future[str]()

    with pytest.raises(TimeoutError):
        await within(0.01, waiting_for(never))

    assert never.cancelled()


async def test_whoever_is_cancelled_meanwhile_cancels_the_work() -> None:
    never = asyncio.Future[str]()
    work = asyncio.create_task(within(LONG_S, waiting_for(never)))
    await asyncio.sleep(0)

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert never.cancelled()


async def test_work_may_have_time_limits_of_its_own() -> None:
    async def impatient() -> str:
        try:
            async with asyncio.timeout(0.01):
                return await asyncio.Future()
        except TimeoutError:
            return "gave up"

    assert await within(LONG_S, impatient()) == "gave up"
