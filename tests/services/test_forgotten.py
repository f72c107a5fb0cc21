"""Reminders that are nobody's and in nobody's window are told of."""

from dataclasses import replace
from typing import Any

import pytest

from app import doctor
from app.ids import uuid7
from app.models import Employee, Project
from app.policy import Member, Role
from app.services import forgotten, givers
from tests.factories import NOON, make_contact, make_division, make_employee, make_project, make_reminder
from tests.graphql import settings

__all__ = ["settings"]


@pytest.mark.usefixtures("database", "settings")
async def test_they_are_told_until_somebody_who_sees_them_has_a_window() -> None:
    project, other = await make_project(name="Pekárna"), await make_project()
    division = await make_division(project)
    contact = await make_contact(project, division=division)
    admin = await make_employee(project, [Role.ADMIN])
    blind = await make_employee(project, [Role.DIRECTOR], divisions=[], reminder_interval_minutes=10)
    await make_reminder(admin)
    for each in (contact, contact, None):
        await make_reminder(None, created_by=admin, contact=each)
    await make_reminder(
        None, created_by=await make_employee(other, [Role.ADMIN], reminder_interval_minutes=10)
    )

    assert await forgotten.count_by_project() == {"Pekárna": 2}, (
        "what has no contact is shown to the director"
    )
    with pytest.raises(doctor.Ill, match="2 of Pekárna"):
        await doctor._reminders_are_shown(None)
    await Employee.filter(id=blind.id).update(reminder_interval_minutes=None)
    assert await forgotten.count_by_project() == {"Pekárna": 3}
    await Employee.filter(id=admin.id).update(reminder_interval_minutes=10)

    assert await forgotten.count_by_project() == {}
    await Employee.filter(id=admin.id).update(reminder_interval_minutes=None)
    await Project.filter(id=project.id).update(deletion_requested_at=NOON, purge_after=NOON)
    assert await forgotten.count_by_project() == {}, "nobody works in what is to be deleted"
    assert "no reminder" in await doctor._reminders_are_shown(None)


@pytest.mark.usefixtures("database", "settings")
async def test_hundreds_who_give_reminders_are_asked_about_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    project = await make_project(name="Pekárna")
    ours, theirs = await make_division(project), await make_division(project)
    handler = await make_employee(project, [Role.COMPLAINTS], divisions=[ours], reminder_interval_minutes=10)
    for division in (ours, theirs):
        contact = await make_contact(project, division=division)
        await make_reminder(None, created_by=handler, contact=contact)
    at_work = givers.at_work

    async def hundreds(*asked: Any, **how: Any) -> list[Member]:
        return [
            replace(each, employee_id=uuid7()) for each in await at_work(*asked, **how) for _ in range(520)
        ]

    monkeypatch.setattr(givers, "at_work", hundreds)

    assert await forgotten.count_by_project() == {"Pekárna": 1}
