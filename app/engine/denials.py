"""What is told of denied fields, once the answer is known: none of those below an object that is null.

They are decided before execution, and one is told for each field however many rows there are, none too. But a field of an
object that is not there was not asked of anything, as in every GraphQL server: its null stands nowhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import GraphQLError

MOST_ERRORS = 20

Pattern = tuple[str, ...]


@dataclass(slots=True)
class Denial:
    """One denied field: the error for each place where the operation asks for it, in the order of the document."""

    places: list[tuple[Pattern, GraphQLError]] = field(default_factory=list)

    def add(self, pattern: Pattern, error: GraphQLError) -> None:
        """`pattern` leads through the answer: response keys, and `*` for every entry of a list. The empty one is told always."""
        self.places.append((pattern, error))


def told(denials: Iterable[Denial], data: bytes) -> list[GraphQLError]:
    """One error for each denied field whose null stands in the answer, the first of its places that has it."""
    answer = _Answer(orjson.loads(data))
    found = [error for each in denials if (error := answer.error_of(each)) is not None]
    if len(found) <= MOST_ERRORS:
        return found
    rest = len(found) - MOST_ERRORS
    return [
        *found[:MOST_ERRORS],
        GraphQLError(f"{rest} more fields were denied.", extensions={"code": "FORBIDDEN"}),
    ]


@dataclass(slots=True)
class _Answer:
    """`known`: whether there is an object at a pattern. Of one place many fields may be asked, by aliases."""

    tree: Any
    known: dict[Pattern, bool] = field(default_factory=dict)

    def error_of(self, denial: Denial) -> GraphQLError | None:
        return next((error for pattern, error in denial.places if self._has_null_at(pattern)), None)

    def _has_null_at(self, pattern: Pattern) -> bool:
        if not pattern:
            return True
        steps = pattern[:-1] if pattern[-1] == "*" else pattern
        parent = steps[:-1]
        if parent not in self.known:
            self.known[parent] = _leads_to(self.tree, parent, None)
        return self.known[parent] and _leads_to(self.tree, parent, steps[-1])


def _leads_to(value: Any, steps: Sequence[str], key: str | None) -> bool:
    """Whether some object stands at the end of `steps`; with a `key`, one that has null under it.

    A list of nothing counts as one that has it: what it would have shown is told as for many rows.
    """
    for place, step in enumerate(steps):
        if step == "*":
            rest = steps[place + 1 :]
            return isinstance(value, list) and (
                not value or any(_leads_to(each, rest, key) for each in value)
            )
        if not isinstance(value, dict):
            return False
        value = value.get(step)
    return isinstance(value, dict) and (key is None or value.get(key, value) is None)
