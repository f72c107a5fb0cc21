"""Who may change which employee, and give him what."""

from typing import Any

import pytest

from app.models import DivisionScope, Employee, EmployeeDivision, EmployeeStatus, Project, Reminder
from app.policy import Role
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_partner,
    make_project,
    make_reminder,
)
from tests.graphql import SentJob, as_employee, as_role
from tests.schema.employee_cases import UPDATE, admin, director, everything, fresh, project, rep

__all__ = ["admin", "director", "project", "rep"]

OWN_RIGHTS = [
    {"roles": ["DIRECTOR", "SALES_REP"]},
    {"roles": []},
    {"divisionScope": "CHOSEN"},
    {"canDeleteContacts": True},
    {"canSendBulkEmail": True},
]


@pytest.mark.parametrize("changes", OWN_RIGHTS)
async def test_nobody_changes_his_own_rights(
    director: Employee, rings: list[str], changes: dict[str, Any]
) -> None:
    before = await everything()

    answer = await as_employee(director).run(UPDATE, input={"id": director, "name": "Jiná", **changes})

    assert answer.codes == ["FORBIDDEN"]
    assert (await everything())[1] == before[1] and rings == []


async def test_nobody_makes_himself_external(project: Project, director: Employee) -> None:
    answer = await as_employee(director).run(
        UPDATE, input={"id": director, "partnerId": await make_partner(project)}
    )

    assert answer.codes == ["FORBIDDEN"] and (await fresh(director)).partner_id is None


@pytest.mark.parametrize("changes", OWN_RIGHTS)
async def test_an_admin_changes_his_own_rights_while_there_is_another(
    project: Project, admin: Employee, changes: dict[str, Any]
) -> None:
    await make_employee(project, [Role.ADMIN])

    answer = await as_employee(admin).run(UPDATE, input={"id": admin, **changes})

    assert answer.faults("employeeUpdate") == []


async def test_an_admin_widens_his_own_scope(project: Project) -> None:
    admin = await make_employee(project, [Role.ADMIN], divisions=[])

    answer = await as_employee(admin).run(UPDATE, input={"id": admin, "divisionScope": "ALL"})

    assert answer.faults("employeeUpdate") == [] and (await fresh(admin)).division_scope is DivisionScope.ALL


async def test_one_changes_ones_own_name_and_interval(director: Employee) -> None:
    answer = await as_employee(director).run(
        UPDATE, input={"id": director, "name": "Jiná", "reminderIntervalMinutes": 5}
    )

    assert answer.faults("employeeUpdate") == [] and (await fresh(director)).name == "Jiná"


@pytest.mark.parametrize(
    "changes",
    [{"roles": ["TELEPHONIST"]}, {"roles": ["EXTERNAL_TELEPHONIST", "ADMIN"]}, {"roles": []}],
)
async def test_the_only_admin_stays_one(admin: Employee, director: Employee, changes: dict[str, Any]) -> None:
    answer = await as_employee(admin).run(UPDATE, input={"id": admin, **changes})

    assert answer.faults("employeeUpdate") == [("input.roles", "LAST_ADMIN")]
    assert (await fresh(admin)).roles == (Role.ADMIN,)


async def test_the_only_admin_does_not_become_external_by_a_partner(
    project: Project, admin: Employee
) -> None:
    answer = await as_employee(admin).run(
        UPDATE, input={"id": admin, "partnerId": await make_partner(project)}
    )

    assert answer.faults("employeeUpdate") == [("input.partnerId", "LAST_ADMIN")]


EXTERNAL_ADMIN = (Role.ADMIN, Role.EXTERNAL_TELEPHONIST)


@pytest.mark.parametrize(
    ("roles", "status", "of_partner"),
    [
        ((Role.ADMIN,), EmployeeStatus.INVITED, False),
        ((Role.ADMIN,), EmployeeStatus.DEACTIVATED, False),
        (EXTERNAL_ADMIN, EmployeeStatus.ACTIVE, False),
        ((Role.ADMIN,), EmployeeStatus.ACTIVE, True),
    ],
)
async def test_an_admin_who_is_not_at_work_or_external_is_no_second_one(
    project: Project, admin: Employee, roles: tuple[Role, ...], status: EmployeeStatus, of_partner: bool
) -> None:
    partner = await make_partner(project) if of_partner else None
    await make_employee(project, roles, status=status, partner=partner)
    await make_employee(await make_project(), [Role.ADMIN])

    answer = await as_employee(admin).run(UPDATE, input={"id": admin, "roles": ["DIRECTOR"]})

    assert answer.faults("employeeUpdate") == [("input.roles", "LAST_ADMIN")]


@pytest.mark.parametrize("changes", [{"roles": ["ADMIN"]}, {"roles": ["SALES_REP", "ADMIN"]}])
async def test_a_director_makes_nobody_an_admin(
    project: Project, director: Employee, rep: Employee, changes: dict[str, Any]
) -> None:
    partner = await make_partner(project)

    plain = await as_employee(director).run(UPDATE, input={"id": rep, **changes})
    hidden = await as_employee(director).run(UPDATE, input={"id": rep, "partnerId": partner, **changes})

    assert plain.codes == hidden.codes == ["FORBIDDEN"]
    assert plain.errors[0]["extensions"]["requiredPermission"] == "ADMIN_GRANT"
    assert ((await fresh(rep)).roles, (await fresh(rep)).version) == ((Role.SALES_REP,), 1)


@pytest.mark.parametrize(
    "changes", [{"name": "Jiný"}, {"roles": []}, {"reminderIntervalMinutes": 5}, {"canDeleteContacts": True}]
)
async def test_a_director_changes_no_admin_not_even_an_external_one(
    project: Project, director: Employee, admin: Employee, changes: dict[str, Any]
) -> None:
    external = await make_employee(project, list(Role))

    answers = [
        await as_employee(director).run(UPDATE, input={"id": each, **changes}) for each in (admin, external)
    ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"], ["FORBIDDEN"]]
    assert ((await fresh(admin)).version, (await fresh(external)).version) == (1, 1)


async def test_nobody_gives_a_wider_scope_than_his_own(project: Project) -> None:
    b2b, b2c = await make_division(project), await make_division(project)
    manager = await make_employee(project, [Role.DIRECTOR], divisions=[b2b])
    person = await make_employee(project, [Role.SALES_REP], divisions=[])

    wider = [
        await as_employee(manager).run(UPDATE, input={"id": person, **changes})
        for changes in ({"divisionScope": "ALL"}, {"divisionIds": [b2c]}, {"divisionIds": [b2b, b2c]})
    ]
    own = await as_employee(manager).run(UPDATE, input={"id": person, "divisionIds": [b2b]})

    assert [answer.codes for answer in wider] == [["FORBIDDEN"]] * 3
    assert own.faults("employeeUpdate") == []
    assert [row.division_id for row in await EmployeeDivision.filter(employee_id=person.id)] == [b2b.id]


@pytest.mark.parametrize("by", ["partner", "role"])
async def test_nobody_takes_an_external_inside_with_a_wider_scope_than_his_own(
    project: Project, by: str
) -> None:
    own = await make_division(project)
    manager = as_employee(await make_employee(project, [Role.DIRECTOR], divisions=[own]))
    external: dict[str, dict[str, Any]] = {
        "partner": {"roles": [Role.SALES_REP], "partner": await make_partner(project)},
        "role": {"roles": [Role.SALES_REP, Role.EXTERNAL_TELEPHONIST]},
    }
    employee = await make_employee(project, **external[by])
    inside: dict[str, Any] = {"partnerId": None} if by == "partner" else {"roles": ["SALES_REP"]}

    wide = await manager.run(UPDATE, input={"id": employee, **inside})
    narrow = await manager.run(UPDATE, input={"id": employee, **inside, "divisionIds": [own]})

    assert wide.codes == ["FORBIDDEN"]
    assert narrow.faults("employeeUpdate") == []


async def test_who_manages_gives_flags_that_he_lacks_himself(director: Employee, rep: Employee) -> None:
    answer = await as_employee(director).run(
        UPDATE, input={"id": rep, "canDeleteContacts": True, "canSendBulkEmail": True}
    )

    assert answer.faults("employeeUpdate") == [] and (await fresh(rep)).can_send_bulk_email


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DIRECTOR, Role.ADMIN}))
async def test_nobody_else_changes_employees_not_even_himself(
    project: Project, rep: Employee, role: Role, sent_jobs: list[SentJob]
) -> None:
    client = await as_role(role, project=project).sign_in()
    assert client.employee is not None

    answers = [
        await client.run(UPDATE, input={"id": each, "name": "Jiný"}) for each in (rep, client.employee)
    ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"], ["FORBIDDEN"]]
    assert (await fresh(rep)).version == 1 and sent_jobs == []


async def test_rights_are_given_within_the_givers_divisions_too() -> None:
    """Or he would make a colleague of all divisions a director, who then gives him all of them."""
    project = await make_project()
    mine = await make_division(project)
    director = await make_employee(project, [Role.DIRECTOR], divisions=[mine])
    wide = await make_employee(project, [Role.TELEPHONIST])
    within = await make_employee(project, [Role.TELEPHONIST], divisions=[mine])
    client = as_employee(director)

    refused = await client.run(UPDATE, input={"id": wide, "roles": ["TELEPHONIST", "DIRECTOR"]})
    narrowed = await client.run(
        UPDATE, input={"id": wide, "roles": ["TELEPHONIST", "DIRECTOR"], "divisionIds": [mine]}
    )
    given = await client.run(UPDATE, input={"id": within, "roles": ["DIRECTOR"]})
    taken = await client.run(UPDATE, input={"id": wide, "roles": []})

    assert refused.codes == ["FORBIDDEN"]
    assert [each.faults("employeeUpdate") for each in (narrowed, given, taken)] == [[], [], []]


async def test_whoever_loses_their_last_role_gives_up_their_reminders_whatever_their_divisions() -> None:
    """Of them no id is asked any more: they see no contact at all."""
    project = await make_project()
    divisions = [await make_division(project)]
    admin = as_employee(await make_employee(project, [Role.ADMIN]))
    leaving = await make_employee(project, [Role.SALES_REP], divisions=divisions)
    reminder = await make_reminder(leaving, contact=await make_contact(project, division=divisions[0]))

    heir = await make_employee(project, [Role.SALES_REP], divisions=[])

    answer = await admin.run(UPDATE, input={"id": leaving, "roles": [], "reassignRemindersTo": heir})

    assert answer.faults("employeeUpdate") == []
    assert (await Reminder.get(id=reminder.id)).assignee_id is None, "the heir does not see its contact"
