"""Sending mail: a job for each that is due, and sweeps for what the bell missed.

At most a few at once for one project, so that a mail server that hangs stops nobody else's mail; and fewer in all than
the worker's jobs, so that it does not stop the reminders either.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog

from app import db
from app.errors import DatabaseAway
from app.integrations.smtp import RecipientResult
from app.jobs import Job, unit_of_work
from app.services import email_delivery
from app.services.email_delivery import Claim
from app.workers import job
from app.workers.sweeps import sweep

log = structlog.get_logger(__name__)

SWEEP_EVERY_S = 5.0
AT_ONCE = 6
AT_ONCE_PER_PROJECT = 2
#: While one server is slow, a sweep looks again this often for what others may send.
LOOK_AGAIN_S = 1.0
TRIES_TO_RECORD = 3
TRY_AGAIN_S = 1.0


class Slots:
    """Who sends in this process, and how many at once. Project None: mail of accounts."""

    def __init__(self) -> None:
        self._taken: Counter[UUID | None] = Counter()

    @property
    def free(self) -> int:
        return AT_ONCE - self._taken.total()

    def full_projects(self) -> list[UUID | None]:
        return [each for each, taken in self._taken.items() if taken >= AT_ONCE_PER_PROJECT]

    @contextmanager
    def taken_by(self, project_id: UUID | None) -> Iterator[bool]:
        """False in the block if there is none free for this project."""
        if self.free <= 0 or self._taken[project_id] >= AT_ONCE_PER_PROJECT:
            yield False
            return
        self._taken[project_id] += 1
        try:
            yield True
        finally:
            self._taken[project_id] -= 1


SLOTS = Slots()


@job(Job.SEND_EMAIL)
async def send_email(ctx: dict[str, Any], email_id: str) -> None:
    """Delivers this mail if it is due. If too many are under way, the sweep takes it."""
    await deliver(UUID(email_id), await email_delivery.project_of(UUID(email_id)))


@sweep(SWEEP_EVERY_S)
async def send_due() -> None:
    """Delivers what is due, as long as there is anything. When cancelled it takes no more and waits for what it began."""
    under_way: dict[asyncio.Task[None], UUID] = {}
    failed: set[UUID] = set()
    try:
        while True:
            for email_id, project_id in await _due(but={*under_way.values(), *failed}):
                under_way[asyncio.create_task(deliver(email_id, project_id))] = email_id
            if not under_way:
                return
            await asyncio.wait(under_way, timeout=LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
            failed |= _finished(under_way)
    finally:
        if under_way:
            await asyncio.wait(under_way)
            _finished(under_way)


@sweep(SWEEP_EVERY_S)
async def release_expired_leases() -> None:
    """Puts mail back that a worker took along when it died."""
    async with unit_of_work() as work:
        released = await email_delivery.release_expired(now=work.now)
    if released:
        log.warning("mail of dead workers put back", mails=released)


async def deliver(email_id: UUID, project_id: UUID | None) -> None:
    """One attempt, if the mail is still due and a slot is free."""
    with SLOTS.taken_by(project_id) as has_slot:
        if not has_slot:
            return
        async with unit_of_work() as work:
            claim = await email_delivery.claim(email_id, now=work.now)
        if claim is not None:
            await _record(claim, await email_delivery.hand_over(claim))


async def _due(but: set[UUID]) -> list[tuple[UUID, UUID | None]]:
    if SLOTS.free <= 0:
        return []
    return await email_delivery.due(
        now=await db.now(), limit=SLOTS.free, but=but, but_projects=SLOTS.full_projects()
    )


def _finished(under_way: dict[asyncio.Task[None], UUID]) -> set[UUID]:
    """Takes out what is done; tells which failed, so that a sweep does not try them again and again."""
    failed: set[UUID] = set()
    for task in [each for each in under_way if each.done()]:
        email_id = under_way.pop(task)
        if (error := task.exception()) is not None:
            if not isinstance(error, DatabaseAway):
                log.error("mail could not be taken in hand", email_id=str(email_id), exc_info=error)
            failed.add(email_id)
    return failed


async def _record(claim: Claim, results: list[RecipientResult]) -> None:
    """Insists a little: an outcome that is not written down makes the mail go out twice."""
    for tries_left in reversed(range(TRIES_TO_RECORD)):
        try:
            async with unit_of_work() as work:
                await email_delivery.record(claim, results, now=work.now, jitter=random.random())  # noqa: S311
        except Exception:
            if not tries_left:
                raise
            log.exception("outcome not written down", email_id=str(claim.email.id), tries_left=tries_left)
            await asyncio.sleep(TRY_AGAIN_S)
        else:
            return
