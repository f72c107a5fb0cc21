"""Every road gives the same answer: the compiled statements and graphql-core, on SQLite and on PostgreSQL, and a naive
interpreter that knows no SQL.

`make differential [N=50000] [SEED=…]` asks more than each run does. A failure prints the operation, made smaller.
"""

import math
import os
import random
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from app.schema import build
from tests.differential.compare import Comparison
from tests.differential.features import FEATURES, Features
from tests.differential.generate import Operation, operations
from tests.differential.shrink import shrunk
from tests.differential.stage import Request
from tests.differential.summary import PROPERTY

OPERATIONS = int(os.environ.get("DIFFERENTIAL_N") or 1_200)
#: What one process runs; enough for no feature to be missing by chance.
PARTS = max(4, OPERATIONS // 5_000)
#: Hypothesis remembers every operation of a round, so that none comes twice: rounds are short.
ROUND = 250
#: Of a hundred answers of one part. About 72 have some: of 500 operations fewer than this is no chance.
LEAST_WITH_ROWS = 64
#: In fewer operations a feature may be missing by chance.
ENOUGH = 200


def chosen_seed() -> int:
    """Another one in each run, the same in all processes of it, unless DIFFERENTIAL_SEED says which."""
    if given_seed := os.environ.get("DIFFERENTIAL_SEED"):
        return int(given_seed)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return zlib.crc32(run.encode()) if run else random.SystemRandom().getrandbits(32)


SEED = chosen_seed()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_road_gives_the_same_answer(
    comparison: Comparison, part: int, record_property: Callable[[str, object], None]
) -> None:
    many, here = math.ceil(OPERATIONS / PARTS), f"DIFFERENTIAL_SEED={SEED}, part {part}"
    comparison.features = Features()

    for number, asked in enumerate(range(0, many, ROUND)):
        wrong = ask(comparison, min(ROUND, many - asked), round_=f"{SEED}:{part}:{number}")
        assert not wrong, f"{here}\n{explained(comparison, wrong[0])}"

    shares = comparison.features.shares()
    record_property(PROPERTY, (SEED, many, shares))
    assert many < ENOUGH or shares["answers with rows"] >= LEAST_WITH_ROWS, f"{here}: {shares}"
    assert many < ENOUGH or [name for name in FEATURES if not shares[name]] == [], f"{here}: {shares}"


def ask(comparison: Comparison, many: int, *, round_: str) -> list[Request]:
    """So many operations, each down every road; the first one in which two disagree, if any."""
    wrong: list[Request] = []
    comparison.forget()

    @seed(round_)
    @settings(
        max_examples=many,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operations(build()._schema, comparison.sights, comparison.everything))
    def check(operation: Operation) -> None:
        if not wrong:
            request = comparison.request(operation)
            wrong.extend([request] if comparison.disagreement(request, count=True) else [])

    check()
    return wrong


def explained(comparison: Comparison, request: Request) -> str:
    """The disagreement over a smaller operation, and the whole one."""
    smaller = shrunk(request, lambda each: bool(comparison.disagreement(each)))
    return f"{comparison.disagreement(smaller)}\n\nmade smaller from {request}"
