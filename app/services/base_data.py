"""Base data: the numbers and the seat of a firm, which flow from the project and its division into documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from app import formats
from app.errors import FaultCode, Invalid
from app.services import companies, countries
from app.validation import Rule, fields, line, name, nullable, of

ADDRESS = ("street", "city", "postal_code", "country")


def rules(country: str, *, confirm_ico: bool | None = None) -> dict[str, Rule]:
    """How a firm in `country` is read."""
    return {
        "name": name(200),
        "email": nullable(of(formats.email_address)),
        **numbers(country, confirm_ico=confirm_ico),
        "legal_form": nullable(line(100)),
        "address": address(country),
    }


def numbers(country: str, *, confirm_ico: bool | None = None) -> dict[str, Rule]:
    """What registers and tax offices call it by."""
    return {
        **registration(country, confirm_ico=confirm_ico),
        "vat_id": nullable(of(partial(formats.vat_id, country=country))),
        "tax_number": nullable(of(partial(formats.tax_number, country=country))),
    }


def registration(country: str, *, confirm_ico: bool | None = None) -> dict[str, Rule]:
    """What registers call it by."""
    asks = confirm_ico and _may_be_confirmed(country)
    read = partial(_confirmed_ico, country=country) if asks else partial(formats.ico, country=country)
    return {
        "ico": nullable(of(read)),
        "registration_number": nullable(of(formats.registration_number)),
        "registration_country": nullable(of(formats.country)),
    }


def require_confirmed(clean: Mapping[str, Any], country: str, *, confirm_ico: bool | None) -> None:
    """For values that `numbers` or `registration` checked, when nothing else is to be mended any more.

    Raises RegisterNeeded for an IČO that is kept only if the register has it, and that nobody asked about yet.
    """
    ico = clean.get("ico")
    if ico and confirm_ico and _may_be_confirmed(country) and not _is_sound(ico, country):
        companies.require_asked(ico)


def _may_be_confirmed(country: str) -> bool:
    """A Slovak IČO looks as a Czech one does: that a Czech firm has that number says nothing of the Slovak one."""
    return country != "SK"


def _is_sound(ico: str, country: str) -> bool:
    try:
        return bool(formats.ico(ico, country))
    except ValueError:
        return False


def _confirmed_ico(value: str, country: str) -> str:
    """With a wrong check digit, or of a firm that has its seat abroad, it must be in the register."""
    digits = formats.ico_digits(value, country)
    return digits if _is_sound(digits, country) else companies.not_denied(digits)


def address(country: str) -> Rule:
    """A postal address, which may be none."""
    return nullable(
        fields(
            {
                "street": nullable(line(200)),
                "city": nullable(line(100)),
                "postal_code": nullable(of(partial(formats.postal_code, country=country))),
                "country": nullable(of(formats.country)),
            }
        )
    )


def with_registration(row: Any, clean: Mapping[str, Any], country: str) -> dict[str, Any]:
    """Checked values in which a registration number has a country, and without a number there is none.

    `row` has what was not sent; None for a new one. `country` is where the firm is: its register too, unless there
    every firm has an IČO. Then the number is of another country's register, and Invalid asks of which.
    """
    if not clean.keys() & {"registration_number", "registration_country"}:
        return dict(clean)
    if not clean.get("registration_number", getattr(row, "registration_number", None)):
        return {**clean, "registration_country": None}
    said = countries.register_country(clean, row)
    if not said and country in formats.COUNTRIES_WITH_ICO:
        sentence = (
            "Of which country's register is this number? Fill that country in; "
            f"what identifies a firm in {country} is its IČO."
        )
        raise Invalid.at("registration_country", sentence, FaultCode.REQUIRED)
    return {**clean, "registration_country": said or country}


def columns(clean: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values under the names of the tables' columns. An address of None empties all its parts."""
    found = dict(clean)
    if "address" in found:
        address = found.pop("address")
        found |= dict.fromkeys(ADDRESS) if address is None else address
    return found


@dataclass(frozen=True, slots=True)
class BaseData:
    """What stands on documents and letters."""

    email: str | None
    ico: str | None
    vat_id: str | None
    tax_number: str | None
    registration_number: str | None
    registration_country: str | None
    legal_form: str | None
    street: str | None
    city: str | None
    postal_code: str | None
    country: str | None


def base_data(project: Any, division: Any = None) -> BaseData:
    """The division's own where it has any, else the project's: of rows, or of whatever has their attributes.

    The address is inherited whole, or two seats would be mixed. A division with an IČO or a registration number is
    another firm: it takes none of the numbers and no legal form from the project.
    """
    if division is None:
        return _own(project)
    firm = division if division.ico or division.registration_number else project
    seat = division if any(getattr(division, part) for part in ADDRESS) else project
    return BaseData(
        email=division.email or project.email,
        ico=firm.ico,
        vat_id=division.vat_id or firm.vat_id,
        tax_number=division.tax_number or firm.tax_number,
        registration_number=firm.registration_number,
        registration_country=firm.registration_country,
        legal_form=division.legal_form or firm.legal_form,
        street=seat.street,
        city=seat.city,
        postal_code=seat.postal_code,
        country=seat.country,
    )


def _own(owner: Any) -> BaseData:
    return BaseData(**{name: getattr(owner, name) for name in BaseData.__dataclass_fields__})
