"""`python -m tests.proof worlds`: many rounds, in as many processes as there are processors, on both engines."""

import argparse
import asyncio
import os
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from tests.databases import Databases, Engine
from tests.proof.worlds.planting import Secret
from tests.proof.worlds.rounds import OPERATIONS, Played, explained, play, who_asks
from tests.proof.worlds.theatre import Theatre, open_theatre

#: One round of so many is on PostgreSQL, the others on SQLite.
ON_POSTGRES = 6
MOST_EXPLAINED = 5


class Result(NamedTuple):
    """What one process came to, in a form that another one can read."""

    operations: int
    kinds: dict[str, int]
    different: Sequence[tuple[str, str]]  # the secret, and the explanation or nothing
    stumbles: Sequence[str]


def main(argv: Sequence[str] = ()) -> int:
    """0 if nobody noticed anything."""
    asked = _arguments(argv)
    _say(f"worlds seed {asked.seed}")
    total, results = asked.operations, []
    many = max(1, -(-total // OPERATIONS))
    with ProcessPoolExecutor(asked.processes, mp_context=get_context("spawn")) as pool:
        running = [
            pool.submit(run_part, asked.seed, range(part, many, asked.processes), asked.secret, asked.quick)
            for part in range(asked.processes)
        ]
        results = [each.result() for each in running]
    return told(results, asked.seed)


def told(results: Sequence[Result], seed: int) -> int:
    """Prints what the parts came to."""
    different = [each for result in results for each in result.different]
    stumbles = [each for result in results for each in result.stumbles]
    for _, explanation in different[:MOST_EXPLAINED]:
        _say(f"{explanation}\n")
    for each in stumbles[:MOST_EXPLAINED]:
        _say(f"answered INTERNAL_SERVER_ERROR: {each}\n")
    kinds: dict[str, int] = {}
    for result in results:
        for kind, count in result.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + count
    _say(" · ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    operations = sum(result.operations for result in results)
    _say(f"worlds operations {operations} differing {len(different)} seed {seed}")
    return 1 if different or stumbles else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run_part(seed: int, numbers: Sequence[int], only: Sequence[str], quick: bool) -> Result:
    """The rounds with these numbers, each on its engine; if `quick` all on SQLite, and none after a difference."""
    played, different = Played(), list[tuple[str, str]]()
    databases = Databases()
    try:
        for engine in ("sqlite", "postgres"):
            here = [number for number in numbers if (engine_of(number) if not quick else "sqlite") == engine]
            if here:
                with open_theatre(engine, asyncio.run(databases.fresh(engine))) as theatre:
                    for number in here:
                        played.add(one := play_round(theatre, seed, number, only))
                        different += _explained(theatre, one, MOST_EXPLAINED if quick else len(different))
                        if quick and different:
                            break
    finally:
        databases.close()
    stumbles = [f"{each.request}\n{each.one.heard.told()}" for each in played.stumbles]
    return Result(played.operations, dict(played.kinds), different, stumbles)


def play_round(
    theatre: Theatre, seed: int, number: int, only: Sequence[str] = (), many: int = OPERATIONS
) -> Played:
    """Each secret has its turn; who asks, and what, is drawn."""
    name = f"{seed}:{number}"
    secret = _chosen(theatre.secrets, number, only)
    return play(theatre, name, secret, who_asks(secret, random.Random(name)), many)


def engine_of(number: int) -> Engine:
    return "postgres" if number % ON_POSTGRES == ON_POSTGRES - 1 else "sqlite"


def _chosen(secrets: Sequence[Secret], number: int, only: Sequence[str]) -> Secret:
    names = {each.name: each for each in secrets}
    chosen = [names[each] for each in only] or secrets
    return chosen[number % len(chosen)]


def _explained(theatre: Theatre, played: Played, told_already: int) -> Iterator[tuple[str, str]]:
    for number, difference in enumerate(played.differences, told_already):
        yield difference.secret.name, explained(theatre, difference) if number < MOST_EXPLAINED else ""


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof worlds", description=__doc__)
    parser.add_argument("--operations", type=int, default=5_000, help="at least so many")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--secret", action="append", default=[], help="only these, by their names")
    parser.add_argument("--quick", action="store_true", help="on SQLite, to the first difference")
    return parser.parse_args(argv)
