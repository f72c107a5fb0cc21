"""People who lack a right but see the type behind which it stands, for each guarded place of the schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graphql import GraphQLField, GraphQLInputObjectType
from tortoise.transactions import in_transaction

from app.engine.declare import TABLES
from app.engine.guards import guard_of
from app.engine.ids import global_id
from app.models import Employee
from app.policy import Guard, Level, Member, Role
from app.schema import build
from tests.factories import make_employee, viewer_of
from tests.graphql import Client, as_employee
from tests.models.world import World, make_world, share


@dataclass(frozen=True)
class People:
    """One employee for each role alone, in a firm with a row in every table."""

    world: World
    viewers: Mapping[Role, Member]
    clients: Mapping[Role, Client]

    def without(self, guard: Guard, *, see: Guard = Level.MEMBER) -> Iterator[Role]:
        """The roles that do not bring this right, and see the type all the same."""
        for role, viewer in self.viewers.items():
            if see.granted_to(viewer) and not guard.granted_to(viewer):
                yield role


async def make_people() -> People:
    """External telephonists are shared a contact, so that they see one."""
    async with in_transaction():
        world = await make_world([Role.ADMIN])
        await share(world, world.contact)
        employees = {role: await _employ(world, role) for role in Role}
        viewers = {role: await viewer_of(employee) for role, employee in employees.items()}
    return People(world, viewers, {role: as_employee(each) for role, each in employees.items()})


async def _employ(world: World, role: Role) -> Employee:
    partner = world.partner if role is Role.EXTERNAL_TELEPHONIST else None
    return await make_employee(world.project, [role], partner=partner)


class GuardedField(NamedTuple):
    """A field of a type over a table that asks for more than to see the type."""

    type_name: str
    name: str
    field: GraphQLField
    guard: Guard

    def __str__(self) -> str:
        return f"{self.type_name}.{self.name}"


def guarded_fields() -> Iterator[GuardedField]:
    build()
    for type_name, table in TABLES.items():
        for name, field in build()._schema.type_map[type_name].fields.items():  # type: ignore[attr-defined]
            guard = guard_of(field)
            if guard is not None and guard is not table.see and not isinstance(guard, Level):
                yield GuardedField(type_name, name, field, guard)


def guarded_inputs(ending: str) -> Iterator[tuple[str, str, GraphQLInputObjectType, Guard]]:
    """The guarded fields of the inputs whose names end so: the table's type, the field, the input, the guard."""
    for input_name, type_ in build()._schema.type_map.items():
        owner = input_name.removesuffix(ending)
        if isinstance(type_, GraphQLInputObjectType) and owner != input_name and owner in TABLES:
            for name, field in type_.fields.items():
                guard = guard_of(field)
                if guard is not None and guard is not TABLES[owner].see and not isinstance(guard, Level):
                    yield owner, name, type_, guard


async def visible_id(people: People, role: Role, type_name: str) -> str | None:
    """A row of this type that an employee with this role sees."""
    row = await TABLES[type_name].model.visible_to(people.viewers[role]).first()
    return None if row is None else global_id(type_name, row.id)
