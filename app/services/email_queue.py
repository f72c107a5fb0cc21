"""The queue of mail, which is the table: what is due, but for whoever has to wait."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from tortoise.expressions import Q

from app.models import Email
from app.services import email_states


class Due(NamedTuple):
    """A mail that waits for nothing but a worker. Mail of accounts has no project; what goes to the relay no mailbox."""

    email_id: UUID
    project_id: UUID | None
    mailbox_id: UUID | None


async def due(
    *,
    now: datetime,
    limit: int,
    but: Collection[UUID] = (),
    but_projects: Collection[UUID | None] = (),
    but_mailboxes: Collection[UUID | None] = (),
) -> list[Due]:
    """What is due, longest waiting first."""
    query = Email.filter(state__in=email_states.WAITING, next_attempt_at__lte=now)
    if but:
        query = query.filter(~Q(id__in=list(but)))
    query = query.filter(_none_of("project_id", but_projects), _none_of("mailbox_id", but_mailboxes))
    rows = await query.order_by("next_attempt_at", "id").limit(limit).values("id", "project_id", "mailbox_id")
    return [Due(row["id"], row["project_id"], row["mailbox_id"]) for row in rows]


def _none_of(column: str, values: Collection[UUID | None]) -> Q:
    """Of a column that may be null: None among the `values` is what rows without one have."""
    named = [each for each in values if each is not None]
    conditions: list[dict[str, Any]] = [{f"{column}__isnull": True}, {f"{column}__in": named}]
    is_none, is_other = Q(**conditions[0]), ~Q(**conditions[1])
    if None in values:
        return ~is_none & is_other if named else ~is_none
    return is_none | is_other if named else Q()
