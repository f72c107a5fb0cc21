"""Random people on both engines: whatever they do, what must hold holds after each step.

`python -m tests.proof invariants` does more of it. A failure prints the shortest run that shows it.
"""

import asyncio
import os
from collections.abc import Callable

from tests.databases import Databases, Engine
from tests.differential.summary import PROOF
from tests.proof.invariants.runs import Driver, random_seed
from tests.proof.invariants.steps import mutations

STEPS = int(os.environ.get("INVARIANTS_STEPS") or 700)
SEED = int(os.environ.get("INVARIANTS_SEED") or random_seed())
#: Of a hundred steps: a machine in which everything is refused proves nothing.
LEAST_DONE = 30


def test_what_must_hold_holds_whatever_people_do(
    engine: Engine, databases: Databases, record_property: Callable[[str, object], None]
) -> None:
    with asyncio.Runner() as runner:
        driver = Driver(engine, runner, databases)
        try:
            broken = driver.look_for_broken(STEPS, str(SEED))
        finally:
            driver.close()

    told = f"invariants on {engine}: {driver.tally}, INVARIANTS_SEED={SEED}"
    record_property(PROOF, told)
    assert broken is None, f"{told}\n{broken}"
    assert driver.tally.share_done >= LEAST_DONE, told
    tried = driver.tally.done.keys() | driver.tally.refused.keys()
    assert len(tried) >= 0.9 * len(mutations()), sorted(mutations().keys() - tried)
