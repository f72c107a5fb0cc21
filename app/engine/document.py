"""Reading a selection: which fields a document asks for on a type, with fragments, @skip and @include applied."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSkipDirective,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values

CompositeType = GraphQLObjectType | GraphQLInterfaceType
Info = GraphQLResolveInfo[Any]


@dataclass(frozen=True, slots=True)
class Document:
    """One operation's surroundings: the schema, its fragments, the coerced variables."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    @classmethod
    def of(cls, info: Info) -> "Document":
        """Strawberry hands resolvers the coerced values bare, where graphql-core has them with their sources."""
        given: Any = info.variable_values
        variables = given if isinstance(given, VariableValues) else VariableValues({}, given)
        return cls(info.schema, info.fragments, variables)

    def collect(self, parent: GraphQLObjectType, nodes: Iterable[FieldNode]) -> dict[str, list[FieldNode]]:
        """Below `nodes`, what is asked of the concrete type `parent`: response key → its nodes."""
        return self._collected(parent, (node.selection_set for node in nodes))

    def roots(self, operation: OperationDefinitionNode) -> dict[str, list[FieldNode]]:
        """What the operation asks of its root type: response key → its nodes."""
        root = self.schema.get_root_type(operation.operation)
        assert root is not None
        return self._collected(root, [operation.selection_set])

    def _collected(
        self, parent: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode | None]
    ) -> dict[str, list[FieldNode]]:
        found: dict[str, list[FieldNode]] = {}
        for selection_set in selection_sets:
            for field in self._fields_of(parent, selection_set):
                found.setdefault(response_key(field), []).append(field)
        return found

    def _fields_of(
        self, concrete: GraphQLObjectType, selection_set: SelectionSetNode | None
    ) -> Iterator[FieldNode]:
        for node in selection_set.selections if selection_set else ():
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
                continue
            condition, below = self._fragment(node)
            if condition is None or self._applies(concrete, condition):
                yield from self._fields_of(concrete, below)

    def _fragment(self, node: SelectionNode) -> tuple[CompositeType | None, SelectionSetNode]:
        fragment: Any = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        condition = fragment.type_condition
        type_: Any = self.schema.type_map[condition.name.value] if condition else None
        return type_, fragment.selection_set

    def fields_below(
        self, parent: CompositeType, selection_set: SelectionSetNode | None
    ) -> Iterator[tuple[FieldNode, CompositeType]]:
        """Each field node in the selection set, with the type whose field it is; fragments opened."""
        for node in selection_set.selections if selection_set else ():
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node, parent
                continue
            condition, below = self._fragment(node)
            yield from self.fields_below(condition or parent, below)

    def arguments(self, definition: GraphQLField, node: FieldNode) -> dict[str, Any]:
        """The node's arguments, coerced, under their GraphQL names."""
        return get_argument_values(definition, node, self.variables)

    def _included(self, node: SelectionNode) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        if skip and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return include is None or bool(include["if"])

    def _applies(self, concrete: GraphQLObjectType, condition: CompositeType) -> bool:
        return condition is concrete or (
            isinstance(condition, GraphQLInterfaceType) and self.schema.is_sub_type(condition, concrete)
        )


def response_key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value
