"""Who may change whom, also when several do so at the same moment."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import Forbidden, Invalid, Unauthenticated
from app.ids import uuid7
from app.jobs import unit_of_work
from app.models import DivisionScope, Employee, EmployeeStatus, Project
from app.policy import Member, Role
from app.services import colleagues, employee_rights, employee_scopes, employees, employment
from app.services.employee_scopes import Scope
from tests.factories import make_division, make_employee, make_project, viewer_of
from tests.graphql import settings

__all__ = ["settings"]

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
async def project(database: str, settings: object) -> Project:
    return await make_project()


async def demote(viewer: Member, employee: Employee) -> Any:
    async with unit_of_work() as work:
        return await employees.update(viewer, now=work.now, id=employee.id, roles=[Role.TELEPHONIST])


async def dismiss(viewer: Member, employee: Employee) -> Any:
    async with unit_of_work() as work:
        return await employment.deactivate(viewer, now=work.now, id=employee.id)


async def outcomes(*attempts: Any) -> list[str]:
    found = await asyncio.gather(*attempts, return_exceptions=True)
    return sorted(type(each).__name__ for each in found)


@pytest.mark.parametrize("act", [demote, dismiss])
async def test_of_two_admins_who_give_up_at_once_one_stays(project: Project, act: Any) -> None:
    first, second = [await make_employee(project, [Role.ADMIN]) for _ in range(2)]

    found = await outcomes(act(await viewer_of(first), first), act(await viewer_of(second), second))

    assert found == ["Employee", "Invalid"]
    assert await Employee.active_admins(project.id).count() == 1


@pytest.mark.parametrize(("act", "refusal"), [(demote, "Forbidden"), (dismiss, "Unauthenticated")])
async def test_of_two_admins_who_oust_each_other_one_comes_too_late(
    project: Project, act: Any, refusal: str
) -> None:
    first, second, _ = [await make_employee(project, [Role.ADMIN]) for _ in range(3)]

    found = await outcomes(act(await viewer_of(first), second), act(await viewer_of(second), first))

    assert found == sorted(["Employee", refusal])


async def test_parallel_changes_of_one_employee_all_count(project: Project) -> None:
    viewer = await viewer_of(await make_employee(project, [Role.DIRECTOR]))
    person = await make_employee(project, [Role.SALES_REP])

    async def change(**sent: Any) -> None:
        async with unit_of_work() as work:
            await employees.update(viewer, now=work.now, id=person.id, **sent)

    await asyncio.gather(
        change(name="Nový"), change(can_delete_contacts=True), change(time_zone="UTC"), change(roles=[])
    )

    changed = await Employee.get(id=person.id)
    assert (changed.name, changed.can_delete_contacts, changed.time_zone, changed.roles) == (
        "Nový",
        True,
        "UTC",
        (),
    )
    assert changed.version == 5


async def test_of_parallel_changes_with_one_version_one_is_written(project: Project) -> None:
    viewer = await viewer_of(await make_employee(project, [Role.DIRECTOR]))
    person = await make_employee(project, [Role.SALES_REP])

    async def rename(name: str) -> Employee:
        async with unit_of_work() as work:
            return await employees.update(viewer, now=work.now, id=person.id, expected_version=1, name=name)

    assert await outcomes(*[rename(f"Jméno {number}") for number in range(4)]) == [
        "Employee",
        *["Invalid"] * 3,
    ]


async def test_whoever_lost_his_rights_while_he_waited_is_refused(project: Project) -> None:
    manager = await make_employee(project, [Role.DIRECTOR])
    person, viewer = await make_employee(project, [Role.SALES_REP]), await viewer_of(manager)

    for values, refusal in (
        ({"roles": [Role.INVOICER]}, Forbidden),
        ({"status": EmployeeStatus.DEACTIVATED, "deactivated_at": NOW}, Unauthenticated),
    ):
        await Employee.filter(id=manager.id).update(**values)
        with pytest.raises(refusal):
            await demote(viewer, person)


async def test_get_active_gives_who_is_at_work(project: Project) -> None:
    viewer = await viewer_of(await make_employee(project, [Role.DIRECTOR]))
    gone = await make_employee(project, status=EmployeeStatus.DEACTIVATED)

    assert (await colleagues.get_active(viewer, viewer.employee_id)).id == viewer.employee_id
    with pytest.raises(Invalid):
        await colleagues.get_active(viewer, gone.id, path=("owner_id",))


@pytest.mark.parametrize("role", Role)
async def test_an_admin_gives_every_role_and_a_director_every_one_but_admin(
    project: Project, role: Role
) -> None:
    admin = await viewer_of(await make_employee(project, [Role.ADMIN]))
    director = await viewer_of(await make_employee(project, [Role.DIRECTOR]))

    employee_rights.require_grantable(admin, [role], None)
    if role is Role.ADMIN:
        with pytest.raises(Forbidden):
            employee_rights.require_grantable(director, [role], None)
    else:
        employee_rights.require_grantable(director, [role], None)


async def test_nobody_gives_a_right_beyond_his_own(project: Project) -> None:
    rep = await viewer_of(await make_employee(project, [Role.SALES_REP]))

    employee_rights.require_grantable(rep, [Role.TELEPHONIST], None)
    with pytest.raises(Forbidden, match="INVOICE_WRITE"):
        employee_rights.require_grantable(rep, [Role.INVOICER], None)


async def test_what_the_ceiling_of_externals_cuts_is_not_given(project: Project) -> None:
    rep = await viewer_of(await make_employee(project, [Role.SALES_REP]))

    employee_rights.require_grantable(rep, [Role.INVOICER], uuid7())
    employee_rights.require_grantable(rep, [Role.INVOICER, Role.EXTERNAL_TELEPHONIST], None)


ALL, CHOSEN = DivisionScope.ALL, DivisionScope.CHOSEN


@pytest.mark.parametrize(
    ("viewers", "present", "wanted", "passes"),
    [
        (None, None, "ALL", True),
        (None, "", "ALL", True),
        ("a", None, "ALL", False),
        ("a", None, "a", True),
        ("a", None, "", True),
        ("a", None, "b", False),
        ("a", "b", "ab", True),
        ("a", "b", "", True),
        ("a", "b", "bc", False),
        ("a", "ab", "ALL", False),
        ("a", "ALL", "ALL", True),
        ("a", "ALL", "b", True),
        ("", "a", "a", True),
    ],
)
async def test_a_scope_is_given_as_far_as_ones_own_reaches(
    project: Project, viewers: str | None, present: str | None, wanted: str, passes: bool
) -> None:
    divisions = {letter: await make_division(project) for letter in "abc"}
    chosen = None if viewers is None else [divisions[letter] for letter in viewers]
    viewer = await viewer_of(await make_employee(project, [Role.DIRECTOR], divisions=chosen))

    def scope(letters: Sequence[str]) -> Scope:
        if letters == "ALL":
            return Scope(ALL)
        return Scope(CHOSEN, frozenset(divisions[letter].id for letter in letters))

    before = None if present is None else scope(present)
    if passes:
        employee_scopes.require_within(viewer, scope(wanted), before)
    else:
        with pytest.raises(Forbidden):
            employee_scopes.require_within(viewer, scope(wanted), before)


async def test_what_makes_an_admin_is_the_right_to_make_admins() -> None:
    assert employee_rights.makes_admin([Role.TELEPHONIST, Role.ADMIN])
    assert not employee_rights.makes_admin(set(Role) - {Role.ADMIN})
