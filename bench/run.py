"""The reference queries against our server and the two yardsticks: `make bench`. Takes about six minutes.

python -m bench.run [--scale 1.0] [--rounds 4] [--seconds 2] [--results bench/results.md] [--check]
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import compare, contest, servers
from bench.contest import Contest, Field
from bench.workload import Contender

YARDSTICKS = ("plain", "limit")
NOTES = f"""\
`plain` is an ordinary Strawberry + Tortoise + DataLoader server (bench/plain.py), `limit` hand-written SQL behind raw
ASGI (bench/limit.py); neither has sessions, permissions or audit. The first {compare.SAMPLE} answers of all three to each
query were compared before: they are equal but for white space."""


@contextmanager
def field(scale: float) -> Iterator[Field]:
    with contest.stage(scale) as stage, ExitStack() as stack:
        yardsticks = [
            Contender(
                stack.enter_context(servers.yardstick(name, stage.url, stage.tenants)), stage.ours.calls
            )
            for name in YARDSTICKS
        ]
        yield Field([stage.ours, *yardsticks], f"PostgreSQL {stage.postgres}")


CONTEST = Contest("make bench", Path(__file__).parent / "results.md", field, compare.exact, NOTES)

if __name__ == "__main__":
    contest.main(CONTEST, __doc__)
