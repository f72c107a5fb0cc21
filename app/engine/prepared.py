"""What is worked out for a document: kept as long as the document itself is, weighed with it, and forgotten with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)

from app.engine.cache import Bounded, Weight
from app.engine.plan import Plan
from app.engine.variables import Variables
from app.engine.weight import weigh, weigh_tree
from app.policy import Viewer

#: Of one document, for all shapes of viewers and all that @skip and @include say.
PLANS, PLAN_BYTES = 400, 16_000_000


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """What is worked out once for an operation: its fragments, and the variables that decide what is asked."""

    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    conditions: tuple[str, ...]
    variables: Variables


class Prepared:
    """A parsed document, its operations and its plans. `remember` is told for whom an operation of it was run."""

    def __init__(self, ast: DocumentNode, remember: Callable[[Viewer], None]) -> None:
        self.ast, self.remember = ast, remember
        self.weight = Weight(Bounded.EMPTY_BYTES)
        self.plans: Bounded[Plan] = Bounded(entries=PLANS, most_bytes=PLAN_BYTES, within=self.weight)
        self._operations: dict[int, Known] = {}
        self._is_tree_weighed = False

    def operation(self, schema: GraphQLSchema, node: OperationDefinitionNode) -> Known:
        """Of one of its operations."""
        # Nodes of a tree are compared whole, which takes long: by identity instead. `ast` keeps the node alive.
        known = self._operations.get(id(node))
        if known is None:
            known = self._operations[id(node)] = _known(schema, self.ast, node)
            self.weight.grow(weigh(known))
        return known

    def weigh_tree(self) -> None:
        """Once: what is not kept need not be weighed."""
        if not self._is_tree_weighed:
            self._is_tree_weighed = True
            self.weight.grow(weigh_tree(self.ast))


def _known(schema: GraphQLSchema, ast: DocumentNode, operation: OperationDefinitionNode) -> Known:
    fragments = {
        node.name.value: node for node in ast.definitions if isinstance(node, FragmentDefinitionNode)
    }
    return Known(operation, fragments, _conditions(ast), Variables(schema, operation))


def _conditions(ast: DocumentNode) -> tuple[str, ...]:
    """The variables that @skip and @include use, anywhere in the document."""
    found: dict[str, None] = {}

    class Directives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    found[argument.value.name.value] = None

    visit(ast, Directives())
    return tuple(found)
