"""What ARES says of a company, read from its JSON. Whatever is missing or not as expected becomes None."""

import re
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import orjson

from app import formats

# The forms most firms have; ARES sends the code alone. Source: its code list PravniForma (RES).
LEGAL_FORMS = {
    "101": "Fyzická osoba podnikající dle živnostenského zákona",
    "105": "Fyzická osoba podnikající dle jiných zákonů než živnostenského a zákona o zemědělství",
    "107": "Zemědělský podnikatel",
    "111": "Veřejná obchodní společnost",
    "112": "Společnost s ručením omezeným",
    "113": "Komanditní společnost",
    "117": "Nadace",
    "118": "Nadační fond",
    "121": "Akciová společnost",
    "141": "Obecně prospěšná společnost",
    "145": "Společenství vlastníků jednotek",
    "161": "Ústav",
    "205": "Družstvo",
    "301": "Státní podnik",
    "325": "Organizační složka státu",
    "331": "Příspěvková organizace",
    "421": "Odštěpný závod zahraniční právnické osoby",
    "601": "Vysoká škola",
    "641": "Školská právnická osoba",
    "706": "Spolek",
    "721": "Církve a náboženské společnosti",
    "736": "Pobočný spolek",
    "801": "Obec",
    "804": "Kraj",
    "932": "Evropská společnost",
}


@dataclass(frozen=True, slots=True)
class LegalForm:
    """`name` is Czech; None if the code is not in our table."""

    code: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Address:
    """`street` holds the house number too; `country` is ISO 3166-1 alpha-2."""

    street: str | None
    city: str | None
    postal_code: str | None
    country: str | None


@dataclass(frozen=True, slots=True)
class Company:
    """What the register says. Every field but `ico` and `active` may be missing.

    `vat_group` is the VAT number of the group the company pays VAT in; a member looks like a non-payer otherwise.
    """

    ico: str
    name: str | None
    legal_form: LegalForm | None
    active: bool
    vat_id: str | None
    vat_group: str | None
    address: Address | None
    founded_on: date | None
    dissolved_on: date | None


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer from the cache; `company` None: there is no such company."""

    company: Company | None


def read_company(ico: str, answer: dict[str, Any]) -> Company:
    dissolved_on = _read_date(answer.get("datumZaniku"))
    return Company(
        ico=ico,
        name=_read_text(answer.get("obchodniJmeno"), 500),
        legal_form=_read_legal_form(answer.get("pravniForma")),
        active=dissolved_on is None and _primary_state(answer) != "ZANIKLY",
        vat_id=_read_vat_id(answer.get("dic")),
        vat_group=_read_vat_id(answer.get("dicSkDph")),
        address=_read_address(answer.get("sidlo")),
        founded_on=_read_date(answer.get("datumVzniku")),
        dissolved_on=dissolved_on,
    )


def _primary_state(answer: dict[str, Any]) -> object:
    registers, primary = answer.get("seznamRegistraci"), answer.get("primarniZdroj")
    if not isinstance(registers, dict) or not isinstance(primary, str):
        return None
    return registers.get(f"stavZdroje{primary.capitalize()}")


def _read_legal_form(value: object) -> LegalForm | None:
    code = _read_text(value, 10)
    return LegalForm(code, LEGAL_FORMS.get(code)) if code else None


def _read_vat_id(value: object) -> str | None:
    """None for whatever is no VAT number: ARES writes words there too."""
    try:
        return formats.vat_id(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _read_date(value: object) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _read_address(seat: object) -> Address | None:
    if not isinstance(seat, dict):
        return None
    street, city, code = _read_street(seat), _read_text(seat.get("nazevObce"), 200), _read_postal_code(seat)
    if not street and not city:
        street, code, city = _read_whole(_read_text(seat.get("textovaAdresa"), 500))
    country = _read_text(seat.get("kodStatu"), 2)
    address = Address(street, city, code, country.upper() if country else None)
    return address if any((address.street, address.city, address.postal_code)) else None


def _read_street(seat: dict[str, Any]) -> str | None:
    """`Duhová 1444/2`; without streets the part of the village: `Lhota č.p. 12`, or `č.p. 12` alone."""
    number = _read_number(seat)
    if street := _read_text(seat.get("nazevUlice"), 200):
        return f"{street} {number}" if number else street
    if not number:
        return None
    part, village = _read_text(seat.get("nazevCastiObce"), 200), _read_text(seat.get("nazevObce"), 200)
    kind = "č.ev." if _read_text(seat.get("typCisloDomovni"), 10) in ("2", "č.ev.") else "č.p."
    return " ".join(filter(None, (part if part != village else None, kind, number)))


def _read_number(seat: dict[str, Any]) -> str | None:
    house, orientation = (_read_text(seat.get(key), 10) for key in ("cisloDomovni", "cisloOrientacni"))
    if orientation:
        orientation += _read_text(seat.get("cisloOrientacniPismeno"), 5) or ""
    return "/".join(filter(None, (house, orientation))) or _read_text(seat.get("cisloDoAdresy"), 30)


def _read_postal_code(seat: dict[str, Any]) -> str | None:
    if isinstance(seat.get("psc"), int):
        return f"{seat['psc']:05d}"
    typed = _read_text(seat.get("psc"), 20) or _read_text(seat.get("pscTxt"), 20)
    try:
        return formats.postal_code(typed) if typed else None
    except ValueError:
        return None


def _read_whole(text: str | None) -> tuple[str | None, str | None, str | None]:
    """Street, postal code and city of `Duhová 1444/2, Michle, 14000 Praha 4`; all in the street if it is not so."""
    found = re.fullmatch(r"(.+), (\d{3}) ?(\d{2}) ([^,]+)", text or "")
    return (found[1], found[2] + found[3], found[4]) if found else (text, None, None)


def _read_text(value: object, max_length: int) -> str | None:
    """One clean line; numbers are taken as text. None if nothing is left."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    visible = "".join(
        character if character.isprintable() else " " for character in str(value)[: 4 * max_length]
    )
    return " ".join(visible.split())[:max_length] or None


def to_json(company: Company | None) -> bytes:
    return orjson.dumps(asdict(company) if company else None)


def from_json(kept: bytes) -> Kept:
    """Raises ValueError if `kept` was not made by `to_json`."""
    fields = orjson.loads(kept)
    if fields is None:
        return Kept(None)
    try:
        return Kept(_from_fields(fields))
    except (TypeError, KeyError, AttributeError) as fault:
        raise ValueError("Not a company.") from fault


def _from_fields(fields: dict[str, Any]) -> Company:
    return Company(
        **fields
        | {
            "legal_form": LegalForm(**fields["legal_form"]) if fields["legal_form"] else None,
            "address": Address(**fields["address"]) if fields["address"] else None,
            "founded_on": _read_date(fields["founded_on"]),
            "dissolved_on": _read_date(fields["dissolved_on"]),
        }
    )
