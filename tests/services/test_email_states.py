"""The state machine of a mail, without a database."""

from datetime import timedelta

import pytest

from app.integrations.smtp import Outcome as O  # noqa: N817
from app.models import EmailState as E
from app.models import RecipientState as R
from app.services import email_states
from app.services.email_states import Standing
from tests.factories import NOON


@pytest.mark.parametrize(
    ("before", "outcome", "is_over", "after"),
    [
        (R.QUEUED, O.SENT, False, R.SENT),
        (R.QUEUED, O.TEMPORARY, False, R.DEFERRED),
        (R.QUEUED, O.TEMPORARY, True, R.FAILED),
        (R.QUEUED, O.PERMANENT, False, R.FAILED),
        (R.QUEUED, O.UNKNOWN, False, R.UNKNOWN),
        (R.DEFERRED, O.SENT, True, R.SENT),
        (R.UNKNOWN, O.SENT, False, R.SENT),
        (R.UNKNOWN, O.TEMPORARY, False, R.UNKNOWN),
        (R.UNKNOWN, O.PERMANENT, True, R.UNKNOWN),
        (R.UNKNOWN, O.UNKNOWN, False, R.UNKNOWN),
    ],
)
def test_what_an_attempt_makes_of_a_recipient(before: R, outcome: O, is_over: bool, after: R) -> None:
    assert email_states.recipient_after(before, outcome, is_over=is_over) is after


@pytest.mark.parametrize(
    ("states", "decided"),
    [
        ([R.SENT], E.SENT),
        ([R.SENT, R.SENT], E.SENT),
        ([R.SENT, R.FAILED], E.PARTIAL),
        ([R.FAILED, R.FAILED], E.FAILED),
        ([R.SENT, R.UNKNOWN], E.UNKNOWN),
        ([R.FAILED, R.UNKNOWN], E.UNKNOWN),
    ],
)
def test_what_a_mail_is_when_all_is_decided(states: list[R], decided: E) -> None:
    assert email_states.decided(states) is decided


@pytest.mark.parametrize(
    ("states", "tried"),
    [
        ([R.QUEUED, R.QUEUED], {R.QUEUED, R.DEFERRED}),
        ([R.SENT, R.DEFERRED, R.UNKNOWN], {R.QUEUED, R.DEFERRED}),
        ([R.SENT, R.FAILED, R.UNKNOWN], {R.UNKNOWN}),
    ],
)
def test_uncertain_recipients_come_last_and_alone(states: list[R], tried: set[R]) -> None:
    assert set(email_states.to_try(states)) == tried


@pytest.mark.parametrize(
    ("states", "insists", "standing"),
    [
        ([R.SENT, R.FAILED], True, Standing(E.PARTIAL)),
        ([R.SENT, R.DEFERRED], True, Standing(E.DEFERRED, NOON + timedelta(minutes=5))),
        ([R.UNKNOWN, R.DEFERRED], True, Standing(E.DEFERRED, NOON + timedelta(minutes=5))),
        ([R.UNKNOWN, R.SENT], True, Standing(E.DEFERRED, NOON + timedelta(minutes=15))),
        ([R.UNKNOWN, R.SENT], False, Standing(E.UNKNOWN)),
    ],
)
def test_what_a_mail_waits_for_after_an_attempt(states: list[R], insists: bool, standing: Standing) -> None:
    assert email_states.after_attempt(states, attempts=2, insists=insists, now=NOON, jitter=0.5) == standing


@pytest.mark.parametrize(
    ("states", "withdrawn"),
    [
        ([R.QUEUED, R.DEFERRED], E.CANCELLED),
        ([R.SENT, R.DEFERRED], E.PARTIAL),
        ([R.FAILED, R.DEFERRED], E.FAILED),
        ([R.UNKNOWN], E.UNKNOWN),
    ],
)
def test_what_a_mail_is_that_was_taken_back(states: list[R], withdrawn: E) -> None:
    assert email_states.withdrawn(states) is withdrawn


def test_pauses_grow_and_are_uneven() -> None:
    minutes = [email_states.pause(attempts, 0.5).total_seconds() / 60 for attempts in range(1, 10)]

    assert minutes == [1, 5, 15, 60, 120, 240, 480, 480, 480]
    assert email_states.pause(1, 0) == timedelta(seconds=54)
    assert email_states.pause(1, 1) == timedelta(seconds=66)


def test_nothing_is_tried_after_48_hours() -> None:
    assert not email_states.is_over(NOON, NOON + timedelta(hours=47, minutes=59))
    assert email_states.is_over(NOON, NOON + timedelta(hours=48))
