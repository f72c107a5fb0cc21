"""The plan of an operation: decided, and ready to run, for every viewer of one shape.

What @skip and @include say is part of the key, so a plan has no conditions left. Input values are not: they are coerced
and walked once for each request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
)

from app.engine.authorise import Authorisation
from app.engine.cache import Bounded, Weight
from app.engine.declare import TABLES, ById, Held, Listing, Own, Spec
from app.engine.denials import Denial
from app.engine.document import Document
from app.engine.guards import LATE, SPEC, guard_of, metadata_of, python_name_of
from app.engine.inputs import Input, Inputs
from app.engine.reads import Read, ReadEach, ReadOne, ReadPage
from app.engine.searches import Search
from app.engine.selecting import Selecting
from app.engine.selection import TYPENAME
from app.engine.statement import STATEMENT_BYTES, STATEMENTS, Arguments
from app.engine.values import Completer, HeldRead
from app.engine.weight import weigh
from app.viewers import Shape


@dataclass(frozen=True, eq=False)
class Payload:
    """How the value of a root field is completed, and what rows an event holds, by its type.

    The rest if that was decided after the field ran.
    """

    complete: Completer
    held: Mapping[str, Sequence[HeldRead]] = field(default_factory=dict)
    denials: tuple[Denial, ...] = ()
    inputs: tuple[Input, ...] = ()
    searches: tuple[Search, ...] = ()


@dataclass(eq=False)
class Root:
    """One root field. `read` is there for a declared one; `payload` for a value that a resolver returns."""

    key: str
    definition: GraphQLField
    nodes: list[FieldNode]
    type: GraphQLObjectType
    spec: Spec | None
    denied: bool
    read: Read | None = None
    payload: Payload | None = None
    #: `node` and `nodes`: by the type that an id names.
    reads_by_type: dict[str, Read] = field(default_factory=dict)
    #: Payloads decided after the field ran, by the viewer's shape.
    late: dict[Shape, Payload] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.nodes[0].name.value

    @property
    def python_name(self) -> str:
        """The name under which a declaration knows the field."""
        return python_name_of(self.definition)

    @property
    def is_late(self) -> bool:
        """Is its viewer not known before it ran?"""
        return bool(metadata_of(self.definition).get(LATE))


@dataclass(eq=False)
class Plan:
    """`inputs` are the fields whose arguments have variables, `constants` those that have none.

    `searches`: lists of metered rows in which a metered viewer may search. `statements` lie within its weight.
    """

    operation: OperationDefinitionNode
    document: Document
    shape: Shape
    denials: tuple[Denial, ...]
    roots: tuple[Root, ...]
    inputs: tuple[Input, ...]
    constants: Arguments
    constant_values: int
    searches: tuple[Search, ...]
    weight: Weight = field(default_factory=lambda: Weight(Bounded.EMPTY_BYTES))
    #: Was anything worked out for it since it was weighed?
    is_changed: bool = True
    _own_bytes: int = 0

    @cached_property
    def statements(self) -> Bounded[Any]:
        """By reads and forms: see `statement`."""
        return Bounded(entries=STATEMENTS, most_bytes=STATEMENT_BYTES, within=self.weight)

    @cached_property
    def is_refused(self) -> bool:
        """Is there nothing in it that its viewers may ask?"""
        return all(root.denied for root in self.roots)

    def weigh(self) -> None:
        """Anew, if it has changed: much is worked out with the first run."""
        if self.is_changed:
            self.is_changed = False
            own = weigh(self)
            self.weight.grow(own - self._own_bytes)
            self._own_bytes = own

    @cached_property
    def constant(self) -> bytes | None:
        """The data of an operation that asks nothing but `__typename`; None of any other."""
        if any(root.name != TYPENAME for root in self.roots):
            return None
        return orjson.dumps({root.key: root.type.name for root in self.roots})


def make(document: Document, operation: OperationDefinitionNode, shape: Shape) -> Plan:
    """Authorises, and prepares each root field. Raises GraphQLError if the whole operation is refused."""
    authorisation = Authorisation(document, shape.viewer)
    denials = authorisation.operation(operation)
    reader = Inputs(shape.viewer)
    constants = reader.read_written(authorisation.inputs)
    root_type = document.schema.get_root_type(operation.operation)
    assert root_type is not None
    making = Making(document, shape, root_type)
    return Plan(
        operation,
        document,
        shape,
        denials,
        tuple(making.root(key, nodes) for key, nodes in document.roots(operation).items()),
        tuple(each for each in authorisation.inputs if not each.is_constant),
        constants,
        reader.values,
        tuple(authorisation.searches.values()),
    )


@dataclass(frozen=True, slots=True)
class Making:
    """Makes the root fields of one plan."""

    document: Document
    shape: Shape
    type: GraphQLObjectType

    def root(self, key: str, nodes: list[FieldNode]) -> Root:
        name = nodes[0].name.value
        definition = self.document.schema.get_field(self.type, name)
        assert definition is not None
        spec = metadata_of(definition).get(SPEC)
        guard = guard_of(definition)
        denied = guard is not None and not guard.granted_to(self.shape.viewer)
        root = Root(key, definition, nodes, self.type, spec, denied)
        if denied:
            return root
        selecting = Selecting(self.document, self.shape.viewer)
        match spec:
            case ById(to=to) | Own(to=to):
                root.read = ReadOne(selecting.rows(TABLES[to], nodes))
            case Listing(to=to, order=order, search=search):
                root.read = ReadPage(selecting.pages(to, definition, nodes, order=order, search=search))
            case Held():
                root.read = selecting.held(spec, nodes)
            case None if not name.startswith("__") and not root.is_late:
                completers = selecting.completers()
                root.payload = Payload(completers.of(definition.type, nodes), completers.reads)
        return root


def late_payload(plan: Plan, root: Root, shape: Shape) -> Payload:
    """How the value of a root field is completed for a viewer whom nobody knew when the plan was made."""
    known = root.late.get(shape)
    if known is not None:
        return known
    type_ = get_named_type(root.definition.type)
    assert isinstance(type_, GraphQLObjectType)
    authorisation = Authorisation(plan.document, shape.viewer)
    try:
        denials = authorisation.below(type_, root.nodes, [root.key])
    except GraphQLError as refusal:
        denials = (Denial([((), refusal)]),)  # it ran already
    complete = Selecting(plan.document, shape.viewer).completer(root.definition, root.nodes)
    searches = tuple(authorisation.searches.values())
    made = Payload(complete, {}, denials, tuple(authorisation.inputs), searches)
    if len(root.late) >= MOST_LATE:
        root.late.clear()
    root.late[shape] = made
    plan.is_changed = True
    return made


def read_of_type(plan: Plan, root: Root, type_name: str) -> Read:
    """For `node` and `nodes`: the read of the rows of one type."""
    if type_name not in root.reads_by_type:
        rows = Selecting(plan.document, plan.shape.viewer).rows(TABLES[type_name], root.nodes)
        root.reads_by_type[type_name] = ReadEach(rows)
        plan.is_changed = True
    return root.reads_by_type[type_name]


#: Shapes of viewers that one field of one plan remembers.
MOST_LATE = 32
