"""A worker that is told to end, at whatever moment: what is in hand is ended first, and its outcome written down."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from app.errors import DatabaseAway
from app.models import EmailState
from app.workers import emails as worker
from app.workers import sweeps
from tests.integrations.smtp_server import MailServer
from tests.workers.mail import fresh, ids, queued, quick, server

__all__ = ["quick", "server"]


@pytest.fixture
def may_answer(server: MailServer, quick: None, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Until then the relay says neither yes nor no."""
    may_answer = asyncio.Event()
    server.before_answer = may_answer.wait
    monkeypatch.setattr(sweeps, "SWEEPS", [(worker.send, 60)])
    return may_answer


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(DatabaseAway("away"), id="database away"),
        pytest.param(RuntimeError("a bug of ours"), id="bug"),
        pytest.param(asyncio.CancelledError(), id="what it waits for was cancelled"),
    ],
)
async def test_what_is_in_hand_is_ended_though_looking_for_more_failed(
    server: MailServer, may_answer: asyncio.Event, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    email, failed = await queued(), 0

    async def fail() -> None:
        nonlocal failed
        failed += 1
        raise error

    sweeping = asyncio.create_task(sweeps.run_sweeps(drain_s=10))
    await until(lambda: len(server.messages) == 1)
    monkeypatch.setattr(worker.DISPATCHER, "take_due", fail)
    await until(lambda: failed > 0)
    await turns_of_the_loop()

    sweeping.cancel()
    await turns_of_the_loop()
    may_answer.set()
    await asyncio.wait([sweeping])

    assert (await fresh(email)).state is EmailState.SENT and ids(server) == [email.message_id]


async def test_an_error_is_told_and_mail_goes_on(
    server: MailServer, may_answer: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_due, failures = worker.DISPATCHER.take_due, 0

    async def fail_once() -> None:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise RuntimeError("a bug of ours")
        await take_due()

    monkeypatch.setattr(worker.DISPATCHER, "take_due", fail_once)
    monkeypatch.setattr(worker, "SWEEP_EVERY_S", 0.01)
    may_answer.set()
    email = await queued()

    sending = asyncio.create_task(worker.send())
    await until(lambda: len(server.messages) == 1)
    sending.cancel()
    await asyncio.wait([sending])

    assert (await fresh(email)).state is EmailState.SENT and failures > 1


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def turns_of_the_loop() -> None:
    """So many that whoever was told something has begun what they do then."""
    for _ in range(20):
        await asyncio.sleep(0)
