"""Chance, as hypothesis gives it: one tape of bytes for each operation.

One draw a decision costs hypothesis 40 ms an operation and brings six variations of each one; a tape costs nothing and
none is like another. What fails is made smaller by its document (`shrink.py`), which a reader can follow.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

#: Two bytes a throw. A tape that has run out throws 0, the simplest choice.
LONGEST = 2_400


class Dice:
    """Throws for one operation."""

    def __init__(self, tape: bytes) -> None:
        self._tape = tape
        self._place = 0

    def below(self, many: int) -> int:
        thrown = int.from_bytes(self._tape[self._place : self._place + 2], "big")
        self._place += 2
        return thrown % many

    def chance(self, percent: int) -> bool:
        """True so many times in a hundred."""
        return self.below(100) >= 100 - percent

    def one(self, of: Sequence[T]) -> T:
        return of[self.below(len(of))]

    def weighted(self, of: Sequence[tuple[int, T]]) -> T:
        thrown = self.below(sum(weight for weight, _ in of))
        for weight, each in of:
            if thrown < weight:
                return each
            thrown -= weight
        raise AssertionError("the weights were counted wrong")
