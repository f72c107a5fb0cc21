"""A smallest valid operation for each root field of the schema, made from the schema itself."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema_directives import OneOf

from app.engine.guards import guard_of, metadata_of
from app.engine.ids import ID_OF, global_id
from app.ids import uuid7
from app.policy import Guard

ROOTS = ("query", "mutation", "subscription")


class Operation(NamedTuple):
    """One root field: its document, variables that fit, and what stands before it."""

    kind: str
    name: str
    document: str
    variables: Mapping[str, Any]
    guard: Guard


def operations(schema: GraphQLSchema) -> Iterator[Operation]:
    """Every root field of the schema. Ids among the variables name rows that are nowhere."""
    for kind in ROOTS:
        root = getattr(schema, f"{kind}_type")
        for name, field in root.fields.items():
            yield operation(kind, name, field)


def operation(kind: str, name: str, field: GraphQLField, **more: Any) -> Operation:
    """`more` adds fields to the input."""
    required = {key: given for key, given in field.args.items() if is_required_argument(given)}
    declared = "".join(f"${key}: {given.type} " for key, given in required.items())
    passed = "".join(f"{key}: ${key} " for key in required)
    heading = f"{kind} Try({declared})" if declared else f"{kind} Try"
    arguments = f"({passed})" if passed else ""
    document = f"{heading} {{ {name}{arguments} {_selection(field)} }}"
    variables = {key: value_of(given.type, given) for key, given in required.items()}
    if more:
        variables["input"] = {**variables["input"], **more}
    guard = guard_of(field)
    assert guard is not None
    return Operation(kind, name, document, variables, guard)


def _selection(field: GraphQLField) -> str:
    named = get_named_type(field.type)
    return "{ __typename }" if isinstance(named, GraphQLObjectType | GraphQLInterfaceType) else ""


def sample(field: GraphQLInputField) -> Any:
    """A value that fits an input field."""
    return value_of(field.type, field)


def value_of(type_: GraphQLInputType, declared: Any) -> Any:
    if isinstance(type_, GraphQLNonNull):
        return value_of(type_.of_type, declared)
    if isinstance(type_, GraphQLList):
        return [value_of(type_.of_type, declared)]
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        return _input(type_)
    if type_.name == "ID":
        return global_id(metadata_of(declared).get(ID_OF) or "Contact", uuid7())
    samples: dict[str, Any] = {
        "DateTime": "2027-01-01T08:00:00Z",
        "Int": 1,
        "Boolean": True,
        "Float": 1.5,
        "Decimal": "1.50",
    }
    return samples.get(type_.name, "x")


def _input(type_: GraphQLInputObjectType) -> dict[str, Any]:
    if is_one_of(type_):
        name, field = next(iter(type_.fields.items()))
        return {name: sample(field)}
    return {name: sample(field) for name, field in type_.fields.items() if is_required_input_field(field)}


def is_one_of(type_: GraphQLInputObjectType) -> bool:
    """Strawberry keeps it as a directive of the definition and does not tell graphql-core."""
    return any(isinstance(each, OneOf) for each in definition_of(type_).directives)


def definition_of(type_: GraphQLInputObjectType) -> Any:
    return type_.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
