"""Sending mail: the table is the queue, jobs only wake whoever looks into it.

No delivery runs within a job, so no mail server takes a place from the reminders, and no time-out of the queue cuts off
what must be written down.
"""

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from app.errors import DatabaseAway
from app.integrations.smtp import RecipientResult
from app.jobs import Job, unit_of_work
from app.services import email_delivery, email_leases
from app.services.email_delivery import Claim
from app.workers import job
from app.workers.email_dispatcher import Dispatcher
from app.workers.sweeps import is_cancelled, sweep

log = structlog.get_logger(__name__)

SWEEP_EVERY_S = 5.0
#: While something is under way, what came without a bell is looked for this often.
LOOK_AGAIN_S = 1.0
#: Well within `email_leases.TIME_TO_RECORD`.
RECORD_AGAIN_S = 1.0
#: After an error that may come back for ever.
MOST_SELDOM_S = 60.0


@job(Job.SEND_EMAIL)
async def send_email(ctx: dict[str, Any], email_id: str) -> None:
    """Has it sent when it is its turn."""
    DISPATCHER.wake()


@sweep(SWEEP_EVERY_S)
async def send() -> None:
    """Sends for ever: when woken, and every few seconds. When cancelled it takes no more and waits for what is under way.

    No error ends it. Deliveries are tasks of their own, and nobody else is there to wait for them.
    """
    try:
        while True:
            await _send_due_loudly()
            await DISPATCHER.changed(SWEEP_EVERY_S)
    finally:
        await DISPATCHER.drain()


async def send_due() -> None:
    """Sends as long as anything is due. However it ends, it waits for what is under way."""
    try:
        await _send_due()
    finally:
        await DISPATCHER.drain()


async def _send_due() -> None:
    await DISPATCHER.take_due()
    while DISPATCHER.is_busy:
        await DISPATCHER.changed(LOOK_AGAIN_S)
        await DISPATCHER.take_due()


async def _send_due_loudly() -> None:
    try:
        await _send_due()
    except DatabaseAway:
        pass  # told already, once for all sweeps
    except Exception:
        log.exception("mail could not be looked for")
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        log.error("looking for mail was given up")  # by something that it waited for


@sweep(SWEEP_EVERY_S)
async def release_expired_leases() -> None:
    """Puts mail back that a worker took along when it died."""
    async with unit_of_work() as work:
        released = await email_leases.release_expired(now=work.now)
    if released:
        log.warning("mail of dead workers put back", mails=released)


async def deliver(email_id: UUID) -> None:
    """One attempt, if the mail is still due. Its outcome is written down before the server hears our goodbye."""
    async with unit_of_work() as work:
        claim = await email_delivery.claim(email_id, now=work.now)
    if claim is None:
        return
    async with email_delivery.hand_over(claim, may_end=partial(_begin, claim)) as results:
        failure = await _record(claim, results)
    if failure is not None:
        await _insist(claim, results, failure)


async def _begin(claim: Claim, addresses: Sequence[str]) -> bool:
    """False if it could not be written down: then nothing is sent either."""
    try:
        async with unit_of_work() as work:
            return await email_delivery.begin(claim, addresses, now=work.now)
    except Exception as error:  # noqa: BLE001  As above.
        _tell("mail not handed over", error, email_id=str(claim.email.id))
        return False


async def _insist(claim: Claim, results: Sequence[RecipientResult], failure: Exception) -> None:
    """Tries again as long as this process lives: a mail without an outcome is sent once more.

    A database that is away is asked every second. What may be a bug of ours is tried ever more seldom. Once the lease is
    surely over the slot is free, or a few such mails would stop all others.
    """
    timer = asyncio.get_running_loop().call_later(
        email_delivery.LEASE.total_seconds(), DISPATCHER.free_slot, asyncio.current_task()
    )
    try:
        pause_s, last = RECORD_AGAIN_S, failure
        while True:
            await asyncio.sleep(pause_s)
            again = await _record(claim, results, told=type(last))
            if again is None:
                return
            pause_s = RECORD_AGAIN_S if isinstance(again, DatabaseAway) else min(2 * pause_s, MOST_SELDOM_S)
            last = again
    finally:
        timer.cancel()


async def _record(
    claim: Claim, results: Sequence[RecipientResult], *, told: type[Exception] | None = None
) -> Exception | None:
    """Why it has to be tried again. An error is told with its traceback unless it was `told` before."""
    try:
        async with unit_of_work() as work:
            await email_delivery.record(claim, results, now=work.now, jitter=random.random())  # noqa: S311
    except Exception as error:  # noqa: BLE001  As above.
        is_news = type(error) is not told
        _tell("outcome not written down yet", error, is_news=is_news, email_id=str(claim.email.id))
        return error
    return None


def _tell(event: str, error: Exception, *, is_news: bool = True, **context: str) -> None:
    """A database that is away needs no traceback for each mail and second."""
    has_traceback = is_news and not isinstance(error, DatabaseAway)
    log.warning(event, error=type(error).__name__, exc_info=error if has_traceback else None, **context)


DISPATCHER = Dispatcher(deliver)
