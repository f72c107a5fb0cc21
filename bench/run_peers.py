"""The reference queries against our server, PostGraphile 5 and Mercurius 16: `make bench-peers`. Takes about six minutes.

    python -m bench.run_peers [--scale 1.0] [--rounds 4] [--seconds 2] [--results bench/results-peers.md] [--check]

The peers are in bench/peers/, where each says how it is tuned. They read the same tables with the same filters: one
project, a place in its list of contacts, five activities and ten open reminders of each. A row's id is its UUID there.
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
`postgraphile` and `mercurius` (bench/peers/) are one Node process each, with ten connections and prepared statements.
Neither has sessions, permissions or audit; their mutation is a bare insert. The first {compare.SAMPLE} answers of all three to
each query were compared before: the same rows in the same order with the same values, in each server's own ids, times
and cursors."""


@contextmanager
def field(scale: float) -> Iterator[Field]:
    with contest.stage(scale) as stage, ExitStack() as stack:
        asyncio.run(_let_the_database_fill_in(stage.url))
        postgraphile, mercurius = (
            stack.enter_context(servers.peer(name, stage.url, stage.tenants))
            for name in ("postgraphile", "mercurius")
        )
        peers = [_postgraphile(postgraphile, stage), _mercurius(mercurius, stage)]
        yield Field([stage.ours, *peers], f"PostgreSQL {stage.postgres}, {_versions()}")


async def _let_the_database_fill_in(url: str) -> None:
    """A new activity's id and times: the peers do not make them. Our own server always names its own."""
    connection = await asyncpg.connect(url)
    try:
        new_id = "uuidv7()" if connection.get_server_version().major >= 18 else "gen_random_uuid()"
        await connection.execute(
            f"ALTER TABLE activities ALTER id SET DEFAULT {new_id}, "
            "ALTER occurred_at SET DEFAULT now(), ALTER created_at SET DEFAULT now()"
        )
    finally:
        await connection.close()


def _versions() -> str:
    """Those of Node and of the packages."""
    wanted = orjson.loads((PEERS / "package.json").read_bytes())["dependencies"]
    node = subprocess.run([servers.node(), "--version"], capture_output=True, text=True, check=True).stdout
    packages = ", ".join(f"{name} {version}" for name, version in wanted.items())
    return f"Node {node.strip().removeprefix('v')}, {packages}"


def _postgraphile(server: Server, stage: Stage) -> Contender:
    texts = workload.documents(PEERS / "postgraphile.graphql")
    variables = _postgraphile_variables(_cursor_tag(server, texts["Q2"], stage.asked[0]))
    return Contender(server, workload.calls(stage.asked, texts, variables))


def _cursor_tag(server: Server, query: str, asked: Asked) -> str:
    """What PostGraphile puts into a cursor to say which order it belongs to."""
    body = {"query": query, "variables": {"projectId": asked.tenant.project_id}}
    answer = httpx.post(f"http://127.0.0.1:{server.port}/graphql", content=orjson.dumps(body), headers=JSON)
    cursor = answer.json()["data"]["contacts"]["pageInfo"]["endCursor"]
    tag: str = orjson.loads(base64.b64decode(cursor))[0]
    return tag


JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def _postgraphile_variables(cursor_tag: str) -> Variables:
    def variables(name: str, asked: Asked) -> Mapping[str, Any]:
        project_id = asked.tenant.project_id
        match name:
            case "Q1":
                return {"id": asked.contact_id}
            case "Q2" | "Q3":
                after = _in_base64([cursor_tag, asked.sort_key, asked.contact_id])
                return {"projectId": project_id, "after": after}
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


CONTEST = Contest("make bench-peers", PEERS.parent / "results-peers.md", field, compare.neutral, NOTES)

if __name__ == "__main__":
    contest.main(CONTEST, __doc__)
