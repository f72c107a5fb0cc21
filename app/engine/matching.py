"""Which rows a `where` picks, as a list of ids: for whoever freezes a filter into one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from app import db
from app.engine.compile import Compiler
from app.engine.declare import Table
from app.engine.dialects import SHORTEST_INDEXED, Dialect, dialect_of, named
from app.engine.parameters import OWN, Parameters
from app.engine.where import TRUE, condition_sql, search_words, walk
from app.policy import Viewer
from app.viewers import facts_of


@dataclass(frozen=True, slots=True)
class Matching:
    """The rows that a filter found. `leaves_out_none`: there is no row in reach beside them."""

    ids: Sequence[UUID]
    leaves_out_none: bool


async def matching_rows(
    table: type[Table],
    viewer: Viewer,
    where: Mapping[str, Any] | None = None,
    *,
    search: str | None = None,
    searched: str = "search_text",
    most: int,
) -> Matching:
    """At most `most` rows in reach for which the coerced `where` holds and which have the words of `search`.

    They and what is in reach are read by one statement, so they are of one moment; neither reads more than `most` rows
    that it finds. That the viewer may filter by these fields was decided with the operation, as for every input. Raises
    BadUserInput for what cannot be asked.
    """
    values: list[Any] = []
    shape = walk(table, where, values) if where else TRUE
    words = search_words(search)
    dialect, facts = dialect_of(db.dialect()), facts_of(viewer)
    parameters, places = Parameters(facts.shape, dialect), count()
    compiler = Compiler(dialect, facts.shape, parameters, {})

    def value() -> str:
        return parameters.take(OWN, next(places))

    def compared(name: str) -> str:
        return compiler.filtered(table, name, alias)

    alias, other = compiler.alias(), compiler.alias()
    conditions = [compiler.visible(table.model, alias), condition_sql(shape, compared, dialect, value)]
    conditions += [
        dialect.contains(f"{alias}.{named(searched)}", value(), is_short=_is_short(word)) for word in words
    ]
    in_reach = f"{compiler.table(table, other)} WHERE {compiler.visible(table.model, other)}"
    rows_of = f"{compiler.table(table, alias)} WHERE {' AND '.join(conditions)}"
    # Values are parameters.
    reached = f"SELECT COUNT(*) FROM (SELECT 1 FROM {in_reach} LIMIT {most}) AS reached"  # noqa: S608
    sql = f"SELECT {alias}.id, ({reached}) AS in_reach FROM {rows_of} LIMIT {most}"  # noqa: S608
    given = (facts.values, _own(values, words, dialect))
    rows = await db.read(sql, [given[group][place] for group, place in parameters.sources])
    ids = [db.as_uuid(row["id"]) for row in rows]
    return Matching(ids, leaves_out_none=bool(rows) and rows[0]["in_reach"] <= len(rows))


def _own(values: Sequence[Any], words: Sequence[str], dialect: Dialect) -> list[Any]:
    found = [*values, *(dialect.word(word, is_short=_is_short(word)) for word in words)]
    return [dialect.value(each) for each in found]


def _is_short(word: str) -> bool:
    return len(word) < SHORTEST_INDEXED
