"""What a node of PostgreSQL's plan read, as EXPLAIN (ANALYZE, FORMAT JSON) tells it."""

from collections.abc import Mapping
from typing import Any

_THROWN_AWAY = ("Rows Removed by Filter", "Rows Removed by Index Recheck")


def rows_read(node: Mapping[str, Any]) -> int:
    """All rows, those thrown away counted, in all rounds: the figures of a plan are those of one round."""
    in_one = sum(int(node.get(name, 0)) for name in ("Actual Rows", *_THROWN_AWAY))
    return in_one * int(node.get("Actual Loops", 1))
