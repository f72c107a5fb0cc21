"""Rows that have served: sessions that ended, links nobody can open, what repeats were compared with, counted reads,
what dead processes wrote to see whether they could."""

from datetime import datetime, timedelta

from tortoise.expressions import Q

from app.models import (
    AccountToken,
    ExternalRead,
    ExternalSearches,
    IdempotencyRecord,
    Session,
    Table,
    WriteCheck,
)
from app.services import idempotency, read_budget, sign_in

#: A session that ended still says, for so long, from which addresses its account is used (see `sign_in`).
ENDED_FOR = sign_in.KNOWN_FOR + timedelta(days=1)
#: The day's limits on mailed links count links too that were used or have expired.
EXPIRED_FOR = timedelta(days=2)
#: A process that is asked seldom writes its row anew.
UNSEEN_FOR = timedelta(days=1)


async def forget_served(*, now: datetime, limit: int = 1_000) -> int:
    """Deletes at most `limit` rows of each kind; tells how many went."""
    ended, expired, old = now - ENDED_FOR, now - EXPIRED_FOR, now - idempotency.KEPT_FOR
    served: tuple[tuple[type[Table], Q], ...] = (
        (Session, Q(revoked_at__lt=ended) | Q(expires_at__lt=ended) | Q(absolute_expires_at__lt=ended)),
        (AccountToken, Q(expires_at__lt=expired)),
        (IdempotencyRecord, Q(created_at__lt=old)),
        (ExternalRead, Q(read_at__lt=now - read_budget.DAY)),
        (ExternalSearches, Q(began_at__lt=now - read_budget.DAY)),
        (WriteCheck, Q(written_at__lt=now - UNSEEN_FOR)),
    )
    gone = 0
    for model, condition in served:
        ids = await model.filter(condition).limit(limit).values_list("id", flat=True)
        gone += await model.filter(id__in=ids).delete() if ids else 0
    return gone
