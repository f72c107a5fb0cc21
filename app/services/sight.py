"""Who may see which rows, asked for many viewers at once: as a window opens for everybody at nine o'clock.

The predicate stays the model's own: it becomes SQL once for each shape of viewer (see `app.viewers`), and the markers in
it become columns of the viewers asked about.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from tortoise.queryset import QuerySet

from app import db, db_rows
from app.models import Table
from app.policy import Member
from app.viewers import Shape, facts_of

Row = TypeVar("Row", bound=Table)
#: A function of a module, so that its SQL is found again: the rows that a viewer may see.
RowsOf = Callable[[Member], QuerySet[Row]]

#: Stand in a query for an id and a moment that each viewer has beside his own ids.
WANTED_ID = UUID(int=(1 << 128) - 1)
MOMENT = datetime(9_999, 1, 1, tzinfo=UTC)
_COLUMNS = {str(WANTED_ID): "asked.id", str(MOMENT): "asked.moment"}
#: A placeholder of either engine, or a quoted text, in which nothing is one.
_MARKS = re.compile(r"""'[^']*'|"[^"]*"|(?P<mark>\$(?P<number>\d+)|\?)""")


async def in_sight(rows_of: RowsOf[Any], asked: Sequence[tuple[Member, UUID]]) -> list[bool]:
    """For each `(viewer, id)` whether `rows_of(viewer)` has that row. A statement for each shape of viewer."""
    seen = [False] * len(asked)
    for shape, rows in by_shape(asked, "id").items():
        sql, parameters = _statement(rows_of, shape, db.dialect())
        for found in await db.fetch(sql, [db_rows.packed(rows), *parameters]):
            seen[found["place"]] = bool(found["seen"])
    return seen


@lru_cache(maxsize=512)
def _statement(rows_of: RowsOf[Any], shape: Shape, dialect: db.Dialect) -> tuple[str, Sequence[Any]]:
    making = Making(shape, dialect)
    # Row by row, each by its key: as a join PostgreSQL might read a whole table for a few rows.
    seen = making.sql(rows_of(making.viewer).filter(id=WANTED_ID).values("id"))
    asked = making.asked(id="uuid")
    return f"SELECT asked.place, EXISTS ({seen}) AS seen FROM {asked}", making.parameters  # noqa: S608


def by_shape(asked: Iterable[tuple[Member, Any]], name: str) -> dict[Shape, list[dict[str, Any]]]:
    """The rows of `asked` for each shape: the viewer's place and ids, and what comes with him as the column `name`."""
    found: dict[Shape, list[dict[str, Any]]] = {}
    for place, (viewer, value) in enumerate(asked):
        facts = facts_of(viewer)
        row = {"place": place, name: value, **{f"v{n}": each for n, each in enumerate(facts.values)}}
        found.setdefault(facts.shape, []).append(row)
    return found


class Making:
    """A statement in the making, whose FROM has the rows of `by_shape`, packed into its first parameter."""

    def __init__(self, shape: Shape, dialect: db.Dialect) -> None:
        assert isinstance(shape.viewer, Member)
        self.viewer = shape.viewer
        self.parameters: list[Any] = []
        self._dialect = dialect
        self._places = shape.places
        self._columns = {**_COLUMNS, **{str(each): f"asked.v{n}" for each, n in shape.places.items()}}

    def sql(self, query: Any) -> str:
        """A query of values for `self.viewer` as a sub-select, whose markers are columns of `asked`."""
        query.sql()
        sql, given = query.query.get_parameterized_sql()
        places = count()

        def put(match: re.Match[str]) -> str:
            if not match["mark"]:
                return match[0]
            value = given[int(match["number"]) - 1 if match["number"] else next(places)]
            if column := self._columns.get(str(value)):
                return column
            self.parameters.append(value)
            return f"${len(self.parameters) + 1}"

        return _MARKS.sub(put, sql)

    def asked(self, **columns: db_rows.Type) -> str:
        of_viewer: dict[str, db_rows.Type] = {f"v{n}": "uuid" for n in self._places.values()}
        return db_rows.unpacked(self._dialect, "$1", "asked", place="bigint", **of_viewer, **columns)

    def column_of(self, id_: UUID) -> str:
        """The column that stands for one of the viewer's ids."""
        return self._columns[str(id_)]
