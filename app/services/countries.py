"""By which country's rules it is read what people type without saying its country: the firm's own, else the project's."""

from collections.abc import Mapping
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


def own_country(sent: Mapping[str, Any], stored: str | None = None) -> str | None:
    """The country that a row has once what was sent is in it. A wrong one, which is refused elsewhere, changes nothing."""
    address = sent.get("address", {})
    if address is None:
        return None
    return country_or(address.get("country", stored), stored)


def country_or(typed: str | None, stored: str | None) -> str | None:
    """The country that was typed, None if it was emptied, `stored` if it is none."""
    if not typed or not typed.strip():
        return None
    try:
        return formats.country(typed)
    except ValueError:
        return stored


async def rules_country(project_id: UUID, sent: Mapping[str, Any], own: str | None) -> str:
    """`own`, else the project's, else Czechia. The project is only asked if something that was sent needs it."""
    if own or not READ_BY_COUNTRY & sent.keys():
        return own or HOME
    row = await Project.filter(id=project_id).first().values("country")
    return (row and row["country"]) or HOME
