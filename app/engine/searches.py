"""What counts as a search: a list of metered rows that tells something of them which it need not show."""

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type

from app.engine.declare import TABLES, Listing, ToMany
from app.engine.document import Document
from app.engine.guards import SPEC, metadata_of

CONDITIONS = frozenset({"where", "search"})
PLACES = frozenset({"after", "before"})


def is_search(document: Document, definition: GraphQLField, node: FieldNode) -> bool:
    """Is it a list of metered rows with a condition, or from some place on without the rows?

    What is written decides, whatever its value: the plan knows it, and rows have no say in it.
    """
    if not _is_metered_list(definition):
        return False
    written = {each.name.value for each in node.arguments or ()}
    return bool(written & CONDITIONS) or bool(
        written & PLACES and not _shows_rows(document, definition, node)
    )


def _is_metered_list(definition: GraphQLField) -> bool:
    spec = metadata_of(definition).get(SPEC)
    return isinstance(spec, Listing | ToMany) and TABLES[spec.to].metered is not None


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
