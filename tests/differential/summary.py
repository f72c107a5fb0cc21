"""What a run of the differential test made use of, told at its end whichever processes it ran in."""

from collections.abc import Iterable
from typing import Any

PROPERTY = "differential"


def lines(reports: Iterable[Any]) -> list[str]:
    """The seed, the number of operations, and of each feature its share of them; nothing if no part ran."""
    parts = [
        value
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY
    ]
    if not parts:
        return []
    many = sum(operations for _, operations, _ in parts)
    shares = {
        name: sum(operations * share[name] for _, operations, share in parts) / many for name in parts[0][2]
    }
    told = " · ".join(f"{name} {share:.1f} %" for name, share in shares.items())
    return [f"differential: {many} operations, DIFFERENTIAL_SEED={parts[0][0]}", told]
