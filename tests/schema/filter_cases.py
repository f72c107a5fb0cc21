"""Generated filters over contacts: trees of conditions, many of them empty, or about nobody."""

import random
from collections.abc import Iterator
from typing import Any

from app.ids import uuid7
from app.models import Employee
from tests.graphql import gid


def some_filter(dice: random.Random, *, depth: int = 3) -> dict[str, Any]:
    kind = dice.choice(("one", "one", "not", "and", "or", "empty")) if depth else "one"
    if kind == "not":
        return {"not": some_filter(dice, depth=depth - 1)}
    if kind in ("and", "or"):
        return {kind: [some_filter(dice, depth=depth - 1) for _ in range(dice.randrange(3))]}
    return {} if kind == "empty" else dice.choice(list(_conditions()))


def _conditions() -> Iterator[dict[str, Any]]:
    for name, values in {
        "name": ("Alfa", "-"),
        "ico": ("27082440", "-"),
        "ownerId": (gid(Employee(id=uuid7())),),
    }.items():
        for value in values:
            yield from ({name: {"eq": value}}, {name: {"ne": value}})
        yield from ({name: {"in": []}}, {name: {"isNull": True}}, {name: {"isNull": False}}, {name: {}})
    yield from ({"status": {"ne": "CUSTOMER"}}, {"name": None}, {"or": None})
