"""What the two databases say differently: JSON, times, ids, lists of values. The compiler speaks through these.

An expression that is JSON already is marked as `Json`: SQLite forgets it between a sub-select and what stands around.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from app import times

#: SQLite's functions take 127 arguments.
MOST_PAIRS = 60
#: PostgreSQL cuts longer names of columns, silently.
LONGEST_NAME = 60
#: Shorter words have no trigram: PostgreSQL would read the whole index, of all projects, to find them.
SHORTEST_INDEXED = 3


class Json(str):
    """An expression whose value is JSON."""

    __slots__ = ()


Pairs = Sequence[tuple[str, str]]


class CursorColumn(NamedTuple):
    """A column whose value goes into cursors."""

    sql: str
    kind: type
    is_nullable: bool


class Dialect(Protocol):
    """One database's ways. Columns and expressions go in as SQL, expressions come out."""

    name: str
    #: SQLite's parser has a stack of 100 places, and objects in objects fill it: they stand in views beside.
    keeps_rows_aside: bool

    def object(self, pairs: Pairs, source: str = "", *, aside: str = "") -> Json:
        """A JSON object, keys in order; with `source` (FROM …) of its one row, null if there is none.

        `aside` is a WITH clause that the values refer to.
        """

    def array(self, pairs: Pairs, source: str) -> Json:
        """A JSON array with an object for each row of `source`, in its order."""

    def array_of(self, value: str, source: str) -> Json:
        """A JSON array with `value`, which is JSON, for each row of `source`, in its order."""

    def id(self, type_name: str, column: str) -> str:
        """The global id of a row."""

    def id_in(self, type_column: str, column: str) -> str:
        """The global id of a row of the type whose name is in another column, which is short."""

    def time(self, column: str) -> str:
        """`YYYY-MM-DDTHH:MM:SS.mmmZ`."""

    def ago(self, span: timedelta) -> str:
        """The moment so long before the statement, comparable with stored times."""

    def boolean(self, condition: str) -> str:
        """True or false in JSON, null for null."""

    def cursor(self, tag: str, columns: Sequence[CursorColumn]) -> str:
        """Hex of a JSON array of the tag and the columns' values."""

    def contains(self, column: str, word: str, *, is_short: bool) -> str:
        """The word stands somewhere in the column; see `word`. No index is asked for a short one."""

    def one_of(self, column: str, values: str) -> str:
        """The column's value is in the list; see `value`."""

    def listed(self, values: str, alias: str) -> str:
        """A source whose rows are `alias.id` and `alias.place`, from a list of ids."""

    def value(self, given: Any) -> Any:
        """A parameter as the driver takes it."""

    def word(self, given: str, *, is_short: bool) -> str:
        """A search word as `contains` takes it."""

    def placeholder(self, number: int) -> str: ...

    def text(self, expression: str) -> str:
        """JSON as the statement answers it: text, or its bytes in UTF-8."""


def literal(given: str) -> str:
    """Text as a constant of SQL."""
    return "'" + given.replace("'", "''") + "'"


def named(name: str) -> str:
    return f'"{name}"'


def _in_cursor(column: CursorColumn, json_of: Callable[[str, type], str]) -> str:
    value = json_of(column.sql, column.kind)
    return f"coalesce({value}, 'null')" if column.is_nullable else value


class Postgres:
    """`row_to_json` over a sub-select is a tenth faster than `json_build_object`, and takes any number of fields."""

    name = "postgres"
    keeps_rows_aside = False

    def object(self, pairs: Pairs, source: str = "", *, aside: str = "") -> Json:
        return Json(f"({aside}SELECT row_to_json(o) FROM (SELECT {self._columns(pairs)} {source}) o)")

    def array(self, pairs: Pairs, source: str) -> Json:
        rows = f"(SELECT json_agg(o) FROM (SELECT {self._columns(pairs)} {source}) o)"
        return Json(f"coalesce({rows}, '[]')")

    def array_of(self, value: str, source: str) -> Json:
        return Json(f"coalesce((SELECT json_agg(o.value) FROM (SELECT {value} AS value {source}) o), '[]')")

    def id(self, type_name: str, column: str) -> str:
        # Base64 breaks lines after 76 letters; the longest of ours has 72.
        return f"encode(convert_to('{type_name}:' || {column}, 'UTF8'), 'base64')"

    def id_in(self, type_column: str, column: str) -> str:
        return f"encode(convert_to({type_column} || ':' || {column}, 'UTF8'), 'base64')"

    def time(self, column: str) -> str:
        return f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""

    def ago(self, span: timedelta) -> str:
        # Not cut, which would cost for each row: times in milliseconds are compared with it rightly nevertheless.
        return f"(statement_timestamp() - interval '{span.total_seconds():.0f} seconds')"

    def boolean(self, condition: str) -> str:
        return condition

    def cursor(self, tag: str, columns: Sequence[CursorColumn]) -> str:
        values = " || ',' || ".join(_in_cursor(each, _postgres_json) for each in columns)
        return f"""encode(convert_to('["' || {tag}::text || '",' || {values} || ']', 'UTF8'), 'hex')"""

    def contains(self, column: str, word: str, *, is_short: bool) -> str:
        return f"strpos({column}, {word}) > 0" if is_short else f"{column} LIKE {word}"

    def one_of(self, column: str, values: str) -> str:
        return f"{column} = ANY({values})"

    def listed(self, values: str, alias: str) -> str:
        return f"unnest({values}::uuid[]) WITH ORDINALITY AS {alias}(id, place)"

    def zipped(self, columns: Sequence[str], alias: str, *, is_list: bool) -> str:
        """A source made of the first parameters, one list a column, numbered from 1 as `n`.

        A column `own` holds ids, or, where `is_list`, lists of ids as `ids` writes them.
        """
        kinds = ["text" if column == "own" and is_list else "uuid" for column in columns]
        lists = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(kinds, start=1))
        return f"unnest({lists}) WITH ORDINALITY AS {alias}({', '.join(columns)}, n)"

    def ids(self, given: Any) -> Any:
        """An id, or a list of ids, as a value of a column of `zipped`."""
        return f"{{{','.join(map(str, given))}}}" if isinstance(given, tuple) else given

    def value(self, given: Any) -> Any:
        return given

    def word(self, given: str, *, is_short: bool) -> str:
        if is_short:
            return given
        escaped = given.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{escaped}%"

    def placeholder(self, number: int) -> str:
        return f"${number}"

    def text(self, expression: str) -> str:
        # As bytes, which the driver hands on as they are: as text it costs the process twice as much.
        return f"convert_to({expression}::text, 'UTF8')"

    @staticmethod
    def _columns(pairs: Pairs) -> str:
        return ", ".join(f"{value} AS {named(key)}" for key, value in pairs)


def _postgres_json(column: str, kind: type) -> str:
    if kind is datetime:
        value = f"""'"' || to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') || '"'"""
    elif kind is UUID:
        value = f"""'"' || {column} || '"'"""
    else:
        value = f"to_json({column})::text"
    return value


class Sqlite:
    """Functions that SQLite lacks (`base64`) are registered with its connection."""

    name = "sqlite"
    keeps_rows_aside = True

    def object(self, pairs: Pairs, source: str = "", *, aside: str = "") -> Json:
        made = self._made(pairs)
        return Json(f"({aside}SELECT {made} {source})") if source or aside else Json(made)

    def array(self, pairs: Pairs, source: str) -> Json:
        return self.array_of(self._made(pairs), source)

    def array_of(self, value: str, source: str) -> Json:
        return Json(f"(SELECT json_group_array(json(o.value)) FROM (SELECT {value} AS value {source}) o)")

    def id(self, type_name: str, column: str) -> str:
        return f"base64('{type_name}:' || {column})"

    def id_in(self, type_column: str, column: str) -> str:
        return f"base64({type_column} || ':' || {column})"

    def time(self, column: str) -> str:
        # As text: strftime would round, and the milliseconds are cut.
        second = f"substr({column}, 1, 10) || 'T' || substr({column}, 12, 8)"
        fraction = f"CASE substr({column}, 20, 1) WHEN '.' THEN substr({column}, 20, 4) ELSE '.000' END"
        return f"({second} || {fraction} || 'Z')"

    def ago(self, span: timedelta) -> str:
        return times.sqlite_clock(f"-{span.total_seconds():.0f} seconds")

    def boolean(self, condition: str) -> str:
        return Json(f"CASE {condition} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END")

    def cursor(self, tag: str, columns: Sequence[CursorColumn]) -> str:
        values = " || ',' || ".join(_in_cursor(each, _sqlite_json) for each in columns)
        return f"""lower(hex('["' || {tag} || '",' || {values} || ']'))"""

    def contains(self, column: str, word: str, *, is_short: bool) -> str:
        return f"instr({column}, {word}) > 0"

    def one_of(self, column: str, values: str) -> str:
        return f"{column} IN (SELECT value FROM json_each({values}))"

    def listed(self, values: str, alias: str) -> str:
        return f"(SELECT value AS id, key AS place FROM json_each({values})) AS {alias}"

    def value(self, given: Any) -> Any:
        return (
            json.dumps([_sqlite_text(each) for each in given]) if isinstance(given, list | tuple) else given
        )

    def word(self, given: str, *, is_short: bool) -> str:
        return given

    def placeholder(self, number: int) -> str:
        return f"?{number}"

    def text(self, expression: str) -> str:
        return expression

    @staticmethod
    def _made(pairs: Pairs) -> str:
        written = [
            (literal(key), f"json({value})" if isinstance(value, Json) else value) for key, value in pairs
        ]
        made = f"json_object({', '.join(f'{key}, {value}' for key, value in written[:MOST_PAIRS])})"
        for start in range(MOST_PAIRS, len(pairs), MOST_PAIRS):
            more = [
                f"{literal(f'$.{named(key)}')}, {value}"
                for (key, _), (_, value) in zip(
                    pairs[start : start + MOST_PAIRS], written[start : start + MOST_PAIRS], strict=True
                )
            ]
            made = f"json_set({made}, {', '.join(more)})"
        return made


def _sqlite_json(column: str, kind: type) -> str:
    value = f"json_quote({column})" if kind is str else f"'\"' || {column} || '\"'"
    if kind in (int, bool):
        value = f"CAST({column} AS TEXT)"
    return value


def _sqlite_text(given: Any) -> Any:
    if isinstance(given, UUID):
        return str(given)
    return given


POSTGRES, SQLITE = Postgres(), Sqlite()


def dialect_of(name: str) -> Dialect:
    """By the name that `db.dialect()` tells."""
    return POSTGRES if name == "postgres" else SQLITE
