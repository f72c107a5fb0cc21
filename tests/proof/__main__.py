"""`python -m tests.proof matrix --checks 214000 --seed 7`: the large editions of the proof, one a word.

`all` runs every one of them, a process each, and ends with their last lines together, for a script to read.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import import_module

#: Each with the command that makes it; its last line tells how it went, its status whether that is well.
EDITIONS: dict[str, Sequence[str]] = {
    "matrix": ("tests.proof", "matrix", "--checks", "214000", "--seed", "7"),
    "worlds": ("tests.proof", "worlds", "--operations", "100000", "--seed", "7"),
    "invariants": ("tests.proof", "invariants", "--steps", "20000", "--seed", "7"),
    "mutants": ("tests.proof", "mutants"),
    "revocation": ("bench.revocation",),
}


def main(arguments: list[str]) -> int:
    """The exit status of the edition that the first word names."""
    if arguments == ["all"]:
        return _all()
    if not arguments or arguments[0] not in EDITIONS or arguments[0] == "revocation":
        sys.stderr.write("Say which: python -m tests.proof matrix|worlds|invariants|mutants|all …\n")
        return 2
    edition = import_module(f"tests.proof.{arguments[0]}.main")
    return int(edition.main(arguments[1:]) or 0)


def _all() -> int:
    """One after another, so that none takes the processors from another."""
    last_lines, failed, began = list[str](), list[str](), time.monotonic()
    for name, command in EDITIONS.items():
        with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True) as running:
            last_lines.append(last_shown(running))
        if running.returncode:
            failed.append(name)
    _say(f"\n{(time.monotonic() - began) / 60:.1f} minutes; failed: {', '.join(failed) or 'none'}")
    for line in last_lines:
        _say(line)
    return 1 if failed else 0


def last_shown(running: subprocess.Popen[str]) -> str:
    """Shows what it prints, as it does; tells the last line."""
    line = ""
    for line in running.stdout or ():
        sys.stdout.write(line)
        sys.stdout.flush()
    return line.rstrip()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
