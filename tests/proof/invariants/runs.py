"""Random runs over one firm, each from its beginning, until something that must hold does not."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.databases import Databases, Engine
from tests.proof.invariants.play import Change, get_ready, open_firm, play, together
from tests.proof.invariants.stage import Stage
from tests.proof.invariants.turns import Turn, random_turns, shrunk, told
from tests.proof.invariants.watch import Watch

#: Turns of one run: after it the firm is as it was.
LENGTH = 40
#: Runs that hypothesis draws in one go.
ROUND = 5
#: Of several at once it is chance who comes first: a failure is looked for so many times.
TRIES = 3


@dataclass
class Tally:
    """What the steps were, how many succeeded, and how the others were refused."""

    steps: int = 0
    at_once: int = 0
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)

    def count(self, change: Change) -> None:
        self.at_once += len(change.acts) if len(change.acts) > 1 else 0
        for act in change.acts:
            self.steps += 1
            (self.done if act.succeeded else self.refused)[act.step.mutation] += 1
            self.codes.update(act.codes)

    def add(self, other: "Tally") -> None:
        self.steps += other.steps
        self.at_once += other.at_once
        for mine, theirs in (
            (self.done, other.done),
            (self.refused, other.refused),
            (self.codes, other.codes),
        ):
            mine.update(theirs)

    @property
    def share_done(self) -> float:
        """Percent."""
        return 100 * self.done.total() / max(1, self.steps)

    def __str__(self) -> str:
        codes = ", ".join(f"{code} {many}" for code, many in self.codes.most_common(8))
        return f"{self.steps} steps, {self.at_once} of them at once with others, {self.share_done:.0f} % done, else {codes}"


@dataclass(frozen=True)
class Broken:
    """What did not hold, and the shortest run found that shows it."""

    engine: Engine
    with_admins: bool
    turns: Sequence[Turn]
    sentences: Sequence[str]

    def __str__(self) -> str:
        who = "" if self.with_admins else ", no admin acting"
        return f"on {self.engine}{who}:\n{told(self.turns)}\n  broken: " + "\n  broken: ".join(self.sentences)


async def run(stage: Stage, turns: Sequence[Turn], tally: Tally, *, with_admins: bool = True) -> list[str]:
    """Plays the turns from the firm's beginning; what broke first, nothing if all holds."""
    await stage.start_again()
    watch = Watch(with_admins)
    for turn in turns:
        async for change in _played(stage, turn):
            tally.count(change)
            if sentences := watch.broken(change):
                return sentences
    return []


async def _played(stage: Stage, turn: Turn) -> AsyncIterator[Change]:
    if len(turn) == 1:
        async for change in play(stage, turn[0]):
            yield change
        return
    for step in turn:
        async for change in get_ready(stage, step):
            yield change
    yield await together(stage, turn)


async def broken_by(stage: Stage, turns: Sequence[Turn], tally: Tally, *, with_admins: bool) -> Broken | None:
    """The run; if anything breaks, the shortest like it."""
    sentences = await run(stage, turns, tally, with_admins=with_admins)
    if not sentences:
        return None

    async def fails(candidate: Sequence[Turn]) -> bool:
        for _ in range(TRIES if any(len(turn) > 1 for turn in candidate) else 1):
            if found := await run(stage, candidate, Tally(), with_admins=with_admins):
                sentences[:] = found
                return True
        return False

    smaller = await shrunk(turns, fails)
    return Broken(stage.engine, with_admins, smaller, list(sentences))


class Driver:
    """Runs on one engine, in a loop of its own; hypothesis draws them."""

    def __init__(self, engine: Engine, runner: asyncio.Runner, databases: Databases) -> None:
        self.tally = Tally()
        self._runner = runner
        self._opened = open_firm(databases, engine)
        self._stage = runner.run(self._opened.__aenter__())

    def close(self) -> None:
        self._runner.run(self._opened.__aexit__(None, None, None))

    def look_for_broken(self, steps: int, named: str) -> Broken | None:
        """At least so many steps, every other run without admins; what breaks first. `named` is the seed."""
        number = 0
        while self.tally.steps < steps:
            if (broken := self._round(f"{named}:{number}", with_admins=number % 2 == 0)) is not None:
                return broken
            number += 1
        return None

    def _round(self, named: str, *, with_admins: bool) -> Broken | None:
        found: list[Broken] = []

        @seed(named)
        @settings(
            max_examples=ROUND,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.integers(0, 2**64 - 1))
        def runs(drawn: int) -> None:
            if not found:
                turns = random_turns(f"{named}:{drawn}", LENGTH, with_admins=with_admins)
                broken = self._runner.run(broken_by(self._stage, turns, self.tally, with_admins=with_admins))
                found.extend([broken] if broken else [])

        runs()
        return found[0] if found else None


def random_seed() -> int:
    return random.SystemRandom().getrandbits(31)
