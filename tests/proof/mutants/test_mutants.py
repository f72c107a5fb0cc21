"""The mutants can be made of the present tree, and a net knows a catch from an accident. `make mutants` lets them loose."""

from pathlib import Path

import pytest

from tests.proof.mutants.main import MUTANTS, ROOT
from tests.proof.mutants.mutant import Mutant, Net, all_faults, by_tests, by_worlds

LEAST = 44


def test_there_are_enough_and_each_can_be_made_of_the_tree_as_it_is() -> None:
    assert all_faults(MUTANTS, ROOT) == []
    assert len({each.name for each in MUTANTS}) == len(MUTANTS) >= LEAST


def test_a_mutant_whose_text_is_gone_says_so(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text("a = 1\na = 1\n")
    net = by_tests("tests/x.py")

    assert Mutant("twice", "rules.py", "a = 1", "", net).fault(tmp_path) is not None
    assert Mutant("gone", "rules.py", "b = 1", "", net).fault(tmp_path) is not None
    assert Mutant("no file", "other.py", "a", "", net).fault(tmp_path) is not None


@pytest.mark.parametrize(
    ("net", "status", "output", "is_caught"),
    [
        (by_worlds("x"), 1, "worlds operations 80 differing 1 seed 7\n", True),
        (by_worlds("x"), 0, "worlds operations 80 differing 0 seed 7\n", False),
        (by_worlds("x"), 1, "ImportError: cannot import name\n", False),
        (by_tests("tests/x.py"), 1, "E       AssertionError: assert 1 == 2\n", True),
        (by_tests("tests/x.py"), 1, "E   NameError: name 'x' is not defined\n", False),
        (by_tests("tests/x.py"), 2, "E   AssertionError: while collecting\n", False),
    ],
)
def test_a_stumble_is_no_catch(net: Net, status: int, output: str, is_caught: bool) -> None:
    assert net.has_caught(status, output) is is_caught
