"""The worker's side: jobs take ids, read fresh rows, and may run twice.

A domain's module registers its functions with `job` and `every`; `app.workers.supervision` imports the modules.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from typing import Any

from arq.cron import CronJob, cron
from arq.worker import Function, func

from app.errors import DatabaseAway

JobFunction = Callable[..., Any]

#: arq gives a job that a killed worker held to another only after the longest time-out of all, and 10 s.
LONGEST_JOB_S = 30

#: There as long as jobs are being run, by any worker.
HEARTBEAT_KEY = "divize:worker-heartbeat"
HEARTBEAT_EVERY_S = 5
#: Longer than a restart, so that one worker's does not take the web processes out of service.
HEARTBEAT_KEPT_S = 20

WORKER_FUNCTIONS: list[Function] = []
CRON_JOBS: list[CronJob] = []


def job(name: str, *, timeout_s: int = LONGEST_JOB_S) -> Callable[[JobFunction], JobFunction]:
    """Registers `async def f(ctx, *ids: str)` as the job `name`. It is not retried: sweepers find what failed."""

    def register(function: JobFunction) -> JobFunction:
        async def run(*arguments: Any) -> None:
            with suppress(
                DatabaseAway
            ):  # told already, once for all jobs; arq would log each with its traceback
                await function(*arguments)

        quiet: Any = wraps(function)(run)
        WORKER_FUNCTIONS.append(func(quiet, name=name, timeout=timeout_s, keep_result=0, max_tries=3))
        return function

    return register


def every(seconds: int, *, timeout_s: int = LONGEST_JOB_S) -> Callable[[JobFunction], JobFunction]:
    """Registers `async def f(ctx)` to run every so many seconds (a divisor of 60), once among all workers."""
    if not 1 <= seconds <= 60 or 60 % seconds:
        raise ValueError(f"{seconds} does not divide a minute.")

    def register(function: JobFunction) -> JobFunction:
        CRON_JOBS.append(
            cron(
                function,
                name=f"every:{function.__module__}.{function.__qualname__}",
                second=set(range(0, 60, seconds)),
                run_at_startup=True,
                timeout=timedelta(seconds=timeout_s),
                keep_result=0,
                max_tries=1,
            )
        )
        return function

    return register
