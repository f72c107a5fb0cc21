"""Odd values for every argument and input field of the schema, made from the schema itself.

Each `Case` is one operation with values that fit, but for one place. Halves of surrogate pairs and NaN are not among them:
no JSON brings them past the transports.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)

from app.engine.guards import metadata_of
from app.engine.ids import ID_OF
from tests.schema.operations import ROOTS, is_one_of, value_of

LONG = "x" * 10_000
TEXTS: tuple[Any, ...] = (
    *("", " ", "\t\r\n", "\U000e0041", "\u3164", "\x00", "a\x00b", "\u2028", "a\u2028b", "a\r\nBcc: b@c.cz", "\u202ea", "\ufeff"),
    *(LONG, "ž" * 300, "a" + "\u0301" * 5_000, "\U0001f600" * 600, "%", "_%\\", "' OR 1=1 --", "$1", "{{x}}", "null"),
    *("a@b.cz, c@d.cz", "a@b.cz> SIZE=1", '"a b"@c.cz', "a@127.0.0.1", "+420", "CZ1", "../../etc/passwd", "http://["),
    *("00006947", "1e3", "-1", "٣", 5, -1, 1.5, 10**30, True, [], ["a"], {}, {"a": 1}),
)  # fmt: skip
IDS: tuple[Any, ...] = (
    *("", " ", "\x00", "\u2028", LONG, "Contact:1", "Q29udGFjdDox", "Q29udGFjdA==", "====", "////", "8J+YgA==", "AAAA"),
    *("0190a5c8-0000-7000-8000-000000000000", "Tm9wZTowMTkwYTVjOC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDA=", "' OR 1=1 --"),
    *(0, -1, 2**63, 1.5, True, [], {}),
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 1.0, 1.5, 1441, 101, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63, 10**30),
    *("1", "", "x", True, [], [1], {}),
)  # fmt: skip
MOMENTS: tuple[Any, ...] = (
    *("", "x", "\x00", LONG, "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T24:00:00Z"),
    *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999Z"),
    *("9999-12-31T23:59:59-23:59", "1970-01-01T00:00:00+99:99", "2026-12-31T23:59:60Z", "٢٠٢٦-01-01T00:00:00Z"),
    *(0, -1, 1.5, 2**63, True, [], {}),
)  # fmt: skip
FLAGS: tuple[Any, ...] = ("true", "", 0, 1, 1.5, [], {})
CHOICES: tuple[Any, ...] = ("", "NOPE", "admin", "\x00", LONG, 0, -1, True, [], {})
LISTS: tuple[Any, ...] = ([], [None], [[]], [{}], "x", 5, {})
OBJECTS: tuple[Any, ...] = ({}, [], "x", 5, True, {"nope": 1}, {"": None}, {"__typename": "x"})
BY_SCALAR: Mapping[str, tuple[Any, ...]] = {
    "ID": IDS,
    "Int": NUMBERS,
    "Float": NUMBERS,
    "Boolean": FLAGS,
    "DateTime": MOMENTS,
}
# `where` holds itself in `and`, `or` and `not`.
DEEPEST = 4

Ids = Mapping[str, str]


class Case(NamedTuple):
    """`operation` with one odd value at `place`."""

    operation: str
    document: str
    variables: Mapping[str, Any]
    place: str

    @property
    def is_subscription(self) -> bool:
        return self.document.startswith("subscription")


def odd_operations(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField, str]]:
    """Every root field that takes anything: its name, itself, and what kind of operation it is."""
    for kind in ROOTS:
        root = getattr(schema, f"{kind}_type")
        for name, field in root.fields.items():
            if field.args:
                yield name, field, kind


def cases(name: str, field: GraphQLField, kind: str, ids: Ids) -> Iterator[Case]:
    """The operation with everything odd, one thing at a time. `ids`: the global id of a row in reach by its type."""
    document = _document(name, field, kind)
    fitting = {
        key: _fitting(argument.type, argument, ids)
        for key, argument in field.args.items()
        if is_required_argument(argument)
    }
    for key, argument in field.args.items():
        for place, value in _odd(argument.type, argument, ids, DEEPEST):
            yield Case(name, document, {**fitting, key: value}, f"{name}({key}{place})")


def _document(name: str, field: GraphQLField, kind: str) -> str:
    declared = " ".join(f"${key}: {argument.type}" for key, argument in field.args.items())
    passed = " ".join(f"{key}: ${key}" for key in field.args)
    return f"{kind} Odd({declared}) {{ {name}({passed}) {_selection(get_named_type(field.type))} }}"


def _selection(type_: GraphQLNamedType) -> str:
    if not isinstance(type_, GraphQLObjectType):
        return "" if isinstance(type_, GraphQLScalarType | GraphQLEnumType) else "{ __typename }"
    if "errors" in type_.fields:
        return "{ __typename errors { message code path } }"
    if "nodes" in type_.fields:
        return "{ totalCount nodes { __typename } pageInfo { endCursor } }"
    return "{ __typename }"


def _odd(type_: GraphQLInputType, declared: Any, ids: Ids, depth: int) -> Iterator[tuple[str, Any]]:
    """(place, value): values of which something does not fit `type_`, or hardly."""
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    yield "", None
    if isinstance(type_, GraphQLList):
        yield from (("", each) for each in LISTS)
        yield "[300]", [_fitting(type_.of_type, declared, ids)] * 300
        yield from ((f".0{place}", [each]) for place, each in _odd(type_.of_type, declared, ids, depth - 1))
    elif isinstance(type_, GraphQLInputObjectType):
        yield from (("", each) for each in OBJECTS)
        if depth > 0:
            yield from _odd_fields(type_, ids, depth)
    elif isinstance(type_, GraphQLEnumType):
        yield from (("", each) for each in CHOICES)
    else:
        yield from (("", each) for each in BY_SCALAR.get(type_.name, TEXTS))
        if type_.name == "ID":
            yield from (("", each) for each in ids.values())


def _odd_fields(type_: GraphQLInputObjectType, ids: Ids, depth: int) -> Iterator[tuple[str, Any]]:
    besides = {} if is_one_of(type_) else _fitting(type_, None, ids)
    for name, field in type_.fields.items():
        for place, each in _odd(field.type, field, ids, depth - 1):
            yield f".{name}{place}", {**besides, name: each}


def _fitting(type_: GraphQLInputType, declared: Any, ids: Ids) -> Any:
    """A value that fits; ids are those of rows in reach."""
    if isinstance(type_, GraphQLNonNull):
        return _fitting(type_.of_type, declared, ids)
    if isinstance(type_, GraphQLList):
        return [_fitting(type_.of_type, declared, ids)]
    if isinstance(type_, GraphQLInputObjectType):
        asked = {name: field for name, field in type_.fields.items() if is_required_input_field(field)}
        if is_one_of(type_):
            asked = dict(list(type_.fields.items())[:1])
        return {name: _fitting(field.type, field, ids) for name, field in asked.items()}
    if isinstance(type_, GraphQLScalarType) and type_.name == "ID":
        return ids.get(metadata_of(declared).get(ID_OF) or "Contact", next(iter(ids.values())))
    return value_of(type_, declared)
