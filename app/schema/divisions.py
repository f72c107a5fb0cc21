"""Divisions: parts of a project, with base data of their own where set."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import strawberry

from app import models
from app.engine.declare import ById, Listing, Record, Table, column, computed, group
from app.engine.guards import field, value
from app.engine.scalars import EmailAddress
from app.policy import Level, Viewer
from app.policy import Permission as P  # noqa: N817
from app.schema.common import (
    CONFIRM_ICO,
    ICO,
    REGISTRATION_COUNTRY,
    REGISTRATION_NUMBER,
    TAX_NUMBER,
    VAT_ID,
    Address,
    AddressInput,
)
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import divisions
from app.services.base_data import base_data

ADDRESS = {name: name for name in ("street", "city", "postal_code", "country")}
NUMBERS = ("ico", "registration_number", "registration_country", "vat_id", "tax_number", "legal_form")
PARTS = ("email", *NUMBERS, *ADDRESS)


OF_ITS_OWN = "Not inherited by a division with an IČO or a registration number of its own."


@value(Level.MEMBER)
class BaseData:
    """What stands on documents and letters: a division's own where it has any, else the project's."""

    email: EmailAddress | None = strawberry.field(description="The e-mail address.")
    ico: str | None = strawberry.field(description=f"IČO. {OF_ITS_OWN}")
    registration_number: str | None = strawberry.field(
        description=f"The number in the register of another country. {OF_ITS_OWN}"
    )
    registration_country: str | None = strawberry.field(description="The country of that register.")
    vat_id: str | None = strawberry.field(description=f"VAT id (DIČ, in Slovakia IČ DPH). {OF_ITS_OWN}")
    tax_number: str | None = field(
        P.CONTACT_BILLING_READ,
        f"What its tax office calls it by, where that is no VAT id. It may be a birth number. {OF_ITS_OWN}",
    )
    legal_form: str | None = strawberry.field(description=f"The legal form. {OF_ITS_OWN}")
    address: Address | None = strawberry.field(description="The seat, inherited whole or not at all.")


async def _base_data(records: Sequence[Record], viewer: Viewer) -> Sequence[BaseData]:
    return [_resolved(record) for record in records]


def _resolved(record: Record) -> BaseData:
    own = SimpleNamespace(**{name: record[name] for name in PARTS})
    firm = SimpleNamespace(**{name: record[f"project_id.{name}"] for name in PARTS})
    data = base_data(firm, own)
    seat = {name: getattr(data, name) for name in ADDRESS}
    return BaseData(
        email=EmailAddress(data.email) if data.email else None,
        **{name: getattr(data, name) for name in NUMBERS},
        address=Address(**seat) if any(seat.values()) else None,
    )


class Division(Table, model=models.Division, see=P.PROJECT_READ):
    """A part of a project (B2B, B2C). A field of its own that is null is inherited: `baseData` shows what results."""

    name = column(P.PROJECT_READ, "Its name.", filter=True, sort="sort_key")
    email = column(
        P.PROJECT_READ, "Its own e-mail: mail to its contacts comes from there.", type=EmailAddress
    )
    email_verified_at = column(
        P.PROJECT_READ, "When the e-mail was proved; until then mail only asks to be answered there."
    )
    ico = column(P.PROJECT_READ, "An IČO of its own.", filter=True)
    registration_number = column(
        P.PROJECT_READ, "A number of its own in the register of another country, as typed."
    )
    registration_country = column(P.PROJECT_READ, "The country of that register.")
    vat_id = column(P.PROJECT_READ, "A VAT id (DIČ, in Slovakia IČ DPH) of its own.")
    tax_number = column(
        P.CONTACT_BILLING_READ,
        "A tax number of its own, where that is no VAT id: a Slovak DIČ. It may be a birth number.",
    )
    legal_form = column(P.PROJECT_READ, "A legal form of its own.")
    address = group(Address, P.PROJECT_READ, "A seat of its own.", **ADDRESS)
    base_data = computed(
        BaseData,
        P.PROJECT_READ,
        "What stands on its documents: its own where set, else the project's.",
        _base_data,
        needs=(*PARTS, *(f"project_id.{name}" for name in PARTS)),
    )
    archived_at = column(
        P.PROJECT_READ, "Since when nothing is put into it; null while it is used.", filter=True
    )
    version = column(P.PROJECT_READ, "Grows with each change; see expectedVersion.")
    created_at = column(P.PROJECT_READ, "When it was made.", filter=True, sort="created_at")
    updated_at = column(P.PROJECT_READ, "When it was last changed.")


queries: dict[str, Any] = {
    "division": ById(guard=P.PROJECT_READ, description="The division with this id.", to="Division"),
    "divisions": Listing(
        guard=P.PROJECT_READ,
        description="The project's divisions, the archived too.",
        to="Division",
        order=("sort_key",),
    ),
}


@strawberry.input(description="A new division. Whatever is left out is inherited from the project.")
class DivisionCreateInput:
    name: str = required("Its name, at most 200 characters; no other division in use has it.")
    email: str | None = optional("Its own e-mail. It must be proved, as the project's, before it is in From.")
    ico: str | None = optional(f"Its own. {ICO}")
    confirm_ico: bool | None = optional(CONFIRM_ICO)
    registration_number: str | None = optional(f"Its own. {REGISTRATION_NUMBER}")
    registration_country: str | None = optional(REGISTRATION_COUNTRY)
    vat_id: str | None = optional(f"Its own. {VAT_ID}")
    tax_number: str | None = optional(f"Its own. {TAX_NUMBER}")
    legal_form: str | None = optional("A legal form of its own, at most 100 characters.")
    address: AddressInput | None = optional("A seat of its own.")
    idempotency_key: str | None = idempotency_key()


@mutation(P.PROJECT_SETTINGS, division=Division)
async def division_create(act: Act, input: DivisionCreateInput) -> Returned:
    """Makes a division."""
    division = await divisions.create(act.member, now=act.now, **given(input))
    return {"division": division.id}


@strawberry.input(
    description="Changes of a division. What is not sent stays; null makes it inherit the field."
)
class DivisionUpdateInput:
    id: strawberry.ID = required("Which division.", id_of="Division")
    name: str | None = optional("Its name, at most 200 characters; no other division in use has it.")
    email: str | None = optional("Its own e-mail. A new one must be proved before it is in From.")
    ico: str | None = optional(f"Its own. {ICO}")
    confirm_ico: bool | None = optional(CONFIRM_ICO)
    registration_number: str | None = optional(f"Its own. {REGISTRATION_NUMBER}")
    registration_country: str | None = optional(REGISTRATION_COUNTRY)
    vat_id: str | None = optional(f"Its own. {VAT_ID}")
    tax_number: str | None = optional(f"Its own. {TAX_NUMBER}")
    legal_form: str | None = optional("A legal form of its own, at most 100 characters.")
    address: AddressInput | None = optional("A seat of its own; parts that are not sent stay.")
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.PROJECT_SETTINGS, division=Division)
async def division_update(act: Act, input: DivisionUpdateInput) -> Returned:
    """Changes a division."""
    division = await divisions.update(act.member, now=act.now, **given(input))
    return {"division": division.id}


@strawberry.input(description="A division that is not used any more.")
class DivisionArchiveInput:
    id: strawberry.ID = required("Which division.", id_of="Division")
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.PROJECT_SETTINGS, division=Division)
async def division_archive(act: Act, input: DivisionArchiveInput) -> Returned:
    """Archives a division: no contact and no employee is put into it any more; those in it stay. Twice is no error."""
    division = await divisions.archive(act.member, now=act.now, **given(input))
    return {"division": division.id}
