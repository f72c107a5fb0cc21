"""A seat as ARES tells it: in parts, and in a line of text that fills in what the parts leave out."""

from dataclasses import dataclass
from typing import Any

from app import formats
from app.integrations.ares_address_text import TextAddress, clean_code, read_line
from app.integrations.ares_countries import country_named
from app.integrations.ares_values import read_text

#: As long as a contact's.
LONGEST_STREET, LONGEST_CITY, LONGEST_CODE = 200, 100, 7
NOTHING = TextAddress(None, None, None, None)


@dataclass(frozen=True, slots=True)
class Address:
    """`street` holds the house number too; `country` is ISO 3166-1 alpha-2."""

    street: str | None
    city: str | None
    postal_code: str | None
    country: str | None


def read_address(seat: object) -> Address | None:
    """From `sidlo`. None if it says neither a town, nor a street, nor a postal code."""
    if not isinstance(seat, dict):
        return None
    country, city = _read_country(seat), read_text(seat.get("nazevObce"), LONGEST_CITY)
    street = _read_street(seat, city)
    line = read_text(seat.get("textovaAdresa"), 500)
    has_code = bool(seat.get("psc") or seat.get("pscTxt"))
    told = read_line(line, country, city, has_code=has_code) if line else NOTHING
    country = country or told.country
    address = Address(
        _cut(street or told.street, LONGEST_STREET),
        city or _cut(told.city, LONGEST_CITY),
        _read_postal_code(seat, country or "CZ") or told.postal_code,
        country,
    )
    return address if address.street or address.city or address.postal_code else None


def _cut(text: str | None, length: int) -> str | None:
    return text and text[:length].rstrip()


def _read_country(seat: dict[str, Any]) -> str | None:
    code = (read_text(seat.get("kodStatu"), 10) or "").upper()
    return code if code in formats.COUNTRIES else country_named(read_text(seat.get("nazevStatu"), 100) or "")


def _read_street(seat: dict[str, Any], city: str | None) -> str | None:
    """`Duhová 1444/2`; without streets the part of the village: `Lhota č.p. 12`, or `č.p. 12` alone."""
    number = _read_number(seat)
    if street := read_text(seat.get("nazevUlice"), LONGEST_STREET):
        return f"{street} {number}" if number else street
    if not number:
        return None
    part = read_text(seat.get("nazevCastiObce"), LONGEST_STREET)
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


def _read_postal_code(seat: dict[str, Any], country: str) -> str | None:
    """`psc` is a number, so it may have lost zeros in front; `pscTxt` is as it was written."""
    code, written = (_unless_zero(read_text(seat.get(key), 20)) for key in ("psc", "pscTxt"))
    if code and code.isdecimal():
        with_zeros = (
            clean_code(code.zfill(length), country) for length in range(len(code), LONGEST_CODE + 1)
        )
        return next(filter(None, with_zeros), None) or clean_code(written, country)
    return clean_code(code, country) or clean_code(written, country)
