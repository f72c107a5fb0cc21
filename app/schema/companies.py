"""Looking a company up in the business register, to fill base data in."""

from typing import Annotated

import strawberry

from app.engine.guards import GUARD, AnyOf, field, value
from app.policy import AccountViewer, Level, Permission, Viewer
from app.schema.common import Address
from app.services import companies


class _FreeBeforeProjects(AnyOf):
    """Inside a project one of the guards must be granted; before one is entered there is nothing to protect."""

    def granted_to(self, viewer: Viewer) -> bool:
        return viewer.level is Level.ACCOUNT or super().granted_to(viewer)


@value(Level.ACCOUNT)
class Company:
    """A company as the Czech business register (ARES) knows it. Whatever it does not say is null."""

    ico: str = strawberry.field(description="IČO, eight digits.")
    vat_id: str | None = field(
        _FreeBeforeProjects((Permission.CONTACT_BILLING_READ, Permission.PROJECT_SETTINGS)),
        "VAT id (DIČ). It does not mean that the company pays VAT. Free to everybody before a project is entered; inside "
        "one it may be the VAT id of a customer.",
    )
    name: str | None = strawberry.field(description="The registered name.")
    legal_form: str | None = strawberry.field(
        description="The legal form in Czech, or the register's code of a rare one."
    )
    active: bool = strawberry.field(description="False once it was dissolved.")
    address: Address | None = strawberry.field(description="The registered seat.")


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
        name=found.name,
        legal_form=(form.name or form.code) if form else None,
        active=found.active,
        address=Address(
            street=seat.street, city=seat.city, postal_code=seat.postal_code, country=seat.country
        )
        if seat
        else None,
    )


queries = {
    "company_lookup": strawberry.field(
        resolver=company_lookup,
        description="The company with this IČO, null if there is none. BAD_USER_INPUT for a wrong check digit, "
        "SERVICE_UNAVAILABLE if the register does not answer: then everything can be typed by hand.",
        metadata={GUARD: Level.ACCOUNT},
    )
}
