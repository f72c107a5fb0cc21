"""Inputs are built as Strawberry builds them, and quicker."""

from datetime import datetime
from enum import Enum
from typing import Any

import pytest
import strawberry

from app.schema.building import build_by_plan

got: list[Any] = []


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.input
class Part:
    part_name: str
    is_spare: bool = False


@strawberry.input
class Order:
    order_id: strawberry.ID
    colour: Colour | None = strawberry.UNSET
    due_at: datetime | None = strawberry.UNSET
    first_part: Part | None = strawberry.UNSET
    all_parts: list[Part] | None = strawberry.UNSET
    tags: list[str] | None = None
    note: str | None = None


@strawberry.type
class Query:
    @strawberry.field
    def take(self, order: Order) -> bool:
        got.append(order)
        return True


schema = strawberry.Schema(Query)

ORDERS = [
    {"orderId": "1"},
    {"orderId": "2", "colour": "RED", "dueAt": "2026-03-02T09:00:00Z", "note": None},
    {"orderId": "3", "colour": None, "dueAt": None, "firstPart": None, "allParts": None, "tags": None},
    {"orderId": "4", "firstPart": {"partName": "a"}, "allParts": [], "tags": []},
    {"orderId": "5", "allParts": [{"partName": "a", "isSpare": True}, {"partName": "b"}], "tags": ["x", "y"]},
]


def take(order: dict[str, Any]) -> Order:
    got.clear()
    answer = schema.execute_sync("query ($o: Order!) { take(order: $o) }", variable_values={"o": order})
    assert answer.errors is None
    (taken,) = got
    assert isinstance(taken, Order)
    return taken


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: str(order["orderId"]))
def test_by_plan_an_input_is_what_strawberry_makes_of_it(order: dict[str, Any]) -> None:
    for each in (Order, Part):
        each.__strawberry_definition__.from_input = None  # type: ignore[union-attr]
    without = take(order)

    for each in (Order, Part):
        build_by_plan(each)

    assert vars(take(order)) == vars(without)
    assert take(order) is not take(order)
