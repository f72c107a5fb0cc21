"""`python -m tests.proof invariants --steps 20000 --seed 7`: half of the steps on each engine, a process each.

The last line is `invariants steps N broken B seed S`; a failure prints the shortest run that shows it.
"""

# ruff: noqa: T201

import argparse
import asyncio
import logging
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext

from tests.databases import ENGINES, Databases, Engine
from tests.proof.invariants.holes import HOLES
from tests.proof.invariants.runs import Driver, Tally, random_seed


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    engines: list[Engine] = asked.engine or list(ENGINES)
    each = -(-asked.steps // len(engines))
    total, broken = Tally(), 0
    with ProcessPoolExecutor(len(engines), multiprocessing.get_context("spawn")) as pool:
        under_way = [pool.submit(on_engine, engine, each, asked.seed, asked.hole) for engine in engines]
        for engine, outcome in zip(engines, under_way, strict=True):
            tally, failure = outcome.result()
            print(f"{engine}: {tally}")
            total.add(tally)
            if failure:
                broken += 1
                print(failure)
    _print_mutations(total)
    print(f"invariants steps {total.steps} broken {broken} seed {asked.seed}")
    return 1 if broken else 0


def on_engine(engine: Engine, steps: int, seed: int, hole: str | None) -> tuple[Tally, str | None]:
    """So many steps on one engine, with a hole made on purpose or none: what they were, and what broke, as text."""
    logging.disable(logging.WARNING)
    databases = Databases()
    try:
        with asyncio.Runner() as runner:
            driver = Driver(engine, runner, databases)
            try:
                with HOLES[hole].open() if hole else nullcontext():
                    broken = driver.look_for_broken(steps, str(seed))
            finally:
                driver.close()
    finally:
        databases.close()
    return driver.tally, str(broken) if broken else None


def _print_mutations(total: Tally) -> None:
    """Done and refused, for each: what is never done proves nothing."""
    for mutation in sorted(total.done | total.refused):
        print(f"  {mutation}: {total.done[mutation]} done, {total.refused[mutation]} refused")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.proof invariants")
    parser.add_argument("--steps", type=int, default=20_000, help="mutations in all")
    parser.add_argument("--seed", type=int, default=random_seed(), help="the same seed gives the same runs")
    parser.add_argument("--hole", choices=HOLES, help="with this rule taken away: it should be found")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only on this one")
    return parser
