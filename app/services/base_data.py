"""Base data: the numbers and the seat of a firm, which flow from the project and its division into documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app import formats
from app.validation import fields, line, nullable, of

ADDRESS_RULES = {
    "street": nullable(line(200)),
    "city": nullable(line(100)),
    "postal_code": nullable(of(formats.postal_code)),
    "country": nullable(of(formats.country)),
}
RULES = {
    "name": line(200),
    "email": nullable(of(formats.email_address)),
    "ico": nullable(of(formats.ico)),
    "vat_id": nullable(of(formats.vat_id)),
    "legal_form": nullable(line(100)),
    "address": nullable(fields(ADDRESS_RULES)),
}


def columns(clean: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values under the names of the tables' columns. An address of None empties all its parts."""
    found = dict(clean)
    if "address" in found:
        address = found.pop("address")
        found |= dict.fromkeys(ADDRESS_RULES) if address is None else address
    return found


@dataclass(frozen=True, slots=True)
class BaseData:
    """What stands on documents and letters."""

    email: str | None
    ico: str | None
    vat_id: str | None
    legal_form: str | None
    street: str | None
    city: str | None
    postal_code: str | None
    country: str | None


def base_data(project: Any, division: Any = None) -> BaseData:
    """The division's own where it has any, else the project's: of rows, or of whatever has their attributes.

    The address is inherited whole, or two seats would be mixed. A division with an IČO is another firm: it takes no
    VAT number and no legal form from the project.
    """
    if division is None:
        return _own(project)
    firm = division if division.ico else project
    seat = division if any(getattr(division, part) for part in ADDRESS_RULES) else project
    return BaseData(
        email=division.email or project.email,
        ico=firm.ico,
        vat_id=division.vat_id or firm.vat_id,
        legal_form=division.legal_form or firm.legal_form,
        street=seat.street,
        city=seat.city,
        postal_code=seat.postal_code,
        country=seat.country,
    )


def _own(owner: Any) -> BaseData:
    return BaseData(**{name: getattr(owner, name) for name in BaseData.__dataclass_fields__})
