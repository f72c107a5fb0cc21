"""The decision before execution: once per operation, over fragments, aliases, variables, @skip and @include.

A denied output field is left out and answered null with one FORBIDDEN error, however many rows it would have had. A
denied input field, argument, mutation, subscription, or a missing level refuses the whole operation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode as Node
from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    get_named_type,
    is_list_type,
)

from app.engine.declare import TABLES
from app.engine.document import CompositeType, Document, response_key
from app.engine.guards import LATE, guard_of, metadata_of
from app.errors import BadUserInput, CodedError, Unauthenticated
from app.policy import Guard, Level, Viewer

MOST_ERRORS = 20
#: Values in the arguments of all fields together: aliases must not multiply one large variable.
MOST_VALUES = 5_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the answer a field stands. Below a list `path` is the root field's; `pattern` goes all the way."""

    path: tuple[str | int, ...] = ()
    pattern: tuple[str, ...] = ()
    below_list: bool = False

    def step(self, key: str, definition: GraphQLField) -> "Place":
        path = self.path[:1] if self.below_list else (*self.path, key)
        listed = _is_list(definition)
        return Place(path, (*self.pattern, key, *(["*"] if listed else [])), self.below_list or listed)


@dataclass(slots=True)
class Authorisation:
    """What one viewer is denied in one operation."""

    document: Document
    viewer: Viewer
    denials: dict[str, GraphQLError] = field(default_factory=dict)
    inputs: list["Input"] = field(default_factory=list)

    def operation(self, operation: OperationDefinitionNode) -> list[GraphQLError]:
        """One error for each denied field. Raises GraphQLError if the whole operation is refused."""
        root = self.document.schema.get_root_type(operation.operation)
        assert root is not None
        refuse_root = operation.operation is not OperationType.QUERY
        self._visit(root, operation.selection_set, Place(), refuse=refuse_root)
        return self.errors()

    def below(
        self, parent: GraphQLObjectType, nodes: Sequence[Node], path: Sequence[str | int]
    ) -> list[GraphQLError]:
        """The same for a part of the answer whose viewer was not known before execution (a new session)."""
        place = Place(tuple(path), tuple(str(step) for step in path))
        for node in nodes:
            self._visit(parent, node.selection_set, place, refuse=False)
        return self.errors()

    def errors(self) -> list[GraphQLError]:
        found = list(self.denials.values())
        if len(found) <= MOST_ERRORS:
            return found
        rest = len(found) - MOST_ERRORS
        return [
            *found[:MOST_ERRORS],
            GraphQLError(f"{rest} more fields were denied.", extensions={"code": "FORBIDDEN"}),
        ]

    def _visit(self, parent: CompositeType, selection_set: Any, place: Place, *, refuse: bool) -> None:
        for node, owner in self.document.fields_below(parent, selection_set):
            definition = owner.fields.get(node.name.value)
            if definition is not None:
                self._visit_field(
                    owner, definition, node, place.step(response_key(node), definition), refuse=refuse
                )

    def _visit_field(
        self, owner: CompositeType, definition: GraphQLField, node: Node, place: Place, *, refuse: bool
    ) -> None:
        guard = guard_of(definition)
        if guard is not None and not guard.granted_to(self.viewer) and not _seen_as_rows(owner, guard):
            refusal = guard.refusal(self.viewer)
            if refuse or isinstance(guard, Level) or isinstance(refusal, Unauthenticated):
                raise located(refusal, node, place.path)
            self._deny(owner, refusal, node, place)
            return
        if node.arguments:
            self.inputs.append(Input(definition, node, place.path))
        if not metadata_of(definition).get(LATE):
            named = get_named_type(definition.type)
            if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
                self._visit(named, node.selection_set, place, refuse=False)

    def _deny(self, owner: CompositeType, refusal: CodedError, node: Node, place: Place) -> None:
        coordinate = f"{owner.name}.{node.name.value}"
        error = located(refusal, node, place.path)
        error.extensions = {
            **(error.extensions or {}),
            "coordinate": coordinate,
            "pathPattern": list(place.pattern),
        }
        self.denials.setdefault(coordinate, error)


@dataclass(frozen=True, eq=False, slots=True)
class Input:
    """A field with arguments that the viewer may read."""

    definition: GraphQLField
    node: Node
    path: tuple[str | int, ...]

    @property
    def is_constant(self) -> bool:
        """Are its arguments the same at every run?"""
        return not any(_has_variable(argument.value) for argument in self.node.arguments or ())


def _has_variable(value: Any) -> bool:
    if isinstance(value, ListValueNode):
        return any(_has_variable(each) for each in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_has_variable(each.value) for each in value.fields)
    return isinstance(value, VariableNode)


@dataclass(slots=True)
class Inputs:
    """The arguments of one request: coerced, walked once for what the viewer may not send, and counted."""

    viewer: Viewer
    values: int = 0
    node: Any = None
    path: tuple[str | int, ...] = ()

    def read(self, document: Document, inputs: Iterable[Input]) -> dict[int, dict[str, Any]]:
        """By the identity of the field's node. Raises GraphQLError if the whole operation is refused."""
        found: dict[int, dict[str, Any]] = {}
        for each in inputs:
            self.node, self.path = each.node, each.path
            given = document.arguments(each.definition, each.node)
            for name, value in given.items():
                declared = each.definition.args[name]
                self._require(guard_of(declared), f"the argument {name}")
                self._check(declared.type, value)
            found[id(each.node)] = given
        return found

    def _check(self, type_: GraphQLInputType, given: Any) -> None:
        self.values += 1
        if self.values > MOST_VALUES:
            refusal = BadUserInput(f"The arguments hold more than {MOST_VALUES} values, each use counted.")
            raise GraphQLError(str(refusal), [self.node], original_error=refusal)
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        if isinstance(type_, GraphQLList) and isinstance(given, list):
            for each in given:
                self._check(type_.of_type, each)
        elif isinstance(type_, GraphQLInputObjectType) and isinstance(given, Mapping):
            for name, value in given.items():
                self._require(guard_of(type_.fields[name]), f"{type_.name}.{name}")
                self._check(type_.fields[name].type, value)

    def _require(self, guard: Guard | None, what: str) -> None:
        if guard is not None and not guard.granted_to(self.viewer):
            error = located(guard.refusal(self.viewer), self.node, self.path)
            error.extensions = {**(error.extensions or {}), "coordinate": what}
            raise error


def located(refusal: CodedError, node: Node, path: Sequence[str | int]) -> GraphQLError:
    """The refusal as GraphQL's own error, at its place."""
    extensions = {"code": refusal.code, **refusal.extensions}
    return GraphQLError(str(refusal), [node], path=list(path), original_error=refusal, extensions=extensions)


def _seen_as_rows(owner: CompositeType, guard: Guard) -> bool:
    """A type's own permission is enforced as rows: without it there is no object to ask this field of."""
    table = TABLES.get(owner.name)
    return table is not None and guard is table.see and not isinstance(guard, Level)


def _is_list(definition: GraphQLField) -> bool:
    type_ = definition.type
    return is_list_type(type_.of_type if isinstance(type_, GraphQLNonNull) else type_)
