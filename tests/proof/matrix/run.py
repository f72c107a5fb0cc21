"""Running the matrix: so many checks, spread over all viewers and over everything there is to check.

First everything that not all may is asked by somebody who may and by somebody who may not. Then each viewer takes what
comes next in one shuffled round of probes, so that every probe meets viewers of all kinds and every viewer gets his
share. The order is drawn by the seed.
"""

import asyncio
import math
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random

from app import db
from app.engine.declare import TABLES
from tests.proof.matrix.catalogue import Probe, coordinates, probes
from tests.proof.matrix.crowd import Crowd, both_ways, possible
from tests.proof.matrix.desk import Desk, open_desk
from tests.proof.matrix.policy_table import Who, the_policy
from tests.proof.matrix.verdicts import Verdicts
from tests.proof.matrix.world import Row
from tests.scratch import scratch_folder


@dataclass(frozen=True)
class Part:
    """What one process does: its share of the viewers, and so many checks."""

    seed: int
    checks: int
    number: int = 0
    of: int = 1

    def viewers(self) -> list[Who]:
        everybody = the_policy().everybody()
        Random(f"viewers {self.seed}").shuffle(everybody)
        return everybody[self.number :: self.of]

    def both_ways(self, desk: Desk, found: list[Probe]) -> dict[Who, list[Probe]]:
        """By viewer, what he is to be asked so that everything is met both allowed and denied."""
        pairs = list(both_ways(Crowd(desk.policy), desk.contract, found, Random(f"pairs {self.seed}")))
        asked: dict[Who, list[Probe]] = {}
        for who, probe in pairs[self.number :: self.of]:
            asked.setdefault(who, []).append(probe)
        return asked

    def round(self, found: list[Probe]) -> Iterator[Probe]:
        """The probes in the seed's order, over and over; each part begins elsewhere."""
        order = list(found)
        Random(f"probes {self.seed}").shuffle(order)
        start = len(order) * self.number // self.of
        return cycle([*order[start:], *order[:start]])


async def run_part(desk: Desk, part: Part, *, viewers: int | None = None) -> Verdicts:
    """The checks of a part. With `viewers` a sample: so many of its viewers, and nobody in particular."""
    verdicts, chance = Verdicts(), Random(f"rows {part.seed} {part.number}")
    found = probes(desk.roads, desk.contract)
    if viewers is None:
        verdicts.expected = possible(Crowd(desk.policy), desk.contract, found)
        for who, asked in part.both_ways(desk, found).items():
            await desk.seat(who)
            for probe in asked:
                await probe.check(desk, picked(desk, chance), verdicts)
    following, seated = part.round(found), part.viewers()[:viewers]
    for place, who in enumerate(seated):
        await desk.seat(who)
        verdicts.viewers.add(str(who))
        goal = verdicts.checks + max(1, (part.checks - verdicts.checks) // (len(seated) - place))
        while verdicts.checks < goal:
            await next(following).check(desk, picked(desk, chance), verdicts)
    return verdicts


def picked(desk: Desk, chance: Random) -> dict[str, Row]:
    """A row for each type: what an id in this operation names."""
    rows = {name: chance.choice(desk.world.of_type(name)) for name in TABLES}
    return {**rows, "Node": chance.choice(list(rows.values()))}


def run(checks: int, seed: int) -> Verdicts:
    """All checks, in as many processes as there are cores."""
    cores = os.cpu_count() or 1
    parts = [Part(seed, math.ceil(checks / cores), number, cores) for number in range(cores)]
    with scratch_folder() as folder:
        template = folder / "template.db"
        asyncio.run(_migrate(template))
        with multiprocessing.get_context("spawn").Pool(cores) as pool:
            found = pool.starmap(_run_alone, [(part, template) for part in parts])
    return Verdicts().merge(found)


async def _migrate(file: Path) -> None:
    await db.connect(f"sqlite://{file}")
    await db.migrate()
    await db.close()


def _run_alone(part: Part, template: Path) -> Verdicts:
    own = template.with_name(f"part{part.number}.db")
    shutil.copyfile(template, own)

    async def work() -> Verdicts:
        async with open_desk(f"sqlite://{own}") as desk:
            verdicts = await run_part(desk, part)
            verdicts.expected |= {each: set() for each in coordinates(desk.roads) - verdicts.expected.keys()}
            return verdicts

    return asyncio.run(work())
