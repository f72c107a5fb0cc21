"""Page walks: each row exactly once, in the order that Python sorts it into, whatever the sort, the way and the size.

Every list there is, by each of its sorts and by pairs of them, over rows with many nulls and few different values.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from app.engine.declare import TABLES, Column, Listing, ToMany
from app.engine.guards import SPEC, metadata_of
from app.engine.ids import global_id
from app.engine.types import graphql_name
from app.schema import build
from tests.databases import Engine
from tests.differential.compare import Comparison
from tests.differential.sight import Sight
from tests.differential.stage import Request, Stage, answer

SIZES = (1, 2, 3, 7)
WAYS = ("ASC", "DESC")
VIEWER = "other_director"  # of the small project: a walk by ones is as long as the list
Steps = Sequence[tuple[str, str]]  # field, way


@dataclass(frozen=True)
class List:
    """A connection: a root field's, or below the rows of `owner`. `sorts`: sortable field → column."""

    owner: str
    name: str
    to: str
    order: tuple[str, ...]
    sorts: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"

    def orders(self) -> Iterator[Steps]:
        """No order, each sort both ways, each pair of sorts in some ways."""
        yield ()
        for field, way in itertools.product(self.sorts, WAYS):
            yield ((field, way),)
        for number, (one, other) in enumerate(itertools.permutations(self.sorts, 2)):
            yield ((one, WAYS[number % 2]), (other, WAYS[number // 2 % 2]))

    def document(self, parent: str) -> str:
        """A page of it."""
        page = f"""list: {self.name}(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {{
          edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} totalCount }}"""
        if self.owner != "Query":
            page = f'node(id: "{parent}") {{ ... on {self.owner} {{ {page} }} }}'
        declared = f"$first: Int, $after: String, $last: Int, $before: String, $orderBy: [{self.to}OrderBy!]"
        return f"query ({declared}) {{ {page} }}"


def lists() -> list[List]:
    """Every connection of the schema."""
    schema = build()._schema
    found = [
        List("Query", name, spec.to, spec.order, _sorts(spec.to))
        for name, field in schema.query_type.fields.items()  # type: ignore[union-attr]
        if isinstance(spec := metadata_of(field).get(SPEC), Listing)
    ]
    for owner, table in TABLES.items():
        for name, spec in table.specs.items():
            if isinstance(spec, ToMany) and spec.paged:
                found.append(List(owner, graphql_name(name), spec.to, spec.order, _sorts(spec.to)))
    return found


def _sorts(to: str) -> dict[str, str]:
    specs = TABLES[to].specs.items()
    return {graphql_name(name): spec.sort for name, spec in specs if isinstance(spec, Column) and spec.sort}


@pytest.mark.parametrize("each", lists(), ids=str)
def test_a_walk_meets_each_row_once_in_order_both_ways(
    comparison: Comparison, engine: Engine, each: List
) -> None:
    parent, rows = rows_of(comparison.sights[VIEWER], each)
    document = each.document(parent)
    assert len(rows) > 1 or each.to == "Project"

    for number, steps in enumerate(each.orders()):
        expected = [global_id(each.to, row.id) for row in in_order(rows, each, steps)]
        for size in SIZES if len(steps) < 2 else [SIZES[number % len(SIZES)]]:
            for forwards in (True, False):
                walk = Walk(comparison.stage, engine, document, steps, size, forwards)
                assert walk.ids() == expected, (each, steps, size, forwards)


def test_the_lists_that_are_walked_are_full_of_nulls_and_ties(comparison: Comparison) -> None:
    (contacts,) = (each for each in lists() if str(each) == "Query.contacts")
    _, rows = rows_of(comparison.sights[VIEWER], contacts)

    cities, moments = [row.city for row in rows], [row.created_at for row in rows]

    assert cities.count(None) > len(rows) * 0.3
    assert len(set(cities)) < len(rows) / 2 and len(set(moments)) < len(rows)


def rows_of(sight: Sight, each: List) -> tuple[str, list[Any]]:
    """The rows of the list; below rows, those of the parent that has most, and its id."""
    if each.owner == "Query":
        return "", sight.rows[each.to]
    name = next(name for name in TABLES[each.owner].specs if graphql_name(name) == each.name)
    spec: Any = TABLES[each.owner].specs[name]
    below = {parent.id: sight.hanging_on(spec, parent.id) for parent in sight.rows[each.owner]}
    parent = max(below, key=lambda id_: len(below[id_]))
    return global_id(each.owner, parent), below[parent]


def in_order(rows: Sequence[Any], each: List, steps: Steps) -> list[Any]:
    """Sorted by the last term first: Python keeps what is equal in place. A null is larger than anything."""
    terms = [(each.sorts[field], way == "DESC") for field, way in steps]
    terms = terms or [(column.lstrip("-"), column.startswith("-")) for column in each.order]
    found = list(rows)
    for column, descending in [("id", terms[-1][1]), *reversed(terms)]:
        found.sort(key=lambda row, column=column: _key(getattr(row, column)), reverse=descending)  # type: ignore[misc]
    return found


def _key(value: Any) -> Any:
    value = getattr(value, "value", value)
    return (value is None, value if value is not None else "")


@dataclass(frozen=True)
class Walk:
    """Through a whole list, page by page, from its one end to the other."""

    stage: Stage
    engine: Engine
    document: str
    steps: Steps
    size: int
    forwards: bool

    def ids(self) -> list[str]:
        """The ids in the order of the list. Fails if a page claims a wrong neighbourhood."""
        pages = self.stage.run(self.engine, self._pages)
        met = [[edge["node"]["id"] for edge in page["edges"]] for page in pages]
        return [each for page in (met if self.forwards else met[::-1]) for each in page]

    async def _pages(self) -> list[Any]:
        pages: list[Any] = []
        cursor: str | None = None
        goes_on, came_from = ("hasNextPage", "hasPreviousPage")[:: 1 if self.forwards else -1]
        while True:
            page = await self._page(cursor)
            pages.append(page)
            info, cursors = page["pageInfo"], [edge["cursor"] for edge in page["edges"]]
            assert info[came_from] is (len(pages) > 1)
            assert (info["startCursor"], info["endCursor"]) == (cursors[0], cursors[-1])
            if not info[goes_on]:
                return pages
            assert len(cursors) == self.size and len(pages) <= page["totalCount"]
            cursor = cursors[-1 if self.forwards else 0]

    async def _page(self, cursor: str | None) -> Any:
        here = (
            {"first": self.size, "after": cursor} if self.forwards else {"last": self.size, "before": cursor}
        )
        variables = {**here, "orderBy": [{field: way} for field, way in self.steps]}
        found = await answer(Request(self.document, variables, VIEWER), self.stage.context(VIEWER))
        assert "errors" not in found, found
        return found["data"].get("list") or found["data"]["node"]["list"]
