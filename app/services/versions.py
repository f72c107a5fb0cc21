"""What updates of records share: the version that the sender had read, and what differs from the row."""

from collections.abc import Mapping
from typing import Any

from app.errors import FaultCode, Invalid

_ABSENT = object()


def require_version(row: Any, expected: int | None) -> None:
    """Raises Invalid (STALE_VERSION) unless `row`, which is locked, has the version that was read, if one was sent."""
    if expected is not None and expected != row.version:
        sentence = f"Somebody changed this meanwhile: version {row.version}, not {expected}. Load it again."
        raise Invalid.at("expected_version", sentence, FaultCode.STALE_VERSION)


def sent_anew(row: Any, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, without what `row` has to the letter: that was read once, and is not read again by other rules.

    Of an address the parts.
    """
    found: dict[str, Any] = {}
    for name, value in sent.items():
        if name == "address" and value is not None:
            found[name] = sent_anew(row, value)
        elif getattr(row, name, _ABSENT) != value:
            found[name] = value
    return found


def differing(row: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `values` that `row` does not have."""
    return {name: value for name, value in values.items() if getattr(row, name) != value}
