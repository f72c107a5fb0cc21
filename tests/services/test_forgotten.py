"""Reminders that are nobody's and in nobody's window are told of."""

import pytest

from app import doctor
from app.models import Employee
from app.policy import Role
from app.services import forgotten
from tests.factories import make_contact, make_division, make_employee, make_project, make_reminder
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
    assert "no reminder" in await doctor._reminders_are_shown(None)
