"""Writing down what became of a mail: before the goodbye, as often as it takes, and never more than is known."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.errors import DatabaseAway
from app.integrations import smtp
from app.models import Email, EmailRecipient, EmailState, RecipientState
from app.services import email_delivery, email_leases
from app.services.email_delivery import LEASE, Claim
from app.services.email_leases import TIME_TO_RECORD
from app.workers import emails as worker
from tests.conftest import Clock
from tests.integrations.smtp_server import DROP, MailServer
from tests.workers.mail import (
    begin,
    claim,
    fresh,
    handed_over,
    ids,
    queued,
    quick,
    record,
    server,
    states,
)

__all__ = ["quick", "server"]

S, R = EmailState, RecipientState
TO = "zakaznik@example.cz"


@pytest.fixture(autouse=True)
def _surroundings(server: MailServer, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a relay."""
    monkeypatch.setattr(worker, "RECORD_AGAIN_S", 0.01)


async def claimed(email: Email) -> Claim:
    found = await claim(email)
    assert found is not None
    return found


async def release(clock: Clock, after: timedelta = LEASE) -> None:
    clock.advance(after)
    await worker.release_expired_leases()


async def uncertain(email: Email) -> tuple[int, int]:
    """Of the mail, and of its only recipient."""
    recipient = await EmailRecipient.get(email_id=email.id)
    return (await fresh(email)).uncertain_attempts, recipient.uncertain_attempts


async def test_the_outcome_is_written_down_before_the_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    email = await queued()
    say_goodbye, found = smtp._Delivery.say_goodbye, []

    async def look(delivery: Any) -> None:
        found.append(((await fresh(email)).state, await states(email)))
        await say_goodbye(delivery)

    monkeypatch.setattr(smtp._Delivery, "say_goodbye", look)
    await worker.send_due()

    assert found == [(S.SENT, {TO: R.SENT})]


async def test_before_the_final_dot_the_mail_is_perhaps_delivered(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = await queued(recipients=[TO, "neni@x.cz"])
    server.says = {"neni@x.cz": "550 5.1.1 No such user"}
    send_dot, found = smtp._Delivery._send_dot, []

    def look(delivery: Any, protocol: Any) -> None:
        found.append(asyncio.create_task(states(email)))
        send_dot(delivery, protocol)

    monkeypatch.setattr(smtp._Delivery, "_send_dot", look)
    server.before_answer = lambda: asyncio.wait(found)
    await worker.send_due()

    assert await found[0] == {TO: R.UNKNOWN, "neni@x.cz": R.QUEUED}, "the refused one surely has nothing"
    assert await states(email) == {TO: R.SENT, "neni@x.cz": R.FAILED}
    assert (await fresh(email)).uncertain_attempts == 0


async def test_an_outcome_that_cannot_be_written_down_is_tried_until_it_can(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = await queued()
    write, failures = email_delivery.record, 0

    async def away(*arguments: Any, **options: Any) -> Any:
        nonlocal failures
        failures += 1
        if failures <= 20:
            raise DatabaseAway("the database is away")
        return await write(*arguments, **options)

    monkeypatch.setattr(email_delivery, "record", away)
    await worker.send_due()

    assert (await fresh(email)).state is S.SENT and await states(email) == {TO: R.SENT}
    assert ids(server) == [email.message_id] and await uncertain(email) == (0, 0)


async def test_a_worker_told_to_end_writes_down_first(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = await queued()
    write, is_away, tried = email_delivery.record, True, asyncio.Event()

    async def away(*arguments: Any, **options: Any) -> Any:
        tried.set()
        if is_away:
            raise DatabaseAway("the database is away")
        return await write(*arguments, **options)

    monkeypatch.setattr(email_delivery, "record", away)
    sending = asyncio.create_task(worker.send())
    async with asyncio.timeout(10):
        await tried.wait()
        sending.cancel()
        tried.clear()
        await tried.wait()  # it goes on trying
        is_away = False
        await asyncio.wait([sending])

    assert sending.cancelled() and (await fresh(email)).state is S.SENT
    assert ids(server) == [email.message_id]


async def test_nothing_is_handed_over_that_could_not_be_written_down_first(
    server: MailServer, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    email = await queued()

    async def away(*_: Any, **__: Any) -> bool:
        raise ConnectionError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(email_delivery, "begin", away)
        await worker.send_due()
    assert server.messages == [] and (await fresh(email)).state is S.DEFERRED
    assert await states(email) == {TO: R.DEFERRED} and await uncertain(email) == (0, 0)

    clock.advance(timedelta(minutes=2))
    await worker.send_due()
    assert ids(server) == [email.message_id] and (await fresh(email)).state is S.SENT


async def test_a_worker_that_lost_its_claim_sends_nothing_more(server: MailServer, clock: Clock) -> None:
    email = await queued()
    slow = await claimed(email)
    await release(clock)
    await worker.send_due()

    results = await handed_over(slow)

    assert ids(server) == [email.message_id] and results[0].outcome is smtp.Outcome.TEMPORARY
    assert await record(slow, results) is None
    assert (await fresh(email)).state is S.SENT and await uncertain(email) == (0, 0)


async def test_mail_of_a_worker_that_died_before_the_final_dot_is_sent_at_once_and_surely_once(
    server: MailServer, clock: Clock
) -> None:
    email = await queued()
    await claimed(email)

    await release(clock)
    await worker.send_due()

    assert ids(server) == [email.message_id] and (await fresh(email)).state is S.SENT
    assert await uncertain(email) == (0, 0)


async def test_mail_of_a_worker_that_died_after_it_says_for_good_that_it_may_have_come_twice(
    server: MailServer, clock: Clock
) -> None:
    email = await queued()
    died = await claimed(email)
    await handed_over(died)

    await release(clock)
    assert (await fresh(email)).state is S.DEFERRED and await states(email) == {TO: R.UNKNOWN}
    assert (await EmailRecipient.get(email_id=email.id)).response == email_delivery.LEFT_OPEN
    await worker.send_due()
    assert len(server.messages) == 1, "whoever lives may still write down what became of it"

    clock.advance(TIME_TO_RECORD)
    await worker.send_due()

    assert ids(server) == [email.message_id] * 2
    assert (await fresh(email)).state is S.SENT and await states(email) == {TO: R.SENT}
    assert await uncertain(email) == (1, 1)


async def test_a_lost_connection_after_the_final_dot_is_remembered_too(
    server: MailServer, clock: Clock
) -> None:
    server.says = {"DOT": DROP}
    email = await queued()
    await worker.send_due()
    server.says = {}
    clock.advance(timedelta(minutes=15))

    await worker.send_due()

    assert (await fresh(email)).state is S.SENT and await uncertain(email) == (1, 1)


async def test_an_outcome_that_comes_after_the_lease_but_before_another_attempt_counts(
    server: MailServer, clock: Clock
) -> None:
    email = await queued()
    slow = await claimed(email)
    results = await handed_over(slow)
    await release(clock)
    assert await uncertain(email) == (1, 1)

    assert await record(slow, results) is not None

    clock.advance(TIME_TO_RECORD)
    await worker.send_due()
    assert ids(server) == [email.message_id] and (await fresh(email)).state is S.SENT
    assert await states(email) == {TO: R.SENT} and await uncertain(email) == (0, 0)


async def test_an_outcome_that_comes_after_another_attempt_does_not(server: MailServer, clock: Clock) -> None:
    email = await queued()
    slow = await claimed(email)
    results = await handed_over(slow)
    await release(clock)
    clock.advance(TIME_TO_RECORD)
    await worker.send_due()

    assert await record(slow, results) is None

    assert len(server.messages) == 2 and await uncertain(email) == (1, 1), "it was doubled, and says so"


async def test_an_outcome_is_written_down_once(server: MailServer) -> None:
    server.says = {TO: "451 4.7.1 Greylisted"}
    email = await queued()
    mine = await claimed(email)
    results = await handed_over(mine)

    assert await record(mine, results) is not None
    assert await record(mine, results) is None, "its commit had arrived, only the answer was lost"

    assert (await EmailRecipient.get(email_id=email.id)).attempts == 1


async def test_the_lease_begins_anew_with_the_final_dot(clock: Clock) -> None:
    email = await queued()
    mine = await claimed(email)
    clock.advance(LEASE - timedelta(seconds=1))
    assert await begin(mine)

    await release(clock, LEASE - timedelta(seconds=1))
    assert (await fresh(email)).state is S.SENDING

    await release(clock, timedelta(seconds=1))
    assert (await fresh(email)).state is S.DEFERRED


async def test_a_lease_that_is_renewed_while_it_is_released_holds(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = await queued()
    mine = await claimed(email)
    clock.advance(LEASE)
    expired = await fresh(email)
    assert await begin(mine)

    assert not await email_leases._release(expired, clock.at)

    assert (await fresh(email)).state is S.SENDING


async def test_what_ends_five_workers_after_the_final_dot_is_uncertain(
    server: MailServer, clock: Clock
) -> None:
    email = await queued()

    for _ in range(5):
        await handed_over(await claimed(email))
        await release(clock)
        clock.advance(TIME_TO_RECORD)

    assert (await fresh(email)).state is S.UNKNOWN and await states(email) == {TO: R.UNKNOWN}
    assert await uncertain(email) == (5, 5) and len(server.messages) == 5
    await worker.send_due()
    assert len(server.messages) == 5


async def test_an_uncertain_recipient_who_is_put_off_is_tried_until_48_hours_are_over(
    server: MailServer, clock: Clock
) -> None:
    email = await queued()
    mine = await claimed(email)
    await begin(mine)
    await release(clock)
    server.says = {TO: "451 4.7.1 Greylisted"}
    clock.advance(TIME_TO_RECORD)
    await worker.send_due()
    assert (await fresh(email)).state is S.DEFERRED and await states(email) == {TO: R.UNKNOWN}

    server.says = {}
    clock.advance(timedelta(minutes=2))
    await worker.send_due()

    assert ids(server) == [email.message_id] and (await fresh(email)).state is S.SENT
    assert await uncertain(email) == (1, 1)


async def test_an_uncertain_recipient_who_is_put_off_for_ever_stays_uncertain(
    server: MailServer, clock: Clock
) -> None:
    server.says = {"DOT": DROP}
    email = await queued()
    await worker.send_due()
    server.says = {"MAIL": "421 4.3.2 Busy"}

    while (waiting := await fresh(email)).next_attempt_at is not None:
        clock.at = waiting.next_attempt_at
        await worker.send_due()

    assert waiting.state is S.UNKNOWN and await states(email) == {TO: R.UNKNOWN}
    assert clock.at - waiting.created_at >= timedelta(hours=48)
