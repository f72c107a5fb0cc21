"""What a scenario ends with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles


@dataclass(frozen=True)
class Result:
    """`line` is for a script to read; `broken` are the promises that did not hold, a sentence each; `notes` are figures."""

    line: str
    broken: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def percentile(values: Sequence[float], percent: int) -> float:
    """Of any number of values; 0 of none."""
    if len(values) < 2:
        return max(values, default=0.0)
    return quantiles(values, n=100, method="inclusive")[percent - 1]
