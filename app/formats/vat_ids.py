"""VAT ids. Source of the Czech form: Act 280/2009 Coll. § 130."""

import re

from stdnum.ch import vat as swiss
from stdnum.cz import dic as czech
from stdnum.eu import vat as european
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as british
from stdnum.no import mva as norwegian

from app.formats.blanks import compact
from app.formats.company_numbers import COUNTRIES_WITH_ICO
from app.formats.countries import COUNTRIES
from app.text import shown

_NUMBER = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,14}")
#: Norwegians leave their country out as often as not, and no other country writes this behind a number.
_NORWEGIAN = re.compile(r"[0-9]{9}MVA")
#: Where it does not begin with the country's own code, or begins so outside the EU.
_PREFIXES = {"GR": "EL", "CH": "CHE", "LI": "CHE", "GB": "GB", "IM": "GB", "MC": "FR"}
_BEGIN = "Begin with the country, as in CZ27082440."
#: What is taken for a VAT id and is another number, by the country.
_MISTAKEN = {
    "SK": "Begin with SK (IČ DPH); a DIČ without it is the tax number.",
    "CH": "Write it as CHE-107.787.577 MWST; without MWST, TVA or IVA it is the registration number.",
    "LI": "Write it as CHE-107.787.577 MWST; without MWST, TVA or IVA it is the registration number.",
    "NO": "Write it as NO 995 525 828 MVA; without MVA it is the registration number.",
}


def vat_id(value: str, country: str | None = None) -> str:
    """A VAT number in compact upper case, of the country it begins with: `CZ27082440`, `CHE107787577MWST`.

    Of the EU, the United Kingdom (GB, in Northern Ireland XI), Switzerland (CHE) and Norway. A Czech one may hold a
    person's birth number: sensitive, keep it out of logs. That a firm has one does not mean that it pays VAT.
    `country` is where the firm is: one without any country is of there, if it can be. Not in Czechia and Slovakia,
    where firms have other numbers that look so: a bare one there is an IČO or a tax number.
    """
    number = re.sub(r"[-/.\u2010-\u2013]", "", compact(value)).upper()
    if _NORWEGIAN.fullmatch(number):
        number = f"NO{number}"
    prefix = _prefix_of(country)
    if (found := _valid(number)) or (prefix and (found := _valid(f"{prefix}{number}"))):
        return found
    if not _NUMBER.fullmatch(number):
        own = f"One of {country} begins with {prefix}; check its digits." if prefix else _BEGIN
        raise ValueError(f"{shown(value)} is not a VAT number. {_MISTAKEN.get(country or '', own)}")
    advice = _MISTAKEN.get(
        "" if number[:2] == "SK" else number[:2],  # it begins so already
        "Check its digits, and the country; one without VAT ids has tax numbers.",
    )
    raise ValueError(f"The VAT number {shown(value)} is not valid. {advice}")


def _prefix_of(country: str | None) -> str | None:
    """What a VAT id of this country begins with; None where there are none, or a bare number is another one."""
    if country is None or country in (*COUNTRIES_WITH_ICO, "NO"):
        return None
    code = _PREFIXES.get(country, country)
    return code if code in _PREFIXES.values() or code.lower() in european.MEMBER_STATES else None


def _valid(number: str) -> str | None:
    try:
        return str(_validated(number)) if _NUMBER.fullmatch(number) else None
    except ValidationError:
        return None


def vat_country(number: str) -> str | None:
    """Where the firm with this VAT id, in the form that `vat_id` gives, pays VAT; None for an empty one."""
    code = {"EL": "GR", "XI": "GB"}.get(number[:2], number[:2])
    return code if code in COUNTRIES else None


def _validated(number: str) -> str:
    match number[:2]:
        case "CZ":
            return f"CZ{czech.validate(number[2:])}"
        case "GB":
            return f"GB{british.validate(number[2:])}"
        case "NO":
            return f"NO{norwegian.validate(number[2:])}"
        case "CH":
            return str(swiss.validate(number))
    return str(european.validate(number))
