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
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
import strawberry

from app import times
from app.engine.declare import Table
from app.engine.filters import order_terms
from app.engine.guards import value
from app.engine.types import base_type_of
from app.engine.where import comparable, is_nullable, sought
from app.errors import BadUserInput
from app.policy import Level

DEFAULT_SIZE, LARGEST_SIZE = 25, 100
MOST_COUNTED = 10_000
REMEMBERED_TAGS = 2_000

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
        cls,
        table: type[Table],
        given: Mapping[str, Any],
        default_order: Sequence[str],
        key: bytes,
        *,
        has_cursors: bool,
    ) -> "Page":
        """The page asked for; `tag` is empty where no cursor comes or goes (`has_cursors`: some are shown).

        Raises BadUserInput for sizes beyond 1–100, both directions, or a foreign cursor.
        """
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
        after, before = given.get("after"), given.get("before")
        needs_tag = has_cursors or after is not None or before is not None
        search = sought(given.get("search"))
        tag = _tag(key, table.__name__, terms, given.get("where"), search) if needs_tag else ""
        return cls(
            table=table,
            size=size,
            terms=terms,
            tag=tag,
            after=_decode(table, terms, tag, after),
            before=_decode(table, terms, tag, before),
            backward=backward,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column for column, _ in self.terms)

    @property
    def read_terms(self) -> tuple[Term, ...]:
        """The order in which rows are read: turned round for a page from the end."""
        return tuple((column, descending != self.backward) for column, descending in self.terms)


def _plain(given: Any) -> Any:
    if isinstance(given, datetime):
        return given.isoformat()
    if isinstance(given, UUID):
        return str(given)
    return given.value if isinstance(given, Enum) else given


def _tag(key: bytes, name: str, terms: tuple[Term, ...], where: Any, search: Any) -> str:
    return _signed(key, name, terms, where, search) if where or search else _tag_of_all(key, name, terms)


@lru_cache(maxsize=REMEMBERED_TAGS)
def _tag_of_all(key: bytes, name: str, terms: tuple[Term, ...]) -> str:
    return _signed(key, name, terms, None, None)


def _signed(key: bytes, name: str, terms: Sequence[Term], where: Any, search: Any) -> str:
    text = json.dumps([name, terms, where, search], default=_plain, sort_keys=True)
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


def _decode(
    table: type[Table], terms: Sequence[Term], tag: str, cursor: str | None
) -> tuple[Any, ...] | None:
    if cursor is None:
        return None
    try:
        found, *values = orjson.loads(bytes.fromhex(cursor))
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
        return times.cut(datetime.fromisoformat(given).astimezone(UTC))
    return comparable(table, column, given) if type_ in (int, bool, str) else type_(given)
