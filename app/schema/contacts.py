"""Contacts: the customer firms and people, with all that hangs on them."""

from collections.abc import Sequence

import strawberry

from app import models
from app.engine.assemble import describe_enum
from app.engine.declare import (
    ById,
    Listing,
    Record,
    Table,
    column,
    computed,
    group,
    latest,
    to_list,
    to_many,
    to_one,
)
from app.engine.ids import global_id
from app.engine.scalars import Decimal, EmailAddress, PhoneNumber, Url
from app.models import Area, ContactStatus
from app.policy import Permission as P  # noqa: N817
from app.policy import Viewer
from app.schema.common import (
    BANK_ACCOUNT,
    CONFIRM_ICO,
    ICO,
    PHONE,
    REGISTRATION_COUNTRY,
    REGISTRATION_NUMBER,
    TAX_NUMBER,
    VAT_ID,
    Address,
    AddressInput,
    Money,
    MoneyInput,
    ViewerCan,
)
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.schema.persons import ContactPersonInput
from app.services import contact_deletion, contacts
from app.services.money import CURRENCY, amount_of

describe_enum(
    models.ContactStatus,
    "How far a contact has come with the firm.",
    LEAD="Somebody who might buy.",
    PROSPECT="Somebody the firm is in talks with.",
    CUSTOMER="Somebody who buys.",
    FORMER="Somebody who used to buy.",
    BLOCKED="Somebody the firm does not deal with.",
)


async def _credit_limits(rows: Sequence[Record], viewer: Viewer) -> Sequence[Money | None]:
    limits = [row["credit_limit_minor"] for row in rows]
    return [
        None if each is None else Money(amount=Decimal(amount_of(each)), currency=CURRENCY) for each in limits
    ]


async def _viewer_can(rows: Sequence[Record], viewer: Viewer) -> Sequence[ViewerCan]:
    """Both rights reach all contacts that one sees."""
    can = ViewerCan(update=viewer.may(P.CONTACT_WRITE), delete=viewer.may(P.CONTACT_DELETE))
    return [can for _ in rows]


class Contact(Table, model=models.Contact, see=P.CONTACT_READ, metered="id"):
    """A customer firm or person that the project talks to. Without a division everyone inside the project sees it."""

    name = column(P.CONTACT_READ, "Its name.", filter=True, sort="sort_key")
    ico = column(
        P.CONTACT_READ,
        "Company number (IČO) of a Czech or Slovak firm, eight digits.",
        filter=True,
        sort="ico",
    )
    registration_number = column(
        P.CONTACT_READ, "The number of a firm of another country in its register, as typed.", filter=True
    )
    registration_country = column(
        P.CONTACT_READ, "The country of that register: ISO 3166 code of two letters.", filter=True
    )
    vat_id = column(P.CONTACT_BILLING_READ, "VAT id (DIČ, IČ DPH): CZ27082440.", filter=True)
    tax_number = column(
        P.CONTACT_BILLING_READ,
        "What a tax office calls it by, where that is no VAT id: a Slovak DIČ, a Polish NIP. It may be a birth number.",
        filter=True,
    )
    status = column(P.CONTACT_READ, "How far it has come with the firm.", filter=True, sort="status")
    email = column(P.CONTACT_READ, "E-mail address.", type=EmailAddress, filter=True)
    phone = column(P.CONTACT_READ, "Telephone.", type=PhoneNumber, filter=True)
    web = column(P.CONTACT_READ, "Web address.", type=Url)
    address = group(
        Address,
        P.CONTACT_READ,
        "Postal address; null if nothing of it is known.",
        street="street",
        city="city",
        postal_code="postal_code",
        country="country",
    )
    city = column(P.CONTACT_READ, "Town or village of its address.", filter=True, sort="city")
    postal_code = column(P.CONTACT_READ, "Postal code of its address.", filter=True)
    country = column(P.CONTACT_READ, "Country of its address: ISO 3166 code of two letters.", filter=True)
    division_id = column(P.PROJECT_READ, "The id of its division.", id_of="Division", filter=True)
    division = to_one("Division", P.CONTACT_READ, "The division it belongs to, if any.", via="division_id")
    owner_id = column(P.PROJECT_READ, "The id of its owner.", id_of="Employee", filter=True)
    owner = to_one("Employee", P.CONTACT_READ, "The employee who looks after it.", via="owner_id")
    persons = to_list(
        "Person",
        P.CONTACT_READ,
        "The people there, by name in Czech order.",
        via="contact_id",
        order="sort_key",
    )
    activities = to_many(
        "Activity",
        P.CONTACT_READ,
        "What happened with it, the latest first: of the areas that the viewer may read.",
        via="contact_id",
        order="-occurred_at",
    )
    reminders = to_many(
        "Reminder",
        P.CONTACT_READ,
        "The reminders about it that the viewer may see, the earliest due first.",
        via="contact_id",
        order="due_at",
    )
    emails = to_many(
        "Email",
        P.CONTACT_READ,
        "The mail to it that the viewer may read, the latest first.",
        via="contact_id",
        order="-created_at",
    )
    bank_account = column(
        P.CONTACT_BILLING_READ, "Bank account: an IBAN, or 19-2000145399/0800 of a Czech bank."
    )
    credit_limit = computed(
        Money,
        P.CONTACT_BILLING_READ,
        "How much it may owe.",
        _credit_limits,
        needs=("credit_limit_minor",),
    )
    price_level = column(P.CONTACT_BILLING_READ, "The price level it buys at.", filter=True)
    internal_rating = column(P.CONTACT_BILLING_READ, "What the firm thinks of it: 1 to 5.", filter=True)
    last_sales_activity_at = latest(
        "Activity",
        P.ACTIVITY_SALES_READ,
        "When something happened in sales that the viewer may see.",
        via="contact_id",
        column="occurred_at",
        only={"area": Area.SALES},
    )
    created_by = to_one("Employee", P.CONTACT_READ, "Who added it.", via="created_by_id")
    created_at = column(P.CONTACT_READ, "When it was added.", filter=True, sort="created_at")
    updated_at = column(
        P.CONTACT_READ, "When it was last corrected; activities do not count.", filter=True, sort="updated_at"
    )
    version = column(P.CONTACT_READ, "Grows with every change; send it back as `expectedVersion`.")
    viewer_can = computed(ViewerCan, P.CONTACT_READ, "What the viewer may do with it.", _viewer_can)


queries = {
    "contact": ById(guard=P.CONTACT_READ, description="One contact.", to="Contact"),
    "contacts": Listing(
        guard=P.CONTACT_READ,
        description="All contacts in reach, by name in Czech order. "
        "`search` looks into name, IČO, registration number, city, e-mail and phone.",
        to="Contact",
        order=("sort_key",),
        search="search_text",
    ),
}


@strawberry.input(description="A new contact.")
class ContactCreateInput:
    name: str = required("Its name: one line, at most 200 characters.")
    ico: str | None = optional(ICO)
    confirm_ico: bool | None = optional(CONFIRM_ICO)
    registration_number: str | None = optional(REGISTRATION_NUMBER)
    registration_country: str | None = optional(REGISTRATION_COUNTRY)
    vat_id: str | None = optional(VAT_ID, guard=P.CONTACT_BILLING_WRITE)
    tax_number: str | None = optional(TAX_NUMBER, guard=P.CONTACT_BILLING_WRITE)
    email: str | None = optional("E-mail address.")
    phone: str | None = optional(PHONE)
    web: str | None = optional("Web address, http or https.")
    address: AddressInput | None = optional("Postal address.")
    status: ContactStatus | None = optional("LEAD if not given.")
    division_id: strawberry.ID | None = optional(
        "Its division, one that the viewer works with; none if not given.", id_of="Division"
    )
    owner_id: strawberry.ID | None = optional("The active employee who looks after it.", id_of="Employee")
    persons: list[ContactPersonInput] | None = optional("The people there, at most 50.")
    bank_account: str | None = optional(BANK_ACCOUNT, guard=P.CONTACT_BILLING_WRITE)
    credit_limit: MoneyInput | None = optional("How much it may owe.", guard=P.CONTACT_BILLING_WRITE)
    price_level: str | None = optional("The price level it buys at.", guard=P.CONTACT_BILLING_WRITE)
    internal_rating: int | None = optional(
        "What the firm thinks of it: 1 to 5.", guard=P.CONTACT_BILLING_WRITE
    )
    idempotency_key: str | None = idempotency_key()


@mutation(P.CONTACT_WRITE, contact=Contact)
async def contact_create(act: Act, input: ContactCreateInput) -> Returned:
    """Adds a contact."""
    contact = await contacts.create(act.member, now=act.now, **given(input))
    return {"contact": contact.id}


@strawberry.input(description="Corrections of a contact. What is not sent stays; null clears.")
class ContactUpdateInput:
    id: strawberry.ID = required("Which contact.", id_of="Contact")
    name: str | None = optional("Its name: one line, at most 200 characters; never null.")
    ico: str | None = optional(ICO)
    confirm_ico: bool | None = optional(CONFIRM_ICO)
    registration_number: str | None = optional(REGISTRATION_NUMBER)
    registration_country: str | None = optional(REGISTRATION_COUNTRY)
    vat_id: str | None = optional(VAT_ID, guard=P.CONTACT_BILLING_WRITE)
    tax_number: str | None = optional(TAX_NUMBER, guard=P.CONTACT_BILLING_WRITE)
    email: str | None = optional("E-mail address.")
    phone: str | None = optional(PHONE)
    web: str | None = optional("Web address, http or https.")
    address: AddressInput | None = optional("Postal address; null clears all of it.")
    status: ContactStatus | None = optional("How far it has come with the firm; never null.")
    division_id: strawberry.ID | None = optional(
        "Its division, one that the viewer works with; null only by whoever works with all of them.",
        id_of="Division",
    )
    owner_id: strawberry.ID | None = optional("The active employee who looks after it.", id_of="Employee")
    bank_account: str | None = optional(BANK_ACCOUNT, guard=P.CONTACT_BILLING_WRITE)
    credit_limit: MoneyInput | None = optional("How much it may owe.", guard=P.CONTACT_BILLING_WRITE)
    price_level: str | None = optional("The price level it buys at.", guard=P.CONTACT_BILLING_WRITE)
    internal_rating: int | None = optional(
        "What the firm thinks of it: 1 to 5.", guard=P.CONTACT_BILLING_WRITE
    )
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.CONTACT_WRITE, contact=Contact)
async def contact_update(act: Act, input: ContactUpdateInput) -> Returned:
    """Corrects a contact."""
    contact = await contacts.update(act.member, now=act.now, **given(input))
    return {"contact": contact.id}


@strawberry.input(description="A contact to delete.")
class ContactDeleteInput:
    id: strawberry.ID = required("Which contact.", id_of="Contact")


@mutation(P.CONTACT_DELETE, deleted_contact_id=strawberry.ID)
async def contact_delete(act: Act, input: ContactDeleteInput) -> Returned:
    """Deletes a contact with its persons, activities, reminders and pending pop-ups; mail that waits is taken back.

    Whoever is no admin may delete only so many within 24 hours, then RATE_LIMITED.
    """
    deleted_id = await contact_deletion.delete(act.member, now=act.now, **given(input))
    return {"deleted_contact_id": global_id("Contact", deleted_id)}
