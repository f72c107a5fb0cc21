"""Roads through the schema: from a root field to each type that can be asked for, generated from the built schema.

A type has one road for every field that gives it, each begun by the shortest way to that field; so a contact is reached
by its id, in a list, at a person, in the payload of a mutation. What a root field must be given stands in the variables.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_required_argument,
)

from app.engine.declare import TABLES
from app.engine.guards import metadata_of
from app.engine.ids import ID_OF
from tests.schema.operations import ROOTS, value_of

Composite = GraphQLObjectType | GraphQLInterfaceType


@dataclass(frozen=True)
class IdOf:
    """Stands among the variables for the id of a row of this type."""

    type_name: str


@dataclass(frozen=True)
class Variable:
    """A variable of the operation: what it is declared as, what it takes, and which values of enums are in that."""

    name: str
    type: str
    value: Any
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One field on the way. `narrowed` names the type that a fragment picks out of an interface."""

    owner: str
    name: str
    arguments: str = ""
    narrowed: str = ""

    @property
    def coordinate(self) -> str:
        return f"{self.owner}.{self.name}"


@dataclass(frozen=True)
class Road:
    """The way to `target`, a type's name."""

    kind: str
    steps: tuple[Step, ...] = ()
    target: str = ""
    variables: tuple[Variable, ...] = ()

    def text(self, selection: str) -> str:
        """The operation that asks this of the target."""
        for step in reversed(self.steps):
            inner = f"... on {step.narrowed} {{ {selection} }}" if step.narrowed else selection
            selection = f"{step.name}{step.arguments} {{ {inner} }}"
        declared = ", ".join(f"${each.name}: {each.type}" for each in self.variables)
        return f"{self.kind} Matrix{f'({declared})' if declared else ''} {{ {selection} }}"

    def passes(self) -> Iterator[str]:
        """The coordinates that must be open for whoever goes along it."""
        yield from (step.coordinate for step in self.steps)
        yield from (word for variable in self.variables for word in variable.words)

    def __str__(self) -> str:
        return " ".join((self.kind, ".".join(step.name for step in self.steps)))


@dataclass(eq=False)
class Roads:
    """All roads, by the type they lead to."""

    schema: GraphQLSchema
    to: dict[str, list[Road]] = field(default_factory=dict)
    shortest: dict[str, Road] = field(default_factory=dict)

    @classmethod
    def through(cls, schema: GraphQLSchema) -> "Roads":
        """Raises AssertionError with the types that no road leads to."""
        roads = cls(schema)
        roads._find_shortest()
        for type_ in roads.composites():
            roads.to.setdefault(type_.name, [])
        for road in roads._all():
            roads.to[road.target].append(road)
        if lost := [name for name, found in roads.to.items() if not found and name not in roads.root_names()]:
            raise AssertionError(
                f"No road of the matrix leads to {', '.join(lost)}: give a field that shows it, or take the type away."
            )
        return roads

    def root_names(self) -> list[str]:
        return [type_.name for type_ in self.root_types().values()]

    def root_types(self) -> Mapping[str, GraphQLObjectType]:
        return {kind: getattr(self.schema, f"{kind}_type") for kind in ROOTS}

    def composites(self) -> Iterator[Composite]:
        for name, type_ in self.schema.type_map.items():
            if isinstance(type_, Composite) and not name.startswith("__"):
                yield type_

    def type_of(self, name: str) -> Composite:
        type_ = self.schema.type_map[name]
        assert isinstance(type_, Composite)
        return type_

    def _find_shortest(self) -> None:
        """Breadth first, queries before mutations: what many fields show is reached by reading."""
        waiting = deque(Road(kind, (), type_.name) for kind, type_ in self.root_types().items())
        while waiting:
            road = waiting.popleft()
            for longer in self._steps_from(road):
                if longer.target not in self.shortest:
                    self.shortest[longer.target] = longer
                    waiting.append(longer)

    def _all(self) -> Iterator[Road]:
        for kind, type_ in self.root_types().items():
            yield from self._through_pages(Road(kind, (), type_.name))
        for road in list(self.shortest.values()):
            if not _is_of_a_page(road.target):
                yield from self._through_pages(road)

    def _through_pages(self, road: Road) -> Iterator[Road]:
        """The roads that begin with this one and end at the next type; a connection is no end."""
        for longer in self._steps_from(road):
            yield longer
            if _is_of_a_page(longer.target):
                yield from self._through_pages(longer)

    def _steps_from(self, road: Road) -> Iterator[Road]:
        for name, definition in self.type_of(road.target).fields.items():
            named = get_named_type(definition.type)
            if isinstance(named, Composite):
                yield from self._step(road, name, definition, named)

    def _step(self, road: Road, name: str, definition: GraphQLField, named: Composite) -> Iterator[Road]:
        concrete = self.schema.get_possible_types(named) if isinstance(named, GraphQLInterfaceType) else ()
        for narrowed in ("", *(type_.name for type_ in concrete)):
            target = narrowed or named.name
            variables = required_variables(definition, len(road.steps), target)
            step = Step(road.target, name, passed(variables), narrowed)
            yield Road(road.kind, (*road.steps, step), target, (*road.variables, *(v for v, _ in variables)))


def _is_of_a_page(type_name: str) -> bool:
    return type_name.endswith(("Connection", "Edge"))


def required_variables(
    definition: GraphQLField, depth: int, target: str, also: Sequence[str] = ()
) -> list[tuple[Variable, str]]:
    """A variable for each argument that must be given, and for those in `also`, with the argument's name."""
    return [
        (variable_for(name, argument, depth, target), name)
        for name, argument in definition.args.items()
        if is_required_argument(argument) or name in also
    ]


def passed(variables: Sequence[tuple[Variable, str]]) -> str:
    """The variables as the field's arguments."""
    given = ", ".join(f"{argument}: ${variable.name}" for variable, argument in variables)
    return f"({given})" if given else ""


def variable_for(name: str, argument: GraphQLArgument, depth: int, target: str) -> Variable:
    """A value that fits the argument; the id of a row where it takes ids."""
    value: Any = value_of(argument.type, argument)
    named = get_named_type(argument.type)
    words: list[str] = []
    if isinstance(named, GraphQLInputObjectType):
        words = [
            f"{enum.name}.{each}"
            for key, each in value.items()
            if isinstance(enum := get_named_type(named.fields[key].type), GraphQLEnumType)
        ]
        value = {key: _of_rows(each, named.fields[key]) for key, each in value.items()}
    if named.name == "ID":
        wanted = IdOf(_whose(name, argument, target))
        value = [wanted] if isinstance(value, list) else wanted
    return Variable(f"{name}{depth}", str(argument.type), value, tuple(words))


def _of_rows(value: Any, field: GraphQLInputField) -> Any:
    """The same value, with a row's id for the one of a row that is nowhere: so payloads have something to show."""
    told = metadata_of(field).get(ID_OF)
    if told not in TABLES:
        return value
    return [IdOf(told)] if isinstance(value, list) else IdOf(told)


def _whose(name: str, argument: GraphQLArgument, target: str) -> str:
    """The type of the rows whose ids an argument takes: by its declaration, its name, or what the field shows."""
    declared = str(metadata_of(argument).get(ID_OF) or name.removesuffix("s").removesuffix("Id"))
    told = declared[:1].upper() + declared[1:]
    if told in TABLES or target == "Node":
        return told if told in TABLES else target
    found = max((each for each in TABLES if target.startswith(each)), key=len, default="")
    assert found, (
        f"The matrix does not know whose ids the argument {name} of a field that gives {target} takes: "
        "name it after the type, as emailId."
    )
    return found
