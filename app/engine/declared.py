"""What every declaration must say, looked at once, when the schema is built: a process with a gap in it does not start.

A fault is a sentence that names the part of the schema, the file, and what to write there.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from app.engine.declare import TABLES, Table
from app.engine.guards import AnyOf, RequiresRole, guard_of
from app.engine.input_ids import undeclared_ids
from app.policy import Guard, Level, Permission, roles_with

HELP = 'see docs/permissions.md, "For a developer who adds a field"'
LOGICAL = ("and", "or", "not")
TWINS: Mapping[str, str] = {"Where": "filter", "OrderBy": "sort"}

Output = GraphQLObjectType | GraphQLInterfaceType


class UndeclaredError(TypeError):
    """Parts of the schema of which nobody said who may see them."""


def check_tables() -> None:
    """Of the declared types, before they get their fields. Raises UndeclaredError with a sentence for each fault."""
    _raise(faults_of_tables())


def check(schema: GraphQLSchema) -> None:
    """Of the built schema. Raises UndeclaredError with a sentence for each fault."""
    _raise(faults_of(schema))


def _raise(faults: Iterable[str]) -> None:
    if found := list(faults):
        raise UndeclaredError("\n".join(found))


def faults_of_tables() -> Iterator[str]:
    """Types with something in them that is no declaration, or over rows of which nobody said who sees them."""
    for table in TABLES.values():
        for name in table.undeclared:
            yield _undeclared(table.__name__, name, table)
        if not _says_who_sees(table.model):
            yield (
                f"{table.__name__} shows rows of {table.model.__name__}, which does not say who sees them: give "
                f"{_file_of(table.model)} a visible_q(cls, viewer); {HELP}."
            )


def faults_of(schema: GraphQLSchema) -> Iterator[str]:
    """Fields without a guard, guarded ones that cannot be null, roles that nobody has, filters with another guard, and ids
    of which nobody said what they are of.
    """
    for coordinate in undeclared_ids(schema):
        yield f"{coordinate} takes an id and does not say of which type: give it id_of=… (metadata ID_OF); {HELP}."
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(type_, Output):
            for field_name, field in type_.fields.items():
                yield from _faults_of_output(type_, field_name, field, root=type_ is schema.subscription_type)
        elif isinstance(type_, GraphQLInputObjectType):
            for field_name, given in type_.fields.items():
                yield from _faults_of_input(schema, type_, field_name, given)


def _faults_of_output(type_: Output, name: str, field: GraphQLField, *, root: bool) -> Iterator[str]:
    guard, origin = guard_of(field), _origin_of(type_, field)
    if not _is_guard(guard):
        yield _undeclared(type_.name, name, origin)
        return
    yield from _faults_of_directive(f"{type_.name}.{name}", field, guard)
    # A subscription's own refusal ends it, so nothing is null there.
    if isinstance(field.type, GraphQLNonNull) and not root and not _comes_with_the_row(type_, guard):
        yield (
            f"{type_.name}.{name} needs {_name_of(guard)} and cannot be null, but it is null for whoever lacks the right: "
            f"let its type in {_file_of(origin)} be `… | None`; {HELP}."
        )


def _faults_of_input(
    schema: GraphQLSchema, type_: GraphQLInputObjectType, name: str, field: GraphQLInputField
) -> Iterator[str]:
    yield from _faults_of_directive(f"{type_.name}.{name}", field, guard_of(field))
    for suffix, what in TWINS.items():
        shown = schema.type_map.get(type_.name.removesuffix(suffix))
        if not type_.name.endswith(suffix) or name in LOGICAL or not isinstance(shown, Output):
            continue
        twin = shown.fields.get(name)
        if twin is None or guard_of(twin) is not guard_of(field):
            needed = _name_of(guard_of(twin)) if twin is not None else "no field of that name"
            yield (
                f"{type_.name}.{name} is a {what} by a field with another guard ({needed}): declare both by one "
                f"column(…, {what}=…), or give them the same guard; {HELP}."
            )


def _faults_of_directive(coordinate: str, field: Any, guard: Any) -> Iterator[str]:
    declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    for directive in getattr(declared, "directives", ()):
        if isinstance(directive, RequiresRole):
            guards = guard.guards if isinstance(guard, AnyOf) else (guard,)
            roles = {role for each in guards if isinstance(each, Permission) for role in roles_with(each)}
            if not roles or set(directive.any_of) != roles or directive.permission is not guards[0]:
                yield (
                    f"{coordinate} prints @requiresRole for {', '.join(role.name for role in directive.any_of) or 'nobody'}, "
                    f"and {_name_of(guard)} stands before it: let directives_of(guard) make the directive; {HELP}."
                )


def _undeclared(owner: str, name: str, origin: Any) -> str:
    is_table = isinstance(origin, type) and issubclass(origin, Table)
    example = (
        "column(Permission.…, …)" if is_table else "field(Permission.…, …), or its type with @value(Level.…)"
    )
    return f"{owner}.{name} has neither a level nor a permission: declare it with {example} in {_file_of(origin)}; {HELP}."


def _comes_with_the_row(type_: Output, guard: Guard | None) -> bool:
    """Levels are refused before there is an answer, and a table's own guard is a matter of rows."""
    table = TABLES.get(type_.name)
    return isinstance(guard, Level) or (table is not None and guard is table.see)


def _is_guard(guard: Any) -> bool:
    return isinstance(guard, Level | Permission) or (
        isinstance(guard, AnyOf) and bool(guard.guards) and all(map(_is_guard, guard.guards))
    )


def _says_who_sees(model: Any) -> bool:
    """Is there a predicate nearer than the one that every table inherits?"""
    says = next((each for each in model.__mro__ if "visible_q" in vars(each)), None)
    return says is not None and not says._meta.abstract


def _name_of(guard: Any) -> str:
    return str(getattr(guard, "name", "no right"))


def _origin_of(type_: Output, field: GraphQLField) -> Any:
    """Where the field was written: the function behind it, else the class of its type."""
    declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    resolver = getattr(declared, "base_resolver", None)
    if resolver is not None:
        return resolver.wrapped_func
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return getattr(definition, "origin", type_)


def _file_of(origin: Any) -> str:
    return str(origin.__module__).replace(".", "/") + ".py"
