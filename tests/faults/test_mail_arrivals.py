"""The judge of mails, with rows made by hand: it sees what is lost or doubled, whatever the row says besides."""

from typing import Any

import pytest

from app.services.email_leases import MOST_CRASHES
from tests.faults.mail_arrivals import Arrival, judge

ONCE, LOST, DOUBLED = Arrival.ONCE, Arrival.LOST, Arrival.DOUBLED
TOLD_MISSING, TOLD_DOUBLED = Arrival.TOLD_MISSING, Arrival.TOLD_DOUBLED


@pytest.mark.parametrize(
    ("uncertain", "came", "expected"),
    [
        *((0, 0, LOST), (0, 1, ONCE), (0, 2, DOUBLED)),
        *((1, 0, LOST), (1, 1, ONCE), (1, 2, TOLD_DOUBLED), (1, 3, DOUBLED)),
        *((2, 0, LOST), (2, 3, TOLD_DOUBLED), (2, 4, DOUBLED)),
    ],
)
def test_a_mail_that_is_sent_came_once_and_for_each_uncertain_attempt_perhaps_once_more(
    uncertain: int, came: int, expected: Arrival
) -> None:
    assert judge(_mail("SENT", "SENT", uncertain=uncertain), came) is expected


@pytest.mark.parametrize(
    ("uncertain", "came", "expected"),
    [
        *((0, 0, LOST), (0, 1, DOUBLED)),
        *((1, 0, TOLD_MISSING), (1, 1, ONCE), (1, 2, DOUBLED)),
        *((2, 0, TOLD_MISSING), (2, 2, TOLD_DOUBLED), (2, 3, DOUBLED)),
    ],
)
def test_of_a_mail_nobody_knows_of_it_came_at_most_once_for_each_uncertain_attempt(
    uncertain: int, came: int, expected: Arrival
) -> None:
    assert judge(_mail("UNKNOWN", "UNKNOWN", uncertain=uncertain), came) is expected


def test_a_mail_of_which_every_attempt_ended_abnormally_may_not_have_come() -> None:
    given_up = _mail("UNKNOWN", "UNKNOWN", crashes=MOST_CRASHES)

    assert judge(given_up, 0) is TOLD_MISSING
    assert judge(given_up, 1) is DOUBLED


@pytest.mark.parametrize("uncertain", [0, 1])
@pytest.mark.parametrize(
    ("state", "recipient"),
    [
        ("QUEUED", "QUEUED"),
        ("SENDING", "QUEUED"),
        ("SENDING", "UNKNOWN"),
        ("DEFERRED", "DEFERRED"),
        ("DEFERRED", "UNKNOWN"),
        ("FAILED", "FAILED"),
        ("CANCELLED", "QUEUED"),
        ("UNKNOWN", "SENT"),
        ("SENT", "UNKNOWN"),
    ],
)
def test_a_mail_that_did_not_come_is_lost_unless_it_is_decided_that_nobody_knows(
    state: str, recipient: str, uncertain: int
) -> None:
    assert judge(_mail(state, recipient, uncertain=uncertain), 0) is LOST


@pytest.mark.parametrize("state", ["QUEUED", "FAILED", "CANCELLED"])
def test_a_mail_that_came_although_it_is_not_said_to_have_left_is_one_too_many(state: str) -> None:
    assert judge(_mail(state, "FAILED"), 1) is DOUBLED


def test_of_a_mail_to_several_each_is_said_to_have_it_or_perhaps() -> None:
    partly_known = _mail("UNKNOWN", "SENT", "UNKNOWN", uncertain=1)

    assert [judge(partly_known, came) for came in range(4)] == [LOST, ONCE, TOLD_DOUBLED, DOUBLED]


def _mail(state: str, *recipients: str, uncertain: int = 0, crashes: int = 0) -> dict[str, Any]:
    return {
        "state": state,
        "recipients": recipients,
        "uncertain_attempts": uncertain,
        "crashes": crashes,
    }
