"""What a run of the differential test made use of, told at its end whichever processes it ran in."""

from collections.abc import Iterable, Sequence
from typing import Any

PROPERTY = "differential"
#: What the parts of the proof tell: a sentence each, with the seed.
PROOF = "proof"


def lines(reports: Iterable[Any]) -> list[str]:
    """The seed, the number of operations, and of each feature its share of them; nothing if no part ran."""
    properties = [each for report in reports for each in getattr(report, "user_properties", ())]
    proved = [str(value) for name, value in properties if name == PROOF]
    parts = [value for name, value in properties if name == PROPERTY]
    return [*proved, *_of_differential(parts)]


def _of_differential(parts: Sequence[Any]) -> list[str]:
    if not parts:
        return []
    many = sum(operations for _, operations, _ in parts)
    shares = {
        name: sum(operations * share[name] for _, operations, share in parts) / many for name in parts[0][2]
    }
    told = " · ".join(f"{name} {share:.1f} %" for name, share in shares.items())
    return [f"differential: {many} operations, DIFFERENTIAL_SEED={parts[0][0]}", told]
