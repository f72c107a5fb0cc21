"""A seat that is a line of text only. Several registers each write one in their own way:

`Duhová 1444/2, Michle, 14000 Praha 4` · `Praha 4, Duhová 1444/2, PSČ 14000` · `Lhota 12, okres Třebíč, PSČ 674 01` ·
`Hauptstraße 5, A-1010 Wien, Rakousko`
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from app import formats
from app.integrations.ares_countries import country_named

_LABEL = re.compile(r"\b(?:PSČ|PSC|P\.\s?S\.\s?Č\.)\s*:?\s*", re.IGNORECASE)
#: What says only in which part of the country a town lies.
_REGION = re.compile(r"(?:okres|okr\.|kraj|pošta|p\.)\s*:?\s+.+|\D+ kraj", re.IGNORECASE)
#: A code of a country of which we know no form.
_ANY_CODE = re.compile(r"(?:[A-Z]{1,3}-)?\d{3,7}")
#: Parts of these towns have numbers: `Praha 4` is a town, and no house.
_NUMBERED_TOWN = re.compile(
    r"(?:Praha|Brno|Ostrava|Plzeň|Olomouc|Liberec|Opava|Pardubice|České Budějovice|Hradec Králové|Ústí nad Labem|Bratislava|"
    r"Košice) \d{1,2}(?:\s*[-–].*)?"
)
_STREET_WORD = re.compile(r"(?:náměstí|nám\.|ulice|ul\.|třída|tř\.|nábřeží|nábř\.|sídliště)", re.IGNORECASE)
_HOUSE = re.compile(
    r"(?P<place>\D*?[^\W\d])?\s*(?P<kind>č\.?\s?p\.?|č\.?\s?ev\.?|č\.)?\s*(?P<number>\d+[a-zA-Z]?(?:/\d+[a-zA-Z]?)?)"
)


class TextAddress(NamedTuple):
    """What a line tells; what it does not tell apart is all in the street."""

    street: str | None
    city: str | None
    postal_code: str | None
    country: str | None


def read_line(line: str, country: str | None, city: str | None, *, has_code: bool) -> TextAddress:
    """`country`, `city` and whether it `has_code`: what is known otherwise."""
    parts = [part for part in (each.strip(" ;") for each in line.split(",")) if part]
    named, parts = _without_country(parts)
    country = country or named
    parts = [part for part in parts if not _REGION.fullmatch(part)]
    code, beside, rest = _without_code(parts, country or "CZ")
    town: str | None = None
    if beside:
        town, rest = _village(beside) if not rest else (beside, rest)
    elif code or city or has_code:
        town, rest = _without_town(rest, city)
    street = ", ".join(part for part in rest if part not in (town, city))
    return TextAddress(street or None, town, code, country)


def _without_country(parts: list[str]) -> tuple[str | None, list[str]]:
    for place in (len(parts) - 1, 0) if len(parts) > 1 else ():
        if code := country_named(parts[place]):
            return code, parts[:place] + parts[place + 1 :]
    return None, parts


def _without_code(parts: list[str], country: str) -> tuple[str | None, str | None, list[str]]:
    """The postal code, the town beside it if one is, and the parts without them; the last part that has one counts."""
    for read in (_code_first, _code_last):
        for place in reversed(range(len(parts))):
            code, town = read(_LABEL.sub("", parts[place]).split(), country)
            if code:
                return code, town, parts[:place] + parts[place + 1 :]
    return None, None, parts


Words = list[str]


def _code_first(words: Words, country: str) -> tuple[str | None, str | None]:
    """`14000 Praha 4`, `140 00 Praha`, `1012 AB Amsterdam`."""
    for count in (3, 2, 1):
        if len(words) >= count and (code := clean_code(" ".join(words[:count]), country)):
            return code, " ".join(words[count:]).lstrip("-– ") or None
    return None, None


def _code_last(words: Words, country: str) -> tuple[str | None, str | None]:
    """`Brno 602 00`, `London SW1A 2AA`."""
    for count in (2, 1):
        if len(words) > count and (code := clean_code(" ".join(words[-count:]), country)):
            return code, " ".join(words[:-count])
    return None, None


def clean_code(typed: str | None, country: str) -> str | None:
    """In the form of its country; None for what is none there."""
    if not typed or not any(character.isdigit() for character in typed):
        return None
    try:
        code = formats.postal_code(typed, country)
    except ValueError:
        return None
    return code if formats.has_postal_code_form(country) or _ANY_CODE.fullmatch(code) else None


def _village(place: str) -> tuple[str, list[str]]:
    """`Lhota 12` is a house in a village without streets, `Praha 4` is a town."""
    found = None if _NUMBERED_TOWN.fullmatch(place) else _HOUSE.fullmatch(place)
    return (found["place"], [_house(found)]) if found and found["place"] else (place, [])


def _house(found: re.Match[str]) -> str:
    kind = "č.ev." if found["kind"] and "ev" in found["kind"] else "č.p."
    return f"{kind} {found['number']}"


def _without_town(parts: list[str], city: str | None) -> tuple[str | None, list[str]]:
    """The town where the code stands apart: the part that is surely one, else has no house, else the first of several."""
    if len(parts) == 1:
        town, house = _village(parts[0])
        if house or not city:
            return town, house
        return None, [] if parts[0] == city else parts
    for is_town in (_NUMBERED_TOWN.fullmatch, _has_no_house):
        if found := next(filter(is_town, parts), None):
            return found, _without(parts, found)
    return (parts[0], parts[1:]) if parts else (None, parts)


def _has_no_house(part: str) -> bool:
    return not part[-1].isdigit() and not _HOUSE.fullmatch(part) and not _STREET_WORD.search(part)


def _without(parts: Iterable[str], one: str) -> list[str]:
    return [part for part in parts if part != one]
