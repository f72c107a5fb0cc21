"""One project with rows of everything, every column filled: so that null can be told from denied.

Each table has rows of three kinds: A is mine, with the contact that my partner firm sees; B is somebody else's, with the
same contact; C is mine, with a contact that is not shared any more. Tables with an `area` have each kind in every area. The rows
are made from the models, so a new table needs no word here unless its columns forbid each other (`EXCEPT`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property
from itertools import count
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.fields.relational import ForeignKeyFieldInstance

from app import models
from app.engine.declare import TABLES
from app.models.base import JsonText, Table
from app.models.employees import RolesField
from app.security import token_hash
from app.text import fold
from tests.factories import FAR_AWAY, LONG_AGO, NOON

TOKEN = "the-token-of-the-viewer-of-the-matrix"
KINDS = ("A", "B", "C")
#: Links between tables, which no type of the API shows.
LINKS: tuple[type[Table], ...] = (models.EmployeeDivision, models.LeadShareContact)
NO_END: Mapping[str, Any] = dict.fromkeys(("recalled_at", "closed_at"))
#: Columns that cannot be filled freely, by model; for one kind of row: `Model.A`.
EXCEPT: Mapping[str, Mapping[str, Any]] = {
    "Account": {"password_hash": None},
    "Project": {"deletion_requested_at": None, "purge_after": None, "external_read_limit": 2_000_000_000},
    "Employee": {"status": models.EmployeeStatus.ACTIVE, "deactivated_at": None, "next_popup_at": None},
    "Employee.B": {"status": models.EmployeeStatus.DEACTIVATED, "deactivated_at": NOON},
    "Partner.A": {"archived_at": None},
    "LeadShare": {"valid_from": LONG_AGO, "valid_until": FAR_AWAY},
    "LeadShare.A": NO_END,
    "Session": {"expires_at": FAR_AWAY, "absolute_expires_at": FAR_AWAY, "revoked_at": None},
    "Session.A": {"token_hash": token_hash(TOKEN)},
    "Reminder": {"state": models.ReminderState.RESOLVED},
    "Email": {
        "purpose": models.EmailPurpose.BUSINESS,
        "template": None,
        "template_ref": None,
        "via": models.EmailVia.RELAY,
        "mailbox_id": None,
        "state": models.EmailState.SENT,
        "lease_until": None,
        "next_attempt_at": None,
    },
}
TEXTS: Mapping[str, str] = {
    "country": "CZ",
    "ico": "27082440",
    "registration_country": "DE",
    "vat_id": "CZ27082440",
    "time_zone": "Europe/Prague",
    "client_ip": "192.0.2.1",
    "web": "https://example.cz",
    "phone": "+420601000000",
    "subject": "Contact",
}


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the world; `type_name` is the type of the API that shows it, if any does."""

    type_name: str
    kind: str
    record: Any

    @property
    def is_mine(self) -> bool:
        return self.kind != "B"


@dataclass(eq=False)
class World:
    """The rows by model, in the order in which they are written."""

    rows: dict[type[Any], list[Row]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @cached_property
    def by_id(self) -> dict[UUID, Row]:
        return {row.record.id: row for rows in self.rows.values() for row in rows}

    def of(self, model: type[Any]) -> list[Row]:
        """The rows of a table, made when they are first asked for: after those that they point to."""
        if model not in self.rows:
            made = [row for kind in self._kinds(model) for row in self._make(model, kind)]
            self.rows[model] = made
        return self.rows[model]

    def of_type(self, type_name: str) -> list[Row]:
        return self.of(TABLES[type_name].model)

    def the(self, model: type[Any], kind: str = "A") -> Row:
        """The row of this kind; of a table with fewer rows, the first."""
        return next((row for row in self.of(model) if row.kind == kind), self.of(model)[0])

    @staticmethod
    def _kinds(model: type[Any]) -> tuple[str, ...]:
        if model is models.Project:
            return ("A",)
        return ("A", "B") if model in (models.Account, models.Employee, models.EmployeeDivision) else KINDS

    def _make(self, model: type[Any], kind: str) -> Iterator[Row]:
        declared = model._meta.fields_map.get("area")
        areas: list[Any] = [None] if declared is None else [*models.Area]
        if declared is not None and declared.null:
            areas.append(None)
        for area in areas:
            values = {
                name: self._value(model, name, each, kind)
                for name, each in model._meta.fields_map.items()
                if not isinstance(each, ForeignKeyFieldInstance)
            }
            if declared is not None:
                values["area"] = area
            values |= {**EXCEPT.get(model.__name__, {}), **EXCEPT.get(f"{model.__name__}.{kind}", {})}
            if "search_text" in values:
                values["search_text"] = fold(values["name"])
            yield Row(_type_name(model), kind, model.new(**values))

    def _value(self, model: type[Any], name: str, declared: Any, kind: str) -> Any:
        number = next(self.numbers)
        if name == "id":
            return UUID(int=number, version=4)
        if isinstance(declared, fields.UUIDField) or (
            name.endswith("_id") and name != "message_id" and name != "vat_id"
        ):
            return self._pointed_at(model, name, declared, kind)
        return _plain(declared, name, number, kind)

    def _pointed_at(self, model: type[Any], name: str, declared: Any, kind: str) -> UUID | None:
        """The row behind a foreign key, or behind a bare id that is named after a table."""
        relation = model._meta.fields_map.get(name.removesuffix("_id"))
        target = relation.related_model if isinstance(relation, ForeignKeyFieldInstance) else _named(name)
        if target is None or target is model:
            return UUID(int=next(self.numbers), version=4)
        if target is models.Mailbox:
            return None
        kinds = {models.Employee: "ABA", models.Account: "ABA", models.Contact: "AAC", models.Partner: "ABA"}
        mine = kinds.get(target, "ABC")[KINDS.index(kind)]
        found: UUID = self.the(target, mine).record.id
        return found


def _type_name(model: type[Any]) -> str:
    return next((name for name, table in TABLES.items() if table.model is model), "")


def _named(column: str) -> type[Any] | None:
    name = "".join(part.title() for part in column.removesuffix("_id").split("_"))
    found: type[Any] | None = getattr(models, name, None)
    return found


def _plain(declared: Any, name: str, number: int, kind: str) -> Any:
    """A value for a column; the same in every row of a kind where rows may share it."""
    if isinstance(declared, CharEnumFieldInstance):
        first: Enum = next(iter(declared.enum_type))
        return first
    if isinstance(declared, RolesField):
        return ("DIRECTOR",)
    if isinstance(declared, JsonText):
        return {"name": ["old", "new"]}
    if isinstance(declared, fields.BooleanField):
        return True
    if isinstance(declared, fields.DatetimeField):
        return NOON
    if isinstance(declared, (fields.IntField, fields.SmallIntField, fields.BigIntField)):
        return 3
    text = TEXTS.get(name) or f"{name.replace('_', '')}{number}@example.cz"
    return text[: getattr(declared, "max_length", None) or None]


def make_world() -> World:
    """The rows, not written yet. Needs a connection, for models to know their columns."""
    world = World()
    for model in (models.Project, *(table.model for table in TABLES.values()), *LINKS):
        world.of(model)
    return world


async def write(world: World) -> None:
    """Puts the rows into the database this process is connected to."""
    for model, rows in world.rows.items():
        try:
            await model.bulk_create([row.record for row in rows])
        except IntegrityError as fault:
            raise AssertionError(
                f"The matrix cannot fill every column of {model.__name__} ({fault}): say in EXCEPT of "
                "tests/proof/matrix/world.py what the columns that forbid each other are to hold."
            ) from fault


def as_json(value: Any) -> Any:
    """A column's value as the API writes it, ids apart."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.name
    return [as_json(each) for each in value] if isinstance(value, tuple) else value
