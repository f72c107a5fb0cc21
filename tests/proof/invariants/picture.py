"""The whole database at one moment, as plain values: what the invariants are checked on.

One statement reads every row of every table, so that a picture shows one moment even while others write.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from app import db

Row = Mapping[str, Any]
#: Table → id → row. Times and ids are texts as the engine writes them.
Picture = Mapping[str, Mapping[str, Row]]

#: A session's use is written down by reading, too.
NOT_SHOWN = {("sessions", "last_used_at"), ("sessions", "expires_at"), ("sessions", "client_ip")}

_COLUMNS = {
    "sqlite": """
        SELECT m.name AS "table", c.name AS "column" FROM sqlite_master m, pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid""",
    "postgres": """
        SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
        WHERE table_schema = 'public' ORDER BY table_name, ordinal_position""",
}
_OBJECT = {"sqlite": "json_object", "postgres": "json_build_object"}


class Difference(NamedTuple):
    """A row that appeared (`before` is None), went (`after` is None) or changed."""

    table: str
    id: str
    before: Row | None
    after: Row | None

    @property
    def row(self) -> Row:
        """As it is, or as it was last."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def columns(self) -> set[str]:
        """Which values differ; all of a row that appeared or went."""
        if self.before is None or self.after is None:
            return set(self.row)
        return {name for name, value in self.after.items() if value != self.before[name]}

    def __str__(self) -> str:
        told = [
            f"{name}: {(self.before or {}).get(name)!r} → {(self.after or {}).get(name)!r}"
            for name in sorted(self.columns)
        ]
        return f"{self.table} {self.id} ({', '.join(told)})"


async def statement() -> str:
    """What a picture is read by, made of the tables that the database has."""
    tables: dict[str, list[str]] = {}
    for row in await db.fetch(_COLUMNS[db.dialect()]):
        if row["table"] != "tortoise_migrations" and (row["table"], row["column"]) not in NOT_SHOWN:
            tables.setdefault(row["table"], []).append(row["column"])
    return " UNION ALL ".join(_rows_of(table, columns) for table, columns in tables.items())


async def take(sql: str) -> Picture:
    """The picture of now. `sql`: of `statement`."""
    found: dict[str, dict[str, Row]] = {table: {} for table in _tables_in(sql)}
    for read in await db.fetch(sql):
        row = orjson.loads(read["row"])
        found[read["name"]][row["id"]] = row
    return found


def differences(before: Picture, after: Picture) -> Iterator[Difference]:
    """What changed, table by table."""
    for table, rows in after.items():
        was = before[table]
        if rows == was:
            continue
        for id_ in [*was, *(each for each in rows if each not in was)]:
            if was.get(id_) != rows.get(id_):
                yield Difference(table, id_, was.get(id_), rows.get(id_))


def _rows_of(table: str, columns: list[str]) -> str:
    pairs = ", ".join(f"'{name}', \"{name}\"" for name in columns)
    text = f"{_OBJECT[db.dialect()]}({pairs})"
    return f"SELECT '{table}' AS name, CAST({text} AS TEXT) AS row FROM \"{table}\""


def _tables_in(sql: str) -> Iterator[str]:
    for select in sql.split(" UNION ALL "):
        yield select.partition("'")[2].partition("'")[0]
