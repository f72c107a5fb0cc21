"""`python -m tests.faults kills --seed 7`: one scenario; `all`: each in turn, a process each, and their last lines together.

The seed is printed: with the same one the same faults come in the same order. The status is 1 if a promise is broken.
"""

import argparse
import asyncio
import logging
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.proof.__main__ import last_shown

SCENARIOS = ("kills", "silent_postgres", "silent_valkey", "vanished_clients", "lock_waiters", "frozen_worker")


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    _say(f"{asked.scenario} seed {asked.seed}")
    return _all(asked.seed) if asked.scenario == "all" else _one(asked.scenario, asked.seed, asked.logs)


def _one(name: str, seed: str, logs: Path | None) -> int:
    logging.disable(logging.WARNING)
    scenario = import_module(f"tests.faults.{name}")
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        result = asyncio.run(scenario.play(logs or Path(folder), seed))
    for line in (*result.notes, *(f"BROKEN {each}" for each in result.broken), result.line):
        _say(line)
    return 1 if result.broken else 0


def _all(seed: str) -> int:
    """One after another, so that none takes the processors from another."""
    last_lines, failed, began = list[str](), list[str](), time.monotonic()
    for name in SCENARIOS:
        command = [sys.executable, "-m", "tests.faults", name, "--seed", seed]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            last_lines.append(last_shown(running))
        if running.returncode:
            failed.append(name)
    _say(
        f"\n{(time.monotonic() - began) / 60:.1f} minutes; broken: {', '.join(failed) or 'none'}; seed {seed}"
    )
    for line in last_lines:
        _say(line)
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("scenario", choices=(*SCENARIOS, "all"))
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="the same seed, the same faults")
    parser.add_argument("--logs", type=Path, help="a folder that keeps the logs of all processes")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
