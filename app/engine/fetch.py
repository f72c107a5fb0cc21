"""Reading: a selection becomes the tree of rows that the executor looks up, one query for each level of it.

Every road to a row starts at `Model.visible_to(viewer)`. What a viewer may not read is not fetched; its place is null.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from graphql import FieldNode, GraphQLObjectType
from tortoise.queryset import QuerySet

from app.engine.connections import connections
from app.engine.declare import TABLES, Column, Computed, Group, Record, Row, Table, ToMany, ToOne
from app.engine.document import Document, Info
from app.engine.guards import guard_of, python_name_of
from app.engine.ids import global_id
from app.engine.selection import Pick, columns_of
from app.policy import Viewer


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads for one viewer within one operation. `cursor_key` signs the cursors of his project."""

    document: Document
    viewer: Viewer
    cursor_key: bytes

    @classmethod
    def of(cls, info: Info) -> "Reader":
        return cls(Document.of(info), info.context.viewer, info.context.cursor_key)

    async def by_ids(
        self, table: type[Table], ids: Iterable[UUID | None], nodes: Sequence[FieldNode]
    ) -> list[Row | None]:
        """The rows with these ids, in their order; None for each that is absent or out of reach."""
        wanted = list(ids)
        present = {each for each in wanted if each is not None}
        if not present:
            return [None] * len(wanted)
        query = table.model.visible_to(self.viewer).filter(id__in=list(present))
        picks = self.picks(table, nodes)
        records = await self.read(query, picks)
        rows = await self.shape(table, picks, records)
        found = {record["id"]: row for record, row in zip(records, rows, strict=True)}
        return [found.get(each) if each is not None else None for each in wanted]

    async def all_rows(
        self, table: type[Table], order: Sequence[str], nodes: Sequence[FieldNode]
    ) -> list[Row]:
        """Every row in reach."""
        picks = self.picks(table, nodes)
        query = table.model.visible_to(self.viewer).order_by(*order, "id")
        return await self.shape(table, picks, await self.read(query, picks))

    def picks(self, table: type[Table], nodes: Sequence[FieldNode]) -> list[Pick]:
        """What `nodes` ask of rows of `table`, each with the decision on it."""
        type_ = self.document.schema.type_map[table.__name__]
        assert isinstance(type_, GraphQLObjectType)
        found: list[Pick] = []
        for key, same in self.document.collect(type_, nodes).items():
            definition = type_.fields[same[0].name.value]
            guard = guard_of(definition)
            # The type's own guard decided which rows there are: whoever sees one, his own profile say, sees it whole.
            denied = guard is None or not (guard is table.see or guard.granted_to(self.viewer))
            name = python_name_of(definition)
            found.append(Pick(key, name, table.specs.get(name), definition, same, denied))
        return found

    async def read(
        self, query: QuerySet[Any], picks: Sequence[Pick], also: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """The records of `query` with the columns that `picks` want."""
        return list(await query.values(*columns_of(picks, also)))

    async def shape(self, table: type[Table], picks: Sequence[Pick], records: Sequence[Record]) -> list[Row]:
        """Records → rows under their response keys."""
        rows = [Row(table.__name__) for _ in records]
        for pick in picks:
            values = [None] * len(rows) if pick.denied else await self._values(table, pick, records)
            for row, value in zip(rows, values, strict=True):
                row[pick.key] = value
        return rows

    async def _values(self, table: type[Table], pick: Pick, records: Sequence[Record]) -> Sequence[Any]:
        """One value a record, in their order."""
        match pick.spec:
            case None:
                return [global_id(table.__name__, record["id"]) for record in records]
            case Column() as spec:
                return _column_values(spec, spec.column or pick.name, records)
            case Group() as spec:
                return [_group_value(spec, record) for record in records]
            case ToOne() as spec:
                return await self.by_ids(
                    TABLES[spec.to], [record[spec.via] for record in records], pick.nodes
                )
            case ToMany(paged=True, via=str(via)) as spec:
                child = TABLES[spec.to]
                parents = [record["id"] for record in records]
                query = child.model.visible_to(self.viewer)
                return await connections(
                    self, child, pick.definition, pick.nodes, query, spec.order, via, parents
                )
            case ToMany() as spec:
                return await self._lists(spec, pick, records)
            case Computed() as spec:
                return await spec.batch(records, self.viewer) if records else []
        raise TypeError(
            f"{table.__name__}.{pick.name}: {type(pick.spec).__name__} does not belong on a table."
        )

    async def _lists(self, spec: ToMany, pick: Pick, records: Sequence[Record]) -> list[list[Row]]:
        child, parents = TABLES[spec.to], [record["id"] for record in records]
        picks = self.picks(child, pick.nodes)
        query = child.model.visible_to(self.viewer).order_by(*spec.order, "id")
        if spec.link is not None:
            links = await self._linked(spec, parents)
            query = query.filter(
                id__in=list({each for ids in links.values() for each in ids}) or [UUID(int=0)]
            )
            children = await self.read(query, picks)
            belongs = [
                [parent for parent in parents if record["id"] in links.get(parent, ())] for record in children
            ]
        else:
            assert spec.via is not None
            children = await self.read(
                query.filter(**{f"{spec.via}__in": parents or [UUID(int=0)]}), picks, [spec.via]
            )
            belongs = [[record[spec.via]] for record in children]
        found: dict[UUID, list[Row]] = {parent: [] for parent in parents}
        for owners, row in zip(belongs, await self.shape(child, picks, children), strict=True):
            for owner in owners:
                found[owner].append(row)
        return [found[parent] for parent in parents]

    async def _linked(self, spec: ToMany, parents: Sequence[UUID]) -> dict[UUID, set[UUID]]:
        link = spec.link
        assert link is not None
        pairs = await link.model.filter(**{f"{link.parent}__in": list(parents) or [UUID(int=0)]}).values(
            link.parent, link.child
        )
        found: dict[UUID, set[UUID]] = {}
        for pair in pairs:
            found.setdefault(pair[link.parent], set()).add(pair[link.child])
        return found


def _column_values(spec: Column, column: str, records: Sequence[Record]) -> list[Any]:
    values = [record[column] for record in records]
    if spec.id_of is None:
        return values
    return [global_id(spec.id_of, value) if value is not None else None for value in values]


def _group_value(spec: Group, record: Mapping[str, Any]) -> Any:
    parts = {name: record[column] for name, column in spec.columns.items()}
    return spec.type(**parts) if any(part is not None for part in parts.values()) else None
