"""Checks of output: at the end of a road, a handful of fields, each with its value or with its refusal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLNonNull, get_named_type, is_list_type

from tests.differential.naive_denials import Nulls
from tests.proof.matrix.contract import Contract, required_roles
from tests.proof.matrix.desk import Desk, Got
from tests.proof.matrix.roads import Composite, Road, Variable, passed, required_variables
from tests.proof.matrix.truth import ANY, ANY_OBJECT, Picked, Truth, fits, is_leaf, type_name_of
from tests.proof.matrix.verdicts import Verdicts, Wrong
from tests.proof.matrix.world import Row

#: The engine tells twenty denied fields of an operation one by one, and counts the rest.
MOST_FIELDS = 20
ROOT = object()
#: What each of several things needs: one of its permissions.
Gates = tuple[tuple[str, ...], ...]
Question = tuple[str, Gates, tuple[str, ...]]
Told = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Reading:
    """Some fields of the type at the end of a road, asked for at once, each a check of its own.

    With `given`, an argument that may be left out, the check is of that argument of the only field.
    """

    road: Road
    fields: tuple[str, ...]
    given: str = ""

    @property
    def size(self) -> int:
        return len(self.fields)

    async def check(self, desk: Desk, picked: Picked, verdicts: Verdicts) -> None:
        """Nothing is checked where the road itself is closed: each of its fields is checked in its own place."""
        if not all(desk.may(gate) for gate in self.gates(desk.contract)):
            return
        wrong = await self._wrong(desk, picked)
        if wrong is not None and self.size > 1:
            before = verdicts.wrong
            for name in self.fields:
                await Reading(self.road, (name,)).check(desk, picked, verdicts)
            if verdicts.wrong == before:
                verdicts.blame(wrong)
            return
        for coordinate, _, needed in self.questions(desk.contract):
            verdicts.note(coordinate, allowed=desk.may(needed))
        for name in self.fields:
            for argument in desk.roads.type_of(self.road.target).fields[name].args:
                verdicts.cover(f"{self.road.target}.{name}({argument}:)", allowed=True)
        if wrong is not None:
            verdicts.blame(wrong)

    def gates(self, contract: Contract) -> Gates:
        """What each thing on the way needs."""
        passed_by = [*self.road.passes(), *([f"{self.road.target}.{self.fields[0]}"] if self.given else [])]
        return tuple(tuple(needed) for each in passed_by if (needed := contract.own(each)))

    def questions(self, contract: Contract) -> Iterator[Question]:
        """What it checks: coordinates, what it takes to come there, and what each needs."""
        gates = self.gates(contract)
        ending = f"({self.given}:)" if self.given else ""
        for name in self.fields:
            coordinate = f"{self.road.target}.{name}{ending}"
            yield coordinate, gates, tuple(contract.own(coordinate))

    async def _wrong(self, desk: Desk, picked: Picked) -> Wrong | None:
        asked = Asked(self, desk, Truth(desk.roads, desk.sight, picked))
        text, variables = asked.text(), asked.variables()
        got = await _answer(desk, self.road.kind, text, variables)
        if asked.is_refused():
            expected: Any = ("refused", asked.denials())
            is_right = (
                got.data is None and told(got, self.road.kind) == asked.denials() and got.statements == 0
            )
        else:
            expected = (asked.data(), asked.denials())
            is_right = asked.is_answered_by(got)
        if is_right:
            return None
        where = ", ".join(f"{self.road.target}.{name}" for name in self.fields)
        return Wrong(
            str(desk.who), where, text, variables, str(expected), str((got.data, got.errors, got.statements))
        )


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked, and what must be answered."""

    reading: Reading
    desk: Desk
    truth: Truth

    @property
    def road(self) -> Road:
        return self.reading.road

    @property
    def target(self) -> Composite:
        return self.desk.roads.type_of(self.road.target)

    def text(self) -> str:
        road, fields = self.road, self.target.fields
        selections = [
            f"{name}{passed(given)}{'' if is_leaf(fields[name]) else ' { __typename }'}"
            for name, given in self._given().items()
        ]
        own = [variable for given in self._given().values() for variable, _ in given]
        return Road(road.kind, road.steps, road.target, (*road.variables, *own)).text(" ".join(selections))

    def variables(self) -> dict[str, Any]:
        own = [variable for given in self._given().values() for variable, _ in given]
        return self.truth.variables(self.road) | {each.name: self.truth.filled(each.value) for each in own}

    def _given(self) -> dict[str, list[tuple[Variable, str]]]:
        """What each field must be given."""
        fields, depth = self.target.fields, len(self.road.steps)
        return {
            name: required_variables(
                fields[name], depth, get_named_type(fields[name].type).name, (self.reading.given,)
            )
            for name in self.reading.fields
        }

    def is_refused(self) -> bool:
        """Is nothing executed? A denied argument, mutation or subscription refuses the whole operation."""
        is_root = not self.road.steps and self.road.kind != "query"
        return bool(self.denials()) and (is_root or bool(self.reading.given))

    def denials(self) -> Told:
        """Coordinate → what its error says."""
        found = {}
        refuses = bool(self.reading.given) or (not self.road.steps and self.road.kind != "query")
        for name, (coordinate, _, needed) in zip(
            self.reading.fields, self.reading.questions(self.desk.contract), strict=True
        ):
            if not self.desk.may(needed):
                path, pattern = self._place(name)
                found[coordinate] = (path, None if refuses else pattern, needed[0], required_roles(needed))
        return found

    def _place(self, name: str) -> tuple[list[str], list[str]]:
        """The path of a refusal, which ends at the root field where a list lies between, and its pattern."""
        path: list[str] = []
        pattern: list[str] = []
        below_list = False
        for owner, key in (*((step.owner, step.name) for step in self.road.steps), (self.road.target, name)):
            path = path[:1] if below_list else [*path, key]
            pattern.append(key)
            if _is_list(self.desk.roads.type_of(owner), key):
                pattern.append("*")
                below_list = True
        return path, pattern

    def data(self) -> Any:
        kind = {"query": ROOT, "subscription": ROOT, "mutation": ANY}[self.road.kind]
        return self._below(kind, 0)

    def _below(self, holder: Any, place: int) -> Any:
        if holder is None or holder is ANY:
            return holder
        if isinstance(holder, list):
            return [self._below(each, place) for each in holder]
        if place == len(self.road.steps):
            return {name: self._leaf(holder, name) for name in self.reading.fields}
        step = self.road.steps[place]
        shown = (
            step.narrowed or get_named_type(self.desk.roads.type_of(step.owner).fields[step.name].type).name
        )
        owner = self.desk.roads.type_of(step.owner)
        below = self.truth.value(holder, owner, step.name, shown)
        if below is ANY_OBJECT and _is_list(owner, step.name):
            below = ANY
        return {step.name: self._below(below, place + 1)}

    def _leaf(self, holder: Any, name: str) -> Any:
        if not self.desk.may(self.desk.contract.own(f"{self.road.target}.{name}")):
            return None
        owner = self._real_type(holder)
        definition = owner.fields[name]
        named = get_named_type(definition.type)
        value = self.truth.value(holder, owner, name, named.name)
        if not isinstance(named, Composite) or value is None or value is ANY:
            return value
        if isinstance(value, list):
            return [_typename(named, each) for each in value]
        return [ANY] if value is ANY_OBJECT and is_list_type(definition.type) else _typename(named, value)

    def _real_type(self, holder: Any) -> Composite:
        """The type of the object itself where the road ends at an interface."""
        return self.desk.roads.type_of(holder.type_name) if isinstance(holder, Row) else self.target

    def is_answered_by(self, got: Got) -> bool:
        expected = self.data()
        if self.road.kind == "subscription" and isinstance(expected, dict) and None in expected.values():
            return got.data is None and got.other_codes == ["NOT_FOUND"]
        nulls = Nulls.of(got.data)
        expected_denials = {
            coordinate: said
            for coordinate, said in self.denials().items()
            if said[1] is None or nulls.has(said[1])
        }
        if told(got, self.road.kind) != expected_denials or not fits(expected, got.data):
            return False
        if self.road.kind == "query" and got.other_codes:
            return False
        keys = [*(step.name for step in self.road.steps)]
        denied = [coordinate.partition(".")[2] for coordinate in self.denials()]
        return all(each[name] is None for each in _objects(got.data, keys) for name in denied if name in each)


def told(got: Got, kind: str) -> Told:
    """The refusals in an answer, by coordinate. What a service refuses inside a mutation is none of the schema's."""
    found = {}
    for error in got.denials:
        said, path = error["extensions"], error.get("path", [])
        if "coordinate" not in said and kind == "mutation" and got.data is not None:
            continue
        coordinate = said.get("coordinate") or f"{kind.title()}.{'.'.join(map(str, path))}"
        found[coordinate] = (
            path,
            said.get("pathPattern"),
            said.get("requiredPermission"),
            said.get("requiredRoles"),
        )
    return found


def _typename(named: Composite, value: Any) -> Any:
    return None if value is None else {"__typename": type_name_of(named, value)}


def _is_list(owner: Composite, name: str) -> bool:
    type_ = owner.fields[name].type
    return is_list_type(type_.of_type if isinstance(type_, GraphQLNonNull) else type_)


def _objects(data: Any, keys: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Every object of the answer at the end of these keys, through lists."""
    if isinstance(data, list):
        for each in data:
            yield from _objects(each, keys)
    elif isinstance(data, dict):
        if not keys:
            yield data
        elif keys[0] in data:
            yield from _objects(data[keys[0]], keys[1:])


async def _answer(desk: Desk, kind: str, text: str, variables: Mapping[str, Any]) -> Got:
    if kind == "subscription":
        return await desk.listen(text, variables)
    return await (desk.try_out if kind == "mutation" else desk.ask)(text, variables)
