"""What stands before a field: one declaration makes the directive, the enforcement and the line in the description.

A guard is a Level or a Permission of `app.policy`. It travels in Strawberry's own field metadata, so that everything
that walks the schema (authorisation, printing, tests) finds it in one place.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar, dataclass_transform

import strawberry
from graphql import GraphQLArgument, GraphQLEnumType, GraphQLField, GraphQLInputField
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema_directive import Location
from strawberry.types.arguments import StrawberryArgumentAnnotation

from app.engine.types import describe_enum
from app.errors import CodedError
from app.policy import POLICY, Guard, Level, Permission, Role, Viewer, roles_with

GUARD = "guard"
LATE = "late"
SPEC = "spec"

describe_enum(
    Role,
    "What an employee does here. Roles combine: an employee may what any of his may.",
    TELEPHONIST="Calls contacts and records what was said; no offers.",
    EXTERNAL_TELEPHONIST="Calls for an outside firm, and sees only the contacts shared with it.",
    SALES_REP="Sells: contacts, offers, orders, contracts.",
    SERVICE_TECHNICIAN="Serves what was sold, and does not see the sales activity.",
    COMPLAINTS="Handles complaints, in every section but the documents.",
    INVOICER="Invoices.",
    DIRECTOR="May everything but delete the project and make admins.",
    ADMIN="May everything.",
)
describe_enum(
    Permission,
    "A right of the policy table. `viewer.permissions` lists those one holds.",
    **{permission.name: row.meaning for permission, row in POLICY.items()},
)

T = TypeVar("T", bound=type)


@strawberry.schema_directive(
    name="requiresRole",
    description="Readable or settable only by an employee who holds one of these roles (see the policy table).",
    locations=[
        Location.FIELD_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.ARGUMENT_DEFINITION,
        Location.ENUM_VALUE,
        Location.OBJECT,
    ],
)
class RequiresRole:
    any_of: list[Role]
    permission: Permission


@dataclass(frozen=True)
class AnyOf:
    """Granted when one of several guards is; refused as the first of them."""

    guards: tuple[Guard, ...]

    @property
    def name(self) -> str:
        return " or ".join(guard.name for guard in self.guards)

    def granted_to(self, viewer: Viewer) -> bool:
        return any(guard.granted_to(viewer) for guard in self.guards)

    def refusal(self, viewer: Viewer) -> CodedError:
        return self.guards[0].refusal(viewer)


def directives_of(guard: Guard, *, inherited: Guard | None = None) -> tuple[object, ...]:
    """The directive that shows `guard` in the SDL: none for a Level, or for what the type itself shows already."""
    if guard is inherited:
        return ()
    guards: Sequence[Guard] = guard.guards if isinstance(guard, AnyOf) else (guard,)
    permissions = [each for each in guards if isinstance(each, Permission)]
    if not permissions:
        return ()
    roles = {role: None for permission in permissions for role in roles_with(permission)}
    return (RequiresRole(any_of=list(roles), permission=permissions[0]),)


def described(description: str, guard: Guard, *, inherited: Guard | None = None) -> str:
    """The description, with the line that names the right where the field asks for one."""
    if isinstance(guard, Level) or guard is inherited:
        return description
    return f"{description} Needs {guard.name}."


def field(guard: Guard, description: str, **options: Any) -> Any:
    """A field of a plain value type, or of an input, that has its own guard. `options` as in `strawberry.field`."""
    return strawberry.field(
        description=described(description, guard),
        directives=directives_of(guard),
        metadata={GUARD: guard},
        **options,
    )


def guarded(guard: Guard, description: str) -> Any:
    """An input field that may be left out, and sent only by whom `guard` is granted to."""
    return field(guard, description, default=strawberry.UNSET)


def guarded_argument(guard: Guard, description: str) -> StrawberryArgumentAnnotation:
    """An argument that may be sent only by whom `guard` is granted to: for use inside `Annotated`."""
    return strawberry.argument(
        description=described(description, guard), directives=directives_of(guard), metadata={GUARD: guard}
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field, field))
def value(guard: Guard, *, interface: bool = False) -> Callable[[T], T]:
    """Decorates a plain value type, all of whose fields have `guard` unless they name another.

    The class's docstring is the type's description, as everywhere in the schema.
    """

    def wrap(cls: T) -> T:
        decorate: Any = strawberry.interface if interface else strawberry.type
        made = decorate(cls, description=inspect.getdoc(cls))
        for each in made.__strawberry_definition__.fields:
            if GUARD not in each.metadata:
                each.metadata = MappingProxyType({**each.metadata, GUARD: guard})
        return made  # type: ignore[no-any-return]

    return wrap


def guard_values(enum: type[Enum], guards: Mapping[Any, Guard]) -> None:
    """Some values of a described enum may be sent only by whom their guard is granted to.

    Whether they are seen is a matter of the rows that hold them.
    """
    by_name = {member.name: guard for member, guard in guards.items()}
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        if guard := by_name.get(value.name):
            value.description = described(value.description, guard)
            value.directives = directives_of(guard)
            _VALUES[enum.__strawberry_definition__.name, value.name] = guard  # type: ignore[attr-defined]


_VALUES: dict[tuple[str, str], Guard] = {}


def guard_of_value(type_: GraphQLEnumType, name: str) -> Guard | None:
    """The guard of a value of an enum, None if anybody may send it."""
    return _VALUES.get((type_.name, name))


def guard_of(definition: GraphQLField | GraphQLInputField | GraphQLArgument) -> Guard | None:
    """The guard declared for a field, an input field or an argument of the built schema; None if there is none."""
    guard: Guard | None = metadata_of(definition).get(GUARD)
    return guard


def metadata_of(definition: GraphQLField | GraphQLInputField | GraphQLArgument) -> Any:
    """Strawberry's metadata of the declaration behind a part of the built schema."""
    declared = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return declared.metadata if declared is not None else {}


def python_name_of(definition: GraphQLField) -> str:
    """The name under which the declaration knows the field."""
    return str(definition.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].python_name)
