"""Every place in a mutation's input where an id may be sent, and an input around it that is otherwise right."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    get_named_type,
    get_nullable_type,
    is_required_input_field,
)

from app.engine.guards import metadata_of
from app.engine.ids import ID_OF
from app.schema import build
from tests.graphql import OTHER_PASSWORD, PASSWORD
from tests.schema.operations import is_one_of, value_of

OWNERS_EMAIL = "vlastnik@firma.cz"
#: What a field of this name takes, where the type alone does not tell. By "mutation.field" or by the field.
GOOD: Mapping[str, Any] = {
    "signIn.email": OWNERS_EMAIL,
    "email": "jana@firma.cz",
    "password": PASSWORD,
    "current": PASSWORD,
    "new": OTHER_PASSWORD,
    "subject": "Nabídka",
    "text": "Dobrý den",
    "summary": "Hovor",
    "title": "Zavolat",
    "name": "Řezník",
    "note": "Poznámka",
    "reason": "Důvod",
    "campaign": "Jaro",
    "roles": ["TELEPHONIST"],
    "idempotencyKey": None,
}


class Place(NamedTuple):
    """One field of a mutation's input that takes an id (or several) of a type. `steps` lead to it."""

    mutation: str
    input_type: GraphQLInputObjectType
    steps: tuple[str, ...]
    type_name: str
    is_many: bool

    @property
    def document(self) -> str:
        return document_of(self.mutation)

    def __str__(self) -> str:
        return f"{self.mutation}.{'.'.join(self.steps)}"


def mutations() -> Mapping[str, GraphQLField]:
    root = build()._schema.mutation_type
    assert root is not None
    return dict(root.fields)


def input_of(field: GraphQLField) -> GraphQLInputObjectType | None:
    """The type of the mutation's input, None if it takes none."""
    found = get_named_type(field.args["input"].type) if "input" in field.args else None
    assert found is None or isinstance(found, GraphQLInputObjectType)
    return found


def document_of(mutation: str) -> str:
    """The mutation with its input, whether it went well, and the faults."""
    type_ = mutations()[mutation].args["input"].type
    return (
        f"mutation Try($input: {type_}) {{ {mutation}(input: $input) {{ "
        "__typename errors { code path message } } }"
    )


def places() -> Iterator[Place]:
    """Every place of every mutation."""
    for name, field in mutations().items():
        if (input_type := input_of(field)) is not None:
            for steps, found in _id_fields(input_type):
                many = isinstance(get_nullable_type(found.type), GraphQLList)
                yield Place(name, input_type, steps, metadata_of(found)[ID_OF], many)


def places_of_filters() -> Iterator[Place]:
    """Every `where` in the input of a mutation; `type_name` is of the type that it filters."""
    for name, field in mutations().items():
        input_type = input_of(field)
        for key, found in input_type.fields.items() if input_type else ():
            filtered = get_named_type(found.type).name
            if filtered.endswith("Where"):
                assert input_type is not None
                yield Place(name, input_type, (key,), filtered.removesuffix("Where"), False)


def _id_fields(type_: GraphQLInputObjectType) -> Iterator[tuple[tuple[str, ...], GraphQLInputField]]:
    """Filters are tried elsewhere: an id in them that is nobody's finds nothing, and is no error."""
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        if inner.name == "ID":
            assert metadata_of(field).get(ID_OF), f"{type_.name}.{name} does not say whose id it is"
            yield (name,), field
        elif isinstance(inner, GraphQLInputObjectType) and not inner.name.endswith("Where"):
            for steps, found in _id_fields(inner):
                yield (name, *steps), found


async def input_with(place: Place, value: Any, own: Callable[[str], Awaitable[str]]) -> dict[str, Any]:
    """The smallest right input, with own rows wherever it needs any, and `value` at the place."""
    return await _filled(place.mutation, place.input_type, place.steps, value, own)


async def _filled(
    mutation: str,
    type_: GraphQLInputObjectType,
    steps: tuple[str, ...],
    value: Any,
    own: Callable[[str], Awaitable[str]],
) -> dict[str, Any]:
    wanted = {name for name, field in type_.fields.items() if is_required_input_field(field)}
    if is_one_of(type_):
        wanted = {steps[0]} if steps else {next(iter(type_.fields))}
    filled: dict[str, Any] = {}
    for name in [*wanted, *(step for step in steps[:1] if step not in wanted)]:
        field, below = type_.fields[name], steps[1:] if steps[:1] == (name,) else None
        inner = get_named_type(field.type)
        is_many = isinstance(get_nullable_type(field.type), GraphQLList)
        if below == ():
            filled[name] = value
        elif isinstance(inner, GraphQLInputObjectType):
            one = await _filled(mutation, inner, below or (), value, own)
            filled[name] = [one] if is_many else one
        elif inner.name == "ID":
            id_ = await own(metadata_of(field)[ID_OF])
            filled[name] = [id_] if is_many else id_
        else:
            filled[name] = _sample(mutation, name, field)
    return filled


def _sample(mutation: str, name: str, field: GraphQLInputField) -> Any:
    known = GOOD.get(f"{mutation}.{name}", GOOD.get(name))
    if (known is not None and not isinstance(get_named_type(field.type), GraphQLEnumType)) or name == "roles":
        return known
    return value_of(field.type, field)
