"""The reference queries against our server, PostGraphile 5 and Mercurius 16: `make bench-peers`. Takes about six minutes.

    python -m bench.run_peers [--scale 1.0] [--rounds 4] [--seconds 1.5] [--results bench/results-peers.md] [--check]

The peers are in bench/peers/, where each says how it is tuned. They read the same tables with the same filters: one
project, a place in its list of contacts, five activities and ten open reminders of each. A row's id is its UUID there.
PostGraphile takes part twice: bare, and on the same work as ours.
"""

import asyncio
import base64
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson

from bench import compare, contest, servers, workload
from bench.contest import Contest, Field, Stage
from bench.servers import Server
from bench.workload import ACTIVITY, Asked, Contender, Variables

PEERS = Path(__file__).parent / "peers"
NOTES = f"""\
The peers (bench/peers/) are one Node process each, with ten connections and prepared statements. `postgraphile` and
`mercurius` have neither sessions, permissions nor audit; their mutation is a bare insert. `postgraphile_rls` does the
work that ours does, in the normal way of its manual: a role and claims for each request (`pgSettings`), policies that
read them, and a trigger that writes the audit entry in the mutation's transaction. It looks the session up in the
database by the token's hash and believes that for a second, and reads it again inside a mutation, as ours does.

The first {compare.SAMPLE} answers of all to each query were compared before: the same rows in the same order with the same values, in
each server's own ids, times and cursors."""


@contextmanager
def field(scale: float) -> Iterator[Field]:
    with contest.stage(scale) as stage, ExitStack() as stack:
        asyncio.run(_prepare(stage.url))
        bare, rls, mercurius = (
            stack.enter_context(servers.peer(name, stage.url, stage.tenants))
            for name in ("postgraphile", "postgraphile_rls", "mercurius")
        )
        peers = [
            _postgraphile(bare, stage),
            _postgraphile(rls, stage, is_told=False),
            _mercurius(mercurius, stage),
        ]
        yield Field([stage.ours, *peers], f"PostgreSQL {stage.postgres}, {_versions()}")


async def _prepare(url: str) -> None:
    """The database makes ids and times of new rows, as the peers do not, and has the policies that one of them asks for.

    Our own server always names its ids and times. It owns the tables, as the other peers do: no policy is asked for it.
    """
    connection = await asyncpg.connect(url)
    try:
        new_id = "uuidv7()" if connection.get_server_version().major >= 18 else "gen_random_uuid()"
        await connection.execute(
            f"ALTER TABLE activities ALTER id SET DEFAULT {new_id}, "
            "ALTER occurred_at SET DEFAULT now(), ALTER created_at SET DEFAULT now()"
        )
        await connection.execute(f"ALTER TABLE audit_entries ALTER id SET DEFAULT {new_id}")
        await connection.execute((PEERS / "postgraphile_rls.sql").read_text())
    finally:
        await connection.close()


def _versions() -> str:
    """Those of Node and of the packages."""
    wanted = orjson.loads((PEERS / "package.json").read_bytes())["dependencies"]
    node = subprocess.run([servers.node(), "--version"], capture_output=True, text=True, check=True).stdout
    packages = ", ".join(f"{name} {version}" for name, version in wanted.items())
    return f"Node {node.strip().removeprefix('v')}, {packages}"


def _postgraphile(server: Server, stage: Stage, *, is_told: bool = True) -> Contender:
    """`is_told`: the client says which project it means. Otherwise the session does."""
    texts = workload.documents(PEERS / "postgraphile.graphql")
    variables = _postgraphile_variables(_cursor_tag(server, texts["Q2"], stage.asked[0]), is_told=is_told)
    return Contender(server, workload.calls(stage.asked, texts, variables))


def _cursor_tag(server: Server, query: str, asked: Asked) -> str:
    """What PostGraphile puts into a cursor to say which order it belongs to."""
    headers = {**JSON, "Authorization": f"Bearer {asked.token}"}
    answer = httpx.post(
        f"http://127.0.0.1:{server.port}/graphql", content=orjson.dumps({"query": query}), headers=headers
    )
    cursor = answer.json()["data"]["contacts"]["pageInfo"]["endCursor"]
    tag: str = orjson.loads(base64.b64decode(cursor))[0]
    return tag


JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def _postgraphile_variables(cursor_tag: str, *, is_told: bool) -> Variables:
    def variables(name: str, asked: Asked) -> Mapping[str, Any]:
        project_id = asked.tenant.project_id
        match name:
            case "Q1":
                return {"id": asked.contact_id}
            case "Q2" | "Q3":
                condition = {"condition": {"projectId": project_id}} if is_told else {}
                return {**condition, "after": _in_base64([cursor_tag, asked.sort_key, asked.contact_id])}
            case "Q4":
                belongs = {
                    "projectId": project_id,
                    "contactId": asked.contact_id,
                    "authorId": asked.tenant.employee_id,
                }
                return {"input": {"activity": {**belongs, **ACTIVITY}}}
        return {}

    return variables


def _mercurius(server: Server, stage: Stage) -> Contender:
    """It speaks our schema."""
    return Contender(server, workload.calls(stage.asked, workload.documents(), _mercurius_variables))


def _mercurius_variables(name: str, asked: Asked) -> Mapping[str, Any]:
    match name:
        case "Q1":
            return {"id": asked.contact_id}
        case "Q2" | "Q3":
            return {"after": _in_base64([asked.sort_key, asked.contact_id])}
        case "Q4":
            return {"input": {"contactId": asked.contact_id, **ACTIVITY}}
    return {}


def _in_base64(place: list[Any]) -> str:
    return base64.b64encode(orjson.dumps(place)).decode()


CONTEST = Contest("make bench-peers", PEERS.parent / "results-peers.md", field, compare.neutral, NOTES, 1.5)

if __name__ == "__main__":
    contest.main(CONTEST, __doc__)
