"""The edge of a transaction: `unit_of_work` opens it once, and sends jobs and rings only after the commit.

Services call `after_commit`, `ring` and `note` inside a unit of work; they never commit, enqueue or publish. What is
sent is a doorbell: the database holds the truth, so a lost job or ring delays and never loses.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from tortoise.transactions import in_transaction

from app import db
from app.models.audit import AuditEntry
from app.models.base import Table, insert_last
from app.policy import AccountViewer, Member, Viewer

log = structlog.get_logger(__name__)


class Job(StrEnum):
    """Names of the worker's functions."""

    SEND_EMAIL = "send_email"
    FIRE_POPUP = "fire_popup"
    END_LEAD_SHARE = "end_lead_share"


SendJob = Callable[[Job, Sequence[str], datetime | None], Awaitable[None]]
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
    jobs: list[tuple[Job, tuple[str, ...], datetime | None]] = field(default_factory=list)
    rings: dict[str, None] = field(default_factory=dict)
    notes: list[tuple[str, UUID, UUID | None, Mapping[str, Any]]] = field(default_factory=list)
    rows: list[Table] = field(default_factory=list)


_current: ContextVar[UnitOfWork] = ContextVar("unit_of_work")
_send_job: SendJob | None = None
_ring_bells: RingBells | None = None
_listeners: dict[str, Callable[[str], None]] = {}


def bind(send: SendJob | None, ring: RingBells | None) -> None:
    """Connects this process to the queue and the doorbell; None for a process that has neither."""
    global _send_job, _ring_bells
    _send_job, _ring_bells = send, ring


def listen(prefix: str, hear: Callable[[str], None]) -> None:
    """In this process `hear` is called with what follows `prefix`, right after the commit, Redis or not."""
    _listeners[prefix] = hear


@asynccontextmanager
async def unit_of_work(
    origin: Origin | None = None, *, first: Callable[[], Awaitable[datetime]] | None = None
) -> AsyncIterator[UnitOfWork]:
    """One transaction around the block. An error rolls back and drops what was collected.

    With an `origin` the audit entries are written in the same transaction: one for each `note`, or one for the bare
    action if nothing was noted. `first` reads the database's clock, for whoever reads something else by the same
    statement.
    """
    if _current.get(None) is not None:
        raise RuntimeError("A unit of work is open already; the transaction is at the edge, once.")
    async with in_transaction():
        work = UnitOfWork(now=await (first or db.now)(), origin=origin)
        token = _current.set(work)
        try:
            yield work
            if rows := [*work.rows, *_audit_entries(work)]:
                await insert_last(rows)
        finally:
            _current.reset(token)
    await _deliver(work)


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


def note(
    subject: str,
    subject_id: UUID,
    changes: Mapping[str, Any] | None = None,
    *,
    project_id: UUID | None = None,
) -> None:
    """Adds an audit entry for this subject: its type's name, its id, and `{field: [old, new]}` without secrets."""
    _current.get().notes.append((subject, subject_id, project_id, changes or {}))


def _audit_entries(work: UnitOfWork) -> list[AuditEntry]:
    if work.origin is None:
        return []
    notes: list[tuple[str, UUID | None, UUID | None, Mapping[str, Any]]] = [*work.notes] or [
        ("", None, None, {})
    ]
    viewer = work.origin.viewer
    member = viewer if isinstance(viewer, Member) else None
    account = viewer if isinstance(viewer, AccountViewer) else None
    return [
        AuditEntry.new(
            project_id=project_id or (member.project_id if member else None),
            account_id=account.account_id if account else None,
            employee_id=member.employee_id if member else None,
            action=work.origin.action,
            subject=subject,
            subject_id=subject_id,
            changes=changes,
            request_id=work.origin.request_id,
            client_ip=work.origin.client_ip,
            created_at=work.now,
        )
        for subject, subject_id, project_id, changes in notes
    ]


async def _deliver(work: UnitOfWork) -> None:
    _tell_listeners(work.rings)
    for job, ids, at in work.jobs:
        if _send_job is not None:
            await _send_job(job, ids, at)
    if _ring_bells is not None and work.rings:
        await _ring_bells(list(work.rings))


def _tell_listeners(channels: Iterable[str]) -> None:
    for channel in channels:
        for prefix, hear in _listeners.items():
            if channel.startswith(prefix):
                hear(channel.removeprefix(prefix))
