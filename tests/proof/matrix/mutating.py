"""Checks of mutations: the right to run each, and the right to send each field of its input and each value of an enum.

What is allowed runs in a transaction that is taken back; what is not is refused before the database is asked anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_required_input_field,
)

from app.engine.input_ids import FILTER
from tests.proof.matrix.contract import Contract, required_roles
from tests.proof.matrix.desk import Desk, Got
from tests.proof.matrix.reading import Question, told
from tests.proof.matrix.truth import Picked
from tests.proof.matrix.verdicts import Verdicts, Wrong
from tests.schema.operations import is_one_of, sample, value_of

#: A service decides these by what was sent or by the row, beyond the rights that the contract prints.
BY_SERVICE = {"activityRecord", "emailSend", "reminderCreate"}
Need = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Mutating:
    """One mutation with all its input. `fields`: the coordinates of its input, nested ones too."""

    name: str
    input_type: str
    coordinates: tuple[str, ...]

    @property
    def size(self) -> int:
        return 2 + len(self.coordinates) if self.input_type else 1

    async def check(self, desk: Desk, picked: Picked, verdicts: Verdicts) -> None:
        needed = tuple(desk.contract.own(self.coordinate))
        maker = Maker(desk)
        is_allowed = desk.may(needed)
        verdicts.note(self.coordinate, allowed=is_allowed)
        type_ = self._type(desk)
        if not is_allowed:
            sent = value_of(type_, None) if type_ else None
            await self._expect_refusal(desk, verdicts, sent, (self.coordinate, needed))
            return
        if maker.can_send(type_):
            await self._expect_entry(desk, verdicts, maker)
        for sent, need in maker.tries(type_):
            verdicts.note(need[0], allowed=desk.may(need[1]))
            if desk.may(need[1]):
                await self._expect_entry_with(desk, verdicts, sent)
            else:
                await self._expect_refusal(desk, verdicts, sent, need)

    def questions(self, contract: Contract) -> Iterator[Question]:
        """What it checks: coordinates, what it takes to come there, and what each needs."""
        own = tuple(contract.own(self.coordinate))
        yield self.coordinate, (), own
        for coordinate in self.coordinates:
            type_name, _, name = coordinate.partition(".")
            yield coordinate, (own,) if own else (), tuple(contract.input_field(type_name, name))

    @property
    def coordinate(self) -> str:
        return f"Mutation.{self.name}"

    def _type(self, desk: Desk) -> GraphQLInputObjectType | None:
        if not self.input_type:
            return None
        type_ = desk.schema._schema.type_map[self.input_type]
        assert isinstance(type_, GraphQLInputObjectType)
        return type_

    async def _expect_entry(self, desk: Desk, verdicts: Verdicts, maker: "Maker") -> None:
        """With everything that the viewer may send."""
        if self.input_type:
            argument = f"{self.coordinate}(input:)"
            verdicts.note(argument, allowed=desk.may(desk.contract.own(argument)))
        for coordinate in self.coordinates:
            if desk.may(desk.contract.input_field(*coordinate.split("."))):
                verdicts.note(coordinate, allowed=True)
        await self._expect_entry_with(desk, verdicts, maker.most(self._type(desk)))

    async def _expect_entry_with(self, desk: Desk, verdicts: Verdicts, sent: Any) -> None:
        got = await desk.try_out(self._text(), self._variables(sent))
        refusals = [error for error in got.denials if "coordinate" in error["extensions"]]
        by_service = [error for error in got.denials if error not in refusals]
        if got.data is None or refusals or (by_service and self.name not in BY_SERVICE):
            verdicts.blame(self._wrong(desk, sent, "no refusal", got))

    async def _expect_refusal(self, desk: Desk, verdicts: Verdicts, sent: Any, need: Need) -> None:
        got = await desk.try_out(self._text(), self._variables(sent))
        coordinate, needed = need
        expected = {coordinate: (needed[0], required_roles(needed))}
        refusals = {name: said[2:] for name, said in told(got, "mutation").items()}
        if got.data is not None or len(got.errors) != 1 or refusals != expected or got.statements:
            verdicts.blame(self._wrong(desk, sent, f"refused by {expected}", got))

    def _text(self) -> str:
        if not self.input_type:
            return f"mutation Matrix {{ {self.name} {{ __typename }} }}"
        return (
            f"mutation Matrix($input: {self.input_type}!) {{ {self.name}(input: $input) {{ __typename }} }}"
        )

    def _variables(self, sent: Any) -> dict[str, Any]:
        return {"input": sent} if self.input_type else {}

    def _wrong(self, desk: Desk, sent: Any, expected: str, got: Got) -> Wrong:
        return Wrong(
            str(desk.who),
            self.coordinate,
            self._text(),
            self._variables(sent),
            expected,
            str((got.data, got.errors, got.statements)),
        )


@dataclass(frozen=True, eq=False)
class Maker:
    """Makes inputs out of what the viewer at the desk may send. Ids among them are nowhere."""

    desk: Desk
    #: The types that are being made: an input may hold itself.
    within: tuple[str, ...] = ()

    def least(self, type_: GraphQLInputObjectType | None) -> Any:
        """No more than must be sent."""
        return self._object(type_, whole=False)

    def most(self, type_: GraphQLInputObjectType | None) -> Any:
        """Every field that may be sent; one of those of which one is to be."""
        return self._object(type_, whole=True)

    def can_send(self, type_: GraphQLInputObjectType | None) -> bool:
        """Is there a value that the viewer may send for every field that must be sent?"""
        fields = type_.fields.items() if type_ else ()
        return {name for name, field in fields if is_required_input_field(field)} <= (
            self.least(type_) or {}
        ).keys()

    def tries(self, type_: GraphQLInputObjectType | None) -> Iterator[tuple[Any, Need]]:
        """What is sent besides the least, with what it needs: each guarded field, as a value and as null, each guarded value."""
        if type_ is None or type_.name in self.within:
            return
        below = Maker(self.desk, (*self.within, type_.name))
        for name, field in type_.fields.items():
            need = self._need(type_.name, name)
            if need[1] and not self.desk.may(need[1]):
                yield {**self.least(type_), name: sample(field)}, need
                yield {**self.least(type_), name: None}, need
                continue
            yield from self._values(type_, name, field)
            inner = get_named_type(field.type)
            if isinstance(inner, GraphQLInputObjectType):
                for sent, need_below in below.tries(inner):
                    given = [sent] if _is_list(field.type) else sent
                    yield {**self.least(type_), name: given}, need_below

    def _values(
        self, type_: GraphQLInputObjectType, name: str, field: GraphQLInputField
    ) -> Iterator[tuple[Any, Need]]:
        enum = get_named_type(field.type)
        if isinstance(enum, GraphQLEnumType):
            for value in enum.values:
                need = self._need(enum.name, value)
                if need[1]:
                    given = [value] if _is_list(field.type) else value
                    yield {**self.least(type_), name: given}, need

    def _need(self, type_name: str, name: str) -> Need:
        return f"{type_name}.{name}", tuple(self.desk.contract.input_field(type_name, name))

    def _may(self, type_name: str, name: str) -> bool:
        return self.desk.may(self._need(type_name, name)[1])

    def _object(
        self, type_: GraphQLInputObjectType | None, *, whole: bool, around: GraphQLInputField | None = None
    ) -> Any:
        """`around`: the field that it is the value of, which says whose ids the operators of a filter take."""
        if type_ is None:
            return None
        fields = {
            name: field
            for name, field in type_.fields.items()
            if is_required_input_field(field) or (whole and self._may(type_.name, name))
        }
        if is_one_of(type_):
            fields = dict(list(type_.fields.items())[:1])
        below = Maker(self.desk, (*self.within, type_.name))
        says = around if type_.name == FILTER else None
        made = {name: below._value(field.type, says or field, whole=whole) for name, field in fields.items()}
        return {name: value for name, value in made.items() if value is not _UNSENDABLE}

    def _value(self, type_: GraphQLInputType, field: GraphQLInputField, *, whole: bool) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self._value(type_.of_type, field, whole=whole)
        if isinstance(type_, GraphQLList):
            value = self._value(type_.of_type, field, whole=whole)
            return [] if value is _UNSENDABLE else [value]
        if isinstance(type_, GraphQLEnumType):
            values = [value for value in type_.values if self._may(type_.name, value)]
            return values[0] if values else _UNSENDABLE
        if get_named_type(type_).name in self.within:
            return _UNSENDABLE
        return (
            self._object(type_, whole=whole, around=field)
            if isinstance(type_, GraphQLInputObjectType)
            else value_of(type_, field)
        )


#: No value of the enum may be sent, or the input holds itself.
_UNSENDABLE = object()


def _is_list(type_: GraphQLInputType) -> bool:
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)


def coordinates_of(type_: GraphQLInputObjectType, seen: Mapping[str, Any] | None = None) -> Iterator[str]:
    """The fields of an input and of the inputs in it."""
    known = {**(seen or {}), type_.name: type_}
    for name, field in type_.fields.items():
        yield f"{type_.name}.{name}"
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLInputObjectType) and inner.name not in known:
            yield from coordinates_of(inner, known)
