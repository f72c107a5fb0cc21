"""By which country's rules it is read what people type without saying its country: the firm's own, else the project's."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from app import formats
from app.models import Project

HOME = "CZ"
#: What differs by country.
READ_BY_COUNTRY = frozenset(
    {
        "ico",
        "vat_id",
        "tax_number",
        "registration_number",
        "registration_country",
        "phone",
        "address",
        "bank_account",
        "persons",
    }
)
#: The columns that tell a firm's country.
TELLING = ("country", "registration_number", "registration_country", "vat_id")


def own_country(sent: Mapping[str, Any], row: Any = None) -> str | None:
    """Where a firm is once what was sent is in its row: by its address, else its register, else its VAT id.

    `row` is None for a new one, and has any of `TELLING`. A report has its country beside it and no address. What is
    wrong is refused elsewhere, and changes nothing here.
    """
    seat = _seat(sent)
    return (
        _known(formats.country, seat, row, "country")
        or register_country(sent, row)
        or formats.vat_country(_known(formats.vat_id, sent, row, "vat_id") or "")
    )


def register_country(sent: Mapping[str, Any], row: Any) -> str | None:
    """The country of the registration number: the one that was said, else the stored one.

    Without a number there is none: a form may choose a country before anybody types. Whoever empties the country alone
    keeps it with its number; with another number it is none.
    """
    stored = getattr(row, "registration_number", None)
    number = (sent.get("registration_number", stored) or "").strip()
    if not number:
        return None
    said = _known(formats.country, sent, row, "registration_country")
    return said or (getattr(row, "registration_country", None) if number == stored else None)


async def rules_country(project_id: UUID, sent: Mapping[str, Any], own: str | None) -> str:
    """`own`, else the project's, else Czechia. The project is only asked if something that was sent needs it."""
    if own or not READ_BY_COUNTRY & sent.keys():
        return own or HOME
    return own_country({}, await Project.filter(id=project_id).only("id", *TELLING).first()) or HOME


def _seat(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of what was sent that may have the country of the address."""
    if "address" not in sent:
        return sent
    return {"country": None} if sent["address"] is None else sent["address"]


def _known(form: Callable[[str], str], sent: Mapping[str, Any], row: Any, name: str) -> str | None:
    """What was typed, None if it was emptied; what is stored if nothing was typed, or something wrong."""
    stored: str | None = getattr(row, name, None)
    typed = sent.get(name, stored)
    if not typed or not typed.strip():
        return None
    try:
        return form(typed)
    except ValueError:
        return stored
