"""An outcome that is written down late: after the mail was given up, or while it is withdrawn."""

import asyncio
from contextvars import copy_context
from typing import Any

import pytest

from app import db
from app.integrations.smtp import Outcome, RecipientResult
from app.jobs import unit_of_work
from app.models import Email, EmailRecipient, EmailState, RecipientState
from app.services import emails
from app.services.email_delivery import LEASE, Claim
from app.services.email_leases import MOST_CRASHES
from app.workers import emails as worker
from tests.conftest import Clock
from tests.factories import NOON, make_email
from tests.graphql import bells, settings
from tests.workers.mail import begin, claim, fresh, record, states

__all__ = ["bells", "settings"]

S, R = EmailState, RecipientState
ONE, OTHER = "jedna@example.cz", "dve@example.cz"


@pytest.fixture(autouse=True)
def _noon(database: str, clock: Clock, settings: object, bells: object) -> None:
    clock.at = NOON


async def given_up(clock: Clock) -> tuple[Email, Claim]:
    """The last of five workers stood still, and lives."""
    email = await make_email(text="Dobrý den", recipients=[ONE], crashes=MOST_CRASHES - 1)
    slow = await claim(email)
    assert slow is not None and await begin(slow)
    clock.advance(LEASE)
    await worker.release_expired_leases()
    assert (await fresh(email)).state is S.UNKNOWN
    return email, slow


@pytest.mark.parametrize(
    ("outcome", "mail", "recipient"),
    [
        (Outcome.SENT, S.SENT, R.SENT),
        (Outcome.PERMANENT, S.FAILED, R.FAILED),
        (Outcome.TEMPORARY, S.FAILED, R.FAILED),
        (Outcome.UNKNOWN, S.UNKNOWN, R.UNKNOWN),
    ],
)
async def test_it_counts_after_the_mail_was_given_up_but_nothing_is_tried_any_more(
    clock: Clock, outcome: Outcome, mail: EmailState, recipient: RecipientState
) -> None:
    email, slow = await given_up(clock)

    assert await record(slow, [RecipientResult(ONE, outcome, 250, "Said late")]) is not None

    after = await fresh(email)
    assert (after.state, after.next_attempt_at, after.crashes) == (mail, None, 0)
    row = await EmailRecipient.get(email_id=email.id)
    assert (row.state, row.response) == (recipient, "250 Said late")


async def test_it_counts_once(clock: Clock) -> None:
    _, slow = await given_up(clock)

    assert await record(slow, [RecipientResult(ONE, Outcome.UNKNOWN, None, "Lost")]) is not None
    assert await record(slow, [RecipientResult(ONE, Outcome.SENT, 250, "Taken")]) is None


@pytest.mark.parametrize(
    ("is_released", "mail", "states_after"),
    [
        pytest.param(False, S.DEFERRED, {ONE: R.SENT, OTHER: R.DEFERRED}, id="a worker has it: too late"),
        pytest.param(True, S.PARTIAL, {ONE: R.SENT, OTHER: R.FAILED}, id="it was put back"),
    ],
)
async def test_a_mail_withdrawn_while_its_outcome_is_written_down_tells_who_has_it(
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    is_released: bool,
    mail: EmailState,
    states_after: dict[str, RecipientState],
) -> None:
    email = await make_email(text="Dobrý den", recipients=[ONE, OTHER])
    slow = await claim(email)
    assert slow is not None
    claimed: Claim = slow
    if is_released:
        assert await begin(slow)
        clock.advance(LEASE)
        await worker.release_expired_leases()
    seen, outside, fetch = await fresh(email), copy_context(), db.fetch
    recording: list[asyncio.Task[object]] = []

    def write_down() -> None:
        results = [
            RecipientResult(ONE, Outcome.SENT, 250, "Taken"),
            RecipientResult(OTHER, Outcome.TEMPORARY, 451, "Greylisted"),
        ]
        recording.append(asyncio.create_task(record(claimed, results), context=outside))

    async def fetch_later(sql: str, *arguments: Any) -> Any:
        if sql.lstrip().startswith("UPDATE emails SET state"):
            write_down()
            await asyncio.wait(recording, timeout=0.5)  # whoever waits for a lock cannot end
        return await fetch(sql, *arguments)

    monkeypatch.setattr(db, "fetch", fetch_later)
    async with unit_of_work() as work:
        assert await emails._withdraw([seen], work.now) == is_released
    if not recording:
        write_down()
    await asyncio.gather(*recording)

    assert (await fresh(email)).state is mail and await states(email) == states_after
