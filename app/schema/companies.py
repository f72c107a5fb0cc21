"""Looking a company up in the business register, to fill base data in."""

from datetime import date
from typing import Annotated

import strawberry

from app.engine.assemble import describe_enum
from app.engine.guards import GUARD, AnyOf, field, value
from app.policy import AccountViewer, Level, Permission, Viewer
from app.schema.common import Address
from app.services import companies
from app.services.companies import VatRegistration

describe_enum(
    VatRegistration,
    "Whether, and how, a company is registered for VAT.",
    ACTIVE="It pays VAT.",
    GROUP="It pays VAT as a member of the group `vatGroupId`.",
    FUTURE="It will, from a day to come.",
    SUSPENDED="Its registration is suspended.",
    ENDED="It did once.",
    NONE="It does not.",
)


class _FreeBeforeProjects(AnyOf):
    """Inside a project one of the guards must be granted; before one is entered there is nothing to protect."""

    def granted_to(self, viewer: Viewer) -> bool:
        return viewer.level is Level.ACCOUNT or super().granted_to(viewer)


_BILLING = _FreeBeforeProjects((Permission.CONTACT_BILLING_READ, Permission.PROJECT_SETTINGS))


@value(Level.ACCOUNT)
class Company:
    """A company as the Czech business register (ARES) knows it. Whatever it does not say is null."""

    ico: str = strawberry.field(description="IČO, eight digits.")
    vat_id: str | None = field(
        _BILLING,
        "VAT id (DIČ). It does not mean that the company pays VAT. Free to everybody before a project is entered; inside "
        "one it may be the VAT id of a customer.",
    )
    vat_group_id: str | None = field(
        _BILLING, "VAT id of the group in which it pays VAT; as free as `vatId`, which a member may lack."
    )
    vat_registration: VatRegistration | None = field(
        _BILLING, "Whether it pays VAT: a VAT id alone does not say so. As free as `vatId`."
    )
    name: str | None = strawberry.field(description="The registered name.")
    legal_form: str | None = strawberry.field(
        description="The legal form in Czech, or the register's code of a rare one."
    )
    active: bool = strawberry.field(description="False once it was dissolved.")
    founded_on: date | None = strawberry.field(description="The day on which it came into being.")
    dissolved_on: date | None = strawberry.field(description="The day on which it ended, if it has.")
    address: Address | None = strawberry.field(
        description="The registered seat, also one in another country; the primary one of several."
    )


async def company_lookup(
    info: strawberry.Info,
    ico: Annotated[str, strawberry.argument(description="IČO; leading zeros may be left out.")],
) -> Company | None:
    viewer = info.context.viewer
    assert isinstance(viewer, AccountViewer)
    found = await companies.lookup(viewer, ico)
    if found is None:
        return None
    seat, form = found.address, found.legal_form
    return Company(
        ico=found.ico,
        vat_id=found.vat_id,
        vat_group_id=found.vat_group,
        vat_registration=found.vat_registration,
        name=found.name,
        legal_form=(form.name or form.code) if form else None,
        active=found.active,
        founded_on=found.founded_on,
        dissolved_on=found.dissolved_on,
        address=Address(
            street=seat.street, city=seat.city, postal_code=seat.postal_code, country=seat.country
        )
        if seat
        else None,
    )


queries = {
    "company_lookup": strawberry.field(
        resolver=company_lookup,
        description="The company with this IČO, null if there is none. A wrong check digit is no reason not to ask: "
        "some have one; see `confirmIco`. BAD_USER_INPUT for what cannot be an IČO, "
        "SERVICE_UNAVAILABLE if the register does not answer: then everything can be typed by hand.",
        metadata={GUARD: Level.ACCOUNT},
    )
}
