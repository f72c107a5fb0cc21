"""Walking through many rows a batch at a time, so that memory does not grow with their number."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.db_rows import AT_ONCE
from app.models.base import Table

Row = TypeVar("Row", bound=Table)


async def batches(
    rows: QuerySet[Row], by: str, *columns: str, size: int = AT_ONCE
) -> AsyncIterator[list[Row]]:
    """These rows in the order of the column `by`, never null, and of their ids; each with these columns alone.

    What becomes of a batch does not disturb the walk: it goes on behind the last row that it gave. An index on what the
    query asks for, and then `by`, lets each step read its own batch alone.
    """
    behind = Q()
    while True:
        found = await _some(rows, behind, by, size).only(*{"id", by, *columns})
        if found:
            yield found
        if len(found) < size:
            return
        behind = _behind(by, getattr(found[-1], by), found[-1].id)


async def value_batches(
    rows: QuerySet[Row], by: str, *columns: str, size: int = AT_ONCE
) -> AsyncIterator[list[dict[str, Any]]]:
    """The same as plain values, in a quarter of the time."""
    behind = Q()
    while True:
        found = await _some(rows, behind, by, size).values(*{"id", by, *columns})
        if found:
            yield found
        if len(found) < size:
            return
        behind = _behind(by, found[-1][by], found[-1]["id"])


def _some(rows: QuerySet[Row], behind: Q, by: str, size: int) -> QuerySet[Row]:
    return rows.filter(behind).order_by(by, "id").limit(size)


def _behind(by: str, last: Any, last_id: UUID) -> Q:
    if by == "id":
        return Q(id__gt=last_id)
    at_or_after: dict[str, Any] = {f"{by}__gte": last}
    after: dict[str, Any] = {f"{by}__gt": last}
    # The first says no more than the others, and is what an index is good for.
    return Q(**at_or_after) & (Q(**after) | Q(id__gt=last_id))
