"""`python -m tests.proof matrix --checks 214000 --seed 7`: the large editions of the proof, one a word."""

import sys
from importlib import import_module


def main(arguments: list[str]) -> int:
    """The exit status of the edition that the first word names."""
    if not arguments:
        sys.stderr.write("Say which: python -m tests.proof matrix|worlds|mutants …\n")
        return 2
    edition = import_module(f"tests.proof.{arguments[0]}.main")
    return int(edition.main(arguments[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
