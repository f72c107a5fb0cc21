"""Which rows a `where` picks, as a list of ids: for whoever freezes a filter into one."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any
from uuid import UUID

from app import db
from app.engine.compile import Compiler
from app.engine.declare import Table
from app.engine.dialects import SHORTEST_INDEXED, Dialect, dialect_of, named
from app.engine.parameters import OWN, Parameters
from app.engine.where import TRUE, Shape, condition_sql, search_words, walk
from app.policy import Viewer
from app.viewers import facts_of


async def matching_ids(
    table: type[Table],
    viewer: Viewer,
    where: Mapping[str, Any] | None,
    *,
    search: str | None = None,
    searched: str = "search_text",
    most: int,
) -> list[UUID]:
    """The ids of at most `most` rows in reach for which the coerced `where` holds and which have the words of `search`.

    That the viewer may filter by these fields was decided with the operation, as for every input. Raises BadUserInput
    for what cannot be asked.
    """
    values: list[Any] = []
    shape = walk(table, where, values) if where else TRUE
    words = [] if search is None else search_words(search)
    dialect, facts = dialect_of(db.dialect()), facts_of(viewer)
    parameters, places = Parameters(facts.shape, dialect), count()
    compiler = Compiler(dialect, facts.shape, parameters, {})

    def value() -> str:
        return parameters.take(OWN, next(places))

    alias = compiler.alias()
    conditions = [compiler.visible(table.model, alias), condition_sql(shape, alias, dialect, value)]
    conditions += [
        dialect.contains(f"{alias}.{named(searched)}", value(), is_short=_is_short(word)) for word in words
    ]
    rows_of = f"{compiler.table(table, alias)} WHERE {' AND '.join(conditions)}"
    sql = f"SELECT {alias}.id FROM {rows_of} LIMIT {most}"  # noqa: S608  Values are parameters.
    given = (facts.values, _own(values, words, dialect))
    rows = await db.read(sql, [given[group][place] for group, place in parameters.sources])
    return [db.as_uuid(row["id"]) for row in rows]


def holds_of_all(table: type[Table], where: Mapping[str, Any]) -> bool:
    """Whether a `where` has no condition in it, as an empty form has none. Raises BadUserInput."""
    return _is_true(walk(table, where, []))


def _is_true(shape: Shape) -> bool:
    match shape:
        case ("all", *parts):
            return all(_is_true(each) for each in parts)
        case ("any", *parts):
            return any(_is_true(each) for each in parts)
    return shape == TRUE


def _own(values: Sequence[Any], words: Sequence[str], dialect: Dialect) -> list[Any]:
    found = [*values, *(dialect.word(word, is_short=_is_short(word)) for word in words)]
    return [dialect.value(each) for each in found]


def _is_short(word: str) -> bool:
    return len(word) < SHORTEST_INDEXED
