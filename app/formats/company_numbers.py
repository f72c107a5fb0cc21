"""Numbers of companies. Source of the IČO's check digit: Act 304/2013 Coll."""

import re

from app.formats.blanks import compact
from app.text import shown

_WEIGHTS = (8, 7, 6, 5, 4, 3, 2)


def ico(value: str) -> str:
    """A Czech company number: eight ASCII digits with the right check digit; shorter input is padded with zeros."""
    digits = compact(value)
    if not re.fullmatch(r"[0-9]{1,8}", digits):
        raise ValueError(f"{shown(value)} is not an IČO. An IČO has eight digits; check what you copied.")
    digits = digits.zfill(8)
    remainder = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False)) % 11
    if int(digits[7]) != (11 - remainder) % 10:
        raise ValueError(
            f"The IČO {shown(value)} has a wrong check digit. Look for a mistyped or swapped digit."
        )
    return digits
