"""Rows that have served: sessions that ended, links nobody can open, what repeats were compared with, counted reads and searches,
tries to sign in, what dead processes wrote to see whether they could."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import Q

from app.models import (
    AccountToken,
    ExternalQuestion,
    ExternalRead,
    ExternalSearches,
    IdempotencyRecord,
    Session,
    SignInAttempt,
    Table,
    WriteCheck,
)
from app.services import idempotency, read_budget, search_budget, sign_in

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
    ExternalQuestion,
    SignInAttempt,
    WriteCheck,
)


async def forget_served(table: type[Table], *, now: datetime, limit: int = 1_000) -> int:
    """Deletes at most `limit` rows of this table that have served; tells how many went. What somebody holds stays.

    The oldest first where one column says what is old, and in two statements: PostgreSQL expects a third of the rows to
    be old, and reads the whole table otherwise.
    """
    column, before = _old(table, now)
    old: dict[str, Any] = {f"{column}__lt": before}
    some = table.filter(_ended(before) if column is None else Q(**old)).limit(limit)
    ordered = some if column is None else some.order_by(column)
    # Not `values`: Tortoise would lock nothing.
    ids = [row.pk for row in await ordered.select_for_update(skip_locked=True).only("id")]
    return await table.filter(id__in=ids).delete() if ids else 0


def _old(table: type[Table], now: datetime) -> tuple[str | None, datetime]:
    """The column that says it, none for sessions, and before when."""
    return {
        Session: (None, now - ENDED_FOR),
        AccountToken: ("expires_at", now - EXPIRED_FOR),
        IdempotencyRecord: ("created_at", now - idempotency.KEPT_FOR),
        ExternalRead: ("read_at", now - read_budget.DAY),
        ExternalSearches: ("began_at", now - read_budget.DAY),
        ExternalQuestion: ("asked_at", now - search_budget.ASKED_ONCE_WITHIN),
        SignInAttempt: ("at", now - sign_in.KEPT_FOR),
        WriteCheck: ("written_at", now - UNSEEN_FOR),
    }[table]


def _ended(before: datetime) -> Q:
    return Q(revoked_at__lt=before) | Q(expires_at__lt=before) | Q(absolute_expires_at__lt=before)
