"""A connection as SQL: its rows, cursors, page information and counts, in one expression."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from app.engine.asked import Form, Mask
from app.engine.dialects import CursorColumn, Json, Pairs, literal, named
from app.engine.paging import MOST_COUNTED, Term
from app.engine.parameters import CONNECTIONS
from app.engine.selection import Leaf, Pages, written_key
from app.engine.types import base_type_of
from app.engine.where import condition_sql, is_nullable

if TYPE_CHECKING:
    from app.engine.compile import Compiler

#: The place of a row in reading order, from 1: a name that no column has.
PLACE = '"="'


class Connection:
    """One connection of a statement; `parent` is the SQL of the id that its rows point to."""

    def __init__(
        self, compiler: "Compiler", pages: Pages, number: int, form: Form, parent: str | None
    ) -> None:
        self.compiler, self.pages, self.form, self.parent = compiler, pages, form, parent
        self.dialect = compiler.dialect
        self.group = CONNECTIONS + number
        self.page = f"p{number}"
        after = 1 if pages.has_cursors else 0
        before = after + _count(form.after)
        self._after, self._before, self._rest = after, before, before + _count(form.before)

    def json(self) -> Json:
        """The connection's object."""
        aside = "" if self._is_plain() else f"WITH {self.page} AS MATERIALIZED ({self._page()}) "
        return self.dialect.object(_written(self.pages.leaves, self._leaf), aside=aside)

    def _is_plain(self) -> bool:
        """Are the rows read for one purpose alone, and in their own order? Then nothing needs to be kept aside."""
        return not self.pages.page_info and len(self.pages.shown) < 2 and not self.form.backward

    def _leaf(self, leaf: Leaf) -> str:
        match leaf.name:
            case "nodes":
                return self._rows(lambda alias, source: self.compiler.rows(leaf.below, alias, source))
            case "edges":
                return self._rows(lambda alias, source: self._edges(leaf, alias, source))
            case "page_info":
                return self.dialect.object(_written(leaf.below, self._info))
            case "total_count":
                most = f"CASE WHEN count(*) > {MOST_COUNTED} THEN {MOST_COUNTED} ELSE count(*) END"
                return f"(SELECT {most} FROM {self._counted()})"
            case "total_count_capped":
                return self.dialect.boolean(f"(SELECT count(*) > {MOST_COUNTED} FROM {self._counted()})")
        return literal(self.pages.type_name)

    def _edges(self, leaf: Leaf, alias: str, source: str) -> Json:
        return self.dialect.array(_written(leaf.below, lambda part: self._edge(part, alias)), source)

    def _edge(self, part: Leaf, alias: str) -> str:
        match part.name:
            case "node":
                return self.compiler.row(part.below, alias)
            case "cursor":
                return self._cursor(alias)
        return literal(f"{self.pages.table.__name__}Edge")

    def _info(self, part: Leaf) -> str:
        form = self.form
        more = f"(SELECT count(*) > {form.size} FROM {self.page})"
        match part.name:
            case "has_next_page":
                return self.dialect.boolean(_constant(form.before is not None) if form.backward else more)
            case "has_previous_page":
                return self.dialect.boolean(more if form.backward else _constant(form.after is not None))
            case "start_cursor":
                return self._end(backward=form.backward)
            case "end_cursor":
                return self._end(backward=not form.backward)
        return literal("PageInfo")

    def _end(self, *, backward: bool) -> str:
        alias = self.compiler.alias()
        way = "DESC" if backward else "ASC"
        return f"(SELECT {self._cursor(alias)} {self._shown(alias)} ORDER BY {alias}.{PLACE} {way} LIMIT 1)"

    def _rows(self, made: Callable[[str, str], Json]) -> Json:
        alias = self.compiler.alias()
        if self._is_plain():
            return made(alias, f"FROM {self._read(alias, self.form.size)}")
        way = "DESC" if self.form.backward else "ASC"
        return made(alias, f"{self._shown(alias)} ORDER BY {alias}.{PLACE} {way}")

    def _shown(self, alias: str) -> str:
        return f"FROM {self.page} AS {alias} WHERE {alias}.{PLACE} <= {self.form.size}"

    def _page(self) -> str:
        """Rows in reading order, with one more than the page holds: it tells whether there are others."""
        alias = self.compiler.alias()
        wanted = dict.fromkeys(column for rows in self.pages.rows for column in rows.columns)
        wanted.update(dict.fromkeys(column for column, _ in self.form.terms))
        columns = ", ".join(f"{alias}.{named(column)}" for column in wanted)
        place = f"row_number() OVER (ORDER BY {self._order(alias)}) AS {PLACE}"
        return f"SELECT {columns}, {place} FROM {self._read(alias, self.form.size + 1)}"

    def _read(self, alias: str, most: int) -> str:
        conditions = [self._listed(alias), *self._within(alias)]
        order = self._order(alias)
        return f"{self._table(alias)} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {most}"

    def _table(self, alias: str) -> str:
        if self.pages.link is None:
            return self.compiler.table(self.pages.table, alias)
        assert self.parent is not None
        return self.compiler.linked_table(self.pages.table, alias, self.pages.link, self.parent)

    def _order(self, alias: str) -> str:
        turned = tuple((column, descending != self.form.backward) for column, descending in self.form.terms)
        return self.compiler.order(self.pages.table, alias, turned)

    def _counted(self) -> str:
        alias = self.compiler.alias()
        rows = f"{self._table(alias)} WHERE {self._listed(alias)}"
        return f"(SELECT 1 FROM {rows} LIMIT {MOST_COUNTED + 1}) AS counted"

    def _listed(self, alias: str) -> str:
        """Which rows the whole list has."""
        place = self._rest

        def value() -> str:
            nonlocal place
            place += 1
            return self.compiler.parameters.take(self.group, place - 1)

        found = [self.compiler.visible(self.pages.table.model, alias)]
        if self.pages.via is not None:
            found.insert(0, f"{alias}.{named(self.pages.via)} = {self.parent}")
        if self.form.where != ("true",):
            found.append(condition_sql(self.form.where, self._compared(alias), self.dialect, value))
        searched = f"{alias}.{named(self.pages.search or '')}"
        found += [self.dialect.contains(searched, value(), is_short=each) for each in self.form.words]
        return " AND ".join(found)

    def _compared(self, alias: str) -> Callable[[str], str]:
        return lambda name: self.compiler.filtered(self.pages.table, name, alias)

    def _within(self, alias: str) -> list[str]:
        """Beyond the cursors."""
        found = []
        if self.form.after is not None:
            found.append(self._beyond(alias, self.form.terms, self.form.after, self._after))
        if self.form.before is not None:
            turned = tuple((column, not descending) for column, descending in self.form.terms)
            found.append(self._beyond(alias, turned, self.form.before, self._before))
        return found

    def _beyond(self, alias: str, terms: Sequence[Term], mask: Mask, place: int) -> str:
        """The rows after a place in the order of `terms`."""
        table = self.pages.table
        ways = {descending for _, descending in terms}
        if len(ways) == 1 and not any(is_nullable(table, column) for column, _ in terms):
            # A comparison of rows is one range of the index.
            columns = ", ".join(f"{alias}.{named(column)}" for column, _ in terms)
            values = ", ".join(
                self.compiler.parameters.take(self.group, place + step) for step in range(len(terms))
            )
            return f"({columns}) {'<' if ways.pop() else '>'} ({values})"
        return self._beyond_one(alias, terms, mask, place)

    def _beyond_one(self, alias: str, terms: Sequence[Term], mask: Mask, place: int) -> str:
        (column, descending), is_null = terms[0], mask[0]
        sql = f"{alias}.{named(column)}"
        value = None if is_null else self.compiler.parameters.take(self.group, place)
        steps: list[str] = []
        if value is None:
            same = f"{sql} IS NULL"
            if descending:
                steps.append(f"{sql} IS NOT NULL")
        else:
            same = f"{sql} = {value}"
            steps.append(f"{sql} {'<' if descending else '>'} {value}")
            if not descending and is_nullable(self.pages.table, column):
                steps.append(f"{sql} IS NULL")
        if len(terms) > 1:
            rest = self._beyond(alias, terms[1:], mask[1:], place + (0 if is_null else 1))
            steps.append(f"({same} AND {rest})")
        return f"({' OR '.join(steps)})" if steps else "FALSE"

    def _cursor(self, alias: str) -> str:
        table = self.pages.table
        columns = [
            CursorColumn(
                f"{alias}.{named(column)}", base_type_of(table.model, column), is_nullable(table, column)
            )
            for column, _ in self.form.terms
        ]
        return self.dialect.cursor(self.compiler.parameters.take(self.group, 0), columns)


def _written(leaves: Sequence[Leaf], value: Callable[[Leaf], str]) -> Pairs:
    return [(written_key(leaf, place), value(leaf)) for place, leaf in enumerate(leaves)]


def _count(mask: Mask | None) -> int:
    return sum(not is_null for is_null in mask or ())


def _constant(given: bool) -> str:
    return "TRUE" if given else "FALSE"
