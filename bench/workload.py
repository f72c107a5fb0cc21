"""What is asked of every server: 400 bodies for each reference query, about the same contacts in each server's words.

A `Tenant` is what a server without sessions knows instead of one: it looks the token up in a file.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from bench.servers import Server

DOCUMENTS = Path(__file__).parent.parent / "tests/documents/reference.graphql"
QUERIES = ("Q1", "Q2", "Q3", "Q4", "Q5")
BODIES = 400
PAGE = 50
SEED = 7
ACTIVITY = {"kind": "CALL", "area": "SALES", "summary": "Žádá o nabídku, zavolat příští týden"}


@dataclass(frozen=True)
class Tenant:
    """One token's project and employee, and the tag in the cursors of its list of contacts by name."""

    project_id: UUID
    employee_id: UUID
    cursor_tag: str


@dataclass(frozen=True)
class Asked:
    """What one request is about, in no server's words: a contact, which for a list is the one before the page."""

    token: str
    tenant: Tenant
    contact_id: UUID
    sort_key: str


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


#: The variables of a query that asks for it.
Variables = Callable[[str, Asked], Mapping[str, Any]]


@dataclass(frozen=True)
class Contender:
    """A server and what it is asked, by query."""

    server: Server
    calls: Mapping[str, Sequence[Call]]

    @property
    def name(self) -> str:
        return self.server.name


def documents(path: Path = DOCUMENTS) -> dict[str, str]:
    """The text of each reference operation, by its name."""
    found = parse(path.read_text())
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


async def draw(url: str, tenants: Mapping[str, Tenant]) -> list[Asked]:
    """Random contacts that a whole page follows, of all projects in turn."""
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
    random, tokens = Random(SEED), list(tenants)
    in_turn = (tokens[number % len(tokens)] for number in range(BODIES))
    return [_asked(token, tenants[token], random.choice(contacts[token][:-PAGE])) for token in in_turn]


def _asked(token: str, tenant: Tenant, contact: Mapping[str, Any]) -> Asked:
    # asyncpg's own kind of UUID is unknown to orjson.
    return Asked(token, tenant, UUID(bytes=contact["id"].bytes), contact["sort_key"])


def calls(asked: Sequence[Asked], texts: Mapping[str, str], variables: Variables) -> dict[str, list[Call]]:
    """The bodies of each query."""

    def call(name: str, one: Asked) -> Call:
        body = {"query": texts[name], "operationName": name, "variables": variables(name, one)}
        return Call(one.token, orjson.dumps(body))

    return {name: [call(name, one) for one in asked] for name in QUERIES}


def our_variables(name: str, asked: Asked) -> Mapping[str, Any]:
    """For the documents of our own schema."""
    match name:
        case "Q1":
            return {"id": global_id("Contact", asked.contact_id)}
        case "Q2" | "Q3":
            return {"after": cursor(asked.tenant.cursor_tag, asked.sort_key, asked.contact_id)}
        case "Q4":
            return {"input": {"contactId": global_id("Contact", asked.contact_id), **ACTIVITY}}
    return {}


def cursor(tag: str, sort_key: str, id_: UUID) -> str:
    return orjson.dumps([tag, sort_key, str(id_)]).hex()


def place(after: str | None) -> tuple[str, UUID]:
    """The sort key and id in a cursor; what lies before every contact without one."""
    if after is None:
        return "", UUID(int=0)
    _, sort_key, id_ = orjson.loads(bytes.fromhex(after))
    return sort_key, UUID(id_)
