"""Checks of what is sent: filters, sorts, searches and every other argument.

What the viewer may send goes out together, under aliases, and is answered by the rows it should; each thing he may not
send goes out alone, and refuses the whole operation before the database is asked anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    get_named_type,
)

from app.engine.declare import TABLES
from tests.proof.matrix.contract import Contract, required_roles
from tests.proof.matrix.desk import Desk, Got
from tests.proof.matrix.reading import ROOT, Gates, Question, told
from tests.proof.matrix.roads import Composite, Road
from tests.proof.matrix.truth import ANY, Page, Picked, Truth, fits
from tests.proof.matrix.verdicts import Verdicts, Wrong
from tests.proof.matrix.world import Row
from tests.proof.matrix.writing import Word, declaring, holds, literal, plain
from tests.schema.operations import is_one_of

LOGICAL = ("and", "or", "not")
WRAPPED = ("", *LOGICAL)
#: Aliases in one operation: far below the API's limit.
MOST_TOGETHER = 10
Needs = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, eq=False)
class Ask:
    """One thing to send to a field that gives a page. `needs`: coordinates with what they need, in the order they are met."""

    coordinate: str
    argument: str
    value: Any
    needs: Needs
    field: str = ""
    operator: str = ""
    wrapped: str = ""
    #: Parts of the input that are free to everybody, used on the way.
    through: tuple[str, ...] = ()

    def written(self, operand: Any) -> Any:
        """The argument's value, with the operand in its place."""
        if not self.operator:
            return self.value
        condition = {self.field: {self.operator: operand}}
        return {
            "": condition,
            "and": {"and": [condition]},
            "or": {"or": [condition]},
            "not": {"not": condition},
        }[self.wrapped]


@dataclass(frozen=True)
class Asking:
    """Some asks to the field `name` of the type at the end of the road; each is a check."""

    road: Road
    name: str
    asks: tuple[Ask, ...]

    @property
    def size(self) -> int:
        return len(self.asks)

    async def check(self, desk: Desk, picked: Picked, verdicts: Verdicts) -> None:
        """Nothing is checked where the road or the field itself is closed."""
        if not all(desk.may(gate) for gate in self.gates(desk.contract)):
            return
        truth = Truth(desk.roads, desk.sight, picked)
        unmet = {ask: _unmet(desk, ask) for ask in self.asks}
        allowed = [ask for ask in self.asks if unmet[ask] is None]
        for ask in self.asks:
            verdicts.note(ask.coordinate, allowed=unmet[ask] is None)
            for coordinate in (*(name for name, _ in ask.needs), *ask.through):
                verdicts.cover(coordinate, allowed=unmet[ask] is None)
        if allowed and (together := await self._wrong_of_allowed(desk, truth, allowed)):
            alone = [await self._wrong_of_allowed(desk, truth, [ask]) for ask in allowed]
            for wrong in [each for each in alone if each is not None] or [together]:
                verdicts.blame(wrong)
        for place, (ask, refused_by) in enumerate(unmet.items()):
            if refused_by is None:
                continue
            in_variable = bool(place % 2)
            if found := await self._wrong_of_denied(desk, truth, ask, refused_by, in_variable=in_variable):
                verdicts.blame(found)

    def gates(self, contract: Contract) -> Gates:
        """What each thing on the way needs."""
        passed_by = [*self.road.passes(), f"{self.road.target}.{self.name}"]
        return tuple(tuple(needed) for each in passed_by if (needed := contract.own(each)))

    def questions(self, contract: Contract) -> Iterator[Question]:
        """What it checks: coordinates, what it takes to come there, and what each needs."""
        gates = self.gates(contract)
        for ask in self.asks:
            before = [needed for coordinate, needed in ask.needs if needed and coordinate != ask.coordinate]
            own = next((needed for coordinate, needed in ask.needs if coordinate == ask.coordinate), ())
            yield ask.coordinate, (*gates, *before), own

    async def _wrong_of_allowed(self, desk: Desk, truth: Truth, asks: Sequence[Ask]) -> Wrong | None:
        sent = [(ask, ask.written(self._operand(desk, ask))) for ask in asks]
        selections = [
            f"a{number}: {self.name}({ask.argument}: {literal(value)}) {{ totalCount nodes {{ id }} }}"
            for number, (ask, value) in enumerate(sent)
        ]
        text, variables = self.road.text(" ".join(selections)), truth.variables(self.road)
        got = await desk.ask(text, variables)
        expected = self._expected(desk, truth, asks)
        if not got.errors and fits(expected, got.data):
            return None
        return _wrong(desk, asks, text, variables, expected, got)

    async def _wrong_of_denied(
        self,
        desk: Desk,
        truth: Truth,
        ask: Ask,
        refused_by: tuple[str, tuple[str, ...]],
        *,
        in_variable: bool,
    ) -> Wrong | None:
        """A filter is refused whether it is written out or comes in a variable."""
        value, road, variables = ask.written(self._operand(desk, ask)), self.road, truth.variables(self.road)
        definition = desk.roads.type_of(road.target).fields[self.name].args[ask.argument]
        given = "$sent" if in_variable else literal(value)
        text = road.text(f"a: {self.name}({ask.argument}: {given}) {{ totalCount nodes {{ id }} }}")
        if in_variable:
            variables["sent"] = plain(value)
            text = declaring(text, f"$sent: {definition.type}")
        got = await desk.ask(text, variables)
        coordinate, needed = refused_by
        expected = {coordinate: (needed[0], required_roles(needed))}
        refusals = {name: said[2:] for name, said in told(got, road.kind).items()}
        if got.data is None and len(got.errors) == 1 and refusals == expected and got.statements == 0:
            return None
        return _wrong(desk, [ask], text, variables, expected, got)

    def _operand(self, desk: Desk, ask: Ask) -> Any:
        """What is compared with: what some row of the table has, unless the ask says which value."""
        if ask.value is not None or not ask.operator:
            return ask.value
        if ask.operator == "isNull":
            return True
        table = self._table(desk)
        values = [_json_of(desk, row, table, ask.field) for row in desk.world.of_type(table)]
        value = next((each for each in values if each is not None), None)
        operand = Word(value) if _is_enum(desk, table, ask.field) else value
        return [operand] if ask.operator == "in" else operand

    def _table(self, desk: Desk) -> str:
        shown = get_named_type(desk.roads.type_of(self.road.target).fields[self.name].type)
        return str(shown.name).removesuffix("Connection")

    def _expected(self, desk: Desk, truth: Truth, asks: Sequence[Ask]) -> Any:
        def at_end(holder: Any, owner: Composite) -> Any:
            page = truth.value(holder, owner, self.name)
            if not isinstance(page, Page):
                return ANY
            return {f"a{number}": self._page(desk, page, ask) for number, ask in enumerate(asks)}

        return along(truth, desk, self.road, at_end)

    def _page(self, desk: Desk, page: Page, ask: Ask) -> Any:
        if ask.argument not in ("where", "orderBy"):
            return ANY
        rows: list[Row] = list(page.rows)
        if ask.operator:
            table, operand = self._table(desk), plain(self._operand(desk, ask))
            values = [_json_of(desk, row, table, ask.field) for row in rows]
            if ask.wrapped == "not" and None in values:
                return ANY
            is_wanted = ask.wrapped != "not"
            rows = [
                row
                for row, value in zip(rows, values, strict=True)
                if holds(ask.operator, value, operand) is is_wanted
            ]
        ids = [{"id": _json_of(desk, row, row.type_name, "id")} for row in rows]
        return {"totalCount": len(rows), "nodes": ids}


def along(truth: Truth, desk: Desk, road: Road, at_end: Any) -> Any:
    """The answer along a road of queries, with what `at_end` says of each object at its end."""

    def below(holder: Any, place: int) -> Any:
        if holder is None or holder is ANY:
            return holder
        if isinstance(holder, list):
            return [below(each, place) for each in holder]
        if place == len(road.steps):
            return at_end(holder, desk.roads.type_of(road.target))
        step = road.steps[place]
        owner = desk.roads.type_of(step.owner)
        shown = step.narrowed or get_named_type(owner.fields[step.name].type).name
        return {step.name: below(truth.value(holder, owner, step.name, shown), place + 1)}

    return below(ROOT, 0)


def asks_of(
    schema: GraphQLSchema, contract: Contract, coordinate: str, args: Mapping[str, GraphQLArgument]
) -> Iterator[Ask]:
    """Everything that can be sent to a field that gives a page."""
    for name, argument in args.items():
        own = f"{coordinate}({name}:)"
        base: Needs = ((own, tuple(contract.own(own))),)
        named = get_named_type(argument.type)
        if name == "where" and isinstance(named, GraphQLInputObjectType):
            yield from _filters(contract, named, base)
        elif isinstance(named, GraphQLInputObjectType):
            assert is_one_of(named), f"The matrix does not know what to send as {own}."
            for key in named.fields:
                needs = (*base, (f"{named.name}.{key}", tuple(contract.input_field(named.name, key))))
                yield Ask(f"{named.name}.{key}", name, [{key: Word("DESC")}], needs)
        else:
            samples = {"first": 5, "last": 5, "after": None, "before": None, "search": "example"}
            assert name in samples, f"The matrix does not know what to send as {own}: say in asks_of."
            yield Ask(own, name, samples[name], base)


def _filters(contract: Contract, where: GraphQLInputObjectType, base: Needs) -> Iterator[Ask]:
    for key, definition in where.fields.items():
        if key in LOGICAL:
            continue
        coordinate, filter_ = f"{where.name}.{key}", get_named_type(definition.type)
        assert isinstance(filter_, GraphQLInputObjectType), (
            f"{coordinate} is no filter that the matrix knows."
        )
        needs = (*base, (coordinate, tuple(contract.input_field(where.name, key))))
        for number, operator in enumerate(filter_.fields):
            for wrapped in sorted({"", WRAPPED[number % len(WRAPPED)]}):
                through = [f"{filter_.name}.{operator}", *([f"{where.name}.{wrapped}"] if wrapped else [])]
                for word, more in _words(contract, filter_, operator):
                    at = more[0][0] if more and more[0][1] else coordinate
                    yield Ask(at, "where", word, (*needs, *more), key, operator, wrapped, tuple(through))


def _words(contract: Contract, filter_: GraphQLInputObjectType, operator: str) -> Iterator[tuple[Any, Needs]]:
    """Each value of an enum, with what it needs; None, for a row's own value, where the filter takes another kind."""
    of = get_named_type(filter_.fields[operator].type)
    if not isinstance(of, GraphQLEnumType):
        yield None, ()
        return
    for value in of.values:
        coordinate = f"{of.name}.{value}"
        word: Any = [Word(value)] if operator == "in" else Word(value)
        yield word, ((coordinate, tuple(contract.own(coordinate))),)


def _unmet(desk: Desk, ask: Ask) -> tuple[str, tuple[str, ...]] | None:
    return next((need for need in ask.needs if not desk.may(need[1])), None)


def _json_of(desk: Desk, row: Row, table: str, field: str) -> Any:
    return Truth(desk.roads, desk.sight, {}).value(row, desk.roads.type_of(table), field)


def _is_enum(desk: Desk, table: str, field: str) -> bool:
    return isinstance(get_named_type(desk.roads.type_of(table).fields[field].type), GraphQLEnumType)


def _wrong(
    desk: Desk, asks: Sequence[Ask], text: str, variables: Mapping[str, Any], expected: Any, got: Got
) -> Wrong:
    where = ", ".join(ask.coordinate for ask in asks)
    return Wrong(
        str(desk.who), where, text, variables, str(expected), str((got.data, got.errors, got.statements))
    )


def gives_page(type_: Composite, name: str) -> bool:
    """Does the field give a connection over rows of a table?"""
    shown = get_named_type(type_.fields[name].type).name
    return shown.endswith("Connection") and shown.removesuffix("Connection") in TABLES
