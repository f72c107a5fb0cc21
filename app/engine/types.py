"""Making Strawberry types and fields by hand, and reading a model's metadata for them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.name_converter import NameConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from app.engine.ids import ID_OF

_names = NameConverter()


def graphql_name(python_name: str) -> str:
    """`vat_id` → `vatId`."""
    return _names.apply_naming_config(python_name)


def describe_enum(enum: type[Enum], description: str, *, name: str | None = None, **values: str) -> None:
    """Publishes an enum with a description for it and for each of its values."""
    strawberry.enum(enum, name=name, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


def list_of(type_: Any) -> Any:
    """`list[type_]` for a type that is only known at run time."""
    return list[type_]


def make_type(name: str, description: str, *, kind: str = "type") -> Any:
    """An empty Strawberry type, input, or @oneOf input, whose fields are appended later (so that types may be cyclic)."""
    cls = type(name, (), {"__annotations__": {}, "__module__": __name__})
    match kind:
        case "input":
            return strawberry.input(cls, description=description)
        case "oneof":
            return strawberry.input(cls, description=description, one_of=True)
        case _:
            return strawberry.type(cls, description=description)


def new_field(
    name: str,
    type_: Any,
    description: str,
    *,
    owner: type,
    metadata: Mapping[str, Any],
    directives: Sequence[object] = (),
    arguments: Sequence[StrawberryArgument] = (),
    is_input: bool = False,
) -> StrawberryField:
    """A field to append to a type's definition."""
    made = StrawberryField(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(type_),
        origin=owner,
        description=description,
        directives=list(directives),
        metadata=metadata,
        default=strawberry.UNSET if is_input else None,
    )
    made.arguments = list(arguments)
    return made


def argument(name: str, type_: Any, description: str, *, id_of: str | None = None) -> StrawberryArgument:
    """`id_of`: it takes the global id (or ids) of that type."""
    metadata = {ID_OF: id_of} if id_of else {}
    return StrawberryArgument(
        name, None, StrawberryAnnotation(type_), description=description, metadata=metadata
    )


def field_of(model: type[Model], column_name: str) -> fields.Field[Any]:
    """The model's field behind a column. `owner_id` is the relation `owner`: Tortoise adds the column when it connects."""
    known = model._meta.fields_map
    name = column_name if column_name in known else column_name.removesuffix("_id")
    if name not in known:
        raise TypeError(f"{model.__name__} has no column {column_name!r}.")
    return known[name]


def related_model(model: type[Model], column_name: str) -> type[Model]:
    """The model that a foreign key column (`owner_id`) points to."""
    relation = model._meta.fields_map[column_name.removesuffix("_id")]
    assert isinstance(relation, ForeignKeyFieldInstance)
    return relation.related_model


@cache
def base_type_of(model: type[Model], column_name: str) -> Any:
    """The Python type that a column's values have, without its nullability."""
    field = field_of(model, column_name)
    if isinstance(field, CharEnumFieldInstance):
        return field.enum_type
    for kind, type_ in (
        (fields.BooleanField, bool),
        (fields.DatetimeField, datetime),
        (fields.UUIDField, UUID),
        ((fields.IntField, fields.SmallIntField), int),
        ((fields.CharField, fields.TextField), str),
    ):
        if isinstance(field, kind):
            return type_
    raise TypeError(
        f"{model.__name__}.{column_name}: say `type=`; a {type(field).__name__} has no type of the API."
    )


_PLAIN = (
    fields.BooleanField,
    fields.DatetimeField,
    fields.UUIDField,
    fields.IntField,
    fields.SmallIntField,
    fields.BigIntField,
    fields.CharField,
    fields.TextField,
    ForeignKeyFieldInstance,
)


def is_plain(model: type[Model], column_name: str) -> bool:
    """Does the database hold the value as the API shows it, or so that SQL can write it that way?"""
    field = field_of(model, column_name)
    if isinstance(field, CharEnumFieldInstance):
        return all(each.name == each.value for each in field.enum_type)
    return type(field) in _PLAIN


def condition(lookup: str, given: Any) -> Q:
    """`Q(lookup=given)` for a lookup that is only known as text."""
    named: dict[str, Any] = {lookup: given}
    return Q(**named)


def either(*conditions: Q) -> Q:
    """At least one of them."""
    return Q(*conditions, join_type="OR")
