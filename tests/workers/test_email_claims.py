"""Who may send a mail: one worker at a time, others when he died, and nobody else's mail waits meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from app import config
from app.jobs import unit_of_work
from app.models import (
    Email,
    EmailRecipient,
    EmailState,
    EmailVia,
    Project,
    RecipientState,
)
from app.security import seal
from app.services import email_delivery, email_leases
from app.workers import email_dispatcher
from app.workers import emails as worker
from tests.conftest import Clock
from tests.factories import (
    NOON,
    make_mailbox,
    make_project,
)
from tests.integrations.smtp_server import SILENCE, MailServer, mail_server
from tests.workers.mail import claim, fresh, handed_over, ids, queued, quick, server, states

__all__ = ["quick", "server"]

S, R = EmailState, RecipientState


@pytest.fixture(autouse=True)
def _surroundings(server: MailServer, quick: None) -> None:
    """Every test has a relay."""


async def test_mail_of_a_worker_that_died_is_sent_by_another(server: MailServer, clock: Clock) -> None:
    email = await queued()
    dead = await claim(email)
    assert dead is not None

    await worker.release_expired_leases()
    await worker.send_due()
    assert server.messages == [] and (await fresh(email)).state is S.SENDING

    clock.advance(email_delivery.LEASE)
    await worker.release_expired_leases()
    await worker.send_due()

    after = await fresh(email)
    assert (after.state, after.attempt, ids(server)) == (S.SENT, 2, [email.message_id])


async def test_the_outcome_of_a_lost_claim_is_ignored(server: MailServer, clock: Clock) -> None:
    email = await queued()
    slow = await claim(email)
    assert slow is not None
    server.says = {"zakaznik@example.cz": "550 5.1.1 No such user"}
    late_results = await handed_over(slow)
    server.says = {}
    clock.advance(email_delivery.LEASE)
    await worker.release_expired_leases()
    await worker.send_due()

    async with unit_of_work() as work:
        standing = await email_delivery.record(slow, late_results, now=work.now, jitter=0.5)

    assert standing is None and (await fresh(email)).state is S.SENT
    assert await states(email) == {"zakaznik@example.cz": R.SENT}


async def test_two_workers_send_a_mail_once(server: MailServer) -> None:
    email = await queued()

    await asyncio.gather(*(worker.deliver(email.id) for _ in range(2)), worker.send_due())

    assert ids(server) == [email.message_id] and (await fresh(email)).attempt == 1


async def test_what_kills_five_workers_is_given_up(server: MailServer, clock: Clock) -> None:
    poison = await queued()

    for _ in range(5):
        assert await claim(poison) is not None
        clock.advance(email_delivery.LEASE)
        await worker.release_expired_leases()

    after = await fresh(poison)
    assert (after.state, after.attempt) == (S.UNKNOWN, 5)
    assert (await EmailRecipient.get(email_id=poison.id)).response == email_leases.CRASHED
    await worker.send_due()
    assert server.messages == []


async def test_attempts_that_ended_well_do_not_count_as_deaths(server: MailServer, clock: Clock) -> None:
    server.says = {"MAIL": "421 4.3.2 Busy"}
    email = await queued()
    for _ in range(5):
        await worker.send_due()
        clock.advance(timedelta(hours=9))

    await claim(email)
    clock.advance(email_delivery.LEASE)
    await worker.release_expired_leases()

    after = await fresh(email)
    assert (after.state, after.attempt) == (S.DEFERRED, 6)


async def test_a_mail_that_cannot_even_be_written_stops_no_other(server: MailServer) -> None:
    broken = await queued(from_name="x@y.cz")
    email = await queued()

    await worker.send_due()

    assert ids(server) == [email.message_id]
    assert (await fresh(broken)).state is S.SENDING, "its lease decides about it"


async def test_a_project_whose_server_hangs_stops_nobody_else(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_delivery, "ATTEMPT_S", 4)
    async with mail_server() as hanging:
        hanging.says = {"CONNECT": SILENCE}
        stuck = await make_project()
        mailbox = await make_mailbox(stuck, host="127.0.0.1", port=hanging.port, verified_at=NOON)
        mailbox.secret = seal(config.settings().secret_key, "x", bound_to=email_delivery.seal_of(mailbox))
        await mailbox.save(update_fields=["secret"])
        for _ in range(8):
            waited = NOON - timedelta(seconds=1)
            await queued(stuck, via=EmailVia.MAILBOX, mailbox=mailbox, next_attempt_at=waited)
        others = [await queued() for _ in range(5)]

        sweep = asyncio.create_task(worker.send_due())
        try:
            async with asyncio.timeout(3.5):
                while (
                    len(server.messages) < len(others)
                    or await in_hand(stuck) < email_dispatcher.AT_ONCE_PER_PROJECT
                ):
                    await asyncio.sleep(0.02)
        finally:
            most = await in_hand(stuck)
            sweep.cancel()
            await asyncio.wait([sweep])

    assert most == email_dispatcher.AT_ONCE_PER_PROJECT


async def in_hand(project: Project) -> int:
    return await Email.filter(project_id=project.id, state=S.SENDING).count()


async def test_a_sweep_told_to_end_takes_no_more_and_finishes_what_it_began(server: MailServer) -> None:
    project = await make_project()
    for _ in range(6):
        await queued(project)
    sweep = asyncio.create_task(worker.send_due())
    while not server.messages:
        await asyncio.sleep(0)

    sweep.cancel()
    await asyncio.wait([sweep])

    assert await Email.filter(state=S.SENDING).count() == 0
    assert await Email.filter(state=S.SENT).count() == len(server.messages) < 6


def test_there_is_time_to_write_an_outcome_down_and_mail_is_back_within_a_minute() -> None:
    lease_s, grace_s = email_delivery.LEASE.total_seconds(), email_leases.TIME_TO_RECORD.total_seconds()

    assert lease_s >= 2 * email_delivery.ATTEMPT_S
    assert grace_s >= 5 * worker.RECORD_AGAIN_S
    assert lease_s + worker.SWEEP_EVERY_S + grace_s <= 60
