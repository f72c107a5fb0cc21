"""The decision before execution: once per operation, over fragments, aliases, variables, @skip and @include.

A denied output field is left out and answered null with one FORBIDDEN error, however many rows it would have had; which
of these errors are told, the answer says (see `denials`). A denied input field, argument, mutation, subscription, or a missing level refuses the whole operation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import FieldNode as Node
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_list_type,
)

from app.engine.declare import TABLES
from app.engine.denials import Denial
from app.engine.document import CompositeType, Document, response_key
from app.engine.guards import LATE, guard_of, metadata_of
from app.engine.inputs import Input, located
from app.engine.searches import Search, search_of
from app.errors import CodedError, Unauthenticated
from app.policy import Guard, Level, Viewer


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the answer a field stands. Below a list `path` is the root field's; `pattern` goes all the way.

    `above`: the fields with arguments that lead there.
    """

    path: tuple[str | int, ...] = ()
    pattern: tuple[str, ...] = ()
    below_list: bool = False
    above: tuple[Node, ...] = ()

    def step(self, key: str, definition: GraphQLField) -> "Place":
        path = self.path[:1] if self.below_list else (*self.path, key)
        listed = _is_list(definition)
        pattern = (*self.pattern, key, *(["*"] if listed else []))
        return Place(path, pattern, self.below_list or listed, self.above)


@dataclass(slots=True)
class Authorisation:
    """What one viewer is denied in one operation. `searches`: where a metered viewer may look for metered rows in it."""

    document: Document
    viewer: Viewer
    denials: dict[str, Denial] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)
    searches: dict[tuple[str, ...], Search] = field(default_factory=dict)

    def operation(self, operation: OperationDefinitionNode) -> tuple[Denial, ...]:
        """One for each denied field. Raises GraphQLError if the whole operation is refused."""
        root = self.document.schema.get_root_type(operation.operation)
        assert root is not None
        refuse_root = operation.operation is not OperationType.QUERY
        self._visit(root, operation.selection_set, Place(), refuse=refuse_root)
        return tuple(self.denials.values())

    def below(
        self, parent: GraphQLObjectType, nodes: Sequence[Node], path: Sequence[str | int]
    ) -> tuple[Denial, ...]:
        """The same for a part of the answer whose viewer was not known before execution (a new session)."""
        place = Place(tuple(path), tuple(str(step) for step in path))
        for node in nodes:
            self._visit(parent, node.selection_set, place, refuse=False)
        return tuple(self.denials.values())

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
            self.inputs.append(Input(_coordinate(owner, node), definition, node, place.path))
            if self.viewer.is_metered:
                self._note_search((owner.name, *place.pattern), definition, node, place)
            place = replace(place, above=(*place.above, node))
        if not metadata_of(definition).get(LATE):
            named = get_named_type(definition.type)
            if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
                self._visit(named, node.selection_set, place, refuse=False)

    def _note_search(
        self, where: tuple[str, ...], definition: GraphQLField, node: Node, place: Place
    ) -> None:
        """Nodes under one response key are one field, which shows rows if any of them does."""
        search = search_of(self.document, definition, node, place.above)
        if search is not None and (search.shows_rows or where not in self.searches):
            self.searches[where] = search

    def _deny(self, owner: CompositeType, refusal: CodedError, node: Node, place: Place) -> None:
        coordinate = _coordinate(owner, node)
        error = located(refusal, node, place.path)
        error.extensions = {
            **(error.extensions or {}),
            "coordinate": coordinate,
            "pathPattern": list(place.pattern),
        }
        self.denials.setdefault(coordinate, Denial()).add(place.pattern, error)


def _coordinate(owner: CompositeType, node: Node) -> str:
    return f"{owner.name}.{node.name.value}"


def _seen_as_rows(owner: CompositeType, guard: Guard) -> bool:
    """A type's own permission is enforced as rows: without it there is no object to ask this field of."""
    table = TABLES.get(owner.name)
    return table is not None and guard is table.see and not isinstance(guard, Level)


def _is_list(definition: GraphQLField) -> bool:
    type_ = definition.type
    return is_list_type(type_.of_type if isinstance(type_, GraphQLNonNull) else type_)
