"""Small types that several domains show."""

import strawberry

from app.engine.guards import value
from app.engine.scalars import Decimal
from app.policy import Level


@value(Level.ANONYMOUS)
class Address:
    """A postal address."""

    street: str | None = strawberry.field(description="Street and number, or the village's house number.")
    city: str | None = strawberry.field(description="Town or village.")
    postal_code: str | None = strawberry.field(description="Postal code, without blanks for Czech ones.")
    country: str | None = strawberry.field(description="ISO 3166 code of two letters: CZ.")


@strawberry.input(description="A postal address. What is left out of an update stays.")
class AddressInput:
    street: str | None = strawberry.field(description="Street and number.", default=strawberry.UNSET)
    city: str | None = strawberry.field(description="Town or village.", default=strawberry.UNSET)
    postal_code: str | None = strawberry.field(description="Postal code.", default=strawberry.UNSET)
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
