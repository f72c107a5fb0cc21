"""What the generated operations made use of, counted from their documents and answers."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    parse,
    visit,
)
from graphql.language import Visitor

from tests.differential.stage import Request, Wire

ARGUMENTS = {
    "where": "where",
    "orderBy": "orderBy",
    "search": "search",
    "last": "backwards",
    "after": "cursors",
    "before": "cursors",
}
FEATURES = (
    "named fragments",
    "fragments used again",
    "inline fragments",
    "fragments on Node",
    "aliases",
    "long aliases",
    "same field twice",
    "variables",
    "defaults",
    "variables in filters",
    "skip",
    "include",
    "skip by variable",
    "where",
    "and",
    "or",
    "not",
    "orderBy",
    "search",
    "backwards",
    "cursors",
    "pageInfo",
    "nested connections",
    "deep nesting",
    "__typename",
    "node",
    "several root fields",
    "denied fields",
    "refused",
    "bad input",
)


@dataclass
class Features:
    """`counts` of operations, by feature; `with_rows` of those whose answers show rows."""

    operations: int = 0
    with_rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def count(self, request: Request, answer: Wire, rows: int) -> None:
        seen = _Seen()
        visit(parse(request.document), seen)
        found = set(seen.found)
        if any(spread > 1 for spread in seen.spreads.values()):
            found.add("fragments used again")
        codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
        found |= {"denied fields"} if "FORBIDDEN" in codes and "data" in answer else set()
        found |= {"refused"} if "data" not in answer else set()
        found |= {"bad input"} if "BAD_USER_INPUT" in codes else set()
        self.operations += 1
        self.with_rows += rows > 0
        self.counts.update(found)

    def shares(self) -> dict[str, float]:
        """Of all operations, in per cent."""
        counted = {"answers with rows": self.with_rows, **{name: self.counts[name] for name in FEATURES}}
        return {name: 100 * count / max(1, self.operations) for name, count in counted.items()}


class _Seen(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.spreads: Counter[str] = Counter()
        self.connections: list[bool] = []
        self.names: list[dict[str, int]] = []

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self.found.add("named fragments")

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spreads[node.name.value] += 1

    def enter_inline_fragment(self, node: InlineFragmentNode, *_: Any) -> None:
        self.found.add("inline fragments")
        if node.type_condition and node.type_condition.name.value == "Node":
            self.found.add("fragments on Node")

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        if len(node.selection_set.selections) > 1:
            self.found.add("several root fields")

    def enter_selection_set(self, node: Any, *_: Any) -> None:
        fields = Counter(each.name.value for each in node.selections if isinstance(each, FieldNode))
        if any(count > 1 for count in fields.values()):
            self.found.add("same field twice")

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        name, given = node.name.value, {each.name.value for each in node.arguments or ()}
        self.connections.append(name in ("nodes", "edges"))
        if sum(self.connections) > 1:
            self.found.add("nested connections")
        if len(self.connections) >= 6:
            self.found.add("deep nesting")
        if node.alias:
            self.found |= {"aliases", "long aliases"} if len(node.alias.value) > 63 else {"aliases"}
        self.found |= {ARGUMENTS[each] for each in given & ARGUMENTS.keys()}
        if name in ("__typename", "pageInfo") or (name == "node" and len(self.connections) == 1):
            self.found.add(name)

    def leave_field(self, node: FieldNode, *_: Any) -> None:
        self.connections.pop()

    def enter_object_field(self, node: Any, *_: Any) -> None:
        if node.name.value in ("and", "or", "not"):
            self.found.add(node.name.value)
        if isinstance(node.value, VariableNode):
            self.found.add("variables in filters")

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self.found.add(node.name.value)
        if any(isinstance(each.value, VariableNode) for each in node.arguments or ()):
            self.found.add("skip by variable")

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        self.found.add("variables")
        if node.default_value:
            self.found.add("defaults")
