"""Leases of mail that ran out: the worker died with it, stands still, or lost the database."""

from datetime import datetime, timedelta

import structlog
from tortoise.expressions import Q

from app.models import Email, EmailRecipient, EmailState, RecipientState
from app.services import email_states
from app.services.email_delivery import HELD, decide_pending, settle
from app.services.email_states import Standing

log = structlog.get_logger(__name__)

#: The database may have been away for all: a worker that lives writes down first what became of its mail.
TIME_TO_RECORD = timedelta(seconds=15)
MOST_CRASHES = 5
CRASHED = (
    "Every attempt to send this mail ended abnormally. The installation's administrator must look into it."
)


async def release_expired(*, now: datetime) -> int:
    """Puts mail back whose worker died with it; tells how many. What killed five workers in a row is given up.

    What somebody holds at this moment is left for the next time.
    """
    expired = (
        await Email.filter(state=EmailState.SENDING, lease_until__lte=now)
        .limit(100)
        .select_for_update(skip_locked=True, no_key=True)
    )
    return sum([await _release(email, now) for email in expired])


async def _release(email: Email, now: datetime) -> bool:
    recipients = await EmailRecipient.filter(email_id=email.id)
    is_given_up = email.crashes + 1 >= MOST_CRASHES
    if is_given_up:
        standing = Standing(email_states.decided([email_states.given_up(each.state) for each in recipients]))
    elif any(each.state is RecipientState.UNKNOWN for each in recipients):
        standing = Standing(EmailState.DEFERRED, now + TIME_TO_RECORD)
    else:
        standing = Standing(EmailState.DEFERRED, now)
    # Not if the lease was renewed since it was read: then the worker lives, and may be at the final dot.
    expired = HELD & Q(lease_until__lte=now)
    won = await settle(email, standing, now, held=expired, crashes=email.crashes + 1)
    if won and is_given_up:
        log.error("mail given up: it ended every worker that took it", email_id=str(email.id))
        await decide_pending(email, RecipientState.UNKNOWN, CRASHED)
    return won
