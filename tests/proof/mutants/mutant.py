"""What a mutant is, and the nets that are to catch it."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SEED = 7
#: An outcome of a test that is its own: what it says does not hold. Anything else that is raised is an accident.
ASSERTION = re.compile(r"^E +(AssertionError|assert |Failed: DID NOT RAISE)", re.MULTILINE)
DIFFERING = re.compile(r"^worlds operations \d+ differing ([1-9]\d*) seed", re.MULTILINE)


class Net(Protocol):
    """A command, and how its outcome reads."""

    @property
    def name(self) -> str: ...

    def command(self) -> list[str]: ...

    def has_caught(self, status: int, output: str) -> bool:
        """Did it fail by what it asserts? Not if it stumbled."""


@dataclass(frozen=True)
class Worlds:
    """The two worlds of these secrets, until somebody notices."""

    secrets: tuple[str, ...]
    operations: int = 1_500

    @property
    def name(self) -> str:
        return "worlds"

    def command(self) -> list[str]:
        options = ["--operations", str(self.operations), "--seed", str(SEED), "--processes", "1", "--quick"]
        secrets = [part for each in self.secrets for part in ("--secret", each)]
        return [sys.executable, "-m", "tests.proof", "worlds", *options, *secrets]

    def has_caught(self, status: int, output: str) -> bool:
        return status == 1 and DIFFERING.search(output) is not None


@dataclass(frozen=True)
class Tests:
    """Tests by their names, on SQLite where they run on both engines."""

    names: tuple[str, ...]

    @property
    def name(self) -> str:
        parts = Path(self.names[0].partition("::")[0]).parts
        return "/".join(parts[1:3]) if parts[1] == "proof" else "/".join(parts[1:])

    def command(self) -> list[str]:
        options = ["-p", "no:cacheprovider", "-p", "no:logging", "-q", "-x", "-k", "not postgres"]
        return [sys.executable, "-m", "pytest", *options, *self.names]

    def has_caught(self, status: int, output: str) -> bool:
        return status == 1 and ASSERTION.search(output) is not None


@dataclass(frozen=True)
class Mutant:
    """In `file`, `old` (which stands there once) is replaced by `new`; `net` is to catch that."""

    name: str
    file: str
    old: str
    new: str
    net: Net

    def fault(self, root: Path) -> str | None:
        """Why it cannot be made of this tree, in a sentence."""
        path = root / self.file
        if not path.is_file():
            return f"{self.name}: there is no file {self.file} any more."
        many = path.read_text(encoding="utf-8").count(self.old)
        return None if many == 1 else f"{self.name}: its text stands in {self.file} {many} times, not once."

    def apply(self, root: Path) -> str:
        """Changes the file in this tree, and tells what stood in it before."""
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")
        return text


def by_worlds(*secrets: str, operations: int = 1_500) -> Net:
    return Worlds(secrets, operations)


def by_tests(*names: str) -> Net:
    return Tests(names)


#: A sample of the matrix, the same each time.
MATRIX = by_tests("tests/proof/matrix/test_matrix.py::test_the_answer_equals_what_the_policy_says")


def all_faults(mutants: Sequence[Mutant], root: Path) -> list[str]:
    return [fault for each in mutants if (fault := each.fault(root))]
