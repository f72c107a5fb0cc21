"""An outcome that a bug of ours keeps from being written down: insisted on, and in nobody's way."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.integrations.smtp import Outcome, RecipientResult
from app.models import EmailRecipient, EmailState, RecipientState
from app.services import email_delivery
from app.workers import emails as worker
from tests.integrations.smtp_server import MailServer
from tests.workers.mail import claim as claim_of
from tests.workers.mail import fresh, queued, quick, record, server
from tests.workers.test_email_dispatcher import until

__all__ = ["quick", "server"]


class Bug:
    """`record` fails at one mail until it is mended."""

    def __init__(self, write: Any) -> None:
        self._write, self.tries, self.is_mended = write, 0, False
        self.victim: Any = None

    async def record(self, claim: email_delivery.Claim, *arguments: Any, **options: Any) -> Any:
        if claim.email.id == self.victim and not self.is_mended:
            self.tries += 1
            raise KeyError("a bug of ours")
        return await self._write(claim, *arguments, **options)


@pytest.fixture
def bug(server: MailServer, quick: None, monkeypatch: pytest.MonkeyPatch) -> Bug:
    bug = Bug(email_delivery.record)
    monkeypatch.setattr(email_delivery, "record", bug.record)
    monkeypatch.setattr(worker, "RECORD_AGAIN_S", 0.01)
    return bug


async def test_it_keeps_no_slot_beyond_the_lease_and_is_written_down_in_the_end(
    bug: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_delivery, "LEASE", timedelta(seconds=0.2))
    monkeypatch.setattr(worker, "MOST_SELDOM_S", 0.05)
    email = await queued()
    bug.victim = email.id

    sending = asyncio.create_task(worker.send_due())
    await until(lambda: bug.tries > 0)
    await until(lambda: not worker.DISPATCHER.is_busy)
    assert not sending.done(), "the outcome is waited for all the same"
    bug.is_mended = True
    async with asyncio.timeout(10):
        await sending

    assert (await fresh(email)).state is EmailState.SENT


async def test_it_is_tried_ever_more_seldom_and_its_traceback_told_once(
    bug: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, pauses, sleep = await queued(), [], asyncio.sleep
    bug.victim = email.id

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)
        bug.is_mended = len(pauses) == 16
        await sleep(0)

    claim = await claim_of(email)
    assert claim is not None
    results = [RecipientResult(each.address, Outcome.SENT, 250, "Taken") for each in claim.recipients]
    with capture_logs() as logs, monkeypatch.context() as patched:
        failure = await worker._record(claim, results)
        assert failure is not None
        patched.setattr(asyncio, "sleep", note)
        await worker._insist(claim, results, failure)

    assert pauses == [min(0.01 * 2**number, worker.MOST_SELDOM_S) for number in range(16)]
    told = [each for each in logs if each["event"] == "outcome not written down yet"]
    assert len(told) == 16 and sum(each["exc_info"] is not None for each in told) == 1


async def test_a_mail_of_which_everybody_was_decided_is_decided(server: MailServer) -> None:
    email = await queued()
    await EmailRecipient.filter(email_id=email.id).update(state=RecipientState.SENT)
    mine = await claim_of(email)
    assert mine is not None and mine.offered == []

    assert await record(mine, []) is not None

    assert (await fresh(email)).state is EmailState.SENT
