"""What holds for every field of the schema, the ones of tomorrow too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    parse,
    validate,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from app.engine.declare import TABLES
from app.engine.guards import AnyOf, RequiresRole, guard_of
from app.policy import Level, Permission, roles_with
from app.schema import build

DOCUMENTS = Path(__file__).parent.parent / "documents"
MAKING = ("Create", "Record", "Invite", "Send")


def schema() -> GraphQLSchema:
    return build()._schema


def types() -> Iterator[GraphQLNamedType]:
    yield from (type_ for name, type_ in schema().type_map.items() if not name.startswith("__"))


def output_fields() -> Iterator[tuple[str, str, GraphQLField]]:
    for type_ in types():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                yield type_.name, name, field


def input_fields() -> Iterator[tuple[str, str, GraphQLInputField]]:
    for type_ in types():
        if isinstance(type_, GraphQLInputObjectType):
            for name, field in type_.fields.items():
                yield type_.name, name, field


def own_permission(owner: str, field: GraphQLField | GraphQLInputField) -> bool:
    """Whether the field asks for a right beyond the one to see its type."""
    guard = guard_of(field)
    table = TABLES.get(owner.removesuffix("Where").removesuffix("OrderBy"))
    return guard is not None and not isinstance(guard, Level) and (table is None or guard is not table.see)


@pytest.fixture(autouse=True)
def _surroundings() -> None:
    """No database: this is about the schema alone."""


def test_every_output_field_has_a_level_or_a_permission() -> None:
    bare = [f"{owner}.{name}" for owner, name, field in output_fields() if guard_of(field) is None]

    assert bare == [], "declare a guard: column(Permission.X, …), field(Level.MEMBER, …), @value(Level.X)"


def test_a_field_that_asks_for_a_right_is_nullable() -> None:
    wrong = [
        f"{owner}.{name}"
        for owner, name, field in output_fields()
        if own_permission(owner, field) and isinstance(field.type, GraphQLNonNull) and owner != "Subscription"
    ]

    assert wrong == []


def test_a_field_that_shows_a_type_behind_a_right_is_nullable() -> None:
    wrong = [
        f"{owner}.{name}"
        for owner, name, field in output_fields()
        if isinstance(field.type, GraphQLNonNull)
        and isinstance(named := field.type.of_type, GraphQLObjectType)
        and named.name in TABLES
        and not isinstance(TABLES[named.name].see, Level)
        and not owner.endswith("Edge")
        and owner != "Subscription"
    ]

    assert wrong == []


def test_the_directive_in_the_sdl_says_what_is_enforced() -> None:
    seen = 0
    declared_fields: list[tuple[str, str, GraphQLField | GraphQLInputField]] = [
        *output_fields(),
        *input_fields(),
    ]
    for owner, name, field in declared_fields:
        declared = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
        shown = [each for each in declared.directives if isinstance(each, RequiresRole)]
        if not own_permission(owner, field):
            assert shown == [], f"{owner}.{name}"
            continue
        guard = guard_of(field)
        if isinstance(guard, Permission):
            (directive,) = shown
            assert directive.permission is guard
            assert directive.any_of == list(roles_with(guard)) != []
            seen += 1
        elif isinstance(guard, AnyOf):
            (directive,) = shown
            assert directive.any_of != []
    assert seen >= 40


def test_a_filter_or_sort_asks_for_the_right_of_its_field() -> None:
    checked = 0
    for owner, name, field in input_fields():
        table = owner.removesuffix("Where").removesuffix("OrderBy")
        if table == owner or name in ("and", "or", "not"):
            continue
        shown = schema().get_type(table)
        assert isinstance(shown, GraphQLObjectType)
        assert guard_of(field) is guard_of(shown.fields[name]), f"{owner}.{name}"
        checked += 1
    assert checked >= 30


def test_everything_is_described() -> None:
    silent = [type_.name for type_ in types() if not type_.description]
    for type_ in types():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            silent += [
                f"{type_.name}.{name}" for name, field in type_.fields.items() if not field.description
            ]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                silent += [
                    f"{type_.name}.{name}({arg})"
                    for arg, given in field.args.items()
                    if not given.description
                ]
        if isinstance(type_, GraphQLEnumType):
            silent += [
                f"{type_.name}.{name}" for name, given in type_.values.items() if not given.description
            ]

    assert silent == []


def test_every_mutation_is_nullable_takes_one_input_and_tells_faults() -> None:
    mutation = schema().mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        payload = field.type
        assert isinstance(payload, GraphQLObjectType), f"{name} must be nullable and answer an object"
        assert set(field.args) <= {"input"}, name
        assert str(payload.fields["errors"].type) == "[UserError!]!", name


def test_every_mutation_of_a_member_that_makes_or_sends_can_be_repeated_harmlessly() -> None:
    mutation = schema().mutation_type
    assert mutation is not None
    making = [name for name, field in mutation.fields.items() if name.endswith(MAKING) and may_repeat(field)]

    assert {"contactCreate", "activityRecord", "reminderCreate", "emailSend", "employeeInvite"} <= set(making)
    for name in making:
        input_type = get_named_type(mutation.fields[name].args["input"].type)
        assert isinstance(input_type, GraphQLInputObjectType)
        assert "idempotencyKey" in input_type.fields, name


def may_repeat(field: GraphQLField) -> bool:
    """Signing up takes no key: whoever has no session yet has nothing to keep it under."""
    return guard_of(field) is not Level.ANONYMOUS


def test_no_secret_is_ever_an_output() -> None:
    secrets = [
        f"{owner}.{name}"
        for owner, name, _ in output_fields()
        if owner not in ("NewSession", "Mutation")
        and any(word in name.lower() for word in ("password", "secret", "hash", "token"))
    ]

    assert secrets == []


@pytest.mark.parametrize("document", ["first-run.graphql", "reference.graphql"])
def test_the_published_documents_are_valid(document: str) -> None:
    faults = validate(schema(), parse((DOCUMENTS / document).read_text(encoding="utf-8")))

    assert faults == []
