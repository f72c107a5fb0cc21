"""A seat as ARES tells it: in parts, or in a line of text only, which several registers each write in their own way."""

import re
from dataclasses import dataclass
from typing import Any

from app import formats
from app.integrations.ares_values import read_text


@dataclass(frozen=True, slots=True)
class Address:
    """`street` holds the house number too; `country` is ISO 3166-1 alpha-2."""

    street: str | None
    city: str | None
    postal_code: str | None
    country: str | None

    @property
    def is_empty(self) -> bool:
        return not (self.street or self.city or self.postal_code)


def read_address(seat: object) -> Address | None:
    """From `sidlo`. Its parts if it has a town or a street, else what its text says."""
    if not isinstance(seat, dict):
        return None
    address = _in_parts(seat)
    if not address.street and not address.city:
        address = _from_text(read_text(seat.get("textovaAdresa"), 500), address)
    return None if address.is_empty else address


def _in_parts(seat: dict[str, Any]) -> Address:
    country = _read_country(seat)
    city = read_text(seat.get("nazevObce"), 200)
    return Address(_read_street(seat, city), city, _read_postal_code(seat, country), country)


def _read_country(seat: dict[str, Any]) -> str | None:
    code = (read_text(seat.get("kodStatu"), 10) or "").upper()
    return code if code in formats.COUNTRIES else _country_named(read_text(seat.get("nazevStatu"), 100) or "")


def _read_street(seat: dict[str, Any], city: str | None) -> str | None:
    """`Duhová 1444/2`; without streets the part of the village: `Lhota č.p. 12`, or `č.p. 12` alone."""
    number = _read_number(seat)
    if street := read_text(seat.get("nazevUlice"), 200):
        return f"{street} {number}" if number else street
    if not number:
        return None
    part = read_text(seat.get("nazevCastiObce"), 200)
    kind = "č.ev." if read_text(seat.get("typCisloDomovni"), 10) in ("2", "č.ev.") else "č.p."
    return " ".join(filter(None, (part if part != city else None, kind, number)))


def _read_number(seat: dict[str, Any]) -> str | None:
    """`1444/2a`. A house number of 0 says that there is none."""
    house, orientation = (
        _unless_zero(read_text(seat.get(key), 10)) for key in ("cisloDomovni", "cisloOrientacni")
    )
    if orientation:
        orientation += read_text(seat.get("cisloOrientacniPismeno"), 5) or ""
    return "/".join(filter(None, (house, orientation))) or _unless_zero(
        read_text(seat.get("cisloDoAdresy"), 30)
    )


def _unless_zero(number: str | None) -> str | None:
    return None if number is None or not number.strip("0") else number


def _read_postal_code(seat: dict[str, Any], country: str | None) -> str | None:
    """`psc` is a number, so a Czech or Slovak one has lost its zeros in front; `pscTxt` is as it was written."""
    code, written = (read_text(seat.get(key), 20) for key in ("psc", "pscTxt"))
    if code and code.isascii() and code.isdecimal() and len(code) <= 5:
        return code.zfill(5) if country in (None, "CZ", "SK") and code.strip("0") else written or code
    return _clean_code(code) or _clean_code(written)


def _clean_code(typed: str | None) -> str | None:
    try:
        return formats.postal_code(typed) if typed else None
    except ValueError:
        return None


#: How registers write the countries where firms that are in them have a seat, folded to lower case.
_COUNTRY_NAMES = {
    "CZ": "česká republika, česko, čr, cz, czech republic, čssr, čsfr",
    "SK": "slovenská republika, slovensko, slovakia, sk",
    "DE": "spolková republika německo, německo, deutschland, germany, srn, de",
    "AT": "rakouská republika, rakousko, österreich, austria, at",
    "PL": "polská republika, polsko, polska, poland, pl",
    "GB": "spojené království velké británie a severního irska, spojené království, velká británie, united kingdom, "
    "great britain, england, gb, uk",
    "US": "spojené státy americké, spojené státy, usa, united states, us",
    "NL": "nizozemské království, nizozemsko, nizozemí, netherlands, nl",
    "CH": "švýcarská konfederace, švýcarsko, switzerland, schweiz, ch",
    "CY": "kyperská republika, kypr, cyprus, cy",
    "HU": "maďarsko, maďarská republika, hungary, hu",
    "UA": "ukrajina, ukraine, ua",
    "IT": "italská republika, itálie, italy, italia, it",
    "FR": "francouzská republika, francie, france, fr",
    "LU": "lucemburské velkovévodství, lucembursko, luxembourg, lu",
    "VN": "vietnamská socialistická republika, vietnam, vn",
}
_COUNTRIES = {name: code for code, names in _COUNTRY_NAMES.items() for name in names.split(", ")}


def _country_named(name: str) -> str | None:
    return _COUNTRIES.get(name.casefold().strip(" .()"))


_LABEL = r"(?:PSČ|PSC|P\.\s?S\.\s?Č\.)\s*:?\s*"
_CODE = r"(?P<code>\d{3} ?\d{2})"
#: `PSČ 140 00`, `PSČ: 14000 Praha 4`, `14000 Praha`; `Praha 4 PSČ 14000`, `Praha 14000`.
_CODE_FIRST = re.compile(rf"(?:{_LABEL})?{_CODE}(?:\s*[-–]?\s+(?P<town>\D.*))?", re.IGNORECASE)
_CODE_LAST = re.compile(rf"(?P<town>.+?)\s+(?:{_LABEL})?{_CODE}", re.IGNORECASE)
#: Elsewhere: `A-1010 Wien`, `80331 München`, `00-950 Warszawa`, `1012 AB Amsterdam`.
_FOREIGN = re.compile(r"(?P<code>(?:[A-Z]{1,2}-)?\d{4,6}(?: ?[A-Z]{2}\b)?|\d{2}-\d{3})(?:\s+(?P<town>\D.*))?")
_DISTRICT = re.compile(r"(?:okres|okr\.)\s*:?\s+.+", re.IGNORECASE)
#: Its number belongs to a town: `Praha 4`, `Brno 2 - město`, `Ostrava 1`.
_NUMBERED_TOWN = re.compile(
    r"(?:Praha|Brno|Ostrava|Plzeň|Pardubice|Ústí nad Labem|Bratislava|Košice) \d{1,2}(?:\s*[-–].*)?"
)
_HOUSE = re.compile(r".*\d+[a-zA-Z]?(?:/\d+[a-zA-Z]?)?")
_NUMBER_OF_VILLAGE = re.compile(
    r"(?P<town>\D*?[^\W\d])\s+(?:č\.\s?p\.\s*|čp\.?\s*)?(?P<number>\d+[a-zA-Z]?(?:/\d+[a-zA-Z]?)?)"
)


def _from_text(text: str | None, known: Address) -> Address:
    """What the text says, with the postal code and the country that are known otherwise. What it does not tell apart is left in the street."""
    parts = [part for part in (each.strip(" ;") for each in (text or "").split(",")) if part]
    country, parts = _without_country(parts)
    country = known.country or country
    is_foreign = country not in (None, "CZ", "SK")
    parts = [part for part in parts if not _DISTRICT.fullmatch(part)]
    code, town, rest = _without_code(parts, [_FOREIGN] if is_foreign else [_CODE_FIRST, _CODE_LAST])
    if town is None and (code or known.postal_code):
        town, rest = _without_town(rest)
    if code is None and town is None:
        return Address(", ".join(rest) or None, None, known.postal_code, country)
    return Address(", ".join(rest) or None, town, known.postal_code or code, country)


def _without_country(parts: list[str]) -> tuple[str | None, list[str]]:
    for place in (-1, 0) if len(parts) > 1 else ():
        if code := _country_named(parts[place]):
            return code, parts[:-1] if place else parts[1:]
    return None, parts


def _without_code(
    parts: list[str], shapes: list[re.Pattern[str]]
) -> tuple[str | None, str | None, list[str]]:
    """The postal code, the town beside it if one is, and the parts without them; the last part that has one counts."""
    for shape in shapes:
        for place in reversed(range(len(parts))):
            if found := shape.fullmatch(parts[place]):
                rest = parts[:place] + parts[place + 1 :]
                return _clean_code(found["code"]), found["town"], rest
    return None, None, parts


def _without_town(parts: list[str]) -> tuple[str | None, list[str]]:
    """The town where the code stands apart: it comes before the street, and has no house number."""
    for place, part in enumerate(parts):
        if _NUMBERED_TOWN.fullmatch(part) or not _HOUSE.fullmatch(part):
            return part, parts[:place] + parts[place + 1 :]
    if len(parts) == 1 and (found := _NUMBER_OF_VILLAGE.fullmatch(parts[0])):
        return found["town"], [f"č.p. {found['number']}"]
    return None, parts
