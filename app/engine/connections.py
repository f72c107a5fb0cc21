"""Connections: one page for each of many parents at once, in one query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type
from tortoise.expressions import Q
from tortoise.queryset import QuerySet, ValuesQuery

from app import text
from app.engine.declare import Record, Row, Table
from app.engine.document import Document
from app.engine.filters import checked_text, where_q
from app.engine.paging import MOST_COUNTED, Page, PageInfo
from app.engine.selection import Pick, columns_of
from app.engine.types import condition
from app.errors import BadUserInput

Parent = UUID | None
SHORTEST_SEARCH, LONGEST_SEARCH = 2, 100


class Reading(Protocol):
    """What a page needs of its reader (`fetch.Reader`): the document, and rows made of records."""

    @property
    def document(self) -> Document: ...

    @property
    def cursor_key(self) -> bytes: ...

    def picks(self, table: type[Table], nodes: Sequence[FieldNode]) -> list[Pick]: ...

    async def shape(
        self, table: type[Table], picks: Sequence[Pick], records: Sequence[Record]
    ) -> list[Row]: ...


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field of a connection: where it stands, and what it asks of the rows if it shows rows."""

    key: str
    name: str
    edge_key: str | None = None
    picks: Sequence[Pick] | None = None


async def connections(
    reader: Reading,
    table: type[Table],
    definition: GraphQLField,
    nodes: Sequence[FieldNode],
    query: QuerySet[Any],
    order: Sequence[str],
    via: str | None = None,
    parents: Sequence[Parent] = (None,),
    search_column: str | None = None,
) -> list[Row]:
    """For each parent the connection that `nodes` ask for; `via` is the column that points to the parent.

    Raises BadUserInput for an impossible page, a foreign cursor, a search too short or too long.
    """
    given = reader.document.arguments(definition, nodes[0])
    page = Page.of(table, given, order, reader.cursor_key)
    query = query.filter(
        where_q(table, given.get("where") or {}), _search(search_column, given.get("search"))
    )
    connection = get_named_type(definition.type)
    assert isinstance(connection, GraphQLObjectType)
    leaves = _leaves(reader, table, connection, nodes)

    records = await _records(page, query, via, parents, leaves) if _shows_rows(leaves) else {}
    counts = (
        await _counts(query, via, parents) if any(leaf.name.startswith("total") for leaf in leaves) else {}
    )

    cuts = {parent: page.cut(records.get(parent, [])) for parent in parents}
    answers = {parent: Row(connection.name) for parent in parents}
    for leaf in leaves:
        await _fill(reader, table, page, leaf, cuts, counts, answers)
    return [answers[parent] for parent in parents]


def _leaves(
    reader: Reading, table: type[Table], connection: GraphQLObjectType, nodes: Sequence[FieldNode]
) -> list[Leaf]:
    found: list[Leaf] = []
    for key, same in reader.document.collect(connection, nodes).items():
        name = same[0].name.value
        if name == "nodes":
            found.append(Leaf(key, name, picks=reader.picks(table, same)))
        elif name == "edges":
            edge = get_named_type(connection.fields["edges"].type)
            assert isinstance(edge, GraphQLObjectType)
            parts = reader.document.collect(edge, same).items()
            found.append(Leaf(key, "edges"))
            for edge_key, below in parts:
                part = below[0].name.value
                picks = reader.picks(table, below) if part == "node" else None
                found.append(Leaf(key, part, edge_key, picks))
        else:
            found.append(Leaf(key, name))
    return found


def _shows_rows(leaves: Sequence[Leaf]) -> bool:
    return any(not leaf.name.startswith("total") for leaf in leaves)


async def _records(
    page: Page, query: QuerySet[Any], via: str | None, parents: Sequence[Parent], leaves: Sequence[Leaf]
) -> dict[Parent, list[Any]]:
    """Each parent's records in reading order, at most one more than the page."""
    picks = [pick for leaf in leaves for pick in leaf.picks or ()]
    columns = columns_of(picks, [*page.columns, *([via] if via else [])])
    query = page.within(query)
    if via is None:
        return {None: list(await page.ordered(query).values(*columns))}
    if len(parents) == 1:
        return {parents[0]: list(await page.ordered(query.filter(**{via: parents[0]})).values(*columns))}
    found: dict[Parent, list[Any]] = {}
    inner = query.filter(**{f"{via}__in": list(parents)}).values(*columns)
    for record in await wrapped(inner, lambda sql: _ranked(sql, via, page)):
        found.setdefault(record[via], []).append(record)
    return found


def _ranked(sql: str, via: str, page: Page) -> str:
    return (
        f'SELECT * FROM (SELECT listed.*, row_number() OVER (PARTITION BY "{via}" ORDER BY {page.order_sql()}) AS place '
        f"FROM ({sql}) AS listed) AS ranked WHERE place <= {page.size + 1} ORDER BY place"
    )


async def _counts(query: QuerySet[Any], via: str | None, parents: Sequence[Parent]) -> dict[Parent, int]:
    """How many rows each parent has, counted up to one more than is told."""
    if via is None:
        inner = query.limit(MOST_COUNTED + 1).values("id")
        (only,) = await wrapped(inner, lambda sql: f"SELECT count(*) AS many FROM ({sql}) AS counted")
        return {None: only["many"]}
    inner = query.filter(**{f"{via}__in": list(parents) or [UUID(int=0)]}).values(via)
    grouped = await wrapped(
        inner, lambda sql: f'SELECT "{via}", count(*) AS many FROM ({sql}) AS counted GROUP BY "{via}"'
    )
    return {record[via]: record["many"] for record in grouped}


async def wrapped(inner: ValuesQuery[Any], around: Callable[[str], str]) -> list[dict[str, Any]]:
    """Runs `around(inner's SQL)` and converts the columns that `inner` selects. For what the ORM cannot say."""
    inner._choose_db_if_not_chosen()
    inner._make_query()
    sql, parameters = inner.query.get_parameterized_sql()
    records: list[dict[str, Any]] = await inner._db.execute_query_dict(around(sql), parameters)
    fields = inner.model._meta.fields_map
    for record in records:
        for column in record.keys() & fields.keys():
            record[column] = fields[column].to_python_value(record[column])
    return records


def _search(column: str | None, given: str | None) -> Q:
    """Each word somewhere in the folded column."""
    if column is None or given is None:
        return Q()
    # Folding takes quadratic time on piled-up accents. A letter may be typed as several characters, never so many.
    folded = text.fold(checked_text(given)) if len(given) <= 4 * LONGEST_SEARCH else ""
    if not SHORTEST_SEARCH <= len(folded) <= LONGEST_SEARCH:
        raise BadUserInput(f"A search has {SHORTEST_SEARCH} to {LONGEST_SEARCH} characters.")
    return Q(*[condition(f"{column}__contains", word) for word in folded.split()])


async def _fill(
    reader: Reading,
    table: type[Table],
    page: Page,
    leaf: Leaf,
    cuts: dict[Parent, tuple[list[Any], bool, bool]],
    counts: dict[Parent, int],
    answers: dict[Parent, Row],
) -> None:
    """One leaf, for all parents together."""
    if leaf.picks is not None:
        rows = iter(
            await reader.shape(table, leaf.picks, [record for cut in cuts.values() for record in cut[0]])
        )
        for parent, (records, _, _) in cuts.items():
            shown = [next(rows) for _ in records]
            if leaf.edge_key is None:
                answers[parent][leaf.key] = shown
            else:
                for edge, row in zip(answers[parent][leaf.key], shown, strict=True):
                    edge[leaf.edge_key] = row
        return
    for parent, (records, follows, precedes) in cuts.items():
        answer = answers[parent]
        match leaf.name:
            case "edges":
                answer[leaf.key] = [Row(f"{table.__name__}Edge") for _ in records]
            case "cursor":
                for edge, record in zip(answer[leaf.key], records, strict=True):
                    edge[leaf.edge_key or ""] = page.cursor(record)
            case "pageInfo":
                answer[leaf.key] = PageInfo(
                    has_next_page=follows,
                    has_previous_page=precedes,
                    start_cursor=page.cursor(records[0]) if records else None,
                    end_cursor=page.cursor(records[-1]) if records else None,
                )
            case "totalCount":
                answer[leaf.key] = min(counts.get(parent, 0), MOST_COUNTED)
            case "totalCountCapped":
                answer[leaf.key] = counts.get(parent, 0) > MOST_COUNTED
