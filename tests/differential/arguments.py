"""Arguments of generated fields: pages, orders, filters, searches, ids; mostly right, drawn from what the viewer sees."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    get_named_type,
)

from app.engine.declare import TABLES, Column, Counted
from app.engine.guards import guard_of
from app.engine.ids import global_id
from app.engine.types import base_type_of, graphql_name
from tests.differential.dice import Dice
from tests.differential.sight import Sight
from tests.differential.values import ABSENT, Variable, arguments_text, resolved

Given = dict[str, Any]

#: More than a page has, less, and both ends at once.
WRONG_PAGES: Sequence[Given] = (
    {"first": 0},
    {"first": 101},
    {"last": -1},
    {"first": 2, "last": 2},
    {"last": 101},
)
NO_CURSORS = ("", "zz", "7b7d", "5b5d", "é")
NO_IDS = ("", "x", "Q29udGFjdDo=", "%%%", "\u0000")
SMALL, LARGE = (1, 2, 3, 5), (1, 2, 3, 5, 7, 10, 25, 100)


@dataclass(frozen=True)
class Wish:
    """A cursor that is asked of the engine before the operation runs: the `place`th of the list in `document`."""

    token: str
    document: str
    viewer: str
    place: int


@dataclass
class Arguments:
    """Makes arguments for one operation of one viewer, and the variables and wishes for cursors in them."""

    dice: Dice
    viewer: str
    sight: Sight
    everything: Mapping[str, Sequence[str]]  # all ids there are, by type
    variables: list[Variable] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)

    def of(self, owner: str, name: str, definition: GraphQLField, *, below_list: bool) -> Given:
        """The arguments of the field `owner.name`."""
        if "id" in definition.args:
            to = get_named_type(definition.type).name
            return {
                "id": self.variable(definition.args["id"].type, self.some_id(to if to in TABLES else None))
            }
        if "ids" in definition.args:
            return {"ids": self._ids(definition.args["ids"].type)}
        if "first" in definition.args:
            return self._connection(owner, name, definition, below_list)
        return {}

    def variable(
        self, type_: GraphQLInputType, value: Any, *, percent: int = 30, strict: bool = False
    ) -> Any:
        """The value, or a variable of its type that stands for it. `strict`: a default does not make it non-null."""
        if not self.dice.chance(percent):
            return value
        known = [each for each in self.variables if each.type_text == str(type_) and each.value is not ABSENT]
        if known and self.dice.chance(25):
            return self.dice.one(known)
        return self._new_variable(type_, value, strict)

    def boolean(self, value: bool) -> Any:
        """For @skip and @include."""
        return self.variable(_NON_NULL_BOOLEAN, value, percent=60)

    def some_id(self, type_name: str | None) -> str:
        """The id of a row, nearly always one in reach."""
        names = [name for name in TABLES if self.sight.rows[name]] or list(TABLES)
        name = type_name or self.dice.one(names)
        kind = self.dice.weighted(((91, "seen"), (5, "any"), (2, "other"), (2, "none")))
        if kind == "seen" and self.sight.rows[name]:
            return global_id(name, self.dice.one(self.sight.rows[name]).id)
        if kind == "none":
            return self.dice.one(NO_IDS)
        if kind == "other":
            name = self.dice.one(list(TABLES))
        return self.dice.one(self.everything[name])

    def _new_variable(self, type_: GraphQLInputType, value: Any, strict: bool) -> Variable:
        """Given, or left to its default, or given over a default; one that may be null may also not be given."""
        nullable = not isinstance(type_, GraphQLNonNull)
        ways = ["given", "default", "both", "neither" if nullable and self.dice.chance(20) else "given"]
        way, value = self.dice.one(ways), resolved(value)
        text = str(type_) if nullable or strict or way == "given" else str(type_)[:-1]
        made = Variable(
            f"v{len(self.variables)}",
            text,
            type_,
            default=value if way in ("default", "both") else ABSENT,
            given=value if way in ("given", "both") else ABSENT,
        )
        self.variables.append(made)
        return made

    def _ids(self, type_: Any) -> Any:
        if self.dice.chance(1):
            return self.variable(type_, [self.some_id("Contact")] * 101)
        one = type_.of_type.of_type
        ids = [self.some_id(None) for _ in range(1 + self.dice.below(4))]
        return (
            self.variable(type_, ids) if self.dice.chance(50) else [self.variable(one, each) for each in ids]
        )

    def _connection(self, owner: str, name: str, definition: GraphQLField, below_list: bool) -> Given:
        table, types = _row_type(definition), {key: each.type for key, each in definition.args.items()}
        given: Given = {}
        if "orderBy" in types and self.dice.chance(35):
            given["orderBy"] = self.variable(types["orderBy"], self._order(types["orderBy"]))
        if "where" in types and self.dice.chance(30):
            given["where"] = self.variable(
                types["where"], self.where(table, get_named_type(types["where"]), 3)
            )
        if "search" in types and self.dice.chance(12):
            given["search"] = self.variable(types["search"], self.searched(table))
        probe = self._probe(owner, name, given, types)
        return {**self._page(types, probe, SMALL if below_list else LARGE), **given}

    def _page(self, types: Mapping[str, Any], probe: str, sizes: Sequence[int]) -> Given:
        if self.dice.chance(2):
            return dict(self.dice.one(WRONG_PAGES))
        ways = ((50, "first"), (12, ""), (13, "last"), (12, "first after"), (8, "last before"), (2, "before"))
        way = self.dice.weighted((*ways, (3, "after"), (2, "first after before"), (1, "last after")))
        found: Given = {}
        for name in way.split():
            value = self.dice.one(sizes) if name in ("first", "last") else self._cursor(probe)
            found[name] = self.variable(types[name], value)
        return found

    def _cursor(self, probe: str) -> str:
        """A token that stands for one until it is known; or what is none."""
        kind = self.dice.weighted(((94, "own"), (3, "other list"), (3, "none")))
        if kind == "none":
            return self.dice.one(NO_CURSORS)
        if kind == "other list":
            probe = "{ list: employees(first: 9, orderBy: [{createdAt: DESC}]) { edges { cursor } } }"
        wish = Wish(f"CURSOR{len(self.wishes)}", probe, self.viewer, self.dice.below(40))
        self.wishes.append(wish)
        return wish.token

    def _probe(self, owner: str, name: str, given: Given, types: Mapping[str, Any]) -> str:
        """A document that asks for the cursors of the very list; below a row, of one such row."""
        here = resolved({"first": 100, **given})
        asked = f"list: {name}{arguments_text(here, types)} {{ edges {{ cursor }} }}"
        if owner == "Query":
            return f"{{ {asked} }}"
        rows = self.sight.rows[owner]
        parent = global_id(owner, self.dice.one(rows).id) if rows else ""
        return f'{{ node(id: "{parent}") {{ ... on {owner} {{ {asked} }} }} }}'

    def _order(self, type_: Any) -> list[Any]:
        fields = get_named_type(type_).fields
        steps = []
        for _ in range(1 + self.dice.below(3)):
            name = self.ordered_by(list(fields))
            way = self.dice.one(("ASC", "DESC"))
            steps.append(
                {name: self.variable(GraphQLNonNull(fields[name].type), way, percent=10, strict=True)}
            )
        return steps

    def ordered_by(self, names: Sequence[str]) -> str:
        return self.dice.one(names)

    def filtered_by(self, type_: GraphQLInputObjectType, names: Sequence[str]) -> str:
        """Nearly always a field that the viewer may filter by."""
        granted = [name for name in names if self._may_filter(type_, name)]
        return self.dice.one(granted if granted and not self.dice.chance(2) else names)

    def searched(self, table: str) -> str:
        """A piece of what can be found, written with other accents and case perhaps; a few times too short."""
        rows = self.sight.rows[table]
        if not rows or self.dice.chance(6):
            return self.dice.one(("nic takového", "x", "", "NUL\u0000", " a  ", " \t "))
        words = self.dice.one(rows).search_text.split()
        word: str = self.dice.one(words)
        piece = word[: 2 + self.dice.below(4)]
        return self.dice.one((piece, piece.upper(), f"  {piece} ", word, " ".join(words)))[:100]

    def where(self, table: str, type_: Any, depth: int) -> Given:
        """A filter: mostly one condition, and trees of them."""
        kind = (
            self.dice.weighted(((60, ""), (10, "not"), (12, "or"), (8, "and"), (10, "all"))) if depth else ""
        )
        found: Given = {}
        if kind in ("", "all"):
            for _ in range(1 + self.dice.below(2)):
                found |= self._condition(table, type_)
        if kind in ("not", "all"):
            found["not"] = self.where(table, type_, depth - 1)
        if kind in ("or", "and", "all"):
            key = self.dice.one(("or", "and")) if kind == "all" else kind
            many = self.dice.weighted(((40, 1), (35, 2), (20, 3), (5, 0)))
            ways = [self.where(table, type_, depth - 1) for _ in range(many)]
            found[key] = [self.variable(GraphQLNonNull(type_), each, percent=10) for each in ways]
        return found

    def _condition(self, table: str, type_: GraphQLInputObjectType) -> Given:
        name = self.filtered_by(type_, [name for name in type_.fields if name not in ("and", "or", "not")])
        operators: Any = get_named_type(type_.fields[name].type)
        found: Given = {}
        for _ in range(self.dice.weighted(((85, 1), (12, 2), (3, 0)))):
            operator = self.dice.one(list(operators.fields))
            found[operator] = self._operand(table, name, operator, operators.fields[operator].type)
        return {name: found}

    def _may_filter(self, type_: GraphQLInputObjectType, name: str) -> bool:
        guard = guard_of(type_.fields[name])
        return guard is None or guard.granted_to(self.sight.viewer)

    def _operand(self, table: str, name: str, operator: str, type_: Any) -> Any:
        if operator == "isNull":
            return self.variable(type_, self.dice.one((False, True)))
        if operator == "in":
            values = [
                self.compared_with(table, name, type_.of_type.of_type) for _ in range(self.dice.below(4))
            ]
            return [self.variable(type_.of_type, value, percent=15) for value in values if value is not None]
        if self.dice.chance(1):
            return self.dice.one((None, "nul\u0000", "x" * 600)) if str(type_) == "String" else None
        value = self.compared_with(table, name, type_)
        return self.variable(type_, value if value is not None else _other_than_null(type_))

    def compared_with(self, table: str, name: str, type_: Any) -> Any:
        """What some row has there, as JSON writes it."""
        rows = self.sight.rows[table]
        column, spec = _column(table, name)
        if spec.id_of is not None and (not rows or self.dice.chance(15)):
            return self.some_id(spec.id_of)
        if not rows:
            return None
        row = self.dice.one(rows)
        type_name = getattr(row, spec.id_in) if spec.id_in else spec.id_of
        return self._written(table, column, type_name, getattr(row, column))

    def _written(self, table: str, column: str, type_name: str | None, value: Any) -> Any:
        is_counted = isinstance(TABLES[table].specs.get(column), Counted)
        if value is not None and not is_counted and base_type_of(TABLES[table].model, column) is bool:
            return bool(value)  # SQLite's are 0 and 1
        match value:
            case UUID():
                return global_id(type_name or "", value)
            case Enum():
                return value.name
            case datetime():
                return self.dice.one(SPELLINGS)(value)
        return value


_NON_NULL_BOOLEAN: GraphQLInputType = GraphQLNonNull(GraphQLBoolean)
SPELLINGS: Sequence[Callable[[datetime], str]] = (
    lambda at: at.isoformat().replace("+00:00", "Z"),
    lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    lambda at: at.astimezone(timezone(timedelta(hours=1))).isoformat(),
    lambda at: (at + timedelta(microseconds=789)).isoformat(),  # finer than what is kept, and means the same
)


def _row_type(definition: GraphQLField) -> str:
    return str(get_named_type(definition.type).name).removesuffix("Connection")


def _column(table: str, name: str) -> tuple[str, Column]:
    for python_name, spec in TABLES[table].specs.items():
        if graphql_name(python_name) == name and isinstance(spec, Counted):
            return python_name, Column(guard=spec.guard, description="")
        if graphql_name(python_name) == name and isinstance(spec, Column):
            return spec.column or python_name, spec
    raise KeyError(name)


def _other_than_null(type_: Any) -> Any:
    named = get_named_type(type_)
    samples = {"Int": 3, "Boolean": True, "DateTime": "2026-03-02T12:00:00Z"}
    return next(iter(named.values)) if hasattr(named, "values") else samples.get(named.name, "x")
