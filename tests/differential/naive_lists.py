"""The naive interpreter's lists: filter, sort, search and page over whole lists in plain Python, no SQL anywhere."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cmp_to_key
from typing import Any
from uuid import UUID

from app.engine.declare import Column, Counted, Table
from app.engine.ids import type_and_id
from app.engine.types import base_type_of, field_of, graphql_name
from app.text import fold

MOST_COUNTED = 10_000
MOST_VALUES = 250
Terms = tuple[tuple[str, bool], ...]


class Fault(Exception):
    """What the client may not ask, at the field."""

    def __init__(self, message: str, code: str = "BAD_USER_INPUT") -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True)
class Identity:
    """What makes two lists the same one, for cursors: kind of row, order, filter, search, project."""

    table: str
    terms: Terms
    where: str
    search: str | None
    project: UUID | None


@dataclass(frozen=True)
class Cursor:
    """The place of a row in a list. Only the engine knows the tag that stands for the identity."""

    identity: Identity
    values: tuple[Any, ...]


@dataclass
class Tags:
    """Which tag the engine gave which list, as learnt from its answers. One tag a list, one list a tag."""

    by_identity: dict[Identity, str] = field(default_factory=dict)
    by_tag: dict[str, Identity] = field(default_factory=dict)

    def learn(self, identity: Identity, tag: str) -> None:
        if identity not in self.by_identity and tag not in self.by_tag:
            self.by_identity[identity], self.by_tag[tag] = tag, identity


@dataclass(frozen=True)
class Connection:
    """One page, ready to be shown."""

    rows: Sequence[Any]
    identity: Identity
    has_next: bool
    has_previous: bool
    count: int

    def cursor(self, row: Any) -> Cursor:
        return Cursor(self.identity, tuple(plain(getattr(row, column)) for column, _ in self.identity.terms))


def connection(
    table: type[Table],
    rows: Iterable[Any],
    given: Mapping[str, Any],
    default_order: Sequence[str],
    search_column: str | None,
    project: UUID | None,
    tags: Tags,
) -> Connection:
    """The page of `rows` that the coerced arguments ask for. Raises Fault."""
    terms = _terms(table, given.get("orderBy") or (), default_order)
    where, search = given.get("where"), given.get("search")
    search = None if search is None or not search.strip() else search
    identity = Identity(
        table.__name__, terms, json.dumps(where, default=str, sort_keys=True), search, project
    )
    backward, size = _size(given)
    after, before = (_place(table, identity, given.get(way), tags) for way in ("after", "before"))

    check(table, where or {})
    words = _words(search)
    found = [row for row in rows if holds(table, where or {}, row) and _has(row, search_column, words)]
    found.sort(key=cmp_to_key(lambda a, b: compare(_values(a, terms), _values(b, terms), terms)))
    between = [row for row in found if _is_between(_values(row, terms), terms, after, before)]
    page = between[-size:] if backward else between[:size]
    more = len(between) > size
    return Connection(
        rows=page,
        identity=identity,
        has_next=before is not None if backward else more,
        has_previous=more if backward else after is not None,
        count=len(found),
    )


def in_order(rows: Iterable[Any], order: Sequence[str]) -> list[Any]:
    """A whole list: by these columns (`-` turns one round), then by the id."""
    terms = (*((column.lstrip("-"), column.startswith("-")) for column in order), ("id", False))
    return sorted(rows, key=cmp_to_key(lambda a, b: compare(_values(a, terms), _values(b, terms), terms)))


def _terms(table: type[Table], order_by: Sequence[Mapping[str, Any]], default: Sequence[str]) -> Terms:
    """The first mention of a column counts; the id comes last, in the direction of what stands before it."""
    found: dict[str, bool] = {}
    for step in order_by:
        for key, direction in step.items():
            spec = _spec(table, key)[1]
            assert spec.sort is not None
            found.setdefault(spec.sort, plain(direction) == "DESC")
    if not found:
        found = {column.lstrip("-"): column.startswith("-") for column in default}
    return (*found.items(), ("id", list(found.values())[-1]))


def _size(given: Mapping[str, Any]) -> tuple[bool, int]:
    first, last = given.get("first"), given.get("last")
    if first is not None and last is not None:
        raise Fault("both ends")
    backward = last is not None or (given.get("before") is not None and first is None)
    size = last if backward else first
    size = 25 if size is None else size
    if not 1 <= size <= 100:
        raise Fault("size")
    return backward, size


def _place(table: type[Table], identity: Identity, cursor: str | None, tags: Tags) -> list[Any] | None:
    """The sort values in a cursor. Raises Fault for one of another list."""
    if cursor is None:
        return None
    parts = decoded(cursor)
    if parts is None or tags.by_tag.get(parts[0]) != identity:
        raise Fault("foreign cursor")
    return [
        _typed(base_type_of(table.model, column), value)
        for (column, _), value in zip(identity.terms, parts[1:], strict=True)
    ]


def decoded(cursor: str) -> list[Any] | None:
    """[tag, values …] of a cursor; None for what is none."""
    try:
        parts = json.loads(bytes.fromhex(cursor))
    except ValueError:
        return None
    return parts if isinstance(parts, list) and len(parts) > 1 and isinstance(parts[0], str) else None


def _typed(type_: Any, value: Any) -> Any:
    if value is None:
        return None
    if type_ is datetime:
        return datetime.fromisoformat(value)
    return UUID(value) if type_ is UUID else value


def plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _values(row: Any, terms: Terms) -> list[Any]:
    return [plain(getattr(row, column)) for column, _ in terms]


def compare(one: Sequence[Any], other: Sequence[Any], terms: Terms) -> int:
    """Negative if `one` comes first. Nothing is larger than null."""
    for a, b, (_, descending) in zip(one, other, terms, strict=True):
        if a == b:
            continue
        is_less = b is None if a is None or b is None else a < b
        return -1 if is_less != descending else 1
    return 0


def _is_between(
    values: Sequence[Any], terms: Terms, after: Sequence[Any] | None, before: Sequence[Any] | None
) -> bool:
    return (after is None or compare(values, after, terms) > 0) and (
        before is None or compare(values, before, terms) < 0
    )


def _words(search: str | None) -> list[str]:
    if search is None:
        return []
    _check_text(search)
    folded = fold(search) if len(search) <= 400 else ""
    if not 2 <= len(folded) <= 100:
        raise Fault("search")
    return folded.split()


def _has(row: Any, column: str | None, words: Sequence[str]) -> bool:
    return all(word in getattr(row, column or "") for word in words)


def _spec(table: type[Table], key: str) -> tuple[str, Column]:
    """The column behind the name of a filter or sort."""
    for name, spec in table.specs.items():
        if graphql_name(name) == key and isinstance(spec, Counted):
            return name, Column(guard=spec.guard, description="")
        if graphql_name(name) == key and isinstance(spec, Column):
            return spec.column or name, spec
    raise KeyError(key)


def check(table: type[Table], where: Mapping[str, Any]) -> None:
    """Raises Fault for a value that no row could have."""
    for key, given in where.items():
        if given is None:
            continue
        if key in ("and", "or", "not"):
            for each in [given] if key == "not" else given:
                check(table, each)
            continue
        column, spec = _spec(table, key)
        for operator, value in given.items():
            if operator != "isNull":
                _check_operand(table, column, spec, operator, value)


def _check_operand(table: type[Table], column: str, spec: Column, operator: str, value: Any) -> None:
    if value is None or (operator == "in" and len(value) > MOST_VALUES):
        raise Fault(operator)
    counts = isinstance(table.specs.get(column), Counted)
    limits = {} if counts else field_of(table.model, column).constraints
    for each in value if operator == "in" else [value]:
        if isinstance(each, str) and spec.id_of is None and spec.id_in is None:
            _check_text(each)
            if len(each) > limits.get("max_length", len(each)):
                raise Fault("too long")
        elif type(each) is int and not limits.get("ge", each) <= each <= limits.get("le", each):
            raise Fault("out of range")


def _check_text(given: str) -> None:
    if "\x00" in given or any("\ud800" <= character <= "\udfff" for character in given):
        raise Fault("text")


def holds(table: type[Table], where: Mapping[str, Any], row: Any) -> bool:
    """What a filter means: two truth values, and null is a value like others."""
    return all(_holds(table, key, given, row) for key, given in where.items() if given is not None)


def _holds(table: type[Table], key: str, given: Any, row: Any) -> bool:
    match key:
        case "and":
            return all(holds(table, each, row) for each in given)
        case "or":
            return any(holds(table, each, row) for each in given)
        case "not":
            return not holds(table, given, row)
    column, spec = _spec(table, key)
    value = plain(getattr(row, column))
    return all(_compares(spec, operator, value, operand) for operator, operand in given.items())


def _compares(spec: Column, operator: str, value: Any, operand: Any) -> bool:
    if operator == "isNull":
        return operand is None or (value is None) is operand
    wanted = [_stored(spec, each) for each in (operand if operator == "in" else [operand])]
    match operator:
        case "ne":
            return bool(value != wanted[0])
        case "eq" | "in":
            return value is not None and value in wanted
    if value is None:
        return False
    compared = {"lt": value < wanted[0], "gt": value > wanted[0]}
    if operator in compared:
        return bool(compared[operator])
    return bool({"lte": value <= wanted[0], "gte": value >= wanted[0]}[operator])


def _stored(spec: Column, given: Any) -> Any:
    """The id in a global id."""
    if spec.id_of is None and spec.id_in is None:
        return plain(given)
    return type_and_id(given)[1]
