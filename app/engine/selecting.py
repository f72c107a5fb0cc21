"""Making the tree of what an operation asks of rows, from its document, for one viewer's shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type

from app.engine.declare import (
    TABLES,
    AllOf,
    Column,
    Computed,
    Counted,
    Group,
    Held,
    Latest,
    Link,
    Recent,
    Spec,
    Table,
    ToMany,
    ToOne,
)
from app.engine.document import Document
from app.engine.guards import guard_of, python_name_of
from app.engine.reads import Read, ReadAll, ReadOne, ReadSome
from app.engine.selection import NEEDS, TYPENAME, Leaf, Pages, Part, Parts, Rows, has_cursors, rows_below
from app.engine.values import Completer, Completers
from app.policy import Viewer


@dataclass(frozen=True, slots=True)
class Selecting:
    """Makes the tree for one viewer's shape."""

    document: Document
    viewer: Viewer

    def rows(self, table: type[Table], nodes: Sequence[FieldNode]) -> Rows:
        """What `nodes` ask of rows of `table`."""
        type_ = self._object(table.__name__)
        collected = self.document.collect(type_, nodes)
        leaves = tuple(self._leaf(table, type_, key, same) for key, same in collected.items())
        return Rows(table, leaves, self._metered(table))

    def _metered(self, table: type[Table]) -> str | None:
        return table.metered if self.viewer.is_metered else None

    def _leaf(self, table: type[Table], type_: GraphQLObjectType, key: str, same: list[FieldNode]) -> Leaf:
        if same[0].name.value == TYPENAME:
            return Leaf(key, TYPENAME)
        definition = type_.fields[same[0].name.value]
        guard = guard_of(definition)
        name = python_name_of(definition)
        spec = table.specs.get(name)
        # The type's own guard decided which rows there are: whoever sees one, his own profile say, sees it whole.
        if guard is None or not (guard is table.see or guard.granted_to(self.viewer)):
            return Leaf(key, name, spec, denied=True)
        return Leaf(key, name, spec, below=self._below(spec, name, definition, same))

    def _below(self, spec: Spec | None, name: str, definition: GraphQLField, same: list[FieldNode]) -> Any:
        match spec:
            case ToOne(to=to) | ToMany(to=to, paged=False):
                return self.rows(TABLES[to], same)
            case ToMany() as many:
                return self.pages(many.to, definition, same, order=many.order, via=many.via, link=many.link)
            case Group() as group:
                return self._parts(group, definition, same)
            case Computed() | Column():
                return self.completer(definition, same)
            case Latest() | Recent() | Counted() | None:
                return None
        raise TypeError(f"{name}: {type(spec).__name__} does not belong on a table.")

    def completer(self, definition: GraphQLField, same: list[FieldNode]) -> Completer:
        """How a Python value becomes what the field's selection asks of it."""
        return self.completers().of(definition.type, same)

    def completers(self) -> Completers:
        """Makers of completers, which know what rows the values hold."""
        return Completers(self.document, self.viewer, self.held)

    def held(self, spec: Held | AllOf, nodes: Sequence[FieldNode]) -> Read:
        """The read of rows that a Python value holds by their ids."""
        rows = self.rows(TABLES[spec.to], nodes)
        if isinstance(spec, AllOf):
            return ReadAll(rows, spec.order)
        return ReadSome(rows) if spec.many else ReadOne(rows)

    def pages(
        self,
        to: str,
        definition: GraphQLField,
        same: list[FieldNode],
        *,
        order: tuple[str, ...],
        via: str | None = None,
        link: Link | None = None,
        search: str | None = None,
    ) -> Pages:
        """What `same` ask of a connection over rows of `to`."""
        type_ = get_named_type(definition.type)
        assert isinstance(type_, GraphQLObjectType)
        leaves = tuple(
            self._connection_leaf(TABLES[to], type_, key, below)
            for key, below in self.document.collect(type_, same).items()
        )
        leaves += self._counted_unseen(TABLES[to], leaves)
        return Pages(TABLES[to], type_.name, same[0], order, via, search, leaves, link)

    def _counted_unseen(self, table: type[Table], leaves: tuple[Leaf, ...]) -> tuple[Leaf, ...]:
        """A cursor holds what its row is sorted by, and a page's `pageInfo` tells of its rows: these are read to be counted."""
        metered, has_rows = self._metered(table), any(rows_below(leaf) for leaf in leaves)
        tells = has_cursors(leaves) or any(leaf.name == "page_info" for leaf in leaves)
        if metered is None or has_rows or not tells:
            return ()
        return (Leaf(NEEDS, "nodes", below=Rows(table, (), metered)),)

    def _connection_leaf(
        self, table: type[Table], type_: GraphQLObjectType, key: str, same: list[FieldNode]
    ) -> Leaf:
        if same[0].name.value == TYPENAME:
            return Leaf(key, TYPENAME)
        definition = type_.fields[same[0].name.value]
        name = python_name_of(definition)
        if name in ("nodes", "node"):
            return Leaf(key, name, below=self.rows(table, same))
        below_type = get_named_type(definition.type)
        if not isinstance(below_type, GraphQLObjectType):
            return Leaf(key, name)
        below = self.document.collect(below_type, same).items()
        return Leaf(
            key,
            name,
            below=tuple(self._connection_leaf(table, below_type, each, nodes) for each, nodes in below),
        )

    def _parts(self, group: Group, definition: GraphQLField, same: list[FieldNode]) -> Parts:
        type_ = get_named_type(definition.type)
        assert isinstance(type_, GraphQLObjectType)
        parts = self.document.collect(type_, same).items()
        return Parts(type_.name, tuple(self._part(group.columns, type_, key, nodes) for key, nodes in parts))

    def _part(
        self, columns: Mapping[str, str], type_: GraphQLObjectType, key: str, same: list[FieldNode]
    ) -> Part:
        if same[0].name.value == TYPENAME:
            return Part(key, TYPENAME)
        definition = type_.fields[same[0].name.value]
        guard = guard_of(definition)
        granted = guard is not None and guard.granted_to(self.viewer)
        return Part(key, columns[python_name_of(definition)] if granted else None)

    def _object(self, name: str) -> GraphQLObjectType:
        type_ = self.document.schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType)
        return type_
