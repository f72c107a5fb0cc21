"""Notes of a unit of work about the rows it changes, and the entries of the audit log that they become."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self
from uuid import UUID

from app.ids import uuid7
from app.models.accounts import Account
from app.models.audit import AuditEntry
from app.models.base import JsonText, Table, insert_many
from app.models.contacts import Contact
from app.models.projects import Project
from app.policy import AccountViewer, Member, Viewer

Changes = Mapping[str, Any]
"""`{column: [old, new]}`; never with a secret in it, and never with what people wrote to each other."""


class Owner(NamedTuple):
    """Whose a row is, where it belongs to an account: a session's, say."""

    account_id: UUID
    employee_id: UUID | None


@dataclass(frozen=True, slots=True)
class Note:
    """One row that changed. `division_id` is asked of the contact where it is not given."""

    subject: str = ""
    subject_id: UUID | None = None
    project_id: UUID | None = None
    contact_id: UUID | None = None
    division_id: UUID | None = None
    owner: Owner | None = None
    changes: Changes | None = None

    @classmethod
    def of(cls, row: Table, changes: Changes | None) -> Self:
        """What the row itself says about where it belongs."""
        is_contact = isinstance(row, Contact)
        account_id = getattr(row, "account_id", None)
        return cls(
            subject=type(row).__name__,
            subject_id=row.id,
            project_id=row.id if isinstance(row, Project) else getattr(row, "project_id", None),
            contact_id=row.id if is_contact else getattr(row, "contact_id", None),
            division_id=row.division_id if isinstance(row, Contact) else None,
            owner=Owner(account_id, getattr(row, "employee_id", None)) if account_id else None,
            changes=changes,
        )


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the account, and as which employee of which project. `project_id` is the one he is in, if any."""

    account_id: UUID | None = None
    project_id: UUID | None = None
    employees: Mapping[UUID, UUID] = field(default_factory=dict)

    @classmethod
    def at_work(cls, account_id: UUID, employee_id: UUID | None, project_id: UUID | None) -> Self:
        employees = {project_id: employee_id} if project_id and employee_id else {}
        return cls(account_id, project_id, employees)

    @classmethod
    def of(cls, viewer: Viewer, became: "Actor | None" = None) -> "Actor":
        """The viewer, and what he became by what he did, signed in before or not."""
        became = became or Actor()
        if isinstance(viewer, Member):
            employees = {**became.employees, viewer.project_id: viewer.employee_id}
            return cls(viewer.account_id, viewer.project_id, employees)
        if isinstance(viewer, AccountViewer):
            return cls(viewer.account_id, None, became.employees)
        return became

    def employee_of(self, note: Note) -> UUID | None:
        """As whom he did it, in the project that the entry belongs to: nobody of another project is named there."""
        if note.project_id is None or note.project_id in self.employees:
            return self.employees.get(note.project_id) if note.project_id else None
        if note.owner is not None and note.owner.account_id == self.account_id:
            return note.owner.employee_id
        return None


def belongs_to_account(subject: str) -> bool:
    """An account is of no project, so no project reads about it."""
    return subject == Account.__name__


def entry(note: Note, actor: Actor, **values: Any) -> AuditEntry:
    """The row. `values`: action, created_at, and where it came from."""
    whose = {"account_id": actor.account_id, **_columns(note, actor)}
    return AuditEntry.new(**whose, changes=note.changes or {}, **values)


async def write_many(notes: Iterable[Note], actor: Actor, **values: Any) -> None:
    """The same for any number of notes, written at once."""
    await insert_many(
        AuditEntry,
        (
            {
                "id": uuid7(),
                **_columns(each, actor),
                "changes": JsonText.written(each.changes or {}),
            }
            for each in notes
        ),
        account_id=actor.account_id,
        **values,
    )


def _columns(note: Note, actor: Actor) -> dict[str, Any]:
    return {
        "project_id": note.project_id,
        "employee_id": actor.employee_of(note),
        "subject": note.subject,
        "subject_id": note.subject_id,
        "contact_id": note.contact_id,
        "division_id": note.division_id,
    }


def with_divisions(notes: list[Note]) -> list[Note]:
    """What hangs on a contact that went in the same unit of work belongs where that contact was."""
    divisions = {note.subject_id: note.division_id for note in notes if note.subject == Contact.__name__}
    return [
        replace(note, division_id=divisions[note.contact_id])
        if note.division_id is None and divisions.get(note.contact_id) is not None
        else note
        for note in notes
    ]


def made(row: Table, *columns: str) -> Changes:
    """The changes of a new row: these of its columns, where they have a value."""
    return {name: [None, value] for name in columns if (value := getattr(row, name)) not in (None, "", ())}


def gone(row: Table | Mapping[str, Any], *columns: str) -> Changes:
    """The changes of a row that is deleted, or of its values."""
    values = row if isinstance(row, Mapping) else {name: getattr(row, name) for name in columns}
    return {name: [values[name], None] for name in columns if values[name] not in (None, "", ())}


def differences(row: Table, values: Mapping[str, Any]) -> Changes:
    """What these values, not yet written, change of a row."""
    return {name: [getattr(row, name), value] for name, value in values.items()}
