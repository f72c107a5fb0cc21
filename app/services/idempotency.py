"""Repeats of a mutation: the second request with the same key has no second effect."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import jobs
from app.errors import IdempotencyMismatch
from app.models import IdempotencyRecord
from app.policy import AccountViewer, Member

KEPT_FOR = timedelta(hours=24)


async def earlier(
    viewer: AccountViewer, mutation: str, key: str, sent_hash: str, *, now: datetime
) -> dict[str, Any] | None:
    """What `keep` kept for this key: ids as text. None if nothing was within 24 hours.

    Keys are the employee's own, or the account's outside of projects. Raises IdempotencyMismatch if the key stood for
    another mutation or another input.
    """
    record = await IdempotencyRecord.find_visible(viewer, key=key)
    if record is None:
        return None
    if record.created_at <= now - KEPT_FOR:
        await record.delete()
        return None
    if (record.mutation, record.input_hash) != (mutation, sent_hash):
        raise IdempotencyMismatch(
            "This idempotencyKey was used for something else within 24 hours. Make a new key for a new effect."
        )
    return dict(record.result)


def keep(
    viewer: AccountViewer,
    mutation: str,
    key: str,
    sent_hash: str,
    values: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """At the end of the unit of work, keeps the ids that the mutation made, and null for what is no id: a session is given out once.

    Of parallel repeats one gets through; the others fail on the unique key and must run again.
    """
    member = viewer if isinstance(viewer, Member) else None
    jobs.write(
        IdempotencyRecord.new(
            project_id=member.project_id if member else None,
            scope_id=member.employee_id if member else viewer.account_id,
            mutation=mutation,
            key=key,
            input_hash=sent_hash,
            result={name: _id(value) for name, value in values.items()},
            created_at=now,
        )
    )


def _id(value: Any) -> str | None:
    return str(value) if isinstance(value, UUID) else None
