"""The state machine of a mail: pure functions of what became of its recipients.

A temporary refusal is tried again after 1, 5, 15, 60 minutes … for 48 hours. An uncertain delivery (UNKNOWN) is tried
once more, 15 minutes after everything else is decided, or as soon as the worker that died with it is surely dead; a
server that puts this off is asked again. Whatever it says in the end but "delivered", the delivery stays uncertain.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.integrations.smtp import Outcome
from app.models import EmailState, RecipientState

WAITING = (EmailState.QUEUED, EmailState.DEFERRED)
FINAL = frozenset(EmailState) - {*WAITING, EmailState.SENDING}
PENDING = (RecipientState.QUEUED, RecipientState.DEFERRED)

PAUSES_MIN = (1, 5, 15, 60, 120, 240, 480)
UNCERTAIN_PAUSE = timedelta(minutes=15)
GIVE_UP_AFTER = timedelta(hours=48)
#: A pause is up to this much shorter or longer, so that what was refused together does not come back together.
JITTER = 0.1

_AFTER = {
    Outcome.SENT: RecipientState.SENT,
    Outcome.TEMPORARY: RecipientState.DEFERRED,
    Outcome.PERMANENT: RecipientState.FAILED,
    Outcome.UNKNOWN: RecipientState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a mail stands; `next_attempt_at` only while it waits."""

    state: EmailState
    next_attempt_at: datetime | None = None


def channel(email_id: UUID) -> str:
    """The doorbell that rings when the mail's state changed."""
    return f"email:{email_id}"


def to_try(states: Collection[RecipientState]) -> tuple[RecipientState, ...]:
    """Which recipients an attempt is for: those pending; the uncertain ones when none is."""
    return PENDING if any(state in PENDING for state in states) else (RecipientState.UNKNOWN,)


def recipient_after(before: RecipientState, outcome: Outcome, *, is_over: bool) -> RecipientState:
    """What an attempt makes of a recipient. `is_over`: the time for further attempts has passed."""
    if before is RecipientState.UNKNOWN and outcome is not Outcome.SENT:
        return RecipientState.UNKNOWN
    after = _AFTER[outcome]
    return RecipientState.FAILED if after is RecipientState.DEFERRED and is_over else after


def is_over(created_at: datetime, now: datetime) -> bool:
    """Whether nothing is tried again."""
    return now - created_at >= GIVE_UP_AFTER


def after_attempt(
    states: Sequence[RecipientState],
    *,
    attempts: int,
    insists: bool,
    is_put_off: bool = False,
    now: datetime,
    jitter: float,
) -> Standing:
    """The mail after an attempt: `states` of all its recipients, `attempts` so far, `jitter` from 0 to 1.

    `insists`: uncertain recipients get their one more try. `is_put_off`: they were to get it now, and could not.
    """
    if is_put_off or any(state in PENDING for state in states):
        return Standing(EmailState.DEFERRED, now + pause(attempts, jitter))
    if insists and RecipientState.UNKNOWN in states:
        return Standing(EmailState.DEFERRED, now + UNCERTAIN_PAUSE)
    return Standing(decided(states))


def decided(states: Collection[RecipientState]) -> EmailState:
    """What a mail is when none of its recipients is tried again."""
    if RecipientState.UNKNOWN in states:
        return EmailState.UNKNOWN
    if RecipientState.SENT not in states:
        return EmailState.FAILED
    return EmailState.SENT if set(states) == {RecipientState.SENT} else EmailState.PARTIAL


def withdrawn(states: Collection[RecipientState]) -> EmailState:
    """What a waiting mail becomes when it is taken back."""
    if all(state in PENDING for state in states):
        return EmailState.CANCELLED
    return decided([RecipientState.FAILED if state in PENDING else state for state in states])


def given_up(before: RecipientState) -> RecipientState:
    """What a recipient is when every attempt ended abnormally: nobody knows how far those came."""
    return RecipientState.UNKNOWN if before in PENDING else before


def pause(attempts: int, jitter: float) -> timedelta:
    """How long to wait after so many attempts."""
    minutes = PAUSES_MIN[min(max(attempts, 1), len(PAUSES_MIN)) - 1]
    return timedelta(minutes=minutes * (1 + JITTER * (2 * jitter - 1)))
