"""What updates of records share: the version that the sender had read, and what differs from the row."""

import re
from collections.abc import Mapping
from typing import Any

from app.errors import FaultCode, Invalid
from app.formats.blanks import BLANKS

_ABSENT = object()
#: Kept without the blanks that people put between the digits, an IČO with its zeros.
_IN_DIGITS = frozenset(("ico", "phone", "postal_code"))
_DIGITS = re.compile(r"\+?[0-9]+")


def require_version(row: Any, expected: int | None) -> None:
    """Raises Invalid (STALE_VERSION) unless `row`, which is locked, has the version that was read, if one was sent."""
    if expected is not None and expected != row.version:
        sentence = f"Somebody changed this meanwhile: version {row.version}, not {expected}. Load it again."
        raise Invalid.at("expected_version", sentence, FaultCode.STALE_VERSION)


def sent_anew(row: Any, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, without what `row` has already: that was read once, and is not read again by other rules.

    To the letter, of numbers in digits whatever blanks are between them; of an address the parts.
    """
    found: dict[str, Any] = {}
    for name, value in sent.items():
        if name == "address" and value is not None:
            found[name] = sent_anew(row, value)
        elif not _is_there(name, getattr(row, name, _ABSENT), value):
            found[name] = value
    return found


def _is_there(name: str, stored: Any, sent: Any) -> bool:
    if stored == sent:
        return True
    if name not in _IN_DIGITS or not isinstance(stored, str) or not isinstance(sent, str):
        return False
    digits = BLANKS.sub("", sent)
    return _DIGITS.fullmatch(stored) is not None and stored == (digits.zfill(8) if name == "ico" else digits)


def differing(row: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `values` that `row` does not have."""
    return {name: value for name, value in values.items() if getattr(row, name) != value}
