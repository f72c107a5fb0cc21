"""Small types that several domains show."""

import strawberry

from app.engine.guards import value
from app.engine.scalars import Decimal
from app.policy import Level

#: What people type that is read by a country's rules: the firm's, by its address, its register or its VAT id, else the
#: project's.
ICO = (
    "IČO: of Czech firms, and of Slovak ones with all eight digits. Of another country: `registrationNumber`."
)
VAT_ID = (
    "VAT id (DIČ, in Slovakia IČ DPH) with its country: CZ27082440. Of the EU, the United Kingdom, Switzerland, Norway. "
    "Without a country it is of the firm's, but in Czechia and Slovakia, where a bare number is another one."
)
TAX_NUMBER = "What a tax office calls it by, where that is no VAT id, at most 50 characters; a Slovak DIČ has ten digits."
PHONE = (
    "Telephone; without a country's code it is of the contact's country (of its address, else its register, else its VAT "
    "id), else the project's. INVALID for an extension, and for digits that may be two numbers."
)
BANK_ACCOUNT = (
    "Bank account: an IBAN, or of a Czech or Slovak contact 19-2000145399/0800; as typed where a country has no IBANs, or "
    "numbers of its own besides."
)
REGISTRATION_NUMBER = (
    "The number of a firm of another country in its register, as typed, at most 50 characters: HRB 86891."
)
REGISTRATION_COUNTRY = (
    "The country of that register: if not given, the firm's own, else the project's. REQUIRED where that is CZ or SK, "
    "whose firms have an IČO. A number that stays keeps it; without a number it is left out."
)
CONFIRM_ICO = (
    "Look up an IČO that was refused, and keep it if the business register has it: some have a wrong check digit, some "
    "belong to firms with their seat abroad. For when a person has looked at `companyLookup` and says that it is right."
)


@value(Level.ANONYMOUS)
class Address:
    """A postal address."""

    street: str | None = strawberry.field(description="Street and number, or the village's house number.")
    city: str | None = strawberry.field(description="Town or village.")
    postal_code: str | None = strawberry.field(
        description="Postal code as its country writes it: 14000, 00-950, SW1A 1AA."
    )
    country: str | None = strawberry.field(description="ISO 3166 code of two letters: CZ.")


@strawberry.input(description="A postal address. What is left out of an update stays.")
class AddressInput:
    street: str | None = strawberry.field(description="Street and number.", default=strawberry.UNSET)
    city: str | None = strawberry.field(description="Town or village.", default=strawberry.UNSET)
    postal_code: str | None = strawberry.field(
        description="Postal code, of the country below or the one that is there.", default=strawberry.UNSET
    )
    country: str | None = strawberry.field(
        description="ISO 3166 code of two letters: CZ.", default=strawberry.UNSET
    )


@value(Level.ANONYMOUS)
class ViewerCan:
    """What the viewer may do with this very row, for a user interface to show or hide its buttons."""

    update: bool = strawberry.field(description="Whether he may change it.")
    delete: bool = strawberry.field(description="Whether he may delete it.")


@value(Level.ANONYMOUS)
class Money:
    """An exact amount of money."""

    amount: Decimal = strawberry.field(description='The amount, with two places: "1234.50".')
    currency: str = strawberry.field(description="ISO 4217 code of three letters: CZK.")


@strawberry.input(description="An exact amount of money.")
class MoneyInput:
    amount: Decimal = strawberry.field(description='The amount, with at most two places: "1234.50".')
    currency: str | None = strawberry.field(
        description="ISO 4217 code of three letters; CZK if not given, and nothing else for now.",
        default=strawberry.UNSET,
    )
