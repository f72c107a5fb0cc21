"""Ids among the arguments: each is of the type that its place says, or the operation is refused before it runs.

As a value that does not fit its scalar. Nothing is asked of a database, so it tells nothing of any row.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
)

from app.engine.declare import TABLES
from app.engine.guards import metadata_of
from app.engine.ids import ANY_ID, ANY_NODE, ID_OF, local_id, type_and_id, wrong_id

Declared = GraphQLArgument | GraphQLInputField
FILTER = "IDFilter"


def check_ids(name: str, declared: Declared, given: Any) -> None:
    """Of one argument, coerced. Raises BadUserInput for the first id that is of another type, or none."""
    if holds_ids(declared.type):
        _check(declared.type, id_of(declared), given, (name,))


def undeclared_ids(schema: GraphQLSchema) -> Iterator[str]:
    """Arguments and input fields that take an id and do not say of what: `Query.contact(id:)`, `ContactWhere.ownerId`."""
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(type_, GraphQLInputObjectType):
            yield from _undeclared(name, type_.fields, "{}.{}")
        for field_name, field in getattr(type_, "fields", {}).items():
            yield from _undeclared(f"{name}.{field_name}", getattr(field, "args", {}), "{}({}:)")


def id_of(declared: Declared) -> str | None:
    """The type of the rows whose ids it takes; None if it takes none, or does not say."""
    found: str | None = metadata_of(declared).get(ID_OF)
    return found


@cache
def holds_ids(type_: Any) -> bool:
    """Whether there may be an id somewhere in a value of this input type."""
    return _leads_to_id(get_named_type(type_), set())


def _leads_to_id(type_: Any, seen: set[str]) -> bool:
    if not isinstance(type_, GraphQLInputObjectType):
        return type_ is GraphQLID
    if type_.name in seen:
        return False
    seen.add(type_.name)
    return any(_leads_to_id(get_named_type(field.type), seen) for field in type_.fields.values())


@cache
def _fields_with_ids(type_: GraphQLInputObjectType) -> Mapping[str, tuple[Any, str | None]]:
    return {name: (field.type, id_of(field)) for name, field in type_.fields.items() if holds_ids(field.type)}


def _check(type_: Any, expected: str | None, given: Any, path: Sequence[str]) -> None:
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    if isinstance(type_, GraphQLList) and isinstance(given, list):
        for place, each in enumerate(given):
            _check(type_.of_type, expected, each, (*path, str(place)))
    elif isinstance(type_, GraphQLInputObjectType) and isinstance(given, Mapping):
        for name, (below, own) in _fields_with_ids(type_).items():
            if name in given:
                # The operators of a filter take ids of what the field is of.
                _check(below, own or expected, given[name], (*path, name))
    elif type_ is GraphQLID and given is not None and expected is not None:
        _check_one(expected, given, path)


def _check_one(expected: str, given: str, path: Sequence[str]) -> None:
    if expected not in (ANY_NODE, ANY_ID):
        local_id(expected, given, path)
        return
    try:
        found, _ = type_and_id(given)
    except ValueError:
        raise wrong_id(ANY_NODE, None, path) from None
    if expected == ANY_NODE and found not in TABLES:
        raise wrong_id(ANY_NODE, found, path)


def _undeclared(owner: str, parts: Mapping[str, Declared], form: str) -> Iterator[str]:
    for name, part in parts.items():
        takes = get_named_type(part.type)
        takes_ids = takes is GraphQLID or takes.name == FILTER
        # A filter's own operators are of whatever the filter is of.
        if takes_ids and owner != FILTER and id_of(part) is None:
            yield form.format(owner, name)
