"""Whoever starts to give reminders while a share is recalled finds what it took; who saves a contact as read waits for nobody."""

import asyncio
from typing import Any

import pytest

from app import db
from app.models import Contact, Employee, EmployeeStatus, Project
from app.policy import Role
from app.services import popups, sessions
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_invitation,
    make_lead_share,
    make_partner,
    make_reminder,
)
from tests.graphql import as_employee
from tests.mailed_links import mailed_link
from tests.schema.employee_cases import REACTIVATE
from tests.schema.reminder_cases import MINUTE, next_popup_of, project
from tests.schema.share_cases import RECALL
from tests.schema.test_invitations import accept

__all__ = ["project"]

MOVE = "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { errors { code } } }"


async def is_waiting() -> bool:
    """Whether somebody waits for a lock. SQLite lets one write at a time, and does not tell."""
    if db.dialect() == "sqlite":
        return True
    return bool(await db.fetch("SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1", []))


@pytest.mark.parametrize("way", ["accepts", "comes back"])
async def test_who_starts_during_a_recall_has_a_window_for_what_it_took(
    project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    boss, partner = await make_employee(project, [Role.ADMIN]), await make_partner(project)
    contact = await make_contact(project)
    share = await make_lead_share(project, partner, [contact], created_by=boss)
    external = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
    lost = await make_reminder(external, contact=contact, due_at=clock.at - MINUTE)
    status = EmployeeStatus.INVITED if way == "accepts" else EmployeeStatus.DEACTIVATED
    giver = await make_employee(project, [Role.DIRECTOR], status=status, reminder_interval_minutes=10)
    token = await mailed_link(row=await make_invitation(giver)) if way == "accepts" else ""
    is_taken, go_on = asyncio.Event(), asyncio.Event()

    async def wait(*_: Any) -> None:
        is_taken.set()
        await go_on.wait()

    monkeypatch.setattr(sessions, "viewers_of_partner_changed", wait)
    recalling = asyncio.create_task(as_employee(boss).run(RECALL, input={"id": share}))
    await is_taken.wait()
    starting: asyncio.Task[Any] = asyncio.create_task(
        accept(token) if way == "accepts" else as_employee(boss).run(REACTIVATE, input={"id": giver})
    )
    while not starting.done() and not await is_waiting():
        pass
    go_on.set()

    assert [answer.codes for answer in await asyncio.gather(recalling, starting)] == [[], []]
    assert (await Employee.get(id=giver.id)).status is EmployeeStatus.ACTIVE
    assert await next_popup_of(giver) == lost.due_at


async def test_a_contact_saved_with_its_division_as_read_locks_nobodys_window(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    division = await make_division(project)
    boss, contact = (
        await make_employee(project, [Role.DIRECTOR]),
        await make_contact(project, division=division),
    )
    await make_reminder(boss, contact=contact)
    locked: list[Any] = []
    lock = popups.lock

    async def told(*ids: Any) -> None:
        locked.extend(ids)
        await lock(*ids)

    monkeypatch.setattr(popups, "lock", told)
    sent = {"id": contact, "divisionId": division, "name": "Nová"}

    assert (await as_employee(boss).run(MOVE, input=sent)).faults("contactUpdate") == []

    assert locked == [] and (await Contact.get(id=contact.id)).name == "Nová"
    await as_employee(boss).run(MOVE, input={"id": contact, "divisionId": await make_division(project)})
    assert boss.id in locked


async def test_a_contact_moved_by_another_at_this_moment_is_not_moved_back_unawares(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await make_division(project), await make_division(project)
    boss, contact = await make_employee(project, [Role.DIRECTOR]), await make_contact(project, division=here)
    seen = Contact.get_visible

    async def moved_after(*asked: Any, **how: Any) -> Contact:
        found = await seen(*asked, **how)
        await Contact.filter(id=contact.id).update(division_id=there.id)
        return found

    monkeypatch.setattr(Contact, "get_visible", moved_after)

    answer = await as_employee(boss).run(MOVE, input={"id": contact, "divisionId": here})

    assert answer.codes == ["CONFLICT"]
    assert (await Contact.get(id=contact.id)).division_id in (here.id, there.id)
