"""What a secret is: how two worlds differ, who must not notice, and who does."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tortoise.fields.relational import ForeignKeyFieldInstance

from app.engine.declare import TABLES
from app.engine.ids import global_id
from app.engine.types import graphql_name
from app.models import Table

#: Keys of rows that are reached from another one.
PARENTS = {"contact_id": "Contact", "email_id": "Email", "employee_id": "Employee", "share_id": "LeadShare"}


@dataclass(frozen=True)
class Changed:
    """A row has these values in the one world and those in the other. `along` are planted in both, before."""

    row: Table
    one: Mapping[str, Any]
    other: Mapping[str, Any]
    along: Sequence[Table] = ()

    @property
    def rows(self) -> Sequence[Table]:
        return (self.row,)

    async def plant(self, *, is_other: bool) -> None:
        for row in self.along:
            await type(row).bulk_create([row])
        values = self.other if is_other else self.one
        assert await type(self.row).filter(id=self.row.id).update(**values) == 1


@dataclass(frozen=True)
class Added:
    """Only the other world has these rows, in the order in which they can be written."""

    rows: Sequence[Table]

    async def plant(self, *, is_other: bool) -> None:
        for row in self.rows if is_other else ():
            await type(row).bulk_create([row])


@dataclass(frozen=True)
class Probe:
    """An operation by which somebody who may tells the worlds apart."""

    viewer: str
    document: str
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Secret:
    """`fields` are names in the schema by which it might show. `told_by`: None if nobody at all may tell.

    `open_by` are mutations that tell it to everybody, as the product has it. `more_work_in` are those that look further
    where it is so: the hash of a password, or a fixed time, is to hide that; or they write where only others look.
    """

    name: str
    hidden_from: Sequence[str]
    difference: Changed | Added
    told_by: Probe | None
    fields: Sequence[str] = ()
    open_by: Sequence[str] = ()
    more_work_in: Sequence[str] = ()


@dataclass(frozen=True)
class Hints:
    """What is worth asking for if one looks for a secret: ids, fields, and values by the fields that hold them."""

    ids: Sequence[str] = ()
    fields: Sequence[str] = ()
    by_field: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, secret: Secret) -> "Hints":
        difference = secret.difference
        rows = difference.rows
        is_changed = isinstance(difference, Changed)
        columns = (
            [difference.one, difference.other]
            if isinstance(difference, Changed)
            else [_columns(row) for row in rows]
        )
        found: dict[str, list[Any]] = {}
        for column, value in ((column, value) for each in columns for column, value in each.items()):
            known = found.setdefault(graphql_name(column.removesuffix("_minor")), [])
            if isinstance(value, str | int) and not isinstance(value, bool):
                known.append(value)
        return cls(
            [*dict.fromkeys(id_ for row in rows for id_ in _ids_of(row))],
            [*secret.fields, *sorted(name for name, values in found.items() if values or is_changed)],
            found,
        )

    @cached_property
    def values(self) -> Sequence[Any]:
        return [value for values in self.by_field.values() for value in values]


def planted_kind(id_: str) -> str:
    """The type that a global id names."""
    return b64decode(id_).decode().partition(":")[0]


def _ids_of(row: Table) -> Iterator[str]:
    """Of the row, and of those by which one comes to it."""
    found = [
        (type(row).__name__, row.id),
        *((kind, getattr(row, key, None)) for key, kind in PARENTS.items()),
    ]
    return (global_id(kind, id_) for kind, id_ in found if id_ is not None and kind in TABLES)


def _columns(row: Table) -> dict[str, Any]:
    """What the row holds, but for its id and its links."""
    skipped = {"id", "created_at", "updated_at", "version", "sort_key", "search_text"}
    keys = {
        each.source_field
        for each in row._meta.fields_map.values()
        if isinstance(each, ForeignKeyFieldInstance)
    }
    return {name: getattr(row, name) for name in row._meta.fields_db_projection if name not in skipped | keys}
