"""Every mutation that changes what its payload shows, paired with the schema: what it takes, and where that is read.

A mutation joins by itself if its name ends in `Update`, or if it takes an `id` and something that its payload's type
shows. Each of its inputs must be found among the outputs, or stand in `ELSEWHERE` with a reason.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_required_input_field,
)

from app.schema import build

#: What says which row, and how it is asked: no value of the row.
ADDRESSING = {"id", "expectedVersion", "idempotencyKey"}
#: Inputs that are no value of the row, with the reason: `mutation.input`.
ELSEWHERE: Mapping[str, str] = {
    **{
        f"{name}.confirmIco": "a person's word about the IČO beside it, which nothing is kept of"
        for name in ("contactUpdate", "divisionUpdate", "projectUpdate")
    },
    "employeeUpdate.reassignRemindersTo": "who gets the reminders of somebody who may have none any more",
}


class Update(NamedTuple):
    """One mutation: the type of the row, the field of the payload that shows it, and its inputs as selections."""

    name: str
    type_name: str
    returned: str
    takes_id: bool
    takes_version: bool
    selections: Mapping[str, str]
    unpaired: frozenset[str]
    required: frozenset[str]

    @property
    def document(self) -> str:
        """Selects all that it takes, under the inputs' own names."""
        input_type = f"{self.name[0].upper()}{self.name[1:]}Input"
        return f"""mutation ($input: {input_type}!) {{ {self.name}(input: $input) {{
            {self.returned} {{ {self.selection} }} errors {{ message code path }} }} }}"""

    @property
    def query(self) -> str:
        return f"query ($id: ID!) {{ node(id: $id) {{ ... on {self.type_name} {{ {self.selection} }} }} }}"

    @property
    def selection(self) -> str:
        version = "version" if self.takes_version else ""
        return " ".join(["id", version, *self.selections.values()])

    def sent_back(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """The whole input, as the row was read."""
        sent = {name: _plain(read[name]) for name in self.selections}
        if self.takes_id:
            sent["id"] = read["id"]
        return sent

    def can_send(self, sent: Mapping[str, Any]) -> bool:
        """Not where the row has nothing, and the input must be something."""
        return all(sent[name] is not None for name in self.required)


def updates() -> Iterator[Update]:
    """All of the schema."""
    root = build()._schema.mutation_type
    assert root is not None
    for name, field in root.fields.items():
        update = _update(name, field)
        if update is not None and (name.endswith("Update") or update.selections):
            yield update


def _update(name: str, field: GraphQLField) -> Update | None:
    if "input" not in field.args:
        return None
    taken = get_named_type(field.args["input"].type)
    assert isinstance(taken, GraphQLInputObjectType)
    if not name.endswith("Update") and "id" not in taken.fields:
        return None
    shown = list(_rows(field))
    if len(shown) != 1:
        return None
    [(returned, type_)] = shown
    values = [each for each in taken.fields if each not in ADDRESSING and f"{name}.{each}" not in ELSEWHERE]
    selections = {each: found for each in values if (found := _selection(each, taken, type_))}
    unpaired = frozenset(values) - selections.keys()
    required = {each for each in values if is_required_input_field(taken.fields[each])}
    if not name.endswith("Update") and unpaired & required:
        return None  # an act, which says more than what the row is to be
    return Update(
        name,
        type_.name,
        returned,
        "id" in taken.fields,
        "expectedVersion" in taken.fields,
        selections,
        unpaired,
        frozenset(required),
    )


def _rows(field: GraphQLField) -> Iterator[tuple[str, GraphQLObjectType]]:
    """What the payload shows: its fields that are types with an id."""
    payload = get_named_type(field.type)
    assert isinstance(payload, GraphQLObjectType)
    for name, each in payload.fields.items():
        type_ = each.type
        if isinstance(type_, GraphQLObjectType) and "id" in type_.fields:
            yield name, type_


def _selection(name: str, taken: GraphQLInputObjectType, shown: GraphQLObjectType) -> str | None:
    """Where the type shows an input: under its name, or as the rows that it names the ids of."""
    parts = get_named_type(taken.fields[name].type)
    if name in shown.fields:
        if isinstance(parts, GraphQLInputObjectType):
            below = get_named_type(shown.fields[name].type)
            if not isinstance(below, GraphQLObjectType) or parts.fields.keys() - below.fields.keys():
                return None
            return f"{name} {{ {' '.join(parts.fields)} }}"
        return name
    for ending, relation in (("Ids", f"{name[:-3]}s"), ("Id", name[:-2])):
        if name.endswith(ending) and relation in shown.fields and _is_whole(shown.fields[relation]):
            return f"{name}: {relation} {{ id }}"
    return None


def _is_whole(relation: GraphQLField) -> bool:
    """No page of it: a row, or all of them."""
    type_ = get_named_type(relation.type)
    return isinstance(type_, GraphQLObjectType) and "id" in type_.fields


def _plain(read: Any) -> Any:
    """A row that was selected for its id is sent as that."""
    if isinstance(read, list):
        return [_plain(each) for each in read]
    return read["id"] if isinstance(read, Mapping) and read.keys() == {"id"} else read
