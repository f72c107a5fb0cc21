"""What a unit of work writes at its end, and that it is all or nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from app import db, jobs
from app.errors import DatabaseAway, NotFound
from app.ids import uuid7
from app.jobs import Job, Origin, QueuedJob, unit_of_work
from app.models import Activity, AuditEntry, Contact
from app.policy import Member, Role
from tests.factories import NOON, make_contact, make_employee, make_project, viewer_of
from tests.graphql import bells, rings

__all__ = ["bells", "rings"]

pytestmark = pytest.mark.usefixtures("database")


async def make_director() -> tuple[Member, Contact]:
    project = await make_project()
    return await viewer_of(await make_employee(project, [Role.DIRECTOR])), await make_contact(project)


def new_activity(viewer: Member, contact: Contact, **values: Any) -> Activity:
    belongs = {"project_id": contact.project_id, "contact_id": contact.id, "author_id": viewer.employee_id}
    times = {"occurred_at": NOON, "created_at": NOON}
    return Activity.new(**{**belongs, **times, "kind": "CALL", "area": "SALES", "summary": "Žádá", **values})


async def written() -> tuple[int, int]:
    """Activities, audit entries."""
    return await Activity.all().count(), await AuditEntry.all().count()


async def test_a_row_and_its_audit_entry_are_written_at_the_end() -> None:
    viewer, contact = await make_director()
    activity = new_activity(viewer, contact)

    async with unit_of_work(Origin("activityRecord", viewer, "request", "198.51.100.1")):
        jobs.write(activity)
        jobs.note("Activity", activity.id, {"summary": [None, "Žádá"]})
        assert await written() == (0, 0)

    entry = await AuditEntry.get()
    assert (entry.subject_id, entry.employee_id, entry.changes) == (
        (await Activity.get()).id,
        viewer.employee_id,
        {"summary": [None, "Žádá"]},
    )


async def test_rows_are_written_without_an_origin_too() -> None:
    viewer, contact = await make_director()

    async with unit_of_work():
        jobs.write(new_activity(viewer, contact))

    assert await written() == (1, 0)


@pytest.mark.parametrize("count", [1, 2, 8, 50])
async def test_there_is_an_entry_for_each_note(count: int) -> None:
    viewer, contact = await make_director()

    async with unit_of_work(Origin("contactUpdate", viewer)):
        for _ in range(count):
            jobs.note("Contact", contact.id)

    assert await written() == (0, count)


async def fail(viewer: Member, contact: Contact, *, is_changed: bool) -> None:
    async with unit_of_work(Origin("activityRecord", viewer)):
        if is_changed:
            await Contact.filter(id=contact.id).update(name="Jinak")
        jobs.write(new_activity(viewer, contact))
        raise NotFound("There is none.")


@pytest.mark.parametrize("is_changed", [False, True])
async def test_an_error_leaves_nothing_written(is_changed: bool) -> None:
    viewer, contact = await make_director()

    with pytest.raises(NotFound):
        await fail(viewer, contact, is_changed=is_changed)

    assert await written() == (0, 0)
    assert (await Contact.get()).name == contact.name


async def write_what_is_refused(viewer: Member, contact: Contact, *, is_changed: bool) -> None:
    async with unit_of_work(Origin("activityRecord", viewer)):
        if is_changed:
            await Contact.filter(id=contact.id).update(name="Jinak")
        jobs.ring("never")
        jobs.write(new_activity(viewer, contact))
        jobs.write(new_activity(viewer, contact, author_id=uuid7()))


@pytest.mark.parametrize("is_changed", [False, True])
async def test_a_row_that_the_database_refuses_undoes_everything_and_rings_nothing(
    is_changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, contact = await make_director()
    rung: list[str] = []
    monkeypatch.setitem(jobs._listeners, "never", rung.append)

    with pytest.raises(IntegrityError) as refused:
        await write_what_is_refused(viewer, contact, is_changed=is_changed)

    assert db.is_race(refused.value)
    assert (await written(), rung) == ((0, 0), [])
    assert (await Contact.get()).name == contact.name


async def test_whoever_reads_the_clock_with_something_else_gives_it() -> None:
    viewer, contact = await make_director()

    async def first() -> datetime:
        return NOON

    async with unit_of_work(Origin("contactUpdate", viewer), first=first) as work:
        assert work.now == NOON
        jobs.note(contact)

    assert (await AuditEntry.get()).created_at == NOON


async def test_rings_go_first_and_all_jobs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    async def send(queued: Sequence[QueuedJob]) -> None:
        told.append(list(queued))

    async def ring(channels: Sequence[str]) -> None:
        told.append(list(channels))

    monkeypatch.setattr(jobs, "_listeners", {"feed:": told.append})
    monkeypatch.setattr(jobs, "_send_jobs", send)
    monkeypatch.setattr(jobs, "_ring_bells", ring)
    employee, email = uuid7(), uuid7()

    async with unit_of_work():
        jobs.after_commit(Job.FIRE_POPUP, employee, at=NOON)
        jobs.ring("feed:1")
        jobs.after_commit(Job.SEND_EMAIL, email)
        jobs.ring("feed:2")
        assert told == []

    queued = [(Job.FIRE_POPUP, (str(employee),), NOON), (Job.SEND_EMAIL, (str(email),), None)]
    assert told == ["1", "2", ["feed:1", "feed:2"], queued]


async def ring_in_a_unit_of_work() -> None:
    async with unit_of_work():
        jobs.ring("a bell")


async def test_who_stops_waiting_while_the_bells_are_rung_stops_no_bell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that vanished took the doorbell of a revoked session along."""
    rung: list[str] = []
    is_ringing, may_go_on = asyncio.Event(), asyncio.Event()

    async def ring(channels: Sequence[str]) -> None:
        is_ringing.set()
        await may_go_on.wait()
        rung.extend(channels)

    monkeypatch.setattr(jobs, "_ring_bells", ring)
    task = asyncio.create_task(ring_in_a_unit_of_work())
    await is_ringing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_go_on.set()

    async with asyncio.timeout(10):
        while not rung:
            await asyncio.sleep(0)
    assert rung == ["a bell"]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), DatabaseAway("The database went away.")])
async def test_the_bells_ring_also_if_nobody_knows_whether_it_was_committed(
    error: BaseException, rings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def lost_at_the_end() -> AsyncIterator[None]:
        async with in_transaction():
            yield
        raise error

    monkeypatch.setattr(jobs, "in_transaction", lost_at_the_end)
    with pytest.raises(type(error)):
        await ring_in_a_unit_of_work()

    async with asyncio.timeout(10):
        while not rings:
            await asyncio.sleep(0)
    assert rings == ["a bell"]
