"""Postal codes."""

import re

from app.formats.blanks import BLANKS
from app.text import clean_line, shown

_ANY = re.compile(r"[A-Z0-9](?:[A-Z0-9 -]{0,10}[A-Z0-9])?")
_DIGITS = {
    4: "AT AU BE BG CH CY DK HU LI LU NO NZ SI",
    5: "CZ DE EE ES FI FR GR HR IT ME MX RS SE SK TR UA",
    6: "CN IN RO RU SG",
}
#: Countries whose codes have digits alone, and how many.
_LENGTHS = {country: length for length, codes in _DIGITS.items() for country in codes.split()}
#: Others: the code without blanks and hyphens, where it is parted, by what, and one to show.
_SHAPES = {
    "CA": (re.compile(r"[A-Z][0-9][A-Z][0-9][A-Z][0-9]"), 3, " ", "K1A 0B1"),
    "GB": (re.compile(r"GIR0AA|[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}"), -3, " ", "SW1A 1AA"),
    "IE": (re.compile(r"[A-Z][0-9][0-9W][A-Z0-9]{4}"), 3, " ", "D02 X285"),
    "NL": (re.compile(r"[0-9]{4}[A-Z]{2}"), 4, " ", "1012 JS"),
    "PL": (re.compile(r"[0-9]{5}"), 2, "-", "00-950"),
    "PT": (re.compile(r"[0-9]{7}"), 4, "-", "1000-205"),
    "US": (re.compile(r"[0-9]{5}(?:[0-9]{4})?"), 5, "-", "20500"),
}


def postal_code(value: str, country: str | None = None) -> str:
    """In the one form its country writes it: `14000` in Czechia, `00-950` in Poland, `SW1A 1AA` in the United Kingdom.

    Where we know of no form, or of no country: letters, digits, blanks and hyphens in upper case; five digits written
    `140 00` become `14000` then.
    """
    code = BLANKS.sub(" ", clean_line(value, 100)).upper()
    if not _ANY.fullmatch(code):
        raise ValueError(f"{shown(value)} is not a postal code. Write it as 140 00.")
    close = code.removeprefix(f"{country}-").replace(" ", "").replace("-", "")
    if length := _LENGTHS.get(country or ""):
        return _digits(close, length, value, country)
    if country in _SHAPES:
        return _shaped(close, value, country)
    return code.replace(" ", "") if re.fullmatch(r"[0-9]{3} ?[0-9]{2}", code) else code


def has_postal_code_form(country: str) -> bool:
    """Whether we know how codes are written there."""
    return country in _LENGTHS or country in _SHAPES


def _digits(close: str, length: int, typed: str, country: str | None) -> str:
    if not re.fullmatch(rf"[0-9]{{{length}}}", close):
        raise ValueError(
            f"{shown(typed)} is not a postal code of {country}. It has {length} digits; check them and the country."
        )
    return close


def _shaped(close: str, typed: str, country: str) -> str:
    shape, parted_at, by, example = _SHAPES[country]
    if not shape.fullmatch(close):
        raise ValueError(
            f"{shown(typed)} is not a postal code of {country}. Write it as {example}, or check the country."
        )
    return by.join(filter(None, (close[:parted_at], close[parted_at:])))
