"""The long edition of the matrix: many checks, and one line at the end for scripts."""

import argparse
import sys
from collections.abc import Sequence

from tests.proof.matrix.contract import the_contract
from tests.proof.matrix.policy_table import the_policy
from tests.proof.matrix.run import run
from tests.proof.matrix.verdicts import Verdicts


def main(arguments: Sequence[str]) -> int:
    """0 if nothing was wrong and nothing was left out."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof matrix")
    parser.add_argument("--checks", type=int, default=214_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    verdicts = run(given.checks, given.seed)
    complaints = [*map(str, verdicts.wrongs), *the_contract().faults(the_policy()), *left_out(verdicts)]
    for complaint in complaints:
        sys.stdout.write(f"{complaint}\n")
    sys.stdout.write(f"{verdicts.last_line()}\n")
    return 1 if complaints or verdicts.wrong else 0


def left_out(verdicts: Verdicts) -> list[str]:
    """Sentences about what was not met: a part of the schema, a viewer, one of the two ways it can go."""
    found = []
    for coordinate, ways in sorted(verdicts.expected.items()):
        met = verdicts.outcomes.get(coordinate, set())
        if not met:
            found.append(f"{coordinate} was never checked.")
        elif ways - met:
            found.append(
                f"{coordinate} was never {'allowed' if True in ways - met else 'denied'}, and can be."
            )
    if absent := {str(who) for who in the_policy().everybody()} - verdicts.viewers:
        found.append(f"{len(absent)} viewers never asked anything: {sorted(absent)[:3]} …")
    return found
