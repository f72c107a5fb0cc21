"""Which tables hang on a contact, and an operation for each road to their rows: made of the declarations, so that a new
type is walked too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)

from app.engine.declare import TABLES, Column, Listing
from app.engine.guards import SPEC, metadata_of
from app.engine.ids import ID_OF, global_id
from app.engine.types import graphql_name
from app.models import Contact
from app.schema import build
from tests.models.world import links_of

#: A column that says which contact a row hangs on, whether it is a foreign key or a plain id.
CONTACT = "contact_id"
#: Sizes of pages, outer and inner: what they bring together stays within what is answered at once.
LARGE, MIDDLE, SMALL = 50, 8, 2


def schema() -> Any:
    return build()._schema


def hanging() -> dict[str, str]:
    """The declared types whose rows hang on a contact, by the column through which they do; the contact's own is `id`."""
    build()
    found = {"Contact": "id"}
    for name, table in TABLES.items():
        if CONTACT in table.model._meta.fields_db_projection:
            found[name] = CONTACT
    for name, table in TABLES.items():
        for column, target in links_of(table.model).items():
            if name not in found and target.__name__ in found and target is not Contact:
                found[name] = column
    return found


async def ids_of(contact: Contact) -> dict[str, list[str]]:
    """The global ids of the rows that hang on this contact, by type."""
    keys: dict[str, list[Any]] = {}
    ways = hanging()
    while len(keys) < len(ways):
        for name, column in ways.items():
            model = TABLES[name].model
            if column == "id":
                keys[name] = [contact.id]
            elif column == CONTACT:
                keys[name] = await model.filter(contact_id=contact.id).values_list("id", flat=True)
            elif (parent := links_of(model)[column].__name__) in keys:
                keys[name] = await model.filter(**{f"{column}__in": keys[parent]}).values_list(
                    "id", flat=True
                )
    return {name: [global_id(name, each) for each in found] for name, found in keys.items()}


@dataclass(frozen=True)
class Road:
    """One way to rows."""

    name: str
    document: str

    def __str__(self) -> str:
        return self.name


def roads() -> Iterator[Road]:
    """Every list of the schema, and from each of its rows every relation, a step further than where rows hang on a contact."""
    for name, field in schema().query_type.fields.items():
        spec = metadata_of(field).get(SPEC)
        if isinstance(spec, Listing):
            for leaf, below in _steps(_related(field)):
                page = f"totalCount nodes {{ id {below} }}"
                yield Road(f"{name}.{leaf}", f"{{ {name}(first: {LARGE}) {{ {page} }} }}")


def _steps(type_: Any) -> Iterator[tuple[str, str]]:
    """Of an object: all of its plain fields at once, then each relation with all plain fields of what is there."""
    yield "plain", _plain(type_)
    for name, field in type_.fields.items():
        below = _related(field)
        if below is not None:
            yield name, f"{name}{_page(field, MIDDLE)} {_selected(field, below)}"


def _related(field: GraphQLField) -> Any:
    named: Any = get_named_type(field.type)
    if named.name in TABLES:
        return named
    if named.name.endswith("Connection"):
        return get_named_type(named.fields["nodes"].type)
    return None


def _selected(field: GraphQLField, below: Any) -> str:
    inner = f"id {_plain(below)} {_ids_below(below)}"
    return f"{{ totalCount nodes {{ {inner} }} }}" if field.args else f"{{ {inner} }}"


def _page(field: GraphQLField, size: int) -> str:
    """Only connections take arguments."""
    return f"(first: {size})" if field.args else ""


def _ids_below(type_: Any) -> str:
    """Of a related row, the ids of what it is related to."""
    found = []
    for name, field in type_.fields.items():
        if _related(field) is not None:
            ids = "{ totalCount nodes { id } }" if field.args else "{ id }"
            found.append(f"{name}{_page(field, SMALL)} {ids}")
    return " ".join(found)


def _plain(type_: Any) -> str:
    """Its fields without rows in them: columns, groups, what is computed or the latest of something."""
    found = []
    for name, field in type_.fields.items():
        if _related(field) is not None or field.args:
            continue
        named: Any = get_named_type(field.type)
        found.append(f"{name} {{ {_plain(named)} }}" if is_composite_type(named) else name)
    return " ".join(found)


@dataclass(frozen=True)
class Taking:
    """A place of a mutation's input that takes the id of a row that hangs on a contact."""

    mutation: str
    path: tuple[str, ...]
    type_name: str
    is_list: bool

    def __str__(self) -> str:
        return ".".join((self.mutation, *self.path))


def takings() -> Iterator[Taking]:
    ways = hanging()
    for name, field in schema().mutation_type.fields.items():
        for path, type_name, is_list in _id_fields(field):
            if type_name in ways:
                yield Taking(name, path, type_name, is_list)


def id_fields(mutation: str) -> list[tuple[tuple[str, ...], str]]:
    """The places of a mutation's input that take ids, and of which type."""
    field = schema().mutation_type.fields[mutation]
    return [(path, type_name) for path, type_name, _ in _id_fields(field)]


def _id_fields(field: GraphQLField) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    if "input" not in field.args:
        return
    for path, input_field in _input_fields(get_named_type(field.args["input"].type)):
        type_name = metadata_of(input_field).get(ID_OF)
        if type_name is not None:
            yield path, type_name, _is_list(input_field.type)


def _input_fields(type_: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, field in type_.fields.items():
        named = get_named_type(field.type)
        if not isinstance(named, GraphQLInputObjectType):
            yield (*path, name), field
        elif not named.name.endswith("Where"):
            yield from _input_fields(named, (*path, name))


def _is_list(type_: Any) -> bool:
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)


def with_value(sent: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The input with this value at its place."""
    first, *rest = path
    inner = with_value(sent.get(first) or {}, tuple(rest), value) if rest else value
    return {**sent, first: inner}


@dataclass(frozen=True)
class Filter:
    """A list of rows that hang on a contact, and a field by which it is filtered."""

    listing: str
    field: str
    column: str
    type_name: str
    id_of: str | None
    id_in: str | None = None

    def operand(self, row: Any) -> Any:
        """What the row has there, as JSON; None if nothing."""
        value = getattr(row, self.column)
        type_name = getattr(row, self.id_in) if self.id_in is not None else self.id_of
        if type_name and value is not None:
            return global_id(type_name, value)
        if isinstance(value, datetime):
            return value.isoformat()
        return value.name if isinstance(value, Enum) else value


def listings() -> Iterator[tuple[str, Listing]]:
    """The root lists of rows that hang on a contact."""
    ways = hanging()
    for name, field in schema().query_type.fields.items():
        spec = metadata_of(field).get(SPEC)
        if isinstance(spec, Listing) and spec.to in ways:
            yield name, spec


def filters() -> Iterator[Filter]:
    for listing, spec in listings():
        for name, column in TABLES[spec.to].specs.items():
            if isinstance(column, Column) and column.filter:
                yield Filter(
                    listing, graphql_name(name), column.column or name, spec.to, column.id_of, column.id_in
                )
