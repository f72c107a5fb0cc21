"""Postal codes."""

import re

from app.formats.blanks import BLANKS
from app.text import clean_visible, shown

_ANY = re.compile(r"[A-Z0-9](?:[A-Z0-9 -]{0,14}[A-Z0-9])?")
_HYPHENS = re.compile(r" ?[\u2010-\u2013-] ?")
_DIGITS = {
    4: "AT AU BE BG CH CY DK HU LI LU NO NZ SI",
    5: "CZ DE EE ES FI FR GR HR IT ME MX RS SE SK TR UA",
    6: "CN IN RO RU SG",
}
#: Countries whose codes have digits alone, and how many.
_LENGTHS = {country: length for length, codes in _DIGITS.items() for country in codes.split()}
#: Others: the two parts of a code, what stands between them, and one to show.
_SHAPES = {
    "BR": (r"([0-9]{5})-?([0-9]{3})", "-", "01310-100"),
    "CA": (r"([A-Z][0-9][A-Z])-?([0-9][A-Z][0-9])", " ", "K1A 0B1"),
    "GB": (r"(GIR|[A-Z]{1,2}[0-9][A-Z0-9]?)-?([0-9][A-Z]{2})", " ", "SW1A 1AA"),
    "IE": (r"([A-Z][0-9][0-9W])-?([A-Z0-9]{4})", " ", "D02 X285"),
    "JP": (r"([0-9]{3})-?([0-9]{4})", "-", "100-0001"),
    "NL": (r"([0-9]{4})-?([A-Z]{2})", " ", "1012 JS"),
    "PL": (r"([0-9]{2})-?([0-9]{3})", "-", "00-950"),
    "PT": (r"([0-9]{4})-?([0-9]{3})", "-", "1000-205"),
    "US": (r"([0-9]{5})-?([0-9]{4})?", "-", "20500"),
}
#: What people write before a code besides the country's two letters: the signs of cars, and how those were once.
_SIGNS = {
    "AT": "A",
    "AU": "AUS",
    "BE": "B",
    "CA": "CDN",
    "DE": "D",
    "EE": "EST",
    "ES": "E",
    "FI": "FIN|SF",
    "FR": "F",
    "GB": "UK",
    "GR": "EL",
    "HU": "H",
    "IE": "IRL",
    "IN": "IND",
    "IT": "I",
    "JP": "J",
    "LI": "FL",
    "LU": "L",
    "ME": "MNE",
    "MX": "MEX",
    "NO": "N",
    "PT": "P",
    "RS": "SRB",
    "RU": "RUS",
    "SE": "S",
    "SG": "SGP",
    "SI": "SLO",
    "US": "USA",
}


def postal_code(value: str, country: str | None = None) -> str:
    """In the one form its country writes it: `14000` in Czechia, `00-950` in Poland, `SW1A 1AA` in the United Kingdom.

    The country's sign before it (`A-1010`, `CZ 602 00`) is left out. A hyphen is read where the country writes one and
    nowhere else, or a Polish code would be taken for a Czech one. Where we know of no form, or of no country: letters,
    digits, blanks and hyphens in upper case; five digits written `140 00` become `14000` then.
    """
    code = _HYPHENS.sub("-", BLANKS.sub(" ", clean_visible(value, 100)).upper())
    if not _ANY.fullmatch(code):
        raise ValueError(f"{shown(value)} is not a postal code. {_advice(country)}")
    if country in _LENGTHS or country in _SHAPES:
        close = re.sub(rf"(?:{country}|{_SIGNS.get(country, country)})[ -]", "", code, count=1)
        return _read(close.replace(" ", ""), value, country)
    return code.replace(" ", "") if re.fullmatch(r"[0-9]{3} ?[0-9]{2}", code) else code


def has_postal_code_form(country: str) -> bool:
    """Whether we know how codes are written there."""
    return country in _LENGTHS or country in _SHAPES


def _read(close: str, typed: str, country: str) -> str:
    if country in _LENGTHS:
        found = re.fullmatch(rf"([0-9]{{{_LENGTHS[country]}}})", close)
        between = ""
    else:
        shape, between, _ = _SHAPES[country]
        found = re.fullmatch(shape, close)
    if found is None:
        raise ValueError(f"{shown(typed)} is not a postal code of {country}. {_advice(country)}")
    return between.join(filter(None, found.groups()))


def _advice(country: str | None) -> str:
    if country in _SHAPES:
        return f"Write it as {_SHAPES[country][2]}, or check the country."
    if country in _LENGTHS:
        return f"It has {_LENGTHS[country]} digits; check them and the country."
    return "Write its letters and digits."
