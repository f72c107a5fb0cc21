"""The Strawberry types made of the declarations."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import strawberry
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from app.engine import declare
from app.engine.declare import TABLES, Spec, Table
from app.engine.filters import order_input, where_input
from app.engine.guards import GUARD, SPEC, described, directives_of
from app.engine.ids import ANY_NODE
from app.engine.paging import LARGEST_SIZE, PageInfo
from app.engine.types import argument, base_type_of, describe_enum, field_of, list_of, make_type, new_field
from app.policy import Guard, Level, Permission

MOST_NODES = 100

CONNECTION_TYPES: dict[str, type] = {}
_inputs: dict[tuple[str, str], type | None] = {}


def complete_tables() -> None:
    """Gives every declared type its fields. Once, when all declarations are loaded."""
    for table in TABLES.values():
        definition = table.__strawberry_definition__  # type: ignore[attr-defined]
        definition.fields.extend(
            spec_field(name, spec, table, inherited=table.see) for name, spec in table.specs.items()
        )


def root_type(name: str, description: str, specs: Mapping[str, Spec | StrawberryField]) -> type:
    """A root type: declared fields, and Strawberry's own for whatever is not a row."""
    made = make_type(name, description)
    for field_name, spec in specs.items():
        if isinstance(spec, Spec):
            made.__strawberry_definition__.fields.append(spec_field(field_name, spec, made))
        else:
            spec.python_name, spec.origin = field_name, made
            made.__strawberry_definition__.fields.append(spec)
    return made  # type: ignore[no-any-return]


def held(guard: Guard, description: str, to: str, *, many: bool = False, rest: str | None = None) -> Any:
    """A field of a value type whose value is an id of table `to` (or several), shown as rows in reach.

    `rest` names the field that counts what an event's list leaves out, among it what its selection cannot afford.
    """
    return _value_field(declare.Held(guard=guard, description=description, to=to, many=many, rest=rest))


def all_of(guard: Guard, description: str, to: str, *, order: str) -> Any:
    """A field of a value type that shows every row of table `to` in reach."""
    return _value_field(declare.AllOf(guard=guard, description=description, to=to, order=(order,)))


def _value_field(spec: Spec) -> Any:
    return strawberry.field(
        description=described(spec.description, spec.guard),
        directives=directives_of(spec.guard),
        metadata={GUARD: spec.guard, SPEC: spec},
        default=None,
    )


def spec_field(name: str, spec: Spec, owner: type, *, inherited: Guard | None = None) -> StrawberryField:
    """The Strawberry field that a declaration means."""
    return new_field(
        name,
        _type_of(name, spec, owner, inherited),
        described(spec.description, spec.guard, inherited=inherited),
        owner=owner,
        metadata={GUARD: spec.guard, SPEC: spec},
        directives=directives_of(spec.guard, inherited=inherited),
        arguments=_arguments_of(spec),
    )


def _type_of(name: str, spec: Spec, owner: type, inherited: Guard | None) -> Any:
    guarded = isinstance(spec.guard, Permission) and spec.guard is not inherited
    match spec:
        case declare.Column():
            assert issubclass(owner, Table)
            column = spec.column or name
            type_ = spec.type or (
                strawberry.ID if spec.id_of or spec.id_in else _published(base_type_of(owner.model, column))
            )
            return type_ | None if guarded or field_of(owner.model, column).null else type_
        case declare.Group(type=type_) | declare.Computed(type=type_):
            return type_ | None
        case declare.Latest(to=to, column=column):
            return base_type_of(TABLES[to].model, column) | None
        case declare.Recent() | declare.Counted():
            return int | None
        case declare.ToMany(to=to, paged=False) | declare.AllOf(to=to):
            rows = list_of(TABLES[to])
            return rows | None if guarded else rows
        case declare.ToMany(to=to) | declare.Listing(to=to):
            return connection_type(TABLES[to]) | None
        case declare.AnyNode(many=many):
            return list[declare.Node | None] if many else declare.Node | None
        case declare.ToOne(to=to) | declare.ById(to=to) | declare.Own(to=to):
            return TABLES[to] | None
    raise TypeError(f"{type(spec).__name__} has no type of its own.")


def _published(type_: Any) -> Any:
    if (
        isinstance(type_, type)
        and issubclass(type_, Enum)
        and not hasattr(type_, "__strawberry_definition__")
    ):
        raise TypeError(
            f"{type_.__name__} needs descriptions: call describe_enum before the declarations that use it."
        )
    return type_


def _arguments_of(spec: Spec) -> Sequence[StrawberryArgument]:
    match spec:
        case declare.ById():
            return [argument("id", strawberry.ID, "Its global id.", id_of=spec.to)]
        case declare.AnyNode(many=True):
            about = f"Global ids, at most {MOST_NODES}."
            return [argument("ids", list[strawberry.ID], about, id_of=ANY_NODE)]
        case declare.AnyNode():
            return [argument("id", strawberry.ID, "A global id.", id_of=ANY_NODE)]
        case declare.Listing(to=to, search=search):
            extra = (
                [
                    argument(
                        "search",
                        str | None,
                        "Words to find, whatever their accents and case. An empty or blank one is no search.",
                    )
                ]
                if search
                else []
            )
            return [*_page_arguments(TABLES[to]), *extra]
        case declare.ToMany(to=to, paged=True):
            return _page_arguments(TABLES[to])
        case _:
            return []


def _page_arguments(table: type[Table]) -> list[StrawberryArgument]:
    found = [
        argument(
            "first",
            int | None,
            f"The size of the page from the beginning: 1 to {LARGEST_SIZE}, 25 if not given.",
        ),
        argument("after", str | None, "Only rows after this cursor."),
        argument("last", int | None, f"The size of the page from the end: 1 to {LARGEST_SIZE}."),
        argument("before", str | None, "Only rows before this cursor."),
    ]
    if where := _input(table, "where", where_input):
        found.append(argument("where", where | None, "Only rows for which this holds."))
    if order := _input(table, "order", order_input):
        found.append(argument("orderBy", list_of(order) | None, "The order, first step first."))
    return found


def where_type(table: type[Table]) -> Any:
    """`<Type>Where`, for an input that takes one; its fields keep their guards there."""
    return _input(table, "where", where_input)


def _input(table: type[Table], kind: str, make: Callable[[type[Table]], type | None]) -> type | None:
    key = (table.__name__, kind)
    if key not in _inputs:
        _inputs[key] = make(table)
    return _inputs[key]


def connection_type(table: type[Table]) -> Any:
    """`<Type>Connection`, made once."""
    name = table.__name__
    if f"{name}Connection" in CONNECTION_TYPES:
        return CONNECTION_TYPES[f"{name}Connection"]
    edge = CONNECTION_TYPES[f"{name}Edge"] = make_type(f"{name}Edge", f"One {name} and its place in a list.")
    connection = CONNECTION_TYPES[f"{name}Connection"] = make_type(
        f"{name}Connection", f"A page of {name} rows."
    )
    for owner, field_name, type_, description in (
        (edge, "cursor", str, "Its place, for `after` and `before`."),
        (edge, "node", table, f"The {name}."),
        (connection, "nodes", list_of(table), "The rows of this page."),
        (connection, "edges", list_of(edge), "The rows of this page, each with its cursor."),
        (connection, "page_info", PageInfo, "Where this page lies."),
        (connection, "total_count", int, "How many rows the whole list has, counted up to 10,000."),
        (connection, "total_count_capped", bool, "True where there are more than `totalCount` says."),
    ):
        owner.__strawberry_definition__.fields.append(
            new_field(field_name, type_, description, owner=owner, metadata={GUARD: Level.ANONYMOUS})
        )
    return connection


__all__ = [
    "all_of",
    "complete_tables",
    "connection_type",
    "describe_enum",
    "held",
    "root_type",
    "spec_field",
    "where_type",
]
