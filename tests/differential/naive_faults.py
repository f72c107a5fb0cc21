"""What cannot be asked anywhere below a field refuses all that the field reads: the rows of a root field are one read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLField, get_named_type

from app.engine.declare import TABLES, ToMany, ToOne
from app.engine.guards import python_name_of
from app.policy import Viewer
from tests.differential.naive_denials import Reading, is_denied

#: Makes a page of no rows of a type: type, arguments, order, search column. Raises Fault for what cannot be asked.
#: How many rows a page has without a size, how many a list is counted as, and how many objects are answered at once.
DEFAULT_SIZE, LISTED, MOST_OBJECTS = 25, 10, 10_000

Try = Callable[[str, Mapping[str, Any], Sequence[str], str | None], object]


@dataclass(frozen=True)
class Faults:
    """Tries the arguments of every connection below, whether there are rows to show or not."""

    reading: Reading
    viewer: Viewer
    attempt: Try

    def below_row(self, type_name: str, nodes: Sequence[FieldNode]) -> int:
        """How many objects `nodes` may bring for a row. Raises Fault for what they cannot ask."""
        many = 1
        type_ = self.reading.schema.type_map[type_name]
        for same in self.reading.collected(type_, nodes).values():
            definition = type_.fields.get(same[0].name.value)  # type: ignore[attr-defined]
            if definition is None or is_denied(type_, definition, self.viewer):
                continue
            match TABLES[type_name].specs.get(python_name_of(definition)):
                case ToOne(to=to):
                    many += self.below_row(to, same)
                case ToMany(to=to, paged=False):
                    many += LISTED * self.below_row(to, same)
                case ToMany(to=to, order=order):
                    many += self.in_page(to, definition, same, order)
        return many

    def in_page(
        self,
        to: str,
        definition: GraphQLField,
        nodes: Sequence[FieldNode],
        order: Sequence[str],
        search: str | None = None,
    ) -> int:
        """The same for a connection: its own arguments, and what is asked of its rows."""
        given = self.reading.arguments(definition, nodes[0])
        self.attempt(to, given, order, search)
        size, many = given.get("first") or given.get("last") or DEFAULT_SIZE, 0
        connection: Any = get_named_type(definition.type)
        for same in self.reading.collected(connection, nodes).values():
            name = same[0].name.value
            if name == "nodes":
                many += self.below_row(to, same)
            elif name == "edges":
                edge = get_named_type(connection.fields["edges"].type)
                for below in self.reading.collected(edge, same).values():
                    if below[0].name.value == "node":
                        many += self.below_row(to, below)
        return int(1 + size * many)
