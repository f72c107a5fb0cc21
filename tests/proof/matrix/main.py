"""The long edition of the matrix: many checks, and one line at the end for scripts."""

import argparse
import sys
from collections.abc import Sequence

from tests.proof.matrix.contract import the_contract
from tests.proof.matrix.policy_table import the_policy
from tests.proof.matrix.run import ENOUGH, run
from tests.proof.matrix.verdicts import Verdicts


def main(arguments: Sequence[str]) -> int:
    """0 if nothing was wrong and, with enough checks, nothing was left out."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof matrix")
    parser.add_argument("--checks", type=int, default=214_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    verdicts = run(given.checks, given.seed)
    complaints = [*map(str, verdicts.wrongs), *the_contract().faults(the_policy())]
    if verdicts.checks >= ENOUGH:
        complaints += left_out(verdicts)
    for complaint in complaints:
        sys.stdout.write(f"{complaint}\n")
    sys.stdout.write(f"{verdicts.last_line()}\n")
    return 1 if complaints or verdicts.wrong else 0


def left_out(verdicts: Verdicts) -> list[str]:
    """Sentences about what so many checks did not meet."""
    everybody = {str(who) for who in the_policy().everybody()}
    missing = [
        f"{coordinate} was never checked."
        for coordinate in sorted(verdicts.everything - verdicts.outcomes.keys())
    ]
    if absent := everybody - verdicts.viewers:
        missing.append(f"{len(absent)} viewers never asked anything: {sorted(absent)[:3]} …")
    return missing + list(one_sided(verdicts))


def one_sided(verdicts: Verdicts) -> list[str]:
    """Guarded parts of the schema that were only ever allowed, or only ever denied."""
    policy, contract = the_policy(), the_contract()
    found = []
    for coordinate, outcomes in sorted(verdicts.outcomes.items()):
        needed = contract.own(coordinate)
        possible = {policy.may(who, needed) for who in policy.everybody()} if needed else outcomes
        if outcomes != possible:
            found.append(f"{coordinate} was checked for {outcomes} alone; {possible} are possible.")
    return found
