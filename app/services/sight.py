"""Who may see which rows, asked for many viewers at once: as a window opens for everybody at nine o'clock.

The predicate stays the model's own: it becomes SQL once for each shape of viewer (see `app.viewers`), and the markers in
it become columns of the viewers asked about.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from tortoise.queryset import QuerySet

from app import db, db_rows
from app.models import Table
from app.policy import Member
from app.viewers import Shape, facts_of

Row = TypeVar("Row", bound=Table)
#: A function of a module, so that its SQL is found again: the rows that a viewer may see.
RowsOf = Callable[[Member], QuerySet[Row]]

#: A placeholder of either engine, or a quoted text, in which nothing is one.
_MARKS = re.compile(r"""'[^']*'|"[^"]*"|(?P<mark>\$(?P<number>\d+)|\?)""")
_WANTED = UUID(int=(1 << 128) - 1)


class _Statement(NamedTuple):
    sql: str
    parameters: Sequence[Any]


async def in_sight(rows_of: RowsOf[Any], asked: Sequence[tuple[Member, UUID]]) -> list[bool]:
    """For each `(viewer, id)` whether `rows_of(viewer)` has that row. A statement for each shape of viewer."""
    by_shape: dict[Shape, list[dict[str, Any]]] = {}
    for place, (viewer, id_) in enumerate(asked):
        facts = facts_of(viewer)
        row = {"place": place, "id": id_, **{f"v{n}": value for n, value in enumerate(facts.values)}}
        by_shape.setdefault(facts.shape, []).append(row)
    seen = [False] * len(asked)
    for shape, rows in by_shape.items():
        sql, parameters = _statement(rows_of, shape, db.dialect())
        for found in await db.fetch(sql, [db_rows.packed(rows), *parameters]):
            seen[found["place"]] = bool(found["seen"])
    return seen


@lru_cache(maxsize=512)
def _statement(rows_of: RowsOf[Any], shape: Shape, dialect: db.Dialect) -> _Statement:
    assert isinstance(shape.viewer, Member)
    query = rows_of(shape.viewer).filter(id=_WANTED).values("id")
    query.sql()
    sql, given = query.query.get_parameterized_sql()
    columns = {str(_WANTED): "asked.id", **{str(each): f"asked.v{n}" for each, n in shape.places.items()}}
    kept: list[Any] = []
    places = count()

    def put(match: re.Match[str]) -> str:
        if not match["mark"]:
            return match[0]
        value = given[int(match["number"]) - 1 if match["number"] else next(places)]
        if column := columns.get(str(value)):
            return column
        kept.append(value)
        return f"${len(kept) + 1}"

    of_viewer: dict[str, db_rows.Type] = {f"v{n}": "uuid" for n in shape.places.values()}
    asked = db_rows.unpacked(dialect, "$1", "asked", place="bigint", id="uuid", **of_viewer)
    # Row by row, each by its key: as a join PostgreSQL might read a whole table for a few rows.
    return _Statement(f"SELECT asked.place, EXISTS ({_MARKS.sub(put, sql)}) AS seen FROM {asked}", kept)  # noqa: S608
