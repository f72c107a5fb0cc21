"""What is asked of every server: 400 bodies for each reference query, the same bytes for all.

A `Tenant` is what the two yardsticks know instead of a session: they look the token up in a file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
from graphql import parse, print_ast

from app.engine.ids import global_id
from bench.data import Login

DOCUMENTS = Path(__file__).parent.parent / "tests/documents/reference.graphql"
QUERIES = ("Q1", "Q2", "Q3", "Q4", "Q5")
BODIES = 400
PAGE = 50
SEED = 7


@dataclass(frozen=True)
class Tenant:
    """One token's project and employee, and the tag in the cursors of its list of contacts by name."""

    project_id: UUID
    employee_id: UUID
    cursor_tag: str


@dataclass(frozen=True)
class Call:
    """One request: who asks, and the body."""

    token: str
    body: bytes

    def bytes_for(self, port: int) -> bytes:
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


def documents() -> dict[str, str]:
    """The text of each reference operation, by its name."""
    found = parse(DOCUMENTS.read_text())
    return {each.to_dict()["name"]["value"]: print_ast(each) for each in found.definitions}


def ask_for_tenants(port: int, logins: Iterable[Login]) -> dict[str, Tenant]:
    """By token. The cursor tags are learnt from our own server, which signs them with its secret."""
    query, found = documents()["Q2"], {}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        for login in logins:
            answer = http.post(
                "/graphql", json={"query": query}, headers={"Authorization": f"Bearer {login.token}"}
            ).json()
            cursor = bytes.fromhex(answer["data"]["contacts"]["pageInfo"]["endCursor"])
            found[login.token] = Tenant(login.project_id, login.employee_id, orjson.loads(cursor)[0])
    return found


def keep(tenants: Mapping[str, Tenant], path: Path) -> None:
    path.write_bytes(orjson.dumps({token: vars(tenant) for token, tenant in tenants.items()}))


def kept(path: Path) -> dict[str, Tenant]:
    return {
        token: Tenant(UUID(each["project_id"]), UUID(each["employee_id"]), each["cursor_tag"])
        for token, each in orjson.loads(path.read_bytes()).items()
    }


async def prepare(url: str, tenants: Mapping[str, Tenant]) -> dict[str, list[Call]]:
    """The bodies of each query, at random ids and places in the lists, all projects in turn."""
    connection = await asyncpg.connect(url)
    try:
        contacts = {
            token: await connection.fetch(
                "SELECT id, sort_key FROM contacts WHERE project_id = $1 ORDER BY sort_key, id",
                tenant.project_id,
            )
            for token, tenant in tenants.items()
        }
    finally:
        await connection.close()
    random, texts, tokens = Random(SEED), documents(), list(tenants)
    calls: dict[str, list[Call]] = {name: [] for name in QUERIES}
    for number in range(BODIES):
        token = tokens[number % len(tokens)]
        for name in QUERIES:
            variables = _variables(name, random, contacts[token], tenants[token])
            body = {"query": texts[name], "operationName": name, "variables": variables}
            calls[name].append(Call(token, orjson.dumps(body)))
    return calls


def _variables(
    name: str, random: Random, contacts: Sequence[Mapping[str, Any]], tenant: Tenant
) -> dict[str, Any]:
    match name:
        case "Q1":
            return {"id": global_id("Contact", random.choice(contacts)["id"])}
        case "Q2" | "Q3":
            before = contacts[random.randrange(len(contacts) - PAGE)]
            return {"after": cursor(tenant.cursor_tag, before["sort_key"], before["id"])}
        case "Q4":
            contact_id = global_id("Contact", random.choice(contacts)["id"])
            about = {"kind": "CALL", "area": "SALES", "summary": "Žádá o nabídku, zavolat příští týden"}
            return {"input": {"contactId": contact_id, **about}}
    return {}


def cursor(tag: str, sort_key: str, id_: UUID) -> str:
    return orjson.dumps([tag, sort_key, str(id_)]).hex()


def place(after: str | None) -> tuple[str, UUID]:
    """The sort key and id in a cursor; what lies before every contact without one."""
    if after is None:
        return "", UUID(int=0)
    _, sort_key, id_ = orjson.loads(bytes.fromhex(after))
    return sort_key, UUID(id_)
