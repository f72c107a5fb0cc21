"""Postal codes."""

import re

from app.formats.blanks import BLANKS
from app.text import clean_line, shown

_POSTAL_CODE = re.compile(r"[A-Z0-9](?:[A-Z0-9 -]{0,10}[A-Z0-9])?")


def postal_code(value: str) -> str:
    """Letters, digits, blanks and hyphens in upper case; five digits written `140 00` (Czech, Slovak) become `14000`."""
    code = BLANKS.sub(" ", clean_line(value, 100)).upper()
    if not _POSTAL_CODE.fullmatch(code):
        raise ValueError(f"{shown(value)} is not a postal code. Write it as 140 00.")
    return code.replace(" ", "") if re.fullmatch(r"[0-9]{3} ?[0-9]{2}", code) else code
