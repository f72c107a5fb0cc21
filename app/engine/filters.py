"""`where` and `orderBy`: the inputs generated from the declarations, and what an order means."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from app.engine.declare import Column, Counted, Table
from app.engine.guards import GUARD, described, directives_of
from app.engine.ids import ANY_ID, ID_OF
from app.engine.types import (
    base_type_of,
    describe_enum,
    graphql_name,
    list_of,
    make_type,
    new_field,
)
from app.engine.where import MOST_VALUES, column_of
from app.policy import Level


class SortDirection(Enum):
    ASC = "ASC"
    DESC = "DESC"


describe_enum(
    SortDirection,
    "Which way to sort.",
    ASC="Upwards: A before Z, earlier before later; what has no value comes last.",
    DESC="Downwards, the exact opposite of ASC.",
)


def _operators(name: str, value: Any, names: Sequence[str]) -> Any:
    """An input of comparison operators over one kind of value."""
    made: Any = make_type(name, "Conditions on one field; all that are given must hold.", kind="input")
    meanings = {
        "eq": "Equal to this.",
        "ne": "Anything but this (or nothing at all).",
        "in": f"One of these, at most {MOST_VALUES}.",
        "lt": "Before or below this.",
        "lte": "This, or before or below it.",
        "gt": "After or above this.",
        "gte": "This, or after or above it.",
        "isNull": "True: has no value. False: has one.",
    }
    for operator in names:
        type_: Any = {"in": list_of(value) | None, "isNull": bool | None}.get(operator, value | None)
        made.__strawberry_definition__.fields.append(
            new_field(
                operator,
                type_,
                meanings[operator],
                owner=made,
                metadata={GUARD: Level.ANONYMOUS},
                is_input=True,
            )
        )
    return made


StringFilter = _operators("StringFilter", str, ["eq", "ne", "in", "isNull"])
IDFilter = _operators("IDFilter", strawberry.ID, ["eq", "ne", "in", "isNull"])
IntFilter = _operators("IntFilter", int, ["eq", "ne", "in", "lt", "lte", "gt", "gte", "isNull"])
BooleanFilter = _operators("BooleanFilter", bool, ["eq"])
DateTimeFilter = _operators("DateTimeFilter", datetime, ["eq", "lt", "lte", "gt", "gte", "isNull"])
_FILTERS: dict[Any, type] = {str: StringFilter, int: IntFilter, bool: BooleanFilter, datetime: DateTimeFilter}


def filter_type(table: type[Table], spec: Column | Counted, name: str) -> Any:
    """The operators' input for a column: by its base type, one for each enum."""
    if isinstance(spec, Counted):
        return IntFilter
    if spec.id_of is not None or spec.id_in is not None:
        return IDFilter
    base = base_type_of(table.model, spec.column or name)
    if isinstance(base, type) and issubclass(base, Enum):
        if base not in _FILTERS:
            _FILTERS[base] = _operators(f"{base.__name__}Filter", base, ["eq", "ne", "in"])
        return _FILTERS[base]
    return _FILTERS[base]


def where_input(table: type[Table]) -> Any:
    """`<Type>Where`, or None for a table without filters. A guarded field has a guarded filter."""
    filters = {n: s for n, s in table.specs.items() if isinstance(s, Column | Counted) and s.filter}
    if not filters:
        return None
    made: Any = make_type(
        f"{table.__name__}Where",
        f"Which of the {table.__name__} rows. All given conditions must hold.",
        kind="input",
    )
    definition = made.__strawberry_definition__
    for name, type_, meaning in (
        ("and_", list_of(made) | None, "All of these hold."),
        ("or_", list_of(made) | None, "At least one of these holds."),
        ("not_", made | None, "This does not hold."),
    ):
        definition.fields.append(
            new_field(
                name.rstrip("_"), type_, meaning, owner=made, metadata={GUARD: Level.ANONYMOUS}, is_input=True
            )
        )
    for name, spec in filters.items():
        definition.fields.append(
            new_field(
                name,
                filter_type(table, spec, name) | None,
                described(f"By {graphql_name(name)}.", spec.guard, inherited=table.see),
                owner=made,
                metadata={GUARD: spec.guard, **_id_of(spec)},
                directives=directives_of(spec.guard, inherited=table.see),
                is_input=True,
            )
        )
    return made


def _id_of(spec: Column | Counted) -> Mapping[str, str]:
    if isinstance(spec, Counted):
        return {}
    if spec.id_in is not None:
        return {ID_OF: ANY_ID}
    return {ID_OF: spec.id_of} if spec.id_of is not None else {}


def order_input(table: type[Table]) -> Any:
    """`<Type>OrderBy` (@oneOf), or None for a table without sortable fields."""
    sorts = {n: s for n, s in table.specs.items() if isinstance(s, Column) and s.sort}
    if not sorts:
        return None
    made: Any = make_type(f"{table.__name__}OrderBy", "One step of the order.", kind="oneof")
    for name, spec in sorts.items():
        made.__strawberry_definition__.fields.append(
            new_field(
                name,
                SortDirection | None,
                described(f"By {graphql_name(name)}.", spec.guard, inherited=table.see),
                owner=made,
                metadata={GUARD: spec.guard},
                directives=directives_of(spec.guard, inherited=table.see),
                is_input=True,
            )
        )
    return made


def order_terms(
    table: type[Table], order_by: Sequence[Mapping[str, Any]] | None, default: Sequence[str]
) -> list[tuple[str, bool]]:
    """`[(column, descending), …]`, ending in the id, which makes the order total."""
    terms: dict[str, bool] = {}
    for step in order_by or ():
        for key, direction in step.items():
            _, spec = column_of(table, key)
            assert spec.sort
            terms.setdefault(spec.sort, SortDirection(direction) is SortDirection.DESC)
    if not terms:
        terms = {column.lstrip("-"): column.startswith("-") for column in default}
    last_direction = list(terms.values())[-1] if terms else False
    terms.setdefault("id", last_direction)
    return list(terms.items())
