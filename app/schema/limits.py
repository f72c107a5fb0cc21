"""How much a document may ask before it is validated.

Validation itself is what attack documents burn: merging fields is quadratic, fragments multiply. So the tree is walked
once with a budget first, the way execution would walk it, fragments expanded and fields of one name merged.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

from app.errors import BadUserInput

# Each burns a password hash or sends a letter: a single request gets one try, whatever aliases it uses.
ONE_TRY_PER_REQUEST = frozenset(
    {
        "accountCreate",
        "emailChangeRequest",
        "emailVerificationRequest",
        "invitationAccept",
        "passwordChange",
        "passwordReset",
        "passwordResetRequest",
        "projectDelete",
        "projectRestore",
        "signIn",
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts are of one operation with its fragments expanded, unless said otherwise.

    The whole guide's first-run document (46 operations, 1,600 tokens), GraphiQL's introspection and a page of contacts
    with everything around them pass; the costliest document that passes takes about 50 ms to read, once.
    """

    tokens: int = 2_500  # of the document, like the next two
    operations: int = 60
    fragments: int = 40
    depth: int = 12
    introspection_depth: int = 20
    selections: int = 800
    aliases: int = 40
    same_field: int = 20
    directives: int = 60
    mutations: int = 10


#: Of all variables of a request together, lists, objects and their fields counted. Coercing this many takes 30 ms.
MOST_VALUES = 2_500


def check_values(variables: Any) -> None:
    """Raises BadUserInput if the variables hold too many values; stops counting there."""
    waiting, count = [variables], 0
    while waiting:
        value = waiting.pop()
        below = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        count += len(below)
        if count > MOST_VALUES:
            raise BadUserInput(f"The variables hold more than {MOST_VALUES} values.")
        waiting.extend(below)


class _LimitError(Exception):
    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


def exceeded(document: DocumentNode, limits: Limits) -> GraphQLError | None:
    """The first limit that `document` breaks. Linear in the limits, not in the document's expansion."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    try:
        _within("operations", len(operations), limits.operations)
        _within("fragments", len(fragments), limits.fragments)
        _check_budget(operations, fragments, limits)
    except _LimitError as fault:
        return GraphQLError(fault.message)
    return None


def _check_budget(
    operations: Iterable[OperationDefinitionNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    limits: Limits,
) -> None:
    # One budget of selections for all operations together: all of them get validated.
    selections_left = limits.selections
    for operation in operations:
        walk = _Walk(fragments, limits, selections_left)
        walk.operation(operation)
        selections_left -= walk.selections


class _Walk:
    """Counts what one operation selects, and stops at the first count that is too high."""

    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], limits: Limits, selections_left: int
    ) -> None:
        self.fragments = fragments
        self.limits = limits
        self.selections_left = selections_left
        self.selections = 0
        self.aliases = 0
        self.directives = 0

    def operation(self, operation: OperationDefinitionNode) -> None:
        self._count_directives(len(operation.directives or ()))
        root = self._merge([operation.selection_set])
        if operation.operation is OperationType.MUTATION:
            _check_mutations([field for fields in root.values() for field in fields], self.limits)
        for fields in root.values():
            is_introspection = fields[0].name.value.startswith("__")
            depth = self.limits.introspection_depth if is_introspection else self.limits.depth
            self._descend(fields, depth, depth)

    def _descend(self, fields: list[FieldNode], levels_left: int, depth: int) -> None:
        if levels_left == 0:
            raise _LimitError(f"The document is nested deeper than {depth} levels of fields.")
        below = [field.selection_set for field in fields if field.selection_set]
        if not below:
            return
        for merged in self._merge(below).values():
            self._descend(merged, levels_left - 1, depth)

    def _merge(self, selection_sets: list[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """The fields of one place of the answer, by response key: inline and named fragments are opened."""
        merged: dict[str, list[FieldNode]] = {}
        opened: set[str] = set()
        waiting = list(selection_sets)
        while waiting:
            for selection in waiting.pop().selections:
                self._count(selection.directives or ())
                if isinstance(selection, FieldNode):
                    self._add(selection, merged)
                elif isinstance(selection, InlineFragmentNode):
                    waiting.append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode):
                    waiting.extend(self._open(selection.name.value, opened))
        return merged

    def _open(self, name: str, opened: set[str]) -> list[SelectionSetNode]:
        if name in opened or name not in self.fragments:
            return []
        opened.add(name)
        return [self.fragments[name].selection_set]

    def _add(self, field: FieldNode, merged: dict[str, list[FieldNode]]) -> None:
        if field.alias:
            self.aliases += 1
            _within("aliases", self.aliases, self.limits.aliases)
        same = merged.setdefault(field.alias.value if field.alias else field.name.value, [])
        same.append(field)
        _within("repetitions of one field", len(same), self.limits.same_field)

    def _count(self, directives: Iterable[object]) -> None:
        self.selections += 1
        if self.selections > self.selections_left:
            raise _LimitError(
                f"The document selects more than {self.limits.selections} fields with its fragments expanded."
            )
        self._count_directives(len(tuple(directives)))

    def _count_directives(self, count: int) -> None:
        self.directives += count
        _within("directives", self.directives, self.limits.directives)


def _check_mutations(fields: list[FieldNode], limits: Limits) -> None:
    _within("mutations in one operation", len(fields), limits.mutations)
    tries = Counter(field.name.value for field in fields if field.name.value in ONE_TRY_PER_REQUEST)
    if tries.total() > 1:
        raise _LimitError(f"One request may hold one of these: {', '.join(sorted(tries))}.")


def _within(what: str, count: int, most: int) -> None:
    if count > most:
        raise _LimitError(f"The document has more than {most} {what}.")
