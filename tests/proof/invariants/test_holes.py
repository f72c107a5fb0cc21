"""What is checked would be found: each hole, made on purpose, breaks the rule that it should."""

import pytest

from tests.proof.invariants.holes import HOLES
from tests.proof.invariants.play import play
from tests.proof.invariants.stage import Stage
from tests.proof.invariants.steps import Step
from tests.proof.invariants.watch import Watch


async def broken_by(stage: Stage, steps: list[Step]) -> list[str]:
    watch = Watch()
    return [
        sentence for step in steps async for change in play(stage, step) for sentence in watch.broken(change)
    ]


@pytest.mark.parametrize("name", HOLES)
async def test_a_hole_is_found(stage: Stage, name: str) -> None:
    hole = HOLES[name]

    with hole.open():
        broken = await broken_by(stage, list(hole.steps))

    assert any(hole.found in sentence for sentence in broken), broken


@pytest.mark.parametrize("name", HOLES)
async def test_without_the_hole_nothing_is_broken(stage: Stage, name: str) -> None:
    assert await broken_by(stage, list(HOLES[name].steps)) == []
