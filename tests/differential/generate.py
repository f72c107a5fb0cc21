"""Valid operations drawn from the schema: hypothesis throws the dice, the data say what is worth asking for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_leaf_type,
    is_list_type,
    parse,
)
from hypothesis import strategies as st

from app.engine.declare import TABLES
from app.engine.guards import guard_of
from app.schema.limits import Limits, exceeded
from tests.differential.arguments import Arguments, Wish
from tests.differential.cast import ACCOUNT, NOBODY
from tests.differential.dice import LONGEST, Dice
from tests.differential.sight import Sight
from tests.differential.values import ABSENT, arguments_text

#: They ask other machines, are about sending mail, or look for what is alike.
LEFT_OUT = frozenset({"companyLookup", "senderPreview", "contactProposalMatches"})
#: They show no rows.
DULL = ("openReminderCount", "restorableProjects")
FAVOURITES = ("contacts", "contact", "activities", "reminders", "emails", "persons", "employees", "node")
RARE = {NOBODY: 1, ACCOUNT: 3, "external_of_the_past": 2, "external_alone": 2, "without_roles": 2}
DEEPEST = 11
#: PostgreSQL cuts names after 63 bytes.
LONG_NAME = "long_" * 14
MOST_FIELDS = 20
MOST_LISTS = 3


@dataclass(frozen=True)
class Operation:
    """An operation whose cursors are still to be asked for."""

    document: str
    variables: Mapping[str, Any]
    viewer: str
    wishes: Sequence[Wish]


def operations(
    schema: GraphQLSchema, sights: Mapping[str, Sight], everything: Mapping[str, Sequence[str]]
) -> st.SearchStrategy[Operation]:
    """Operations of all viewers in `sights`; `everything` are all ids there are, by type."""

    def write(tape: bytes) -> Operation:
        dice = Dice(tape)
        viewer = dice.weighted([(RARE.get(name, 8), name) for name in sights])
        return Author(schema, dice, Arguments(dice, viewer, sights[viewer], everything)).operation()

    return st.binary(min_size=LONGEST, max_size=LONGEST).map(write).filter(is_within_limits)


def is_within_limits(operation: Operation) -> bool:
    """A fragment used again and again may come to too many fields."""
    return exceeded(parse(operation.document), Limits()) is None


@dataclass
class Author:
    """Writes one operation.

    A response key means the same field with the same arguments and the same type wherever it stands in the document
    (`claims`), so fields that meet can always be merged.
    """

    schema: GraphQLSchema
    dice: Dice
    arguments: Arguments
    fragments: list[tuple[str, str, str]] = field(default_factory=list)  # type, name, selection
    claims: dict[str, str] = field(default_factory=dict)
    heads: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # type → head, field name
    fields_left: int = MOST_FIELDS
    aliases: int = 0

    def operation(self) -> Operation:
        """A query of one to three root fields."""
        root = self.schema.query_type
        assert root is not None
        selections = [self._field(root, self._root_field(root), DEEPEST, 0)]
        while self.dice.chance(35) and len(selections) < 3:
            selections.append(self._field(root, self._root_field(root), DEEPEST, 0))
        if self.dice.chance(5):
            selections.append("__typename")
        return self.written("query", " ".join(selections))

    def written(self, keyword: str, body: str) -> Operation:
        """The operation with this selection, the fragments it uses, and the variables of both."""
        fragments = "".join(f"\nfragment {name} on {type_} {text}" for type_, name, text in self.fragments)
        used = set(re.findall(r"\$(\w+)", body + fragments))
        variables = [each for each in self.arguments.variables if each.name in used]
        declared = ", ".join(each.declaration for each in variables)
        heading = f"{keyword} Q({declared}) " if declared else f"{keyword} "
        return Operation(
            f"{heading.removeprefix('query ' if not declared else '')}{{ {body} }}{fragments}",
            {each.name: each.given for each in variables if each.given is not ABSENT},
            self.arguments.viewer,
            tuple(self.arguments.wishes),
        )

    def _root_field(self, root: GraphQLObjectType) -> str:
        names: list[str] = [name for name in root.fields if name not in LEFT_OUT]
        granted = [name for name in names if self._may_read(root.fields[name])]
        likely = [name for name in FAVOURITES if name in granted]
        if likely and self.dice.chance(80):
            return self.dice.one(likely)
        if self.dice.chance(80):
            granted = [name for name in granted if name not in DULL]
        return self.dice.one(granted if granted and not self.dice.chance(4) else names)

    def _may_read(self, definition: GraphQLField) -> bool:
        guard = guard_of(definition)
        return guard is None or guard.granted_to(self.arguments.sight.viewer)

    def _selection(self, type_: Any, levels: int, lists: int) -> str:
        """`{ … }` of a composite type."""
        if isinstance(type_, GraphQLInterfaceType):
            return self._of_interface(type_, levels, lists)
        if type_.name in TABLES and self.fields_left > 0 and self.dice.chance(2):
            return self._all_leaves(type_)
        wanted = 1 + (self.dice.below(5 if type_.name in TABLES else 3) if self.fields_left > 0 else 0)
        parts = [self._part(type_, levels, lists, is_first=not number) for number in range(wanted)]
        return f"{{ {' '.join(parts)} }}"

    def _of_interface(self, type_: GraphQLInterfaceType, levels: int, lists: int) -> str:
        """What all have, and what some have."""
        parts = ["id"] if self.dice.chance(50) else ["__typename"]
        for _ in range(1 + self.dice.below(4)):
            concrete = self.schema.type_map[self.dice.one(list(TABLES))]
            parts.append(self._fragment(concrete, levels, lists))
        return f"{{ {' '.join(parts)} }}"

    def _part(self, type_: GraphQLObjectType, levels: int, lists: int, *, is_first: bool) -> str:
        """One selection of an object's."""
        if self.dice.chance(6):
            return f"__typename{self._directives()}"
        if self.fields_left > 0 and self.dice.chance(16):
            return self._fragment(type_, levels, lists)
        return self._field(type_, self._choose(type_, levels, lists, is_first), levels, lists)

    def _fragment(self, type_: Any, levels: int, lists: int) -> str:
        if self.dice.chance(45):
            return f"...{self._named_fragment(type_, levels, lists)}{self._directives()}"
        if type_.name in TABLES and self.dice.chance(12):
            return f"... on Node{self._directives()} {{ id ... on {type_.name} {self._selection(type_, levels, lists)} }}"
        condition = self.dice.one((f" on {type_.name}", ""))
        if type_.name in TABLES:
            condition = f" on {type_.name}"
        return f"...{condition}{self._directives()} {self._selection(type_, levels, lists)}"

    def _named_fragment(self, type_: Any, levels: int, lists: int) -> str:
        known = [name for of, name, text in self.fragments if of == type_.name and _levels_of(text) < levels]
        if known and lists < 2 and self.dice.chance(50):
            return self.dice.one(known)
        text = self._selection(type_, levels, lists)
        name = f"F{len(self.fragments)}"
        self.fragments.append((type_.name, name, text))
        return name

    def _choose(self, type_: GraphQLObjectType, levels: int, lists: int, is_first: bool) -> str:
        """The name of a field for which there is room."""
        leaves = self._leaves_of(type_)
        if self.fields_left <= 0 and leaves:
            return self.dice.one(leaves)
        roomy: list[str] = [name for name, each in type_.fields.items() if _fits(each, levels, lists)]
        showing = [name for name in roomy if name in ("nodes", "edges", "node")]
        if showing and self.dice.chance(90 if is_first else 50):
            return self.dice.one(showing)
        if "pageInfo" in roomy and self.dice.chance(50):
            return "pageInfo"
        deeper = [name for name in roomy if name not in leaves]
        return self.dice.one(deeper if deeper and self.dice.chance(40) else (roomy or leaves))

    def _all_leaves(self, type_: GraphQLObjectType) -> str:
        leaves = self._leaves_of(type_)
        for name in leaves:
            self.claims[name] = f"{name}: {type_.fields[name].type}"
        return f"{{ __typename {' '.join(leaves)} }}"

    def _leaves_of(self, type_: GraphQLObjectType) -> list[str]:
        """Fields without anything below, which may stand in any document."""
        leaves: list[str] = []
        for name, each in type_.fields.items():
            meaning = f"{name}: {each.type}"
            if is_leaf_type(get_named_type(each.type)) and self.claims.get(name, meaning) == meaning:
                leaves.append(name)
        return leaves

    def _field(self, type_: GraphQLObjectType, name: str, levels: int, lists: int) -> str:
        """A field with its arguments and what is below it."""
        self.fields_left -= 1
        definition = type_.fields[name]
        head = self._head(type_, name, definition, lists)
        named: Any = get_named_type(definition.type)
        if not is_composite_type(named):
            return f"{head}{self._directives()}"
        below = lists + (1 if _is_listed(definition) else 0)
        directives = self._directives()
        return f"{head}{directives} {self._selection(named, levels - 1, below)}"

    def _head(self, type_: GraphQLObjectType, name: str, definition: GraphQLField, lists: int) -> str:
        """`alias: name(arguments)`. The same again now and then, to be merged."""
        known = [head for head, of in self.heads.get(type_.name, []) if of == name]
        if known and self.dice.chance(20):
            return self.dice.one(known)
        given = self.arguments.of(type_.name, name, definition, below_list=lists > 0)
        text = arguments_text(given, {key: each.type for key, each in definition.args.items()})
        meaning = f"{name}{text}: {definition.type}"
        alias = ""
        if self.dice.chance(10) or self.claims.setdefault(name, meaning) != meaning:
            self.aliases += 1
            start = LONG_NAME if self.dice.chance(4) else "a"
            alias = f"{start}{self.aliases}: "
        head = f"{alias}{name}{text}"
        self.heads.setdefault(type_.name, []).append((head, name))
        return head

    def _directives(self) -> str:
        if not self.dice.chance(7):
            return ""
        shown = not self.dice.chance(35)
        name = self.dice.one(("include", "skip"))
        value = self.arguments.boolean(shown if name == "include" else not shown)
        text = f"${value.name}" if hasattr(value, "name") else str(value).lower()
        return f" @{name}(if: {text})"


def _fits(definition: GraphQLField, levels: int, lists: int) -> bool:
    named = get_named_type(definition.type)
    if is_leaf_type(named):
        return True
    if named.name.endswith("Connection"):
        return levels >= 5 and lists < MOST_LISTS
    return levels >= 3 and (lists < MOST_LISTS or not _is_listed(definition))


def _is_listed(definition: GraphQLField) -> bool:
    """Whether there may be many rows of it. A connection counts, what it shows does not count again."""
    named = get_named_type(definition.type)
    if named.name.endswith("Connection"):
        return True
    return is_list_type(get_nullable_type(definition.type)) and named.name in TABLES


def _levels_of(selection: str) -> int:
    depth = deepest = 0
    for character in selection:
        depth += {"{": 1, "}": -1}.get(character, 0)
        deepest = max(deepest, depth)
    return deepest
