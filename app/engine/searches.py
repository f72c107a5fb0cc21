"""What counts as a search: a list of metered rows that tells something of them which it need not show.

The plan knows the lists that may be searches; what one asks, by the arguments of a request, says whether it is one, and
when two are the same.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type

from app.engine.declare import TABLES, Listing, ToMany
from app.engine.document import Document
from app.engine.filters import order_terms
from app.engine.guards import SPEC, metadata_of
from app.engine.where import Shape, search_words, walk
from app.errors import BadUserInput

CONDITIONS = frozenset({"where", "search"})
PLACES = frozenset({"after", "before"})

Arguments = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Search:
    """A list of metered rows with conditions written to it, or places to go on from. `above`: the fields that lead to it."""

    spec: Listing | ToMany
    node: FieldNode
    above: tuple[FieldNode, ...]
    shows_rows: bool

    def question(self, arguments: Arguments) -> bytes | None:
        """What is asked, in one form for all ways to say it; None if that is no search.

        The same, however often and page by page, is one question: rows that are shown count by themselves. Where none
        are, a place asks for what lies behind it, so each is a question of its own. What cannot be asked tells nothing.
        """
        given = arguments.get(id(self.node), {})
        try:
            asked = self._conditions(given)
        except BadUserInput:
            return None
        places = None if self.shows_rows else [given.get(name) for name in sorted(PLACES)]
        if not asked and not any(places or ()):
            return None
        order = order_terms(TABLES[self.spec.to], given.get("orderBy"), self.spec.order)
        above = [(each.name.value, arguments.get(id(each), {})) for each in self.above]
        whole = [above, self.node.name.value, self.spec.to, asked, order, places]
        return json.dumps(whole, sort_keys=True, default=str).encode()

    def _conditions(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those that leave something out. Raises BadUserInput for one that no database is asked."""
        values: list[Any] = []
        where, search = given.get("where"), given.get("search")
        shape = walk(TABLES[self.spec.to], where, values) if where else ("true",)
        condition = normalised(shape, iter(values))
        found = {} if condition is True else {"where": condition}
        if words := search_words(search):
            found["search"] = sorted(set(words))
        return found


def search_of(
    document: Document, definition: GraphQLField, node: FieldNode, above: tuple[FieldNode, ...]
) -> Search | None:
    """The search that a field may be, whatever the values of its arguments are."""
    spec = metadata_of(definition).get(SPEC)
    if not isinstance(spec, Listing | ToMany) or TABLES[spec.to].metered is None:
        return None
    written = {each.name.value for each in node.arguments or ()}
    if not written & (CONDITIONS | PLACES):
        return None
    return Search(spec, node, above, _shows_rows(document, definition, node))


def normalised(shape: Shape, values: Iterator[Any]) -> Any:
    """A condition in one form, with its values in it: True and False, or lists for JSON.

    What holds always or never is put in by what it means for the whole; order and repetition mean nothing.
    """
    match shape:
        case ("true",):
            return True
        case ("false",):
            return False
        case ("all" | "any" as kind, *parts):
            return _joined(kind, [normalised(each, values) for each in parts])
        case ("not", part):
            found = normalised(part, values)
            return not found if isinstance(found, bool) else ["not", found]
        case ("in", column):
            return ["in", column, _sorted(next(values))]
        case ("isNull", *_):
            return list(shape)
    return [*shape, next(values)]


def _joined(kind: str, parts: list[Any]) -> Any:
    is_all = kind == "all"
    if any(each is not is_all for each in parts if isinstance(each, bool)):
        return not is_all
    left = _sorted([each for each in parts if not isinstance(each, bool)])
    if len(left) < 2:
        return left[0] if left else is_all
    return [kind, *left]


def _sorted(given: list[Any]) -> list[Any]:
    """In one order, each once."""
    return [each for _, each in sorted({json.dumps(each, default=str): each for each in given}.items())]


def _shows_rows(document: Document, definition: GraphQLField, node: FieldNode) -> bool:
    type_ = get_named_type(definition.type)
    if not isinstance(type_, GraphQLObjectType):
        return False
    for below, owner in document.fields_below(type_, node.selection_set):
        name = below.name.value
        if name in ("nodes", "node") or (
            name == "edges" and _shows_rows(document, owner.fields[name], below)
        ):
            return True
    return False
