"""Sweeps: regular looks into the database that need no Redis, so that nothing waits for its return.

Each worker process makes them; what they find is claimed by one conditional update, so several do no harm.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from app.errors import DatabaseAway, Unanswered

log = structlog.get_logger(__name__)

Sweep = Callable[[], Coroutine[Any, Any, None]]

SWEEPS: list[tuple[Sweep, float]] = []
#: After an error at least this long, or a database that is away would be asked without end.
PAUSE_AFTER_ERROR_S = 1.0


def sweep(every_s: float) -> Callable[[Sweep], Sweep]:
    """Registers `async def f()`: called again so many seconds after it ended. An error is logged, and it goes on."""

    def register(function: Sweep) -> Sweep:
        SWEEPS.append((function, every_s))
        return function

    return register


async def run_sweeps(*, drain_s: float) -> None:
    """Makes all registered sweeps until cancelled.

    A sweep under way is cancelled too: it takes no more, may end what it began within `drain_s`, and is then cancelled
    once more.
    """
    async with asyncio.TaskGroup() as group:
        for each, every_s in SWEEPS:
            group.create_task(_repeat(each, every_s, drain_s), name=f"sweep:{each.__qualname__}")


async def _repeat(function: Sweep, every_s: float, drain_s: float) -> None:
    while True:
        under_way = asyncio.create_task(_once(function))
        try:
            await asyncio.shield(under_way)
        except asyncio.CancelledError:
            if under_way.cancelled() and not is_cancelled():
                log.error("sweep gave up", sweep=function.__qualname__)
                await asyncio.sleep(max(every_s, PAUSE_AFTER_ERROR_S))
                continue
            under_way.cancel()
            _, late = await asyncio.wait([under_way], timeout=drain_s)
            for each in late:
                each.cancel()
            raise
        await asyncio.sleep(every_s if under_way.result() else max(every_s, PAUSE_AFTER_ERROR_S))


def is_cancelled() -> bool:
    """Whether this very task is to end; what it waits for may be cancelled by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _once(function: Sweep) -> bool:
    """Whether it went well."""
    try:
        await function()
    except DatabaseAway:
        return False  # told already, once for all sweeps
    except Unanswered as error:
        log.warning("sweep not answered", sweep=function.__qualname__, error=type(error).__name__)
        return False
    except Exception:
        log.exception("sweep failed", sweep=function.__qualname__)
        return False
    return True
