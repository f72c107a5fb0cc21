"""Time limits that cost nothing to whoever need not wait: most requests are answered without a pause."""

import asyncio
from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def within(seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` returns. Raises TimeoutError, with `work` cancelled, if it takes longer.

    The clock is started at the first pause of `work`: `asyncio.timeout` costs as much as a short answer.
    """
    try:
        pause = work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    async with asyncio.timeout(seconds):
        return await resumed(work, pause)


@coroutine
def resumed(
    work: Coroutine[Any, Any, Result] | Generator[Any, Any, Result], pause: Any
) -> Generator[Any, Any, Result]:
    """`work` after its first pause, of which the loop is told only now, by whichever task awaits this."""
    while True:
        try:
            step = partial(work.send, (yield pause))
        except BaseException as thrown:  # noqa: BLE001 - a cancellation too is for `work` to see
            step = partial(work.throw, thrown)
        try:
            pause = step()
        except StopIteration as done:
            result: Result = done.value
            return result
