"""Who writes the operations: the differential test's author, drawn to where a secret is, and able to write mutations."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_required_input_field,
)

from app.engine.declare import TABLES
from app.engine.guards import guard_of
from app.engine.ids import global_id
from tests.differential.arguments import Arguments, Given
from tests.differential.dice import LONGEST, Dice
from tests.differential.generate import DEEPEST, Author, Operation, is_within_limits
from tests.differential.sight import Sight
from tests.proof.worlds.planting import Hints, planted_kind
from tests.proof.worlds.scene import password_of, planted_id
from tests.proof.worlds.typed import WRONG, is_of_type, typed

#: It asks another machine.
LEFT_OUT = frozenset({"companyLookup"})
#: By these one may become somebody who sees more.
DOORS = frozenset({"signIn", "projectEnter", "invitationAccept"})
SEVERAL_PROJECTS = ("everywhere", "account")

Everything = Mapping[str, Sequence[str]]


@dataclass
class Bent(Arguments):
    """Arguments in which what is hidden turns up far too often. `email` is the viewer's own."""

    hints: Hints = field(default_factory=Hints)
    email: str = ""
    #: Of a hundred ids that might be one that is hidden, so many are.
    hidden_ids: int = 30
    #: Of a hundred fields that may be left out of an input, so many are there.
    filled_in: int = 25

    def of(self, owner: str, name: str, definition: GraphQLField, *, below_list: bool) -> Given:
        if "input" in definition.args:
            type_ = definition.args["input"].type
            named: Any = get_named_type(type_)
            return {"input": self.variable(type_, self._input(name, named), percent=60)}
        if not {"id", "ids", "first"} & definition.args.keys() and definition.args:
            return self._plain_arguments(definition)
        return super().of(owner, name, definition, below_list=below_list)

    def some_id(self, type_name: str | None) -> str:
        wanted = [each for each in self.hints.ids if type_name in (None, planted_kind(each))]
        if wanted and self.dice.chance(self.hidden_ids):
            return self.dice.one(wanted)
        if self.dice.chance(4):
            return global_id(type_name or "Contact", planted_id(f"nobody's {self.dice.below(3)}"))
        return super().some_id(type_name)

    def ordered_by(self, names: Sequence[str]) -> str:
        return self.dice.one(self._hinted(names) or names)

    def filtered_by(self, type_: GraphQLInputObjectType, names: Sequence[str]) -> str:
        hinted = self._hinted(names)
        return self.dice.one(hinted) if hinted else super().filtered_by(type_, names)

    def compared_with(self, table: str, name: str, type_: Any) -> Any:
        if self.dice.chance(40) and (value := self._hinted_value(type_)) is not None:
            return value
        return super().compared_with(table, name, type_)

    def searched(self, table: str) -> str:
        texts = [each for each in self.hints.values if isinstance(each, str) and len(each) > 2]
        if texts and self.dice.chance(60):
            text = self.dice.one(texts)
            return text[: 2 + self.dice.below(len(text))]
        return super().searched(table)

    def _hinted(self, names: Sequence[str]) -> list[str]:
        """Half of the time: those of the names by which the secret might show."""
        return [name for name in names if name in self.hints.fields] if self.dice.chance(50) else []

    def _hinted_value(self, type_: Any) -> Any:
        """A hidden value, or the beginning of one."""
        fitting = [each for each in self.hints.values if is_of_type(get_named_type(type_), each)]
        if not fitting:
            return None
        value = self.dice.one(fitting)
        if isinstance(value, str) and get_named_type(type_).name == "String" and self.dice.chance(25):
            return value[: 1 + self.dice.below(len(value))] if value else value
        return value

    def _plain_arguments(self, definition: GraphQLField) -> Given:
        """Of fields like `senderPreview`."""
        return {
            name: self._typed(name, "", argument.type)
            for name, argument in definition.args.items()
            if isinstance(argument.type, GraphQLNonNull) or self.dice.chance(60)
        }

    def _input(self, mutation: str, type_: GraphQLInputObjectType) -> Given:
        """An input: what must be there, some of what may be, more of what the secret is about."""
        given: Given = {}
        for name, each in type_.fields.items():
            likely = 65 if name in self.hints.fields else self._likely(each)
            if is_required_input_field(each) or self.dice.chance(likely):
                given[name] = self._typed(name, mutation, each.type)
        return given

    def _likely(self, field_: Any) -> int:
        guard = guard_of(field_)
        is_free = guard is None or guard.granted_to(self.sight.viewer)
        return self.filled_in if is_free else self.filled_in // 4

    def _typed(self, name: str, mutation: str, type_: Any) -> Any:
        """A value for the field `name` of an input."""
        inner = get_nullable_type(type_)
        if inner is type_ and self.dice.chance(6):
            return None
        if is_list_type(inner):
            return [self._typed(name, mutation, inner.of_type) for _ in range(self.dice.below(3))]
        named: Any = get_named_type(type_)
        if isinstance(named, GraphQLInputObjectType):
            table = named.name.removesuffix("Where")
            return self.where(table, named, 2) if table in TABLES else self._input(mutation, named)
        if isinstance(named, GraphQLEnumType):
            return self.dice.one(list(named.values))
        if named.name == "ID":
            return self.some_id(_kind_of(name, mutation))
        return self._scalar(name, named)

    def _scalar(self, name: str, named: Any) -> Any:
        hinted = [each for each in self.hints.by_field.get(name, ()) if is_of_type(named, each)]
        if hinted and self.dice.chance(60):
            return self.dice.one(hinted)
        if self.dice.chance(20) and (value := self._hinted_value(named)) is not None:
            return value
        if name in ("password", "current"):
            return self.dice.one((password_of(self.email), password_of(self.email), "spatne heslo"))
        if name == "email" and self.dice.chance(20):
            return self.email or "nikdo@example.cz"
        return self.dice.one(WRONG if self.dice.chance(5) and named.name == "String" else typed(name, named))


def _kind_of(name: str, mutation: str) -> str | None:
    """The type of row that an id in an input is of, by its name: `contactId`, or `id` of `contactUpdate`."""
    word = name.removesuffix("Ids").removesuffix("Id")
    people = {"owner", "assignee", "reassignRemindersTo", "employee", "author"}
    if word in people:
        return "Employee"
    if word == "id":
        word = "".join(" " + each if each.isupper() else each for each in mutation).split(" ")[0]
    kind = word[:1].upper() + word[1:]
    kind = {"Share": "LeadShare", "Lead": "LeadShare", "Proposal": "ContactProposal"}.get(kind, kind)
    return kind if kind in TABLES else None


class Curious(Author):
    """Writes an operation of somebody who looks for a secret."""

    arguments: Bent

    def mutation(self) -> Operation:
        root = self.schema.mutation_type
        assert root is not None
        names: list[str] = [name for name in root.fields if not self._is_a_door(name)]
        granted = [name for name in names if self._may_read(root.fields[name])]
        name = self.dice.one(granted if granted and not self.dice.chance(15) else names)
        return self.written("mutation", self._field(root, name, DEEPEST, 0))

    def pointed_mutation(self) -> Operation:
        """One that takes what the secret is about, and as little else as it must."""
        root = self.schema.mutation_type
        assert root is not None
        names = [
            name for name in root.fields if not self._is_a_door(name) and self._may_read(root.fields[name])
        ]
        ids = {f"{kind[:1].lower()}{kind[1:]}Id" for kind in self.hinted_kinds()}
        by_id = [name for name in names if ids & _taken(root.fields[name])]
        by_value = [name for name in names if set(self.arguments.hints.by_field) & _taken(root.fields[name])]
        taking = by_id if by_id and self.dice.chance(50) else by_value
        if not taking:
            return self.mutation()
        self.arguments.hidden_ids, self.arguments.filled_in = 65, 6
        return self.written("mutation", self._field(root, self.dice.one(taking), DEEPEST, 0))

    def _is_a_door(self, mutation: str) -> bool:
        return mutation in DOORS and self.arguments.viewer in SEVERAL_PROJECTS

    def _root_field(self, root: GraphQLObjectType) -> str:
        hinted = [
            name for name in self.arguments.hints.fields if name in root.fields and name not in LEFT_OUT
        ]
        if hinted and self.dice.chance(20):
            return self.dice.one(hinted)
        if self.dice.chance(5):
            names: list[str] = [name for name in root.fields if name not in LEFT_OUT]
            return self.dice.one(names)
        return super()._root_field(root)

    def _choose(self, type_: GraphQLObjectType, levels: int, lists: int, is_first: bool) -> str:
        hinted = [name for name in self.arguments.hints.fields if name in type_.fields and levels >= 5]
        if hinted and lists < 3 and self.dice.chance(25):
            return self.dice.one(hinted)
        return super()._choose(type_, levels, lists, is_first)

    def _of_interface(self, type_: GraphQLInterfaceType, levels: int, lists: int) -> str:
        """Half of the time what the secret is about, if one may ask for it by its id."""
        kinds = self.hinted_kinds()
        if not kinds or not self.dice.chance(50):
            return super()._of_interface(type_, levels, lists)
        concrete = self.schema.type_map[self.dice.one(kinds)]
        return f"{{ id ... on {concrete.name} {self._selection(concrete, levels, lists)} }}"

    def hinted_kinds(self) -> list[str]:
        return sorted({planted_kind(each) for each in self.arguments.hints.ids})

    def _selection(self, type_: Any, levels: int, lists: int) -> str:
        if type_.name in self.hinted_kinds() and self.fields_left > 0 and self.dice.chance(15):
            return self._all_leaves(type_)
        text: str = super()._selection(type_, levels, lists)
        if "errors" in getattr(type_, "fields", {}) and type_.name.endswith("Payload"):
            return f"{{ errors {{ message code path }} {text[1:]}"
        return text


def _taken(definition: GraphQLField) -> set[str]:
    """The fields of a mutation's input."""
    named: Any = get_named_type(definition.args["input"].type) if "input" in definition.args else None
    return set(named.fields) if named else set()


def author_for(
    schema: GraphQLSchema,
    chance: random.Random,
    sight: Sight,
    viewer: str,
    everything: Everything,
    hints: Hints,
    email: str,
) -> Curious:
    dice = Dice(chance.randbytes(LONGEST))
    return Curious(schema, dice, Bent(dice, viewer, sight, everything, hints=hints, email=email))


def within_limits(operation: Operation) -> bool:
    """Only fragments that are used again and again come to too many fields."""
    return "\nfragment " not in operation.document or is_within_limits(operation)
