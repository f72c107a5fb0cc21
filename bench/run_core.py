"""The reference queries answered by graphql-core over what the engine got, beside an ordinary server: `make bench-core`.

python -m bench.run_core [--scale 1.0] [--rounds 4] [--seconds 2] [--results bench/results-core.md] [--check]

It is what an answer costs that a plan cannot give: one with an exception in it, or introspection beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import compare, contest, servers
from bench.contest import Contest, Field
from bench.workload import Contender

NOTES = """\
`ours` is bench/core.py: the same server, but graphql-core completes every value. `plain` is an ordinary Strawberry +
Tortoise + DataLoader server (bench/plain.py), without sessions, permissions or audit."""


@contextmanager
def field(scale: float) -> Iterator[Field]:
    with (
        contest.stage(scale, servers.core) as stage,
        servers.yardstick("plain", stage.url, stage.tenants) as plain,
    ):
        yield Field([stage.ours, Contender(plain, stage.ours.calls)], f"PostgreSQL {stage.postgres}")


CONTEST = Contest("make bench-core", Path(__file__).parent / "results-core.md", field, compare.exact, NOTES)

if __name__ == "__main__":
    contest.main(CONTEST, __doc__)
