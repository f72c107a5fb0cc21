"""Documents that ask for everything there is, down to a depth; and rows for them, something in every relation."""

from typing import Any

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, get_named_type

from app.engine.declare import TABLES
from app.models import Contact, Employee, Project, ReminderState
from app.policy import Role
from app.schema import build
from tests.factories import (
    NOON,
    make_activity,
    make_audit_entry,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_lead_share,
    make_partner,
    make_person,
    make_proposal,
    make_reminder,
)

#: They ask other machines.
LEFT_OUT = frozenset({"companyLookup", "senderPreview"})
#: What they are worked out from is read by themselves: see `test_statements`.
READS_ITSELF = frozenset({"AuditEntry.changes"})
ARGUMENTS = {"node": "(id: $id)", "nodes": "(ids: [$id])"}


def type_named(name: str) -> GraphQLObjectType:
    found = build()._schema.type_map[name]
    assert isinstance(found, GraphQLObjectType)
    return found


def everything(type_: Any, depth: int, asked: set[str]) -> str:
    """`{ … }` with all fields of a type; rows are opened `depth` times. Adds `Type.field` to `asked` for each."""
    parts = ["__typename"]
    for name, definition in type_.fields.items():
        if f"{type_.name}.{name}" in READS_ITSELF:
            continue
        text = _field(name, definition, depth, asked)
        if text is not None:
            asked.add(f"{type_.name}.{name}")
            parts.append(text)
    return f"{{ {' '.join(parts)} }}"


def _field(name: str, definition: GraphQLField, depth: int, asked: set[str]) -> str | None:
    type_ = get_named_type(definition.type)
    if not isinstance(type_, GraphQLObjectType):
        return name
    if type_.name in TABLES and depth == 0:
        return None
    if type_.name.endswith("Connection") and depth == 0:
        return None
    below = depth - 1 if type_.name in TABLES else depth
    return f"{name} {everything(type_, below, asked)}"


def of_row(type_name: str, depth: int, asked: set[str]) -> str:
    """A document that asks for all of the row `$id`."""
    asked |= {"Query.node", "Node.id"}
    fields = everything(type_named(type_name), depth, asked)
    return f"query ($id: ID!) {{ node(id: $id) {{ id ... on {type_name} {fields} }} }}"


def of_root(name: str, depth: int, asked: set[str]) -> str:
    """A document that asks for all of one root field."""
    root = build()._schema.query_type
    assert root is not None
    definition, type_ = root.fields[name], get_named_type(root.fields[name].type)
    asked.add(f"Query.{name}")
    by_id = "id" in definition.args or "ids" in definition.args
    arguments = ARGUMENTS.get(name, "(id: $id)" if by_id else "")
    below = ""
    if isinstance(type_, GraphQLObjectType):
        below = everything(type_, depth - (type_.name in TABLES), asked)
    elif isinstance(type_, GraphQLInterfaceType):
        below = "{ __typename id }"  # see of_row
    return f"query {'($id: ID!) ' if by_id else ''}{{ {name}{arguments} {below} }}"


def root_names() -> list[str]:
    root = build()._schema.query_type
    assert root is not None
    return [name for name in root.fields if name not in LEFT_OUT]


async def fill(project: Project, many: int) -> tuple[list[Contact], Employee]:
    """So many contacts, each with something in every relation; and their owner."""
    division = await make_division(project, email="b2b@example.cz")
    partner = await make_partner(project)
    owner = await make_employee(project, [Role.SALES_REP], divisions=[division], partner=partner)
    contacts = []
    for _ in range(many):
        contact = await make_contact(
            project,
            division=division,
            owner=owner,
            created_by=owner,
            credit_limit_minor=100,
            city="Brno",
        )
        await make_person(contact)
        await make_proposal(owner)
        await make_activity(contact, owner)
        await make_reminder(
            owner, contact=contact, state=ReminderState.RESOLVED, resolved_at=NOON, resolved_by=owner
        )
        await make_email(project, contact=contact, author=owner)
        await make_audit_entry(
            project,
            subject="Contact",
            subject_id=contact.id,
            contact_id=contact.id,
            employee_id=owner.id,
            changes={"name": [None, contact.name], "owner_id": [None, str(owner.id)]},
        )
        contacts.append(contact)
    await make_lead_share(project, partner, contacts)
    return contacts, owner
