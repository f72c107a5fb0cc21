"""Who may see which rows, asked for many viewers at once: as a window opens for everybody at nine o'clock.

The predicate stays the model's own: it becomes SQL once for each shape of viewer (see `app.viewers`), and the markers in
it become columns of the viewers asked about.

SQLite would look for what a viewer of chosen divisions or of a partner sees at all once more for each row that is asked
about: a thousand times for fifty people who lose twenty reminders each. There a statement is about viewers whose ids are
the same, as far as it wants them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
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


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL over many viewers of one shape. `places`: which of the viewer's ids it wants.

    `is_for_one`: it is about one set of such ids at a time, which is a parameter of its own.
    """

    sql: str
    parameters: Sequence[Any]
    places: Sequence[int]
    is_for_one: bool


#: A function that keeps what it made: the statement for a shape.
Make = Callable[[Shape, db.Dialect], Statement]


async def in_sight(rows_of: RowsOf[Any], asked: Sequence[tuple[Member, UUID]]) -> list[bool]:
    """For each `(viewer, id)` whether `rows_of(viewer)` has that row. A statement for each shape of viewer."""
    seen = [False] * len(asked)
    for row in await ask(partial(_is_in_sight, rows_of), asked, "id"):
        seen[row["place"]] = bool(row["seen"])
    return seen


async def ask(make: Make, asked: Iterable[tuple[Member, Any]], name: str) -> list[dict[str, Any]]:
    """What the statements find, one for each shape of viewer. What comes with a viewer is in the column `name`."""
    groups: dict[Shape, list[tuple[int, Sequence[UUID], Any]]] = {}
    for place, (viewer, value) in enumerate(asked):
        facts = facts_of(viewer)
        groups.setdefault(facts.shape, []).append((place, facts.values, value))
    found: list[dict[str, Any]] = []
    for shape, group in groups.items():
        statement = make(shape, db.dialect())
        rows = [({"place": place, name: value}, _wanted(statement, ids)) for place, ids, value in group]
        for parameters in _parameters(statement, rows):
            found += await db.fetch(statement.sql, parameters)
    return found


Wanted = tuple[tuple[str, UUID], ...]


def _wanted(statement: Statement, ids: Sequence[UUID]) -> Wanted:
    """Those of the viewer's ids that the statement wants, by the names of their columns."""
    return tuple((f"v{place}", ids[place]) for place in statement.places)


def _parameters(
    statement: Statement, rows: Sequence[tuple[Mapping[str, Any], Wanted]]
) -> Iterator[list[Any]]:
    """Of each run of the statement: one for all viewers, or one for all whose ids are the same."""
    if not statement.is_for_one:
        yield [db_rows.packed([{**row, **dict(ids)} for row, ids in rows]), *statement.parameters]
        return
    alike: dict[Wanted, list[Mapping[str, Any]]] = {}
    for row, ids in rows:
        alike.setdefault(ids, []).append(row)
    for ids, same in alike.items():
        yield [db_rows.packed(same), db_rows.packed([dict(ids)]), *statement.parameters]


@lru_cache(maxsize=512)
def _is_in_sight(rows_of: RowsOf[Any], shape: Shape, dialect: db.Dialect) -> Statement:
    making = Making(shape, dialect)
    # Row by row, each by its key: as a join PostgreSQL might read a whole table for a few rows.
    seen = making.sql(rows_of(making.viewer).filter(id=WANTED_ID).values("id"))
    return making.made(f"SELECT asked.place, EXISTS ({seen}) AS seen FROM {{asked}}", id="uuid")  # noqa: S608


class Making:
    """A statement in the making. In it `asked` has a row for each viewer and what is asked of him."""

    def __init__(self, shape: Shape, dialect: db.Dialect) -> None:
        assert isinstance(shape.viewer, Member)
        self.viewer = shape.viewer
        self._dialect = dialect
        self._viewers = {str(marker): place for marker, place in shape.places.items()}
        self._parameters: list[Any] = []
        self._used: set[int] = set()
        is_narrowed = self.viewer.division_ids is not None or self.viewer.partner_id is not None
        self._is_for_one = dialect == "sqlite" and is_narrowed

    def sql(self, query: Any) -> str:
        """A query of values for `self.viewer` as a sub-select, whose markers are columns of `asked`."""
        query.sql()
        sql, given = query.query.get_parameterized_sql()
        places = count()

        def put(match: re.Match[str]) -> str:
            if not match["mark"]:
                return match[0]
            return self._written(given[int(match["number"]) - 1 if match["number"] else next(places)])

        return _MARKS.sub(put, sql)

    def id(self, marker: UUID) -> str:
        """The column that stands for one of the viewer's ids."""
        return self._written(marker)

    def made(self, sql: str, **columns: db_rows.Type) -> Statement:
        """The whole, with `{asked}` where its rows belong."""
        places = sorted(self._used)
        is_for_one = self._is_for_one and bool(places)
        in_rows = [] if is_for_one else places
        ids: dict[str, db_rows.Type] = {f"v{place}": "uuid" for place in in_rows}
        asked = db_rows.unpacked(self._dialect, "$1", "asked", place="bigint", **columns, **ids)
        return Statement(sql.replace("{asked}", asked), self._parameters, places, is_for_one)

    def _written(self, value: Any) -> str:
        text = str(value)
        if text in _COLUMNS:
            return _COLUMNS[text]
        if (place := self._viewers.get(text)) is not None:
            self._used.add(place)
            return f"json_extract($2, '$[0].v{place}')" if self._is_for_one else f"asked.v{place}"
        self._parameters.append(value)
        return f"${len(self._parameters) + (2 if self._is_for_one else 1)}"
