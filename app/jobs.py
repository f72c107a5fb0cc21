"""The edge of a transaction: `unit_of_work` opens it once, and sends jobs and rings only after the commit.

Services call `after_commit`, `ring` and `note` inside a unit of work; they never commit, enqueue or publish. What is
sent is a doorbell: the database holds the truth, so a lost job or ring delays and never loses.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, overload
from uuid import UUID

import structlog
from tortoise.transactions import in_transaction

from app import db
from app.errors import DatabaseAway
from app.models import Contact, audit_notes
from app.models.audit import AuditEntry
from app.models.audit_notes import Actor, Changes, Note
from app.models.base import Table, insert_last
from app.policy import Viewer

log = structlog.get_logger(__name__)


class Job(StrEnum):
    """Names of the worker's functions."""

    SEND_EMAIL = "send_email"
    FIRE_POPUP = "fire_popup"
    END_LEAD_SHARE = "end_lead_share"


#: A job, the ids that it is given, and the moment until which it waits.
QueuedJob = tuple[Job, tuple[str, ...], datetime | None]
SendJobs = Callable[[Sequence[QueuedJob]], Awaitable[None]]
RingBells = Callable[[Sequence[str]], Awaitable[None]]


@dataclass(slots=True)
class Origin:
    """Where a change came from, for the audit log. `viewer` may be read again inside the transaction."""

    action: str
    viewer: Viewer = field(default_factory=Viewer)
    request_id: str = ""
    client_ip: str = ""


@dataclass(slots=True)
class UnitOfWork:
    """One transaction. `now` is the database's clock when it began."""

    now: datetime
    origin: Origin | None
    jobs: list[QueuedJob] = field(default_factory=list)
    rings: dict[str, None] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    actor: Actor = field(default_factory=Actor)
    rows: list[Table] = field(default_factory=list)


_current: ContextVar[UnitOfWork] = ContextVar("unit_of_work")
_send_jobs: SendJobs | None = None
_ring_bells: RingBells | None = None
_listeners: dict[str, Callable[[str], None]] = {}
_late: set[asyncio.Task[None]] = set()


def bind(send: SendJobs | None, ring: RingBells | None) -> None:
    """Connects this process to the queue and the doorbell; None for a process that has neither.

    Both are awaited by whoever made the change: they take a limited time, and raise nothing because Redis is away.
    """
    global _send_jobs, _ring_bells
    _send_jobs, _ring_bells = send, ring


def listen(prefix: str, hear: Callable[[str], None]) -> None:
    """In this process `hear` is called with what follows `prefix`, right after the commit, Redis or not."""
    _listeners[prefix] = hear


@asynccontextmanager
async def unit_of_work(
    origin: Origin | None = None, *, first: Callable[[], Awaitable[datetime]] | None = None
) -> AsyncIterator[UnitOfWork]:
    """One transaction around the block. An error rolls back and drops what was collected.

    With an `origin` the audit entries are written in the same transaction: one for each `note`, and none where nothing
    changed. `first` reads the database's clock, for whoever reads something else by the same statement. Bells ring also
    where it is not known whether the transaction was committed: one too many does no harm.
    """
    if _current.get(None) is not None:
        raise RuntimeError("A unit of work is open already; the transaction is at the edge, once.")
    ending: UnitOfWork | None = None
    try:
        async with in_transaction():
            work = UnitOfWork(now=await (first or db.now)(), origin=origin)
            token = _current.set(work)
            try:
                yield work
                ending = work
                if rows := [*work.rows, *_audit_entries(work)]:
                    await insert_last(rows)
            finally:
                _current.reset(token)
        await _deliver(work)
    except (asyncio.CancelledError, DatabaseAway):
        if ending is not None:
            _deliver_later(ending)
        raise


def after_commit(job: Job, *ids: UUID, at: datetime | None = None) -> None:
    """Rings the worker for `job` after the commit; `at` defers it to a moment."""
    _current.get().jobs.append((job, tuple(str(each) for each in ids), at))


def ring(channel: str) -> None:
    """Rings the doorbell `channel` after the commit, once however often it is asked for."""
    _current.get().rings[channel] = None


def write(row: Table) -> None:
    """Has a row that was made by `new` written at the end of the transaction, by the statement that writes the audit.

    For a row that nothing reads or points to before: it saves a round trip, often the transaction's BEGIN and COMMIT too.
    """
    _current.get().rows.append(row)


@overload
def note(row: Table, changes: Changes | None = None, /) -> None: ...


@overload
def note(
    subject: str,
    subject_id: UUID,
    changes: Changes | None = None,
    /,
    *,
    project_id: UUID | None = None,
    contact_id: UUID | None = None,
) -> None: ...


def note(
    subject: Table | str,
    subject_id: UUID | Changes | None = None,
    changes: Changes | None = None,
    /,
    *,
    project_id: UUID | None = None,
    contact_id: UUID | None = None,
) -> None:
    """Adds an audit entry: for a row as it is before the change, or for a type's name and an id.

    `changes` are `{column: [old, new]}` without secrets. The row says itself to which project and contact it belongs;
    of a name alone the project is the viewer's unless it is given, and the contact must be given if there is one.
    """
    if isinstance(subject, Table):
        assert not isinstance(subject_id, UUID)
        made = Note.of(subject, subject_id)
    else:
        assert isinstance(subject_id, UUID)
        contact_id = subject_id if subject == Contact.__name__ else contact_id
        made = Note(subject, subject_id, project_id or _project_of(subject), contact_id, changes=changes)
    _current.get().notes.append(made)


async def write_notes() -> None:
    """Writes the audit entries of what was noted so far, in this very transaction.

    For whoever changes many thousands of rows, after each batch: the notes need not wait in memory for the end.
    """
    work = _current.get()
    if work.origin is not None and work.notes:
        actor = Actor.of(work.origin.viewer, work.actor)
        await audit_notes.write_many(audit_notes.with_divisions(work.notes), actor, **_values_of(work))
    work.notes.clear()


def act_as(account_id: UUID, employee: UUID | None, project: UUID | None) -> None:
    """Says who acts in a project that he was not signed in to, or not at all: he signs in, founds it, restores it."""
    _current.get().actor = Actor.at_work(account_id, employee, project)


def _project_of(subject: str) -> UUID | None:
    origin = _current.get().origin
    if origin is None or audit_notes.belongs_to_account(subject):
        return None
    return Actor.of(origin.viewer).project_id


def _audit_entries(work: UnitOfWork) -> list[AuditEntry]:
    origin = work.origin
    if origin is None or not work.notes:
        return []
    actor = Actor.of(origin.viewer, work.actor)
    return [
        audit_notes.entry(each, actor, **_values_of(work)) for each in audit_notes.with_divisions(work.notes)
    ]


def _values_of(work: UnitOfWork) -> dict[str, Any]:
    """What all entries of this transaction have in common."""
    assert work.origin is not None
    names = ("action", "request_id", "client_ip")
    return {name: getattr(work.origin, name) for name in names} | {"created_at": work.now}


async def _deliver(work: UnitOfWork) -> None:
    """Rings first: somebody looks at a screen meanwhile. All jobs go together."""
    _tell_listeners(work.rings)
    if _ring_bells is not None and work.rings:
        await _ring_bells(list(work.rings))
    if _send_jobs is not None and work.jobs:
        await _send_jobs(work.jobs)


def _deliver_later(work: UnitOfWork) -> None:
    """For whoever does not wait any more, while what was written stands, or may: nobody else would ring for it."""
    task = asyncio.create_task(_deliver(work))
    _late.add(task)
    task.add_done_callback(_late.discard)


def _tell_listeners(channels: Iterable[str]) -> None:
    for channel in channels:
        for prefix, hear in _listeners.items():
            if channel.startswith(prefix):
                hear(channel.removeprefix(prefix))
