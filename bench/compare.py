"""Are the servers' answers the same? Keys, their order, values: all but white space.

    python -m bench.compare [--scale 0.1]

For the mutation the new row's id and time are left out, which no two servers share.
"""

import argparse
import asyncio
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import orjson

from bench import servers, workload
from bench.data import database
from bench.servers import Server
from bench.workload import Call

SAMPLE = 40
OF_THIS_ROW = re.compile(rb'"activity":\{"id":"[^"]+"|"occurredAt":"[^"]+"')


class Different(Exception):
    """Two servers answered the same request differently; the text shows both."""


def check(reference: Server, others: Sequence[Server], calls: Mapping[str, Sequence[Call]]) -> None:
    """Raises Different at the first answer of another server that is not the reference's."""
    with httpx.Client() as http:
        for name, prepared in calls.items():
            for call in prepared[:SAMPLE]:
                wanted = _answer(http, reference, name, call)
                for other in others:
                    if (found := _answer(http, other, name, call)) != wanted:
                        raise Different(_shown(name, call, reference, wanted, other, found))


def _answer(http: httpx.Client, server: Server, name: str, call: Call) -> bytes:
    headers = {"Authorization": f"Bearer {call.token}", "Content-Type": "application/json"}
    answer = http.post(f"http://127.0.0.1:{server.port}/graphql", content=call.body, headers=headers)
    content = orjson.loads(answer.content)
    if answer.status_code != 200 or content.keys() != {"data"}:
        raise Different(f"{server.name} answered {name} with {answer.status_code}: {answer.text[:2000]}")
    plain = orjson.dumps(content)
    return OF_THIS_ROW.sub(b"", plain) if name == "Q4" else plain


def _shown(name: str, call: Call, first: Server, wanted: bytes, second: Server, found: bytes) -> str:
    here = next(
        (at for at, (one, two) in enumerate(zip(wanted, found, strict=False)) if one != two),
        min(len(wanted), len(found)),
    )
    start = max(0, here - 100)
    return (
        f"{name} with {call.body[-200:].decode()} differs at byte {here}:\n"
        f"{first.name}: {wanted[start : here + 300].decode(errors='replace')}\n"
        f"{second.name}: {found[start : here + 300].decode(errors='replace')}"
    )


def _compare(scale: float) -> None:
    with ExitStack() as stack:
        url, logins = stack.enter_context(database(scale))
        ours = stack.enter_context(servers.ours(url))
        tenants = workload.ask_for_tenants(ours.port, logins)
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "tenants.json"
        workload.keep(tenants, path)
        others = [stack.enter_context(servers.yardstick(each, url, path)) for each in ("plain", "limit")]
        check(ours, others, asyncio.run(workload.prepare(url, tenants)))
    print(f"{SAMPLE} answers to each of {', '.join(workload.QUERIES)} are the same.")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=0.1)
    _compare(parser.parse_args().scale)


if __name__ == "__main__":
    main()
