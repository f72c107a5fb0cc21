"""From a selection and the form of its arguments to SQL: one expression whose value is the JSON of the answer.

Every row stands under its model's visibility predicate, in every sub-select. To-one relations are scalar sub-selects:
on PostgreSQL they were twice as fast as lateral joins. What is filled in after the statement has null in its place, and
what that needs comes under the key `NEEDS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import ResolveContext
from tortoise.models import Model

from app.engine.asked import Form
from app.engine.compile_pages import Connection
from app.engine.declare import (
    NOW,
    TABLES,
    Column,
    Counted,
    Group,
    Latest,
    Link,
    Recent,
    Table,
    ToMany,
    ToOne,
)
from app.engine.dialects import Dialect, Json, Pairs, literal, named
from app.engine.paging import MOST_COUNTED, Term
from app.engine.parameters import OWN, Parameters
from app.engine.selection import NEEDS, TYPENAME, Leaf, Pages, Rows, is_filled, written_key
from app.engine.types import base_type_of, related_model
from app.engine.where import is_nullable
from app.viewers import Shape


@dataclass(slots=True)
class Compiler:
    """Makes one statement. `forms` has the number and the form of each connection below."""

    dialect: Dialect
    shape: Shape
    parameters: Parameters
    forms: Mapping[Pages, tuple[int, Form]]
    #: Objects of rows that stand beside the statement, not in it: see Dialect.row.
    asides: list[str] = field(default_factory=list)
    aliases: int = 0

    def by_id(self, rows: Rows, place: int) -> Json:
        """The row with an id, null if it is out of reach."""
        alias = self.alias()
        return self._one(rows, alias, f"{alias}.id = {self.parameters.take(OWN, place)}")

    def by_ids(self, rows: Rows, place: int, *, keep_absent: bool) -> Json:
        """The rows with the ids of a list, in its order; those out of reach are null, or left out."""
        wanted, alias = self.alias(), self.alias()
        listed = self.dialect.listed(self.parameters.take(OWN, place), wanted)
        if keep_absent:
            one = self._one(rows, alias, f"{alias}.id = {wanted}.id")
            return self.dialect.array_of(one, f"FROM {listed} ORDER BY {wanted}.place")
        source = f"FROM {listed} JOIN {self.table(rows.table, alias)} ON {alias}.id = {wanted}.id"
        where = f"WHERE {self.visible(rows.table.model, alias)} ORDER BY {wanted}.place"
        return self.rows(rows, alias, f"{source} {where}")

    def all(self, rows: Rows, order: Sequence[str]) -> Json:
        """Every row in reach."""
        alias = self.alias()
        return self._list(rows, alias, "TRUE", order)

    def page(self, pages: Pages, parent: str | None = None) -> Json:
        """A connection; `parent` is the SQL of the id that its rows point to."""
        number, form = self.forms[pages]
        return Connection(self, pages, number, form, parent).json()

    def _one(self, rows: Rows, alias: str, which: str) -> Json:
        source = (
            f"FROM {self.table(rows.table, alias)} WHERE {which} AND {self.visible(rows.table.model, alias)}"
        )
        return self.row(rows, alias, source)

    def _list(self, rows: Rows, alias: str, which: str, order: Sequence[str]) -> Json:
        terms = [(column.lstrip("-"), column.startswith("-")) for column in (*order, "id")]
        source = (
            f"FROM {self.table(rows.table, alias)} WHERE {which} AND {self.visible(rows.table.model, alias)}"
        )
        return self.rows(rows, alias, f"{source} ORDER BY {self.order(rows.table, alias, terms)}")

    def row(self, rows: Rows, alias: str, source: str = "") -> Json:
        """The object made of the row `alias`; with `source` of its one row, null if there is none."""
        if not self.dialect.keeps_rows_aside:
            return self.dialect.object(self._pairs(rows, alias), source)
        made = self._aside(rows, alias)
        return Json(f"(SELECT {made} {source})") if source else made

    def rows(self, rows: Rows, alias: str, source: str) -> Json:
        """The objects made of the rows `alias` of `source`."""
        if not self.dialect.keeps_rows_aside:
            return self.dialect.array(self._pairs(rows, alias), source)
        return self.dialect.array_of(self._aside(rows, alias), source)

    def _aside(self, rows: Rows, alias: str) -> Json:
        """The object, by the row's id, of a view beside the statement: SQLite opens it up again when it plans."""
        inner, name = self.alias(), f"r{len(self.asides)}"
        self.asides.append("")  # its place, before those below it
        made = self.dialect.object(self._pairs(rows, inner))
        view = f"SELECT {inner}.id AS id, {made} AS made FROM {self.table(rows.table, inner)}"
        self.asides[int(name[1:])] = f"{name} AS ({view})"
        return Json(f"(SELECT made FROM {name} WHERE {name}.id = {alias}.id)")

    def _pairs(self, rows: Rows, alias: str) -> Pairs:
        """Keys and values of the object made of each row."""
        pairs = [
            (written_key(leaf, place), self._leaf(rows.table, leaf, alias))
            for place, leaf in enumerate(rows.leaves)
        ]
        if rows.needs:
            pairs.append((NEEDS, self._needs(rows, alias)))
        return pairs

    def _leaf(self, table: type[Table], leaf: Leaf, alias: str) -> str:
        if leaf.denied or is_filled(table, leaf):
            return "NULL"
        match leaf.spec:
            case None:
                return (
                    literal(table.__name__)
                    if leaf.name == TYPENAME
                    else self.dialect.id(table.__name__, f"{alias}.id")
                )
            case Column() as spec:
                return self._column(table, spec, spec.column or leaf.name, alias)
            case Group():
                return self._group(leaf, alias)
            case Latest() as spec:
                return self._latest(spec, alias)
            case Recent() as spec:
                return self._recent(spec, alias)
            case Counted() as spec:
                return self._counted(spec, alias)
            case ToMany(paged=True):
                return self.page(leaf.below, f"{alias}.id")
            case ToMany() as spec:
                return self._children(spec, leaf.below, alias)
            case ToOne(via=via):
                below = self.alias()
                return self._one(leaf.below, below, f"{below}.id = {alias}.{named(via)}")
        raise TypeError(f"{table.__name__}.{leaf.name}: {type(leaf.spec).__name__} has no SQL.")

    def _children(self, spec: ToMany, rows: Rows, parent: str) -> Json:
        alias = self.alias()
        if spec.link is None:
            return self._list(rows, alias, f"{alias}.{named(spec.via or '')} = {parent}.id", spec.order)
        link, table = spec.link, spec.link.model._meta.db_table
        linked = f"SELECT {named(link.child)} FROM {named(table)} WHERE {named(link.parent)} = {parent}.id"
        return self._list(rows, alias, f"{alias}.id IN ({linked})", spec.order)

    def linked_table(self, table: type[Table], alias: str, link: Link, parent: str) -> str:
        """The rows `alias` that hang on the parent with that id, by a table between the two.

        Joined: SQLite would run a sub-select after IN again for each row, and ten thousand may be linked.
        """
        between = self.alias()
        linked = f"{alias}.id = {between}.{named(link.child)} AND {between}.{named(link.parent)} = {parent}"
        return f"{named(link.model._meta.db_table)} AS {between} JOIN {self.table(table, alias)} ON {linked}"

    def _column(self, table: type[Table], spec: Column, column: str, alias: str) -> str:
        sql = f"{alias}.{named(column)}"
        if spec.id_of is not None:
            return self.dialect.id(spec.id_of, sql)
        if spec.id_in is not None:
            return self.dialect.id_in(f"{alias}.{named(spec.id_in)}", sql)
        return self.value(table.model, column, sql)

    def value(self, model: type[Model], column: str, sql: str) -> str:
        """A column as the API shows it."""
        kind = base_type_of(model, column)
        if kind is datetime:
            return self.dialect.time(sql)
        return self.dialect.boolean(sql) if kind is bool else sql

    def _group(self, leaf: Leaf, alias: str) -> Json:
        assert isinstance(leaf.spec, Group)
        pairs = [
            (
                written_key(part, place),
                literal(leaf.below.type_name)
                if part.column == TYPENAME
                else f"{alias}.{named(part.column)}"
                if part.column
                else "NULL",
            )
            for place, part in enumerate(leaf.below.parts)
        ]
        known = " OR ".join(f"{alias}.{named(column)} IS NOT NULL" for column in leaf.spec.columns.values())
        return Json(f"CASE WHEN {known} THEN {self.dialect.object(pairs)} END")

    def _latest(self, spec: Latest, parent: str) -> str:
        alias, table = self.alias(), TABLES[spec.to]
        largest = self.value(table.model, spec.column, f"max({alias}.{named(spec.column)})")
        return f"(SELECT {largest} {self._pointing(table, alias, spec.via, spec.only, parent)})"

    def _pointing(
        self, table: type[Table], alias: str, via: str, only: Mapping[str, Any], parent: str
    ) -> str:
        """The rows in reach that point to the parent, and whose columns are as `only` says."""
        conditions = [f"{alias}.{named(via)} = {parent}.id"]
        conditions += [f"{alias}.{named(column)} = {literal(value)}" for column, value in only.items()]
        conditions.append(self.visible(table.model, alias))
        return f"FROM {self.table(table, alias)} WHERE {' AND '.join(conditions)}"

    def _recent(self, spec: Recent, parent: str) -> str:
        alias, table = self.alias(), named(spec.model._meta.db_table)
        points_here = f"{alias}.{named(spec.via)} = {parent}.id"
        is_young = f"{alias}.{named(spec.column)} > {self.dialect.ago(spec.within)}"
        return f"(SELECT count(*) FROM {table} AS {alias} WHERE {points_here} AND {is_young})"

    def _counted(self, spec: Counted, parent: str) -> str:
        alias, table = self.alias(), TABLES[spec.to]
        has_come = f"{alias}.{named(spec.past)} <= {self.dialect.ago(timedelta())}"
        rows = f"SELECT 1 {self._pointing(table, alias, spec.via, spec.only, parent)} AND {has_come}"
        return f"(SELECT count(*) FROM ({rows} LIMIT {MOST_COUNTED}) AS {self.alias()})"

    def filtered(self, table: type[Table], name: str, alias: str) -> str:
        """What a condition on `name` compares: a column, or how many rows a declaration counts."""
        spec = table.specs.get(name)
        return self._counted(spec, alias) if isinstance(spec, Counted) else f"{alias}.{named(name)}"

    def _needs(self, rows: Rows, alias: str) -> Json:
        pairs = [(need, self._need(rows.table, need, alias)) for need in rows.needs]
        return self.dialect.object(pairs)

    def _need(self, table: type[Table], need: str, alias: str) -> str:
        """A column as its model reads it, or the clock."""
        if need == NOW:
            return self.dialect.ago(timedelta())
        via, _, column = need.rpartition(".")
        if not via:
            return f"{alias}.{named(column)}"
        model, below = related_model(table.model, via), self.alias()
        source = f"FROM {named(model._meta.db_table)} AS {below} WHERE {below}.id = {alias}.{named(via)}"
        return f"(SELECT {below}.{named(column)} {source} AND {self.visible(model, below)})"

    def order(self, table: type[Table], alias: str, terms: Sequence[Term]) -> str:
        """The order; a null counts as the largest value."""
        return ", ".join(
            f"{alias}.{named(column)} {'DESC' if descending else 'ASC'}"
            + ((" NULLS FIRST" if descending else " NULLS LAST") if is_nullable(table, column) else "")
            for column, descending in terms
        )

    def visible(self, model: Any, alias: str) -> str:
        """The model's visibility predicate over the table `alias`."""
        table = model._meta.basetable.as_(alias)
        context = ResolveContext(model=model, table=table, annotations={}, custom_filters={})
        criterion = model.visible_q(self.shape.viewer).resolve(context).where_criterion
        if not criterion:
            return "TRUE"
        sql_context = model._meta.db.query_class.SQL_CONTEXT
        return f"({criterion.get_sql(sql_context.copy(parameterizer=self.parameters, with_namespace=True))})"

    def table(self, table: type[Table], alias: str) -> str:
        return f"{named(table.model._meta.db_table)} AS {alias}"

    def alias(self) -> str:
        self.aliases += 1
        return f"t{self.aliases}"
