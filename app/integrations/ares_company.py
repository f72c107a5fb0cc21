"""What ARES says of a company, read from its JSON. Whatever is missing or not as expected becomes None."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import orjson

from app import formats
from app.integrations.ares_address import Address, read_address
from app.integrations.ares_values import read_date, read_text

Read = TypeVar("Read")
#: As long as a contact's, a project's and a division's.
LONGEST_NAME = 200

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


class VatRegistration(StrEnum):
    """Whether, and how, a firm is registered for VAT, by the register's own words."""

    ACTIVE = "ACTIVE"
    GROUP = "GROUP"
    FUTURE = "FUTURE"
    SUSPENDED = "SUSPENDED"
    ENDED = "ENDED"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class LegalForm:
    """`name` is Czech; None if the code is not in our table."""

    code: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Company:
    """What the register says. Every field but `ico` and `active` may be missing.

    `vat_group` is the VAT number of the group the company pays VAT in; a member looks like a non-payer otherwise.
    `vat_registration` is None if the register does not say.
    """

    ico: str
    name: str | None
    legal_form: LegalForm | None
    active: bool
    vat_id: str | None
    vat_group: str | None
    vat_registration: VatRegistration | None
    address: Address | None
    founded_on: date | None
    dissolved_on: date | None


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer from the cache; `company` None: there is no such company."""

    company: Company | None


def read_company(ico: str, answer: dict[str, Any], today: date) -> Company:
    records = _records(answer)
    primary = partial(_primary, records, today)
    dissolved_on = read_date(answer.get("datumZaniku"))
    form = answer.get("pravniForma") or answer.get("pravniFormaRos") or _first(records, "pravniForma")
    registration, vat_group = _read_vat_registration(answer)
    return Company(
        ico=ico,
        name=_read_name(answer.get("obchodniJmeno")) or primary("obchodniJmeno", _read_name),
        legal_form=_read_legal_form(form),
        active=dissolved_on is None and _primary_state(answer) not in _GONE,
        vat_id=_read_vat_id(answer.get("dic")),
        vat_group=vat_group,
        vat_registration=registration,
        address=read_address(answer.get("sidlo")) or primary("sidlo", read_address),
        founded_on=read_date(answer.get("datumVzniku")),
        dissolved_on=dissolved_on,
    )


#: What ARES says of a register's record that is no more, or never was.
_GONE = frozenset({"ZANIKLY", "HISTORICKY", "LOGICKY_SMAZANY"})
_VAT_STATES = {
    "AKTIVNI": VatRegistration.ACTIVE,
    "BUDOUCI": VatRegistration.FUTURE,
    "POZASTAVENY": VatRegistration.SUSPENDED,
    "NEEXISTUJICI": VatRegistration.NONE,
    **dict.fromkeys(_GONE, VatRegistration.ENDED),
}


def _states(answer: dict[str, Any]) -> dict[str, Any]:
    registers = answer.get("seznamRegistraci")
    return registers if isinstance(registers, dict) else {}


def _primary_state(answer: dict[str, Any]) -> object:
    primary = answer.get("primarniZdroj")
    return _states(answer).get(f"stavZdroje{primary.capitalize()}") if isinstance(primary, str) else None


def _read_vat_registration(answer: dict[str, Any]) -> tuple[VatRegistration | None, str | None]:
    """And the group, while it is one. A member is registered by the group alone: its own record says that there is none."""
    own, of_group = (_states(answer).get(f"stavZdroje{which}") for which in ("Dph", "SkDph"))
    group = _read_vat_id(answer.get("dicSkDph")) if of_group in (None, "AKTIVNI") else None
    if of_group == "AKTIVNI" or group is not None:
        return VatRegistration.GROUP, group
    return _VAT_STATES.get(own) if isinstance(own, str) else None, None


def _records(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """What the single registers say (`dalsiUdaje`), the primary one first."""
    told = answer.get("dalsiUdaje")
    records = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return sorted(records, key=lambda record: record.get("datovyZdroj") != answer.get("primarniZdroj"))


def _primary(
    records: list[dict[str, Any]], today: date, key: str, read: Callable[[object], Read | None]
) -> Read | None:
    """Of the first register that has one: its primary entry, else the one that is still valid, else the last."""
    for record in records:
        told = record.get(key)
        entries = told if isinstance(told, list) else [told]
        # `{"sidlo": {…}, "primarniZaznam": true, "platnostDo": …}`, or the bare value.
        for _, entry in sorted(enumerate(entries), key=lambda each: (*_rank(each[1], today), -each[0])):
            value = entry.get(key, entry) if isinstance(entry, dict) else entry
            if (found := read(value)) is not None:
                return found
    return None


def _rank(entry: object, today: date) -> tuple[bool, bool]:
    if not isinstance(entry, dict):
        return True, True
    until = read_date(entry.get("platnostDo"))
    return entry.get("primarniZaznam") is not True, until is not None and until < today


def _first(records: list[dict[str, Any]], key: str) -> object:
    return next((record[key] for record in records if record.get(key)), None)


def _read_name(value: object) -> str | None:
    return read_text(value, LONGEST_NAME)


def _read_legal_form(value: object) -> LegalForm | None:
    code = read_text(value, 10)
    return LegalForm(code, LEGAL_FORMS.get(code)) if code else None


def _read_vat_id(value: object) -> str | None:
    """With or without CZ in front. None for whatever is no VAT number: ARES writes words there too."""
    text = read_text(value, 30)
    if text is None:
        return None
    try:
        return formats.vat_id(f"CZ{text}" if text[0].isdecimal() else text)
    except ValueError:
        return None


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
            "vat_registration": VatRegistration(kept) if (kept := fields["vat_registration"]) else None,
            "founded_on": read_date(fields["founded_on"]),
            "dissolved_on": read_date(fields["dissolved_on"]),
        }
    )
