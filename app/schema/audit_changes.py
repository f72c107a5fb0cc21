"""The changes of audit entries, cut to what their reader may see of the rows themselves.

What is cut leaves no trace: neither its name, nor that there was more.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

import strawberry

from app import models
from app.engine.declare import TABLES, Record
from app.engine.guards import value
from app.engine.ids import global_id
from app.models import READ_PERMISSION, Area, EmailPurpose, Table
from app.policy import Level, Member, Permission, Reach, Viewer
from app.schema.audit_fields import Shown, field_of

Row = tuple[str, UUID]
Pair = tuple[Any, Any]

NEEDS = ("subject", "subject_id", "contact_id", "changes")


@value(Level.MEMBER)
class AuditChange:
    """One field that changed, as far as the viewer may read that field of that row."""

    field: str = strawberry.field(description="The field's name in its type: `vatId`, `address.city`.")
    old: str | None = strawberry.field(
        description="What stood there: text as it is, an id if its row is in reach, anything else as JSON; null for "
        "nothing."
    )
    new: str | None = strawberry.field(description="What stands there since, written in the same way.")


async def changes_of(records: Sequence[Record], viewer: Viewer) -> Sequence[list[AuditChange]]:
    """Those of each entry."""
    if not isinstance(viewer, Member):
        return [[] for _ in records]
    open_ones = await _readable(records, viewer)
    parts = [
        list(_readable_fields(record, viewer)) if is_open else []
        for record, is_open in zip(records, open_ones, strict=True)
    ]
    named = {row for each in parts for shown, pair in each for row in _rows_named(shown, pair)}
    seen = await _seen(named, viewer)
    return [
        [_change(shown, pair, seen | _own(record)) for shown, pair in each]
        for record, each in zip(records, parts, strict=True)
    ]


def _readable_fields(record: Record, viewer: Member) -> Iterator[tuple[Shown, Pair]]:
    subject = record["subject"]
    for column, (old, new) in record["changes"].items():
        shown = field_of(subject, column)
        if shown is not None and viewer.may(TABLES[subject].see) and viewer.may(shown.guard):
            yield shown, (old, new)


async def _readable(records: Sequence[Record], viewer: Member) -> list[bool]:
    """Whether the viewer may read each entry's row: as it is now, or, if it is gone, by what was noted of it."""
    rows = {_row(record) for record in records if record["subject"] in TABLES}
    seen = await _seen(rows, viewer)
    there = await _there(rows - seen)
    hung = await _hung_out_of_reach(rows - seen - there, viewer)
    return [
        _row(record) in seen
        or (
            _row(record) not in there
            and (record["contact_id"] is not None or _row(record) not in hung)
            and _was_readable(record, viewer)
        )
        for record in records
    ]


async def _hung_out_of_reach(gone: Collection[Row], viewer: Member) -> set[Row]:
    """Those of the rows that are gone of which an entry names a contact out of his reach.

    Entries from before a reminder or a report belonged to that contact name none, and were closed to him since.
    """
    if not gone or models.Contact.sees_all_of_project(viewer):
        return set()
    of_contacts = {"subject_id__in": [id_ for _, id_ in gone], "contact_id__isnull": False}
    named = await models.AuditEntry.filter(project_id=viewer.project_id, **of_contacts)
    listed = await models.AuditEntry.visible_to(viewer).filter(**of_contacts).values_list("id", flat=True)
    open_ones = set(listed)
    return {(each.subject, each.subject_id) for each in named if each.subject_id and each.id not in open_ones}


def _row(record: Record) -> Row:
    return record["subject"], record["subject_id"]


async def _seen(rows: Collection[Row], viewer: Viewer) -> set[Row]:
    """Those of the rows that are in reach."""
    return await _found(rows, lambda model: model.visible_to(viewer))


async def _there(rows: Collection[Row]) -> set[Row]:
    """Those of the rows that exist."""
    return await _found(rows, lambda model: model.all())


async def _found(rows: Collection[Row], query: Callable[[type[Table]], Any]) -> set[Row]:
    ids: dict[str, list[UUID]] = {}
    for subject, id_ in rows:
        ids.setdefault(subject, []).append(id_)
    found: set[Row] = set()
    for subject, wanted in ids.items():
        listed = await query(TABLES[subject].model).filter(id__in=wanted).values_list("id", flat=True)
        found |= {(subject, id_) for id_ in listed}
    return found


def _was_readable(record: Record, viewer: Member) -> bool:
    """Of a row that is gone. What hung on a contact was let through with its entry already."""
    match record["subject"]:
        case models.Activity.__name__:
            return _was_of_readable_area(record, viewer, whole=False)
        case models.Email.__name__:
            is_own = viewer.reach(Permission.EMAIL_READ) is Reach.ALL or _wrote(record, viewer)
            return (
                is_own and _was_of_readable_area(record, viewer, whole=True) and _was_no_system_mail(record)
            )
        case models.Reminder.__name__:
            return viewer.may(Permission.REMINDER_ASSIGN) or _noted(record, "assignee_id") == str(
                viewer.employee_id
            )
        case models.ContactProposal.__name__:
            return viewer.may(Permission.CONTACT_IMPORT)
    return True


def _was_of_readable_area(record: Record, viewer: Member, *, whole: bool) -> bool:
    """Of its area, its own author's where only that. `whole`: without an area it is of none, and open."""
    noted = _noted(record, "area")
    if noted is None:
        return whole or all(viewer.reach(each) is Reach.ALL for each in READ_PERMISSION.values())
    reach = viewer.reach(READ_PERMISSION[Area(noted)])
    return reach is Reach.ALL or (reach is Reach.OWN and _wrote(record, viewer))


def _was_no_system_mail(record: Record) -> bool:
    return _noted(record, "purpose") in (EmailPurpose.BUSINESS, EmailPurpose.PERSONAL)


def _wrote(record: Record, viewer: Member) -> bool:
    return _noted(record, "author_id") == str(viewer.employee_id)


def _noted(record: Record, column: str) -> str | None:
    """What the entry says of a column that holds text: the new value, or the old one of a row that went with it."""
    old, new = record["changes"].get(column, (None, None))
    noted: str | None = old if new is None else new
    return noted


def _own(record: Record) -> set[Row]:
    """The entry's own contact, which the viewer is told of by the entry itself."""
    return {(models.Contact.__name__, record["contact_id"])} if record["contact_id"] else set()


def _rows_named(shown: Shown, pair: Pair) -> Iterator[Row]:
    """The rows that a change of links names."""
    if shown.id_of is not None:
        for each in pair:
            for id_ in each if isinstance(each, list) else [each]:
                if id_ is not None:
                    yield shown.id_of, UUID(id_)


def _change(shown: Shown, pair: Pair, seen: Collection[Row]) -> AuditChange:
    old, new = (_written(shown, each, seen) for each in pair)
    return AuditChange(field=shown.name, old=old, new=new)


def _written(shown: Shown, given: Any, seen: Collection[Row]) -> str | None:
    if shown.id_of is None or given is None:
        return shown.text_of(given)
    if isinstance(given, list):
        return shown.text_of([id_ for each in given if (id_ := _id(shown.id_of, each, seen))])
    return _id(shown.id_of, given, seen)


def _id(type_name: str, given: str, seen: Collection[Row]) -> str | None:
    """The global id; None for a row out of reach, or gone."""
    id_ = UUID(given)
    return global_id(type_name, id_) if (type_name, id_) in seen else None
