"""Keyset paging: where a page begins and ends, and the cursors that say so.

A null counts as the largest value: last going up, first going down, so that a page walk backwards is the exact mirror
of the walk forwards. The id closes every order.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from tortoise.expressions import Case, Q, When
from tortoise.queryset import QuerySet

from app.engine.declare import Table
from app.engine.filters import comparable, is_nullable, order_terms
from app.engine.guards import value
from app.engine.types import base_type_of, condition, either
from app.errors import BadUserInput
from app.policy import Level

DEFAULT_SIZE, LARGEST_SIZE = 25, 100
MOST_COUNTED = 10_000

Term = tuple[str, bool]


@value(Level.ANONYMOUS)
class PageInfo:
    """Where this page lies in its list."""

    has_next_page: bool = strawberry.field(description="Whether rows follow the last one here.")
    has_previous_page: bool = strawberry.field(description="Whether rows come before the first one here.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first row, for `before`.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last row, for `after`.")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of one ordered, filtered list: what the arguments of a connection ask for."""

    table: type[Table]
    size: int
    terms: tuple[Term, ...]
    tag: str
    after: tuple[Any, ...] | None
    before: tuple[Any, ...] | None
    backward: bool

    @classmethod
    def of(
        cls, table: type[Table], given: Mapping[str, Any], default_order: Sequence[str], key: bytes
    ) -> "Page":
        """The page asked for. Raises BadUserInput for sizes beyond 1–100, both directions, or a foreign cursor."""
        backward = given.get("last") is not None or (
            given.get("before") is not None and given.get("first") is None
        )
        if given.get("first") is not None and given.get("last") is not None:
            raise BadUserInput("Give `first` or `last`, not both.")
        size = given.get("last") if backward else given.get("first")
        size = DEFAULT_SIZE if size is None else size
        if not 1 <= size <= LARGEST_SIZE:
            raise BadUserInput(f"A page has 1 to {LARGEST_SIZE} rows; {size} were asked for.")
        terms = tuple(order_terms(table, given.get("orderBy"), default_order))
        tag = _tag(key, table.__name__, terms, given.get("where"), given.get("search"))
        return cls(
            table=table,
            size=size,
            terms=terms,
            tag=tag,
            after=_decode(table, terms, tag, given.get("after")),
            before=_decode(table, terms, tag, given.get("before")),
            backward=backward,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column for column, _ in self.terms)

    @property
    def read_terms(self) -> tuple[Term, ...]:
        """The order in which rows are read: turned round for a page from the end."""
        return tuple((column, descending != self.backward) for column, descending in self.terms)

    def within(self, query: QuerySet[Any]) -> QuerySet[Any]:
        """Only rows beyond the cursors."""
        if self.after is not None:
            query = query.filter(_beyond(self.table, self.terms, self.after))
        if self.before is not None:
            turned = tuple((column, not descending) for column, descending in self.terms)
            query = query.filter(_beyond(self.table, turned, self.before))
        return query

    def ordered(self, query: QuerySet[Any]) -> QuerySet[Any]:
        """In reading order, one row more than the page holds, which tells whether there is more."""
        steps: list[str] = []
        for column, descending in self.read_terms:
            if is_nullable(self.table, column):
                query = query.annotate(
                    **{
                        f"no_{column}": Case(
                            When(condition(f"{column}__isnull", True), then="1"), default="0"
                        )
                    }
                )
                steps.append(f"{'-' if descending else ''}no_{column}")
            steps.append(f"{'-' if descending else ''}{column}")
        return query.order_by(*steps).limit(self.size + 1)

    def order_sql(self) -> str:
        """The reading order as SQL over columns of the same names."""
        steps: list[str] = []
        for column, descending in self.read_terms:
            way = "DESC" if descending else "ASC"
            if is_nullable(self.table, column):
                steps.append(f'("{column}" IS NULL) {way}')
            steps.append(f'"{column}" {way}')
        return ", ".join(steps)

    def cut(self, records: list[Any]) -> tuple[list[Any], bool, bool]:
        """Records as read → the page in the list's own order, whether rows follow, whether rows come before."""
        more = len(records) > self.size
        page = records[: self.size]
        if self.backward:
            return page[::-1], self.before is not None, more
        return page, more, self.after is not None

    def cursor(self, record: Mapping[str, Any]) -> str:
        """The place of a record in this list: hex of a JSON array [tag, sort values …, id]."""
        values = [_plain(record[column]) for column in self.columns]
        return json.dumps([self.tag, *values], separators=(",", ":"), ensure_ascii=False).encode().hex()


def _plain(given: Any) -> Any:
    if isinstance(given, datetime):
        return given.isoformat()
    if isinstance(given, UUID):
        return str(given)
    return given.value if isinstance(given, Enum) else given


def _tag(key: bytes, name: str, terms: Sequence[Term], where: Any, search: Any) -> str:
    text = json.dumps([name, terms, where, search], default=_plain, sort_keys=True)
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


def _decode(
    table: type[Table], terms: Sequence[Term], tag: str, cursor: str | None
) -> tuple[Any, ...] | None:
    if cursor is None:
        return None
    try:
        found, *values = json.loads(bytes.fromhex(cursor))
        if not hmac.compare_digest(found, tag) or len(values) != len(terms):
            raise ValueError("of another list")
        return tuple(_value(table, column, each) for each, (column, _) in zip(values, terms, strict=True))
    except (ValueError, TypeError, OverflowError, RecursionError, BadUserInput):
        raise BadUserInput(
            "This cursor is not of this list: cursors belong to one sort, filter and project."
        ) from None


def _value(table: type[Table], column: str, given: Any) -> Any:
    """What a row may have in `column`: the tag says which list a cursor is of, not that nobody changed the rest."""
    if given is None and is_nullable(table, column):
        return None
    type_ = base_type_of(table.model, column)
    if type(given) is not (type_ if type_ in (int, bool) else str):
        raise TypeError(f"not a {type(given).__name__}")
    if type_ is datetime:
        return datetime.fromisoformat(given).astimezone(UTC)
    return comparable(table.model, column, given) if type_ in (int, bool, str) else type_(given)


def _beyond(table: type[Table], terms: Sequence[Term], place: Sequence[Any]) -> Q:
    """The rows after `place` in the order of `terms`."""
    (column, descending), here = terms[0], place[0]
    rest = _beyond(table, terms[1:], place[1:]) if len(terms) > 1 else None
    further = _further(column, descending, here, is_nullable(table, column))
    same = condition(f"{column}__isnull", True) if here is None else condition(column, here)
    steps = [each for each in (further, Q(same, rest) if rest is not None else None) if each is not None]
    return either(*steps)


def _further(column: str, descending: bool, here: Any, nullable: bool) -> Q | None:
    """Strictly beyond `here` in one column; None where nothing is (a null going up is the end)."""
    if here is None:
        return condition(f"{column}__isnull", False) if descending else None
    if descending:
        return condition(f"{column}__lt", here)
    above = condition(f"{column}__gt", here)
    return either(above, condition(f"{column}__isnull", True)) if nullable else above
