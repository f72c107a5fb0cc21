"""Completing Python values: what a resolver or a batch function returned becomes what the selection asks of it.

It does what graphql-core's executor does with a value, decided once for each plan instead of once for each value. What
it finds unfit (an exception for a value, a null where none may be, a leaf that its type cannot write) it raises as
`Unfit`: then graphql-core completes the same values, and words the errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    is_leaf_type,
    is_list_type,
)

from app.engine.declare import AllOf, Held
from app.engine.document import Document
from app.engine.guards import SPEC, guard_of, metadata_of, python_name_of
from app.engine.scalars import format_datetime
from app.policy import Viewer

Completer = Callable[[Any, "Demands"], Any]


class Unfit(Exception):
    """The value cannot be completed as it is."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Rows that a value holds by their ids: read when all values are known, and put at `place[key]`.

    `own` is what `read` takes: an id, or a list of ids.
    """

    place: dict[str, Any]
    key: str
    read: Any
    own: Any


Demands = list[Demand]
MakeRead = Callable[[Held | AllOf, Sequence[FieldNode]], Any]


@dataclass(frozen=True, slots=True)
class HeldRead:
    """The read of the rows that a value holds under this (Python) name; one for each alias."""

    name: str
    spec: Held | AllOf
    read: Any


@dataclass(frozen=True, slots=True)
class Completers:
    """Makes completers for one viewer's shape. `held` makes the read of rows that a value holds.

    `reads`: those that were made, by the name of the value's type.
    """

    document: Document
    viewer: Viewer
    held: MakeRead
    reads: dict[str, list[HeldRead]] = field(default_factory=dict)

    def of(self, type_: GraphQLOutputType, nodes: Sequence[FieldNode]) -> Completer:
        """How a value of `type_` becomes what `nodes` ask of it."""
        if isinstance(type_, GraphQLNonNull):
            return _required(self.of(type_.of_type, nodes))
        if is_list_type(type_):
            return _list(self.of(type_.of_type, nodes))
        if is_leaf_type(type_):
            return _leaf(type_)
        if isinstance(type_, GraphQLObjectType):
            return self._object(type_, nodes)
        if isinstance(type_, GraphQLInterfaceType):
            return self._interface(type_, nodes)
        raise TypeError(f"{type_} is of a kind that has no completer.")

    def _interface(self, type_: GraphQLInterfaceType, nodes: Sequence[FieldNode]) -> Completer:
        known = {
            each.name: self._object(each, nodes) for each in self.document.schema.get_possible_types(type_)
        }

        def complete(value: Any, demands: Demands) -> Any:
            if value is None:
                return None
            complete_type = known.get(type_name_of(value))
            if complete_type is None:
                raise Unfit
            return complete_type(value, demands)

        return complete

    def _object(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Completer:
        steps = [self._step(type_, key, same) for key, same in self.document.collect(type_, nodes).items()]

        def complete(value: Any, demands: Demands) -> Any:
            if value is None:
                return None
            if isinstance(value, Exception):
                raise Unfit
            made: dict[str, Any] = {}
            for key, step in steps:
                made[key] = step(value, demands, made)
            return made

        return complete

    def _step(
        self, type_: GraphQLObjectType, key: str, same: list[FieldNode]
    ) -> tuple[str, Callable[[Any, Demands, dict[str, Any]], Any]]:
        if same[0].name.value == "__typename":
            return key, lambda value, demands, made: type_.name
        definition = type_.fields[same[0].name.value]
        guard = guard_of(definition)
        if guard is None or not guard.granted_to(self.viewer):
            return key, lambda value, demands, made: None
        name, spec = python_name_of(definition), metadata_of(definition).get(SPEC)
        if isinstance(spec, Held | AllOf):
            read = self.held(spec, same)
            self.reads.setdefault(type_.name, []).append(HeldRead(name, spec, read))
            return key, _demanding(name, key, spec, read)
        complete = self.of(definition.type, same)
        return key, lambda value, demands, made: complete(_attribute(value, name), demands)


def type_name_of(value: Any) -> str:
    """Of a value that Strawberry knows; empty for any other."""
    definition = getattr(type(value), "__strawberry_definition__", None)
    return definition.name if definition is not None else ""


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name)
    except Exception as error:
        raise Unfit from error


def _demanding(
    name: str, key: str, spec: Held | AllOf, read: Any
) -> Callable[[Any, Demands, dict[str, Any]], Any]:
    def step(value: Any, demands: Demands, made: dict[str, Any]) -> Any:
        own = _attribute(value, name) if isinstance(spec, Held) else []
        if own is not None:
            demands.append(Demand(made, key, read, own))
        elif isinstance(spec, Held) and spec.many:
            raise Unfit
        return None

    return step


def _required(complete: Completer) -> Completer:
    def completed(value: Any, demands: Demands) -> Any:
        found = complete(value, demands)
        if found is None:
            raise Unfit
        return found

    return completed


def _list(complete: Completer) -> Completer:
    def completed(value: Any, demands: Demands) -> Any:
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            raise Unfit
        return [complete(each, demands) for each in value]

    return completed


def _leaf(type_: GraphQLLeafType) -> Completer:
    write = _writer(type_)

    def completed(value: Any, demands: Demands) -> Any:
        if value is None:
            return None
        try:
            return write(value)
        except Exception as error:
            raise Unfit from error

    return completed


def _writer(type_: GraphQLNamedType) -> Callable[[Any], Any]:
    """The type's own serialize, with a short way for what it is nearly always given."""
    serialize: Callable[[Any], Any] = type_.serialize  # type: ignore[attr-defined]
    if isinstance(type_, GraphQLEnumType):
        names = {value.value: name for name, value in type_.values.items()}
        names_of_members = {each: names.get(each.value) for each in getattr(type_, "wrapped_cls", ())}

        def write_enum(value: Any) -> Any:
            if isinstance(value, Enum) and (name := names_of_members.get(value)):
                return name
            return serialize(value)

        return write_enum
    if type_.name == "DateTime":
        return lambda value: format_datetime(value) if isinstance(value, datetime) else serialize(value)
    if type_.name in ("String", "ID"):
        return lambda value: value if type(value) is str else serialize(value)
    return serialize
