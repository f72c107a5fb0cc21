"""The arguments of one request: coerced, walked once for what the viewer may not send, and counted.

What a document writes out is coerced with the plan. What it takes whole from a variable was coerced with the variables.
Only variables inside of literals are left to graphql-core at each run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    VariableNode,
)
from graphql.execution.values import coerce_argument

from app.engine.document import Document
from app.engine.guards import guard_of, guard_of_value
from app.engine.input_ids import check_ids
from app.errors import BadUserInput, CodedError
from app.policy import Guard, Viewer

#: Values in the arguments of all fields together: aliases must not multiply one large variable.
MOST_VALUES = 5_000


class Taken(NamedTuple):
    """An argument whose whole value is a variable."""

    name: str
    definition: GraphQLArgument
    variable: str


@dataclass(frozen=True, eq=False)
class Input:
    """A field with arguments that the viewer may read. `coordinate` is its own: `Query.contacts`."""

    coordinate: str
    definition: GraphQLField
    node: FieldNode
    path: tuple[str | int, ...]

    @cached_property
    def taken(self) -> tuple[Taken, ...]:
        """Arguments that a variable gives whole."""
        return tuple(
            Taken(argument.name.value, self.definition.args[argument.name.value], argument.value.name.value)
            for argument in self.node.arguments or ()
            if isinstance(argument.value, VariableNode)
        )

    @cached_property
    def is_constant(self) -> bool:
        """Are its arguments the same at every run?"""
        return not self.taken and not self.is_mixed

    @cached_property
    def is_mixed(self) -> bool:
        """Does a variable stand inside of a literal?"""
        values = [argument.value for argument in self.node.arguments or ()]
        return any(has_variable(value) for value in values if not isinstance(value, VariableNode))

    @cached_property
    def written(self) -> Mapping[str, Any]:
        """The arguments that the document writes out, coerced, and the defaults of those it leaves out."""
        nodes = {argument.name.value: argument for argument in self.node.arguments or ()}
        found: dict[str, Any] = {}
        for name, definition in self.definition.args.items():
            given = nodes.get(name)
            if given is None or not isinstance(given.value, VariableNode):
                coerce_argument(found, self.node, name, definition, given, None, None)
        return found

    def given(self, document: Document) -> Mapping[str, Any]:
        """All arguments, coerced. Raises GraphQLError for those that do not fit."""
        if self.is_mixed:
            return document.arguments(self.definition, self.node)
        if not self.taken:
            return self.written
        found, variables = dict(self.written), document.variables.coerced
        for name, definition, variable in self.taken:
            value = variables.get(variable, Undefined)
            if value is Undefined or (value is None and isinstance(definition.type, GraphQLNonNull)):
                return document.arguments(self.definition, self.node)  # a default, or an error in its words
            found[name] = value
        return found


def has_variable(value: Any) -> bool:
    """Is there a variable in it, whole or inside of a literal?"""
    if isinstance(value, ListValueNode):
        return any(has_variable(each) for each in value.values)
    if isinstance(value, ObjectValueNode):
        return any(has_variable(each.value) for each in value.fields)
    return isinstance(value, VariableNode)


@dataclass(slots=True)
class Inputs:
    """The arguments of one request: coerced, walked once for what the viewer may not send, and counted."""

    viewer: Viewer
    values: int = 0
    node: Any = None
    path: tuple[str | int, ...] = ()

    def read(self, document: Document, inputs: Iterable[Input]) -> dict[int, Mapping[str, Any]]:
        """By the identity of the field's node. Raises GraphQLError if the whole operation is refused."""
        found: dict[int, Mapping[str, Any]] = {}
        for each in inputs:
            given = each.given(document)
            changing = given if each.is_mixed else {taken.name: given.get(taken.name) for taken in each.taken}
            self.check(each, changing)
            found[id(each.node)] = given
        return found

    def read_written(self, inputs: Iterable[Input]) -> dict[int, Mapping[str, Any]]:
        """What the document itself writes out, which is the same at every run; given whole where it is all there is."""
        found: dict[int, Mapping[str, Any]] = {}
        for each in inputs:
            if not each.is_mixed:
                self.check(each, each.written)
            if each.is_constant:
                found[id(each.node)] = each.written
        return found

    def check(self, input_: Input, given: Mapping[str, Any]) -> None:
        """Of one field, these of its arguments. Raises GraphQLError if the whole operation is refused."""
        self.node, self.path = input_.node, input_.path
        for name, value in given.items():
            declared = input_.definition.args[name]
            self._require(guard_of(declared), f"{input_.coordinate}({name}:)")
            self._check(declared.type, value)
            self._check_ids(name, declared, value)

    def _check_ids(self, name: str, declared: GraphQLArgument, given: Any) -> None:
        try:
            check_ids(name, declared, given)
        except BadUserInput as refusal:
            raise located(refusal, self.node, self.path) from refusal

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
        elif isinstance(type_, GraphQLInputObjectType) and isinstance(given, dict):
            for name, value in given.items():
                self._require(guard_of(type_.fields[name]), f"{type_.name}.{name}")
                self._check(type_.fields[name].type, value)
        elif isinstance(type_, GraphQLEnumType) and isinstance(given, Enum):
            self._require(guard_of_value(type_, given.name), f"{type_.name}.{given.name}")

    def _require(self, guard: Guard | None, what: str) -> None:
        if guard is not None and not guard.granted_to(self.viewer):
            error = located(guard.refusal(self.viewer), self.node, self.path)
            error.extensions = {**(error.extensions or {}), "coordinate": what}
            raise error


def located(refusal: CodedError, node: FieldNode, path: Sequence[str | int]) -> GraphQLError:
    """The refusal as GraphQL's own error, at its place."""
    extensions = {"code": refusal.code, **refusal.extensions}
    return GraphQLError(str(refusal), [node], path=list(path), original_error=refusal, extensions=extensions)
