"""`python -m tests.proof mutants`: breaks each guard in a copy of the tree, and lets its net look.

The last line is `mutants N caught N`. Nothing is ever changed in the tree itself.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from tests.proof.mutants.mutant import Mutant, Net, Tests, Worlds, all_faults
from tests.proof.mutants.of_engine import OF_ENGINE
from tests.proof.mutants.of_rights import OF_RIGHTS
from tests.proof.mutants.of_rows import OF_ROWS
from tests.scratch import scratch_folder

MUTANTS: Sequence[Mutant] = (*OF_ROWS, *OF_ENGINE, *OF_RIGHTS)
ROOT = Path(__file__).parents[3]
#: What the application and its tests need of the tree.
PARTS = (
    "app",
    "migrations",
    "tests",
    "pyproject.toml",
    "schema.graphql",
    "bench",
    "docs",
    "Makefile",
    "README.md",
)
PATIENCE_S = 600
#: Of an output that says nothing of the kind that a net should.
SHOWN = 1_500


class Outcome(NamedTuple):
    mutant: Mutant
    is_caught: bool
    took_s: float
    output: str


def main(argv: Sequence[str] = ()) -> int:
    """0 if every mutant was caught, by nets that hold without one."""
    asked = _arguments(argv)
    mutants = [each for each in MUTANTS if not asked.only or any(part in each.name for part in asked.only)]
    if faults := all_faults(mutants, ROOT):
        _say("\n".join(faults))
        return 1
    with scratch_folder() as folder:
        trees = [_copied(folder / f"tree{number}") for number in range(asked.processes)]
        if not asked.without_check and (broken := nets_that_fail(mutants, trees[0])):
            _say(f"Without any mutant this fails, so it catches nothing:\n{broken}")
            return 1
        outcomes = _all(mutants, trees)
    caught = sum(each.is_caught for each in outcomes)
    for outcome in outcomes:
        if not outcome.is_caught:
            _say(f"\n{outcome.mutant.name} was not caught:\n{outcome.output[-SHOWN:]}")
    _say(f"mutants {len(outcomes)} caught {caught}")
    return 0 if caught == len(outcomes) else 1


def nets_that_fail(mutants: Sequence[Mutant], tree: Path) -> str:
    """What the nets say of the tree as it is; nothing if they hold."""
    secrets = dict.fromkeys(
        name for each in mutants if isinstance(each.net, Worlds) for name in each.net.secrets
    )
    names = dict.fromkeys(name for each in mutants if isinstance(each.net, Tests) for name in each.net.names)
    nets: list[Net] = [Worlds(tuple(secrets), 80 * len(secrets))] if secrets else []
    for net in [*nets, *([Tests(tuple(names))] if names else [])]:
        status, output = _run(net.command(), tree)
        if status:
            return output[-SHOWN:]
    return ""


def _all(mutants: Sequence[Mutant], trees: Sequence[Path]) -> list[Outcome]:
    free: SimpleQueue[Path] = SimpleQueue()
    for tree in trees:
        free.put(tree)

    def try_one(mutant: Mutant) -> Outcome:
        tree = free.get()
        try:
            outcome = _try(mutant, tree)
        finally:
            free.put(tree)
        verdict = "caught" if outcome.is_caught else "NOT CAUGHT"
        _say(f"{mutant.name:58} {mutant.net.name:42} {verdict:10} {outcome.took_s:5.0f} s")
        return outcome

    with ThreadPoolExecutor(len(trees)) as pool:
        return list(pool.map(try_one, mutants))


def _try(mutant: Mutant, tree: Path) -> Outcome:
    began = time.monotonic()
    before = mutant.apply(tree)
    try:
        status, output = _run(mutant.net.command(), tree)
    finally:
        # Not copied again: the tree itself may have gone on meanwhile.
        (tree / mutant.file).write_text(before, encoding="utf-8")
    return Outcome(mutant, mutant.net.has_caught(status, output), time.monotonic() - began, output)


def _run(command: Sequence[str], tree: Path) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MATRIX_SEED": "7", "INVARIANTS_SEED": "7"}
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"It took longer than {PATIENCE_S} s."
    return done.returncode, done.stdout + done.stderr


def _copied(tree: Path) -> Path:
    tree.mkdir()
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name)
        elif source.exists():
            shutil.copy2(source, tree / name)
    return tree


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof mutants", description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", action="append", help="those with this in their names")
    parser.add_argument(
        "--without-check", action="store_true", help="do not try the nets on the tree as it is"
    )
    return parser.parse_args(argv)
