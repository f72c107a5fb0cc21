"""The yardstick `limit`: what hand-written SQL behind raw ASGI reaches.

    python -m bench.limit PORT DATABASE_URL TENANTS

It knows the reference operations by name and answers each with one statement that makes the JSON. No GraphQL, no
session, no checks but those of the project. Its answers are equal to ours: `bench.run` compares them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvicorn

from app.engine.ids import local_id
from app.ids import uuid7
from bench.workload import Tenant, kept, place

POOL = 10
Answer = Callable[["asyncpg.Pool[Any]", Tenant, Mapping[str, Any]], Awaitable[bytes]]


def _id(type_name: str, column: str) -> str:
    """The global id. Base64 is broken after 76 letters only, and these have 60."""
    return f"encode(convert_to('{type_name}:' || {column}, 'UTF8'), 'base64')"


def _time(column: str) -> str:
    return f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


def _object(selection: str) -> str:
    return f"(SELECT row_to_json(o) FROM (SELECT {selection}) o)"


CURSOR = """encode(convert_to('["' || $4 || '","' || sort_key || '","' || id || '"]', 'UTF8'), 'hex')"""
CONTACT = (
    f'{_id("Contact", "c.id")} AS id, c.name, c.ico, c.vat_id AS "vatId", c.status, c.email, c.phone, c.web, '
    f'c.city, c.postal_code AS "postalCode", {_time("c.created_at")} AS "createdAt", '
    f'{_time("c.updated_at")} AS "updatedAt"'
)
AUTHOR = _object(
    f"{_id('Employee', 'e.id')} AS id, e.name FROM employees e WHERE e.id = a.author_id AND e.project_id = $1"
)
ACTIVITY = (
    f'{_id("Activity", "a.id")} AS id, a.kind, a.summary, {_time("a.occurred_at")} AS "occurredAt", '
    f"{AUTHOR} AS author"
)
DIVISION = _object(
    f"{_id('Division', 'd.id')} AS id, d.name FROM divisions d WHERE d.id = c.division_id AND d.project_id = $1"
)


def _nodes(selection: str) -> str:
    return _object(f"coalesce((SELECT json_agg(n) FROM (SELECT {selection}) n), '[]') AS nodes")


ACTIVITIES = _nodes(
    f"{ACTIVITY} FROM activities a WHERE a.contact_id = c.id AND a.project_id = $1 "
    "ORDER BY a.occurred_at DESC, a.id DESC LIMIT 5"
)
REMINDERS = _nodes(
    f'{_id("Reminder", "r.id")} AS id, r.title, {_time("r.due_at")} AS "dueAt" FROM reminders r '
    "WHERE r.contact_id = c.id AND r.project_id = $1 AND r.state = 'OPEN' ORDER BY r.due_at, r.id LIMIT 10"
)


PAGE_INFO = _object(
    '(SELECT count(*) FROM page) > 50 AS "hasNextPage", '
    '(SELECT cursor FROM shown ORDER BY sort_key DESC, id DESC LIMIT 1) AS "endCursor"'
)


def _page(selection: str) -> str:
    """The contacts after ($2, $3); one more than the page holds tells whether others follow."""
    edges = f"SELECT json_agg(g) FROM (SELECT c.cursor, {_object(selection)} AS node FROM shown c) g"
    connection = _object(f"{PAGE_INFO} AS \"pageInfo\", coalesce(({edges}), '[]') AS edges")
    return f"""
        WITH page AS MATERIALIZED (
            SELECT * FROM contacts WHERE project_id = $1 AND (sort_key, id) > ($2, $3) ORDER BY sort_key, id LIMIT 51
        ), shown AS MATERIALIZED (SELECT *, {CURSOR} AS cursor FROM page LIMIT 50)
        SELECT {connection}::text"""


ONE = f"SELECT row_to_json(o)::text FROM (SELECT {CONTACT} FROM contacts c WHERE c.project_id = $1 AND c.id = $2) o"
LIST = _page(CONTACT)
TREE = _page(f"{CONTACT}, {DIVISION} AS division, {ACTIVITIES} AS activities, {REMINDERS} AS reminders")
RECORD = f"""
    WITH a AS (
        INSERT INTO activities (id, project_id, contact_id, author_id, kind, area, summary, occurred_at, created_at)
        SELECT $2, c.project_id, c.id, $4, $5, $6, $7, now(), now() FROM contacts c
        WHERE c.id = $3 AND c.project_id = $1 RETURNING *
    ) SELECT row_to_json(o)::text FROM (SELECT {ACTIVITY} FROM a) o"""


async def _one(pool: "asyncpg.Pool[Any]", tenant: Tenant, variables: Mapping[str, Any]) -> bytes:
    contact_id = local_id("Contact", variables["id"])
    made: str = await pool.fetchval(ONE, tenant.project_id, contact_id)
    return b'{"contact":%s}' % made.encode()


def _listing(statement: str) -> Answer:
    async def answer(pool: "asyncpg.Pool[Any]", tenant: Tenant, variables: Mapping[str, Any]) -> bytes:
        after: tuple[str, UUID] = place(variables.get("after"))
        made: str = await pool.fetchval(statement, tenant.project_id, *after, tenant.cursor_tag)
        return b'{"contacts":%s}' % made.encode()

    return answer


async def _record(pool: "asyncpg.Pool[Any]", tenant: Tenant, variables: Mapping[str, Any]) -> bytes:
    given = variables["input"]
    contact_id = local_id("Contact", given["contactId"])
    values = (tenant.employee_id, given["kind"], given["area"], given["summary"])
    made: str = await pool.fetchval(RECORD, tenant.project_id, uuid7(), contact_id, *values)
    return b'{"activityRecord":{"activity":%s,"errors":[]}}' % made.encode()


async def _typename(pool: "asyncpg.Pool[Any]", tenant: Tenant, variables: Mapping[str, Any]) -> bytes:
    return b'{"__typename":"Query"}'


ANSWERS: Mapping[str, Answer] = {
    "Q1": _one,
    "Q2": _listing(LIST),
    "Q3": _listing(TREE),
    "Q4": _record,
    "Q5": _typename,
}


class Limit:
    """The ASGI application."""

    def __init__(self, url: str, tenants: Mapping[str, Tenant]) -> None:
        self.url = url
        self.tenants = {f"Bearer {token}".encode(): tenant for token, tenant in tenants.items()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        authorization = next(value for name, value in scope["headers"] if name == b"authorization")
        request = orjson.loads(await _body(receive))
        answer = ANSWERS[request["operationName"]]
        data = await answer(self.pool, self.tenants[authorization], request["variables"])
        body = b'{"data":%s}' % data
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        async with pool_of(self.url) as self.pool:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _body(receive: Any) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    return body


def pool_of(url: str) -> "asyncpg.Pool[Any]":
    """Ten connections. Nothing sets a state in them, so nothing is reset."""

    async def reset(connection: Any) -> None:
        pass

    settings = {"timezone": "UTC", "jit": "off"}
    return asyncpg.create_pool(url, min_size=POOL, max_size=POOL, reset=reset, server_settings=settings)


def serve(app: Any, port: int) -> None:
    """As our own server is served, without the guards of its protocol."""
    with suppress(asyncio.CancelledError, KeyboardInterrupt):
        uvicorn.run(app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    serve(Limit(sys.argv[2], kept(Path(sys.argv[3]))), int(sys.argv[1]))
