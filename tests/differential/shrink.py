"""A failing operation made smaller: whatever can be left out of its document while it still fails is."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    ast_from_value,
    parse,
    print_ast,
    type_from_ast,
    visit,
)
from graphql.language import REMOVE, Visitor

from app.schema import build
from tests.differential.stage import Request

REMOVABLE = (FieldNode, FragmentSpreadNode, InlineFragmentNode, ArgumentNode, DirectiveNode, ObjectFieldNode)
LONGEST_S = 60.0


def shrunk(request: Request, fails: Callable[[Request], bool], *, longest_s: float = LONGEST_S) -> Request:
    """The smallest operation found in `longest_s` that still fails."""
    ends_at = time.monotonic() + longest_s
    is_smaller = True
    while is_smaller:
        is_smaller, place = False, 0
        candidates = list(_candidates(request))
        while place < len(candidates) and time.monotonic() < ends_at:
            candidate = candidates[place]()
            if candidate is not None and _is_valid(candidate) and fails(candidate):
                request, candidates, is_smaller = candidate, list(_candidates(candidate)), True
            else:
                place += 1
    return request


def _is_valid(request: Request) -> bool:
    """graphql-core also reads `{}`, which no client should send."""
    sets = _nodes(parse(request.document), (SelectionSetNode,))
    return all(each.selections for each in sets) and not build().documents.read(request.document).errors


def _candidates(request: Request) -> Iterator[Callable[[], Request | None]]:
    """Each a document without one thing, the outermost first; then fragments opened, variables written out."""
    many = len(_nodes(parse(request.document), REMOVABLE))
    for number in range(many):
        yield lambda number=number: _edited(request, _Editor(REMOVABLE, number, lambda _: REMOVE))  # type: ignore[misc]
    for number in range(many):
        yield lambda number=number: _edited(request, _opening(request, number))  # type: ignore[misc]
    for name in request.variables:
        yield lambda name=name: _without_variable(request, name)  # type: ignore[misc]


def _opening(request: Request, number: int) -> "_Editor":
    """A fragment's selections in the fragment's place."""
    fragments = {
        node.name.value: node
        for node in parse(request.document).definitions
        if isinstance(node, FragmentDefinitionNode)
    }

    def opened(node: Any) -> Any:
        if isinstance(node, FragmentSpreadNode):
            fragment = fragments[node.name.value]
            return InlineFragmentNode(
                type_condition=fragment.type_condition,
                selection_set=fragment.selection_set,
                directives=(),
            )
        return None

    return _Editor(REMOVABLE, number, opened)


def _without_variable(request: Request, name: str) -> Request | None:
    """Its value in its place."""
    ast = parse(request.document)
    (operation,) = (node for node in ast.definitions if isinstance(node, OperationDefinitionNode))
    schema: GraphQLSchema = build()._schema
    definition = next(
        each for each in operation.variable_definitions or () if each.variable.name.value == name
    )
    value = ast_from_value(request.variables[name], type_from_ast(schema, definition.type))  # type: ignore[arg-type]

    class Writing(Visitor):
        def enter_variable_definition(self, node: Any, *_: Any) -> Any:
            return False

        def enter_variable(self, node: VariableNode, *_: Any) -> Any:
            return value if node.name.value == name else None

    return _tidied(Request(print_ast(visit(ast, Writing())), request.variables, request.viewer))


class _Editor(Visitor):
    """Does something to the node with this number, of those of these kinds."""

    def __init__(self, kinds: tuple[type[Node], ...], number: int, edit: Callable[[Any], Any]) -> None:
        super().__init__()
        self._kinds, self._number, self._edit = kinds, number, edit
        self._seen = -1

    def enter(self, node: Any, *_: Any) -> Any:
        if not isinstance(node, self._kinds):
            return None
        self._seen += 1
        return self._edit(node) if self._seen == self._number else None


def _edited(request: Request, editor: _Editor) -> Request | None:
    ast = visit(parse(request.document), editor)
    return _tidied(Request(print_ast(ast), request.variables, request.viewer))


def _tidied(request: Request) -> Request | None:
    """Without what nothing uses any more; None if nothing is asked for any more."""
    try:
        ast = parse(request.document)
    except Exception:  # noqa: BLE001  What was left out left no document: not a candidate.
        return None
    used = {node.name.value for node in _nodes(ast, (FragmentSpreadNode,))}
    definitions = [
        n for n in ast.definitions if not isinstance(n, FragmentDefinitionNode) or n.name.value in used
    ]
    if len(definitions) < len(ast.definitions):
        smaller = print_ast(DocumentNode(definitions=tuple(definitions)))
        return _tidied(Request(smaller, request.variables, request.viewer))
    return _without_unused_variables(request, ast)


def _without_unused_variables(request: Request, ast: DocumentNode) -> Request:
    (operation,) = (node for node in ast.definitions if isinstance(node, OperationDefinitionNode))
    declared = {each.variable.name.value for each in operation.variable_definitions or ()}
    used = {
        name for name in declared if sum(node.name.value == name for node in _nodes(ast, (VariableNode,))) > 1
    }

    class Tidying(Visitor):
        def enter_variable_definition(self, node: Any, *_: Any) -> Any:
            return None if node.variable.name.value in used else REMOVE

    variables = {name: value for name, value in request.variables.items() if name in used}
    return Request(print_ast(visit(ast, Tidying())), variables, request.viewer)


def _nodes(ast: Node, kinds: tuple[type[Node], ...]) -> list[Any]:
    found: list[Any] = []

    class Finding(Visitor):
        def enter(self, node: Any, *_: Any) -> None:
            if isinstance(node, kinds):
                found.append(node)

    visit(ast, Finding())
    return found
