"""Many rows as one parameter of a statement: packed as JSON here, a table inside the statement, on either engine.

One statement over a thousand rows costs little more than one over a single row, and a statement whose text does not
grow with their number is prepared once.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import orjson

#: PostgreSQL's types; SQLite takes each value as it stands in the JSON.
Type = Literal["uuid", "text", "bigint", "timestamptz"]


def packed(rows: Iterable[Mapping[str, Any]]) -> str:
    """The parameter: rows of UUIDs, texts, whole numbers, aware times and None."""
    return orjson.dumps(list(rows), default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def unpacked(dialect: str, parameter: str, alias: str, **columns: Type) -> str:
    """What stands in FROM (or USING) for the rows packed into `parameter`, `$2` say, under the name `alias`."""
    if dialect == "postgres":
        described = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        return f"json_to_recordset({parameter}::json) AS {alias}({described})"
    values = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in columns)
    return f"(SELECT {values} FROM json_each({parameter})) AS {alias}"  # noqa: S608  Names of our own.


def _plain(value: Any) -> str:
    if isinstance(value, UUID):  # asyncpg's own, a subclass
        return str(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat(" ")  # as SQLite keeps times: texts that sort as they do
    raise TypeError(f"{value!r} cannot be packed.")
