"""Many rows as one parameter of a statement: packed as JSON here, a table inside the statement, on either engine.

One statement over a thousand rows costs little more than one over a single row, and a statement whose text does not
grow with their number is prepared once.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeVar
from uuid import UUID

import orjson

from app import times

#: PostgreSQL's types; SQLite takes each value as it stands in the JSON.
Type = Literal["uuid", "text", "bigint", "boolean", "timestamptz"]
#: Rows that one statement takes, reads or deletes at most, so that memory stays small however many there are.
AT_ONCE = 1_000

Item = TypeVar("Item")


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


def ids(dialect: str, parameter: str) -> str:
    """What stands after IN for the ids that `packed_ids` packed: any number of them, where PostgreSQL knows 32,767 parameters."""
    if dialect == "postgres":
        return f"(SELECT CAST(value AS uuid) FROM json_array_elements_text({parameter}::json))"  # noqa: S608
    return f"(SELECT value FROM json_each({parameter}))"  # noqa: S608


def packed_ids(values: Iterable[UUID | str]) -> str:
    """The parameter for `ids`."""
    return orjson.dumps(list(values), default=_plain).decode()


def portions(items: Iterable[Item], size: int = AT_ONCE) -> Iterator[list[Item]]:
    """The items in their order, so many at a time."""
    rest = iter(items)
    while portion := list(islice(rest, size)):
        yield portion


def _plain(value: Any) -> str:
    if isinstance(value, UUID):  # asyncpg's own, a subclass
        return str(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return times.stored_text(value)
    raise TypeError(f"{value!r} cannot be packed.")
