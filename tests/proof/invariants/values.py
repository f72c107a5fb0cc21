"""What random people send: a value for each input field, found by its name, else by its type."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    is_required_input_field,
)

from app.engine.guards import metadata_of
from app.engine.ids import ID_OF
from tests.differential.dice import Dice
from tests.proof.invariants.people import ADMINS, CAST, Human
from tests.proof.invariants.words import Mailed, Password, ProjectName, RowOf, Version
from tests.schema.operations import is_one_of

#: Of a hundred optional fields so many are sent.
SENT = 28
SENT_OF = {"idempotencyKey": 6, "expectedVersion": 6, "projectId": 6, "where": 6, "contactIds": 80}
KEYS = ("klic-1", "klic-2", "klic-3")
TYPES = ("Employee", "Contact", "Division", "Project", "Reminder", "Partner")
ROLES = (
    (2, "ADMIN"),
    (3, "DIRECTOR"),
    (3, "EXTERNAL_TELEPHONIST"),
    (5, "SALES_REP"),
    (5, "TELEPHONIST"),
    (3, "COMPLAINTS"),
    (3, "INVOICER"),
)
PURPOSES = {
    "invitationAccept": "INVITATION",
    "passwordReset": "PASSWORD_RESET",
    "emailVerify": "EMAIL_VERIFICATION",
    "emailChange": "EMAIL_CHANGE",
    "addressVerify": "ADDRESS_VERIFICATION",
}
#: What makes sense to name: mutation, or how its name begins → the type it names, and a column's value there.
FITS: Mapping[str, tuple[str, tuple[str, str | None]]] = {
    "employeeInvitationResend": ("Employee", ("status", "INVITED")),
    "employeeReactivate": ("Employee", ("status", "DEACTIVATED")),
    "employeeDeactivate": ("Employee", ("status", "ACTIVE")),
    "emailCancel": ("Email", ("state", "QUEUED")),
    "reminder": ("Reminder", ("state", "OPEN")),
    "contactProposal": ("ContactProposal", ("decision", None)),
    "leadShare": ("LeadShare", ("recalled_at", None)),
    "projectEnter": ("Project", ("deletion_requested_at", None)),
}
#: Filters in filters: what one of them says is enough.
COMPOSED = ("and", "or", "not")
#: Mutations whose `password` is chosen, not proved.
CHOOSES = ("accountCreate", "passwordReset")


class Values:
    """Values of one step: `who` sends `mutation`."""

    def __init__(self, dice: Dice, who: Human, mutation: str) -> None:
        self.dice, self.who, self.mutation = dice, who, mutation

    def input(self, type_: GraphQLInputObjectType) -> dict[str, Any]:
        """What is required, and some of the rest."""
        fields = [(name, each) for name, each in type_.fields.items() if name not in COMPOSED]
        if is_one_of(type_):
            name, field = self.dice.one(fields)
            return {name: self.of(name, field.type, field)}
        if not any(is_required_input_field(each) for _, each in fields):
            fields = [each for each in fields if self.dice.chance(50)] or [self.dice.one(fields)]
            return {name: self.of(name, each.type, each) for name, each in fields}
        sent = [(name, each) for name, each in fields if self._is_sent(name, each)]
        return {name: self.of(name, each.type, each) for name, each in sent}

    def _is_sent(self, name: str, field: GraphQLInputField) -> bool:
        return is_required_input_field(field) or self.dice.chance(SENT_OF.get(name, SENT))

    def of(self, name: str, type_: Any, field: GraphQLInputField) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self._given(name, type_.of_type, field)
        return None if self.dice.chance(6) else self._given(name, type_, field)

    def _given(self, name: str, type_: Any, field: GraphQLInputField) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self._given(name, type_.of_type, field)
        if isinstance(type_, GraphQLList):
            many = self.dice.one((1, 1, 1, 2, 2, 0))
            return [self._given(name, type_.of_type, field) for _ in range(many)]
        if isinstance(type_, GraphQLInputObjectType):
            return self.input(type_)
        if (make := NAMED.get(name)) is not None:
            return make(self)
        if isinstance(type_, GraphQLEnumType):
            return self.dice.one(tuple(type_.values))
        if type_.name == "ID":
            return self.row(metadata_of(field).get(ID_OF) or "Contact")
        return TYPED[type_.name](self)

    def row(self, type_name: str) -> RowOf:
        """Most often one of the firm, now and then of the neighbour, of nobody, or of another kind."""
        if self.dice.chance(3):
            type_name = self.dice.one(TYPES)
        if type_name == "Employee" and self.dice.chance(30):
            return RowOf(type_name, named=self.dice.one((self.who.name, *ADMINS)))
        where = self.dice.weighted(((90, "here"), (7, "there"), (3, "nowhere")))
        type_fit, fit = next(
            (found for start, found in FITS.items() if self.mutation.startswith(start)), ("", None)
        )
        fits = type_fit == type_name and self.dice.chance(80)
        return RowOf(type_name, self.dice.below(16) - 4, where, fit if fits else None)

    def address(self) -> str:
        """His own, another's, or a new one of his own; now and then none at all."""
        weights = (10, 40, 47, 3) if self.mutation == "employeeInvite" else (40, 42, 15, 3)
        kind = self.dice.weighted(list(zip(weights, ("own", "theirs", "fresh", "none"), strict=True)))
        if kind == "none":
            return "to není adresa"
        if kind == "fresh":
            return f"nova{self.dice.below(5)}@{self.who.name}.example.cz"
        name = self.who.name if kind == "own" else self.dice.one(tuple(CAST))
        return f"{self.dice.weighted(((4, name), (1, 'jinak')))}@{name}.example.cz"

    def password(self) -> Password:
        if self.mutation in CHOOSES:
            return Password("new")
        return Password(self.dice.weighted(((90, "own"), (10, "wrong"))))

    def token(self) -> Mailed:
        return Mailed(PURPOSES.get(self.mutation, "INVITATION"), used=self.dice.chance(10))

    def name(self) -> Any:
        if self.mutation == "projectDelete" and self.dice.chance(70):
            return ProjectName()
        return f"Jméno {self.dice.below(9)}"

    def moment(self) -> str:
        """A day from the epoch of the tests: past or far ahead, the same in each run."""
        start = datetime(2026, 3, 2, 12, tzinfo=UTC)
        return (start + timedelta(days=self.dice.one((-30, 0, 20_000, 26_000)))).isoformat()


NAMED: Mapping[str, Callable[[Values], Any]] = {
    "email": Values.address,
    "to": Values.address,
    "password": Values.password,
    "current": lambda values: Password("wrong" if values.dice.chance(10) else "own"),
    "new": lambda values: Password("new"),
    "token": Values.token,
    "name": Values.name,
    "role": lambda values: values.dice.weighted(ROLES),
    "roles": lambda values: values.dice.weighted(ROLES),
    "expectedVersion": lambda values: Version(values.dice.weighted(((3, 0), (1, 1)))),
    "idempotencyKey": lambda values: values.dice.one(KEYS),
    "dailyDeleteLimit": lambda values: values.dice.below(5),
    "defaultReminderIntervalMinutes": lambda values: values.dice.one((1, 10, 0, None)),
    "reminderIntervalMaxMinutes": lambda values: values.dice.one((5, 60, 0)),
    "reminderIntervalMinutes": lambda values: values.dice.one((1, 5, 60, 0)),
    "timeZone": lambda values: "Europe/Prague",
    "ico": lambda values: "27082440",
    "registrationNumber": lambda values: f"HRB {values.dice.below(9)}",
    "registrationCountry": lambda values: "SK",
    "vatId": lambda values: "CZ27082440",
    "taxNumber": lambda values: "2020317068",
    "phone": lambda values: "+420777123456",
    "web": lambda values: "https://www.example.cz",
    "bankAccount": lambda values: "CZ6508000000192000145399",
    "country": lambda values: "CZ",
    "postalCode": lambda values: "60200",
    "currency": lambda values: "CZK",
}
TYPED: Mapping[str, Callable[[Values], Any]] = {
    "String": lambda values: f"slovo {values.dice.below(9)}",
    "Int": lambda values: 1 + values.dice.below(5),
    "Boolean": lambda values: values.dice.chance(50),
    "DateTime": Values.moment,
    "Decimal": lambda values: f"{values.dice.below(900)}.00",
    "Float": lambda values: float(values.dice.below(9)),
}
