"""`where` and `orderBy`: the inputs generated from the declarations, and what they mean for a query."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from tortoise.expressions import Q
from tortoise.models import Model

from app.engine.declare import Column, Table
from app.engine.guards import GUARD, described, directives_of
from app.engine.ids import local_id
from app.engine.types import (
    base_type_of,
    condition,
    describe_enum,
    either,
    field_of,
    graphql_name,
    list_of,
    make_type,
    new_field,
)
from app.errors import BadUserInput, NotFound
from app.policy import Level

MOST_VALUES = 250
MOST_CONDITIONS = 100
DEEPEST_WHERE = 10
NO_ROW = UUID(int=0)
ALWAYS, NEVER = Q(id__not=NO_ROW), Q(id=NO_ROW)
NULL_SAFE = ("isNull", "ne")


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


def filter_type(table: type[Table], spec: Column, name: str) -> Any:
    """The operators' input for a column: by its base type, one for each enum."""
    if spec.id_of is not None:
        return IDFilter
    base = base_type_of(table.model, spec.column or name)
    if isinstance(base, type) and issubclass(base, Enum):
        if base not in _FILTERS:
            _FILTERS[base] = _operators(f"{base.__name__}Filter", base, ["eq", "ne", "in"])
        return _FILTERS[base]
    return _FILTERS[base]


def where_input(table: type[Table]) -> Any:
    """`<Type>Where`, or None for a table without filters. A guarded field has a guarded filter."""
    filters = {n: s for n, s in table.specs.items() if isinstance(s, Column) and s.filter}
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
                metadata={GUARD: spec.guard},
                directives=directives_of(spec.guard, inherited=table.see),
                is_input=True,
            )
        )
    return made


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


def where_q(table: type[Table], where: Mapping[str, Any]) -> Q:
    """The condition that a coerced `where` means. Raises BadUserInput for one too large to be asked of a database."""
    if _size(where, depth=1) > MOST_CONDITIONS:
        raise BadUserInput(f"A `where` has at most {MOST_CONDITIONS} conditions.")
    return _meaning(table, where, below_not=False) if where else Q()


def _size(where: Mapping[str, Any], *, depth: int) -> int:
    """How many conditions there are, an empty branch counted as one."""
    if depth > DEEPEST_WHERE:
        raise BadUserInput(f"A `where` is at most {DEEPEST_WHERE} levels deep.")
    size = 0
    for key, given in where.items():
        if key == "not" and given is not None:
            size += _size(given, depth=depth + 1)
        elif key in ("and", "or"):
            size += sum(_size(each, depth=depth + 1) for each in given or ())
        else:
            size += len(given or ())
    return max(size, 1)


def _meaning(table: type[Table], where: Mapping[str, Any], *, below_not: bool) -> Q:
    """Never an empty Q, whose negation would be empty too."""
    parts: list[Q] = []
    for key, given in where.items():
        if given is None:
            continue
        match key:
            case "and":
                parts += [_meaning(table, each, below_not=below_not) for each in given]
            case "or":
                branches = [_meaning(table, each, below_not=below_not) for each in given]
                parts.append(either(*branches) if branches else NEVER)
            case "not":
                parts.append(~_meaning(table, given, below_not=True))
            case _:
                parts += _conditions(table, key, given, below_not=below_not)
    return Q(*parts) if parts else ALWAYS


def _conditions(table: type[Table], key: str, operators: Mapping[str, Any], *, below_not: bool) -> list[Q]:
    name = next(name for name in table.specs if graphql_name(name) == key)
    spec = table.specs[name]
    assert isinstance(spec, Column)
    column_name = spec.column or name
    found = [_condition(table, column_name, spec, operator, given) for operator, given in operators.items()]
    if below_not and is_nullable(table, column_name):
        # SQL's third truth value is the same whether negated or not: without this a `not` would lose every null.
        known = condition(f"{column_name}__isnull", False)
        return [
            each if operator in NULL_SAFE else Q(known, each)
            for operator, each in zip(operators, found, strict=True)
        ]
    return found


def _condition(table: type[Table], column_name: str, spec: Column, operator: str, given: Any) -> Q:
    if operator == "isNull":
        return condition(f"{column_name}__isnull", given) if given is not None else ALWAYS
    if given is None:
        raise BadUserInput(f"`{operator}` cannot be null; use isNull.")
    if operator == "in" and len(given) > MOST_VALUES:
        raise BadUserInput(f"At most {MOST_VALUES} values in one `in`; {len(given)} were given.")
    values = [_stored(table, column_name, spec, each) for each in (given if operator == "in" else [given])]
    match operator:
        case "in":
            return condition(f"{column_name}__in", values) if values else NEVER
        case "eq":
            return condition(column_name, values[0])
        case "ne":
            return Q(
                condition(f"{column_name}__not", values[0]),
                condition(f"{column_name}__isnull", True),
                join_type="OR",
            )
        case _:
            return condition(f"{column_name}__{operator}", values[0])


def _stored(table: type[Table], column_name: str, spec: Column, given: Any) -> Any:
    """The value as the column holds it. An id of another type, or none at all, matches no row."""
    if spec.id_of is not None:
        try:
            return local_id(spec.id_of, given)
        except NotFound:
            return NO_ROW
    return comparable(table.model, column_name, given)


def checked_text(given: str) -> str:
    """Text that a database can compare with. Raises BadUserInput for NUL and lone surrogates."""
    if "\x00" in given or any("\ud800" <= character <= "\udfff" for character in given):
        raise BadUserInput("The text holds a character that cannot be stored.")
    return given


def comparable(model: type[Model], column_name: str, given: Any) -> Any:
    """A value that the column could hold: no database compares with another. Raises BadUserInput."""
    limits = field_of(model, column_name).constraints
    if isinstance(given, str):
        checked_text(given)
        if len(given) > limits.get("max_length", len(given)):
            raise BadUserInput(f"This field has no more than {limits['max_length']} characters.")
    elif type(given) is int and not limits.get("ge", given) <= given <= limits.get("le", given):
        raise BadUserInput(f"{given} is out of range here: {limits['ge']} to {limits['le']}.")
    return given


def order_terms(
    table: type[Table], order_by: Sequence[Mapping[str, Any]] | None, default: Sequence[str]
) -> list[tuple[str, bool]]:
    """`[(column, descending), …]`, ending in the id, which makes the order total."""
    terms: dict[str, bool] = {}
    for step in order_by or ():
        for key, direction in step.items():
            name = next(name for name in table.specs if graphql_name(name) == key)
            spec = table.specs[name]
            assert isinstance(spec, Column) and spec.sort
            terms.setdefault(spec.sort, SortDirection(direction) is SortDirection.DESC)
    if not terms:
        terms = {column.lstrip("-"): column.startswith("-") for column in default}
    last_direction = list(terms.values())[-1] if terms else False
    terms.setdefault("id", last_direction)
    return list(terms.items())


def is_nullable(table: type[Table], column_name: str) -> bool:
    return field_of(table.model, column_name).null
