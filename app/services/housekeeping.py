"""Rows that have served: sessions that ended, links nobody can open, what repeats were compared with, counted reads, tries
to sign in, what dead processes wrote to see whether they could."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tortoise.expressions import Q, Subquery

from app.models import (
    AccountToken,
    ExternalRead,
    ExternalSearches,
    IdempotencyRecord,
    Session,
    SignInAttempt,
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

TABLES: Sequence[type[Table]] = (
    Session,
    AccountToken,
    IdempotencyRecord,
    ExternalRead,
    ExternalSearches,
    SignInAttempt,
    WriteCheck,
)


async def forget_served(table: type[Table], *, now: datetime, limit: int = 1_000) -> int:
    """Deletes at most `limit` rows of this table that have served; tells how many went."""
    some = table.filter(_served(table, now)).limit(limit).values("id")
    return await table.filter(id__in=Subquery(some)).delete()


def _served(table: type[Table], now: datetime) -> Q:
    ended = now - ENDED_FOR
    return {
        Session: Q(revoked_at__lt=ended) | Q(expires_at__lt=ended) | Q(absolute_expires_at__lt=ended),
        AccountToken: Q(expires_at__lt=now - EXPIRED_FOR),
        IdempotencyRecord: Q(created_at__lt=now - idempotency.KEPT_FOR),
        ExternalRead: Q(read_at__lt=now - read_budget.DAY),
        ExternalSearches: Q(began_at__lt=now - read_budget.DAY),
        SignInAttempt: Q(at__lt=now - sign_in.KEPT_FOR),
        WriteCheck: Q(written_at__lt=now - UNSEEN_FOR),
    }[table]
