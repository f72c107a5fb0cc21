"""What a part of the proof tells at the end of a run, whichever processes it ran in: `record_property("proof", line)`."""

from collections.abc import Iterable, Iterator
from typing import Any

PROPERTY = "proof"


def lines(reports: Iterable[Any]) -> Iterator[str]:
    for report in reports:
        yield from (value for name, value in getattr(report, "user_properties", ()) if name == PROPERTY)
