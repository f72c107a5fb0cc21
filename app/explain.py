"""May X see Y? The answer with the rule of the policy table and the reason why the row is, or is not, in reach.

It asks the same guards and the same predicates that every request is held by; nothing is decided here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from app.engine.declare import TABLES
from app.engine.guards import AnyOf, guard_of, guard_of_value
from app.engine.ids import type_and_id
from app.models import Contact, Employee, EmployeeStatus, LeadShare, LeadShareContact
from app.models import Table as Model
from app.policy import POLICY, Flag, Guard, Level, Member, Permission
from app.schema import build
from app.services import members

LEVELS = {
    Level.ANONYMOUS: "anybody, without signing in",
    Level.ACCOUNT: "whoever has signed in",
    Level.MEMBER: "every active employee of the project",
}


class Unknown(ValueError):
    """What was asked about is nowhere; the message says what to give instead."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`lines` are pairs of a heading and what is to be said under it; `reasons` are what speaks against it."""

    lines: Sequence[tuple[str, str]]
    reasons: Sequence[str]

    @property
    def may(self) -> bool:
        return not self.reasons

    @property
    def answer(self) -> str:
        return "yes" if self.may else f"no: {'; '.join(self.reasons)}"


async def explain(*, employee: str, coordinate: str, row: str | None = None) -> Explanation:
    """Whether the employee may use a field, argument or input field, and see it on a row.

    `employee` is an id or an e-mail; `coordinate` is `Contact.vatId`, `Query.contacts`, `Query.contacts(search:)`,
    `ContactWhere.vatId` or `Area.BILLING`; `row` is a global id, or the plain one of a contact. Raises Unknown.
    """
    found = await _employee(employee)
    viewer = await members.member_of(found)
    lines, reasons = [("Employee", _described(found, viewer))], _out_of_work(found)
    guards = list(_guards(coordinate))
    sentences, against = await _asked_row(viewer, coordinate, row)
    is_seen = row is not None and not against
    for heading, guard in guards:
        lines += [(heading, sentence) for sentence in _rule(guard, viewer)]
        if not (viewer.may(guard) or (is_seen and _decides_rows(guard, coordinate))):
            reasons.append(str(guard.refusal(viewer)))
    lines += [("Row", sentence) for sentence in sentences]
    return Explanation(lines, list(dict.fromkeys([*reasons, *against])))


def _decides_rows(guard: Guard, coordinate: str) -> bool:
    """The type's own guard says which rows there are: whoever sees one, his own profile say, sees it whole."""
    table = TABLES.get(_type_named(coordinate))
    return table is not None and guard is table.see


def _type_named(coordinate: str) -> str:
    return coordinate.partition(".")[0]


async def _employee(given: str) -> Employee:
    if "@" in given:
        found = await Employee.filter(email=given.strip().lower()).limit(2)
        if len(found) > 1:
            raise Unknown(f"{given} works in several projects. Give the employee's id.")
    else:
        found = await Employee.filter(id=_id_of("Employee", given))
    if not found:
        raise Unknown(f"There is no employee {given}.")
    return found[0]


def _type_and_id(given: str) -> tuple[str, UUID]:
    """A plain id is a contact's."""
    try:
        return "Contact", UUID(given)
    except ValueError:
        pass
    try:
        return type_and_id(given)
    except ValueError:
        raise Unknown(f"{given} is no id.") from None


def _id_of(type_name: str, given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        name, id_ = _type_and_id(given)
    if name != type_name:
        raise Unknown(f"{given} is the id of a {name}.")
    return id_


def _guards(coordinate: str) -> Iterator[tuple[str, Guard]]:
    """What stands before it: the type it belongs to, the field, the argument."""
    type_name, _, rest = coordinate.removesuffix(":)").replace("(", ".").partition(".")
    field_name, _, argument = rest.partition(".")
    schema = build()._schema
    type_ = schema.type_map.get(type_name)
    if isinstance(type_, GraphQLEnumType) and field_name in type_.values:
        yield "Value", guard_of_value(type_, field_name) or Level.ANONYMOUS
        return
    if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        raise Unknown(f"There is no type {type_name}. Name a field as Type.field: Contact.vatId.")
    if field_name not in type_.fields:
        raise Unknown(f"{type_name} has no field {field_name or '(none given)'}: {', '.join(type_.fields)}.")
    if type_name in TABLES:
        yield "Type", TABLES[type_name].see
    definition = type_.fields[field_name]
    yield "Field", guard_of(definition) or Level.ANONYMOUS
    if argument:
        arguments = getattr(definition, "args", {})
        if argument not in arguments:
            raise Unknown(f"{type_name}.{field_name} has no argument {argument}.")
        yield "Argument", guard_of(arguments[argument]) or Level.ANONYMOUS


def _rule(guard: Guard, viewer: Member) -> Iterator[str]:
    """What is asked for, and what the table gives him."""
    if isinstance(guard, AnyOf):
        yield "one of several rights, of which the row's own decides:"
        for each in guard.guards:
            yield from _rule(each, viewer)
    elif isinstance(guard, Permission):
        row, reach = POLICY[guard], viewer.reach(guard)
        cells = ", ".join(f"{role.name} {row.cells[role]}" for role in sorted(viewer.roles)) or "no role"
        flag = "" if guard not in {each.value for each in Flag} else ", with his own flag where it says so"
        ceiling = f", externals at most {_reach(row.ceiling)}" if viewer.is_external else ""
        yield f"{guard.name} ({row.meaning}): {cells}{flag}{ceiling} → {_reach(reach or 0)}"
    elif isinstance(guard, Level):
        yield f"{guard.name.lower()}: {LEVELS[guard]}"


def _reach(reach: int) -> str:
    return ("-", "own", "all")[reach]


def _described(employee: Employee, viewer: Member) -> str:
    roles = ", ".join(role.name for role in employee.roles) or "no role"
    flags = [flag.name for flag, column in members.FLAGS.items() if getattr(employee, column)]
    divisions = (
        "all divisions" if viewer.division_ids is None else f"{len(viewer.division_ids)} divisions chosen"
    )
    external = ["external: cut to the column EXTERNAL ≤"] if viewer.is_external else []
    return "; ".join([f"{employee.name} <{employee.email}>: {roles}", *flags, divisions, *external])


def _out_of_work(employee: Employee) -> list[str]:
    if employee.status is EmployeeStatus.ACTIVE:
        return []
    return [f"he is {employee.status.name}, and only who is ACTIVE can enter the project"]


async def _asked_row(viewer: Member, coordinate: str, row: str | None) -> tuple[list[str], list[str]]:
    """Raises Unknown for a row of another type than the field's."""
    if row is None:
        return [], []
    type_name, id_ = _type_and_id(row)
    wanted = _type_named(coordinate)
    if wanted in TABLES and wanted != type_name:
        raise Unknown(f"{row} is the id of a {type_name}, and {coordinate} is asked of a {wanted}.")
    return await _row(viewer, type_name, id_)


async def _row(viewer: Member, type_name: str, id_: UUID) -> tuple[list[str], list[str]]:
    """What is to be said of the row, and what speaks against it."""
    if type_name not in TABLES:
        raise Unknown(f"{type_name} is no type of rows.")
    model = TABLES[type_name].model
    assert issubclass(model, Model)
    row = await model.get_or_none(id=id_)
    project_id = getattr(row, "project_id", viewer.project_id)
    if row is None or project_id != viewer.project_id:
        sentence = f"there is no such {type_name.lower()} in his project"
        return [sentence], [sentence]
    said, against = (
        [f"the rule of the type: {' '.join((model.visible_q.__doc__ or '').split())}"],
        list[str](),
    )
    contact_id = row.id if model is Contact else getattr(row, "contact_id", None)
    if contact_id is not None:
        said += await _facts(viewer, contact_id)
        for sentence, holds in await _conditions(viewer, contact_id):
            said.append(f"{'yes' if holds else 'NO'}: {sentence}")
            against += [] if holds else [f"it does not hold that {sentence}"]
    is_seen = await model.visible_to(viewer).filter(id=id_).exists()
    said.append(f"this {type_name.lower()} is {'in' if is_seen else 'out of'} his reach")
    if not is_seen and not against:
        against.append(f"the {type_name.lower()} is out of his reach")
    return said, against


async def _facts(viewer: Member, contact_id: UUID) -> list[str]:
    """Where the contact belongs, and what was shared of it with his partner."""
    contact = await Contact.get(id=contact_id).prefetch_related("division")
    division = f"in the division {contact.division.name}" if contact.division else "in no division"
    said = [f"the contact {contact.name} is {division}"]
    if viewer.partner_id is not None:
        links = LeadShareContact.filter(contact_id=contact_id, share__partner_id=viewer.partner_id)
        said += [
            f"shared with his partner: {_share(link.share)}" async for link in links.prefetch_related("share")
        ]
    return said


def _share(share: LeadShare) -> str:
    until = (
        f"until {share.valid_until:%Y-%m-%d %H:%M:%S} UTC" if share.valid_until else "until it is recalled"
    )
    recalled = f", recalled {share.recalled_at:%Y-%m-%d %H:%M:%S} UTC" if share.recalled_at else ""
    return f"{share.campaign}, from {share.valid_from:%Y-%m-%d %H:%M:%S} UTC {until}{recalled}"


async def _conditions(viewer: Member, contact_id: UUID) -> list[tuple[str, bool]]:
    """Each condition on the contact, and whether it holds."""
    return [
        (sentence, await Contact.filter(condition, id=contact_id).exists())
        for sentence, condition in Contact.conditions(viewer).items()
    ]
