"""What the audit log kept of a row, under the names of the API: which field each column is, and who may read it.

A column that the schema does not show is not shown here either, unless `KEPT` says why it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from app.engine.declare import TABLES, Column, Computed, Group, Table, ToMany, ToOne
from app.engine.scalars import format_datetime
from app.engine.types import base_type_of, graphql_name
from app.policy import Guard
from app.policy import Permission as P  # noqa: N817
from app.services.money import CURRENCY, amount_of

MONEY = "_minor"


@dataclass(frozen=True, slots=True)
class Shown:
    """A field of the API: its name, what stands before it, and of which type its value is an id, if it is one."""

    name: str
    guard: Guard
    id_of: str | None = None
    is_time: bool = False
    is_money: bool = False

    def text_of(self, value: Any) -> str | None:
        """A value as the API writes it: text as it is, whatever is no text as JSON. Ids are put in elsewhere."""
        if value is None:
            return None
        if self.is_time:
            return format_datetime(_moment(value))
        if self.is_money:
            return f"{amount_of(value)} {CURRENCY}"
        return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


#: Noted, and no column of the type: each with who may read it, and why it is in the log.
KEPT: Mapping[str, Mapping[str, Shown]] = {
    # A link was mailed once more; the address stands in the employee's own e-mail.
    "Employee": {
        "invited": Shown("invited", P.EMPLOYEE_READ),
        # They asked for more contacts, or more searches, than people of outside firms may have within a day.
        "limit": Shown("limit", P.LEAD_SHARE),
        "read": Shown("read", P.LEAD_SHARE),
        "searches": Shown("searches", P.LEAD_SHARE),
    },
    # To whom: as whoever reads the mail reads them.
    "Email": {"recipients": Shown("recipients", P.EMAIL_READ)},
    # A link that proves the From address was mailed to it.
    "Division": {"mailed_to": Shown("mailedTo", P.PROJECT_READ)},
    # Deleting a project is asked and taken back, which whoever reads the log must see.
    "Project": {
        "deletion_requested_at": Shown("deletionRequestedAt", P.PROJECT_READ, is_time=True),
        "purge_after": Shown("purgeAfter", P.PROJECT_READ, is_time=True),
        "mailed_to": Shown("mailedTo", P.PROJECT_READ),
    },
    # Lent to a partner, or taken back: the share, which only who makes shares may see.
    "Contact": {"lead_share_id": Shown("leadShareId", P.LEAD_SHARE, "LeadShare")},
}


def field_of(subject: str, column: str) -> Shown | None:
    """The field that a noted column of a row of this type is; None if nobody is shown it."""
    return _fields_of(subject).get(column)


@cache
def _fields_of(subject: str) -> Mapping[str, Shown]:
    table = TABLES.get(subject)
    if table is None:
        return {}
    found: dict[str, Shown] = {}
    for name, spec in table.specs.items():
        for column, shown in _shown(table, name, spec):
            # A part of an object is named as one, also where it is a field by itself.
            if column not in found or isinstance(spec, Group):
                found[column] = shown
    return {**found, **KEPT.get(subject, {})}


def _shown(table: type[Table], name: str, spec: Any) -> list[tuple[str, Shown]]:
    """The columns behind a declared field."""
    own = graphql_name(name)
    match spec:
        case Column(column=column, guard=guard, id_of=id_of):
            is_time = base_type_or_none(table, column or name) is datetime
            return [(column or name, Shown(own, guard, id_of, is_time=is_time))]
        case Group(columns=columns, guard=guard):
            return [(column, Shown(f"{own}.{graphql_name(part)}", guard)) for part, column in columns.items()]
        case ToOne(via=via, guard=guard, to=to):
            return [(via, Shown(f"{own}Id", guard, to))]
        case ToMany(link=link, guard=guard, to=to) if link is not None:
            return [(f"{link.child}s", Shown(f"{own}", guard, to))]
        case Computed(needs=(column,), guard=guard) if column.endswith(MONEY):
            return [(column, Shown(own, guard, is_money=True))]
    return []


def base_type_or_none(table: type[Table], column: str) -> Any:
    """None for what has no type of the API by itself, such as a list of roles."""
    try:
        return base_type_of(table.model, column)
    except TypeError:
        return None


def _moment(written: str) -> datetime:
    at = datetime.fromisoformat(written)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
