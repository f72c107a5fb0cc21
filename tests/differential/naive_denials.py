"""The naive interpreter's decisions: what the viewer may not read or ask, by walking the document as it is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from app.engine.declare import TABLES
from app.engine.guards import AnyOf, guard_of, guard_of_value, metadata_of
from app.engine.ids import ANY_ID, ANY_NODE, ID_OF, type_and_id
from app.policy import Guard, Level, Member, Viewer, roles_with

MOST_TOLD = 20
Error = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """A document, its fragments and coerced variables: which selections it holds and with which arguments."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    def arguments(self, definition: GraphQLField, node: FieldNode) -> dict[str, Any]:
        return get_argument_values(definition, node, self.variables)

    def opened(
        self, selection_set: SelectionSetNode | None, type_: Any, *, concrete: Any = None
    ) -> Iterator[tuple[FieldNode, Any]]:
        """Every field in it, with the type that the field is asked of. Fragments are opened where they stand.

        With a `concrete` type only the fields that are asked of its objects.
        """
        for node in selection_set.selections if selection_set else ():
            if not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                yield node, type_
                continue
            fragment: Any = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            condition = fragment.type_condition
            inner: Any = self.schema.type_map[condition.name.value] if condition else type_
            if concrete is None or inner is concrete or inner in concrete.interfaces:
                yield from self.opened(fragment.selection_set, inner, concrete=concrete)

    def collected(self, type_: Any, nodes: Sequence[Any]) -> dict[str, list[FieldNode]]:
        """What is asked of an object of this type below `nodes`. Equal response keys are one field."""
        found: dict[str, list[FieldNode]] = {}
        for node in nodes:
            for below, _ in self.opened(node.selection_set, type_, concrete=type_):
                found.setdefault(response_key(below), []).append(below)
        return found

    def _is_included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            (argument,) = directive.arguments or ()
            value: Any = argument.value
            says = self.variables.coerced[value.name.value] if value.kind == "variable" else value.value
            if says is (directive.name.value == "skip"):
                return False
        return True


@dataclass
class Nulls:
    """Where an answer has nulls under a key, and where lists of nothing: as patterns, with `*` for an entry."""

    under_keys: set[tuple[str, ...]] = field(default_factory=set)
    in_empty_lists: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def of(cls, data: Any) -> "Nulls":
        found = cls()
        found._walk(data, ())
        return found

    def has(self, pattern: Sequence[str]) -> bool:
        """Whether a null at `pattern` is told; in a list of nothing, as if there were rows."""
        steps = tuple(pattern)
        above = (steps[:length] for length in range(1, len(steps)))
        return not self.in_empty_lists.isdisjoint(above) or not self.under_keys.isdisjoint(
            {steps, steps[:-1] if steps[-1] == "*" else steps}
        )

    def _walk(self, value: Any, at: tuple[str, ...]) -> None:
        if isinstance(value, list):
            if not value:
                self.in_empty_lists.add((*at, "*"))
            for each in value:
                self._walk(each, (*at, "*"))
        elif isinstance(value, dict):
            for key, below in value.items():
                if below is None:
                    self.under_keys.add((*at, key))
                self._walk(below, (*at, key))


@dataclass
class Denials:
    """Walks one operation for one viewer. `errors` has those of each denied field, in the order of the document.

    Any of `refusals` refuses the whole operation, with itself as the only error; which one is told does not matter.
    """

    reading: Reading
    viewer: Viewer
    errors: dict[str, list[Error]] = field(default_factory=dict)
    refusals: list[Error] = field(default_factory=list)

    def told(self, data: Any) -> list[Error]:
        """One for each field of which the answer has a null; at most twenty, then one that counts the rest."""
        nulls = Nulls.of(data)
        there = [
            [each for each in same if nulls.has(each["extensions"]["pathPattern"])]
            for same in self.errors.values()
        ]
        found = [same[0] for same in there if same]
        if len(found) <= MOST_TOLD:
            return found
        rest = {"message": f"{len(found) - MOST_TOLD} more", "extensions": {"code": "FORBIDDEN"}}
        return [*found[:MOST_TOLD], rest]

    def walk(
        self,
        selection_set: SelectionSetNode | None,
        type_: Any,
        path: list[str] | None = None,
        pattern: list[str] | None = None,
        *,
        below_list: bool = False,
    ) -> None:
        path, pattern = path or [], pattern or []
        for node, owner in self.reading.opened(selection_set, type_):
            if node.name.value == "__typename":
                continue
            definition, key = owner.fields[node.name.value], response_key(node)
            here = path[:1] if below_list else [*path, key]
            if is_denied(owner, definition, self.viewer):
                self._deny(owner, node, here, [*pattern, key, *_stars(definition)], guard_of(definition))
                continue
            self._check(definition, node, here)
            if is_composite_type(get_named_type(definition.type)):
                self.walk(
                    node.selection_set,
                    get_named_type(definition.type),
                    here,
                    [*pattern, key, *_stars(definition)],
                    below_list=below_list or bool(_stars(definition)),
                )

    def _deny(self, owner: Any, node: FieldNode, path: list[str], pattern: list[str], guard: Any) -> None:
        error = self._error(guard, path, f"{owner.name}.{node.name.value}", pattern)
        if isinstance(guard, Level) or self.viewer.level is Level.ANONYMOUS:
            self.refusals.append({**error, "extensions": {"code": error["extensions"]["code"]}})
            return
        self.errors.setdefault(error["extensions"]["coordinate"], []).append(error)

    def _check(self, definition: GraphQLField, node: FieldNode, path: list[str]) -> None:
        for name, value in self.reading.arguments(definition, node).items():
            declared = definition.args[name]
            self._check_input(declared.type, value, path, metadata_of(declared).get(ID_OF))

    def _check_input(self, type_: Any, value: Any, path: list[str], id_of: str | None) -> None:
        """`id_of`: whose ids are taken here, as the field around it says."""
        type_ = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(type_, GraphQLList) and isinstance(value, list):
            for each in value:
                self._check_input(type_.of_type, each, path, id_of)
        if type_ is GraphQLID and isinstance(value, str) and not is_id(value, id_of):
            self.refusals.append({"message": "", "path": path, "extensions": {"code": "BAD_USER_INPUT"}})
        if isinstance(type_, GraphQLEnumType) and isinstance(value, Enum):
            self._require(guard_of_value(type_, value.name), f"{type_.name}.{value.name}", path)
        if not isinstance(type_, GraphQLInputObjectType) or not isinstance(value, Mapping):
            return
        for name, below in value.items():
            self._require(guard_of(type_.fields[name]), f"{type_.name}.{name}", path)
            own = metadata_of(type_.fields[name]).get(ID_OF)
            self._check_input(type_.fields[name].type, below, path, own or id_of)

    def _require(self, guard: Guard | None, coordinate: str, path: list[str]) -> None:
        if guard is not None and not guard.granted_to(self.viewer):
            self.refusals.append(self._error(guard, path, coordinate))

    def _error(
        self, guard: Any, path: Sequence[str], coordinate: str, pattern: Sequence[str] | None = None
    ) -> Error:
        """What is told of a denial. Before a project is entered no role would help, so none is named."""
        anonymous = self.viewer.level is Level.ANONYMOUS
        extensions: Error = {
            "code": "UNAUTHENTICATED" if anonymous else "FORBIDDEN",
            "coordinate": coordinate,
        }
        if pattern is not None:
            extensions["pathPattern"] = list(pattern)
        permission: Any = guard.guards[0] if isinstance(guard, AnyOf) else guard
        if isinstance(self.viewer, Member) and not isinstance(permission, Level):
            extensions["requiredPermission"] = permission.name
            extensions["requiredRoles"] = [role.name for role in roles_with(permission)]
        return {"message": "", "path": list(path), "extensions": extensions}


def is_denied(owner: Any, definition: GraphQLField, viewer: Viewer) -> bool:
    """Whether the field is answered null. A type's own permission decides which rows there are, not what they show."""
    guard = guard_of(definition)
    if guard is None or guard.granted_to(viewer):
        return False
    table = TABLES.get(owner.name)
    return table is None or guard is not table.see or isinstance(guard, Level)


def is_id(given: str, type_name: str | None) -> bool:
    """Whether it is the id of a row of this type, of any node, or any id at all."""
    try:
        found, _ = type_and_id(given)
    except ValueError:
        return False
    return found in TABLES if type_name == ANY_NODE else type_name in (ANY_ID, found)


def response_key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value


def _stars(definition: GraphQLField) -> list[str]:
    return ["*"] if is_list_type(get_nullable_type(definition.type)) else []
