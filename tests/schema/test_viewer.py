"""Who asks, and what he may."""

from typing import Any

import pytest

from app.jobs import unit_of_work
from app.models import Account, Employee, EmployeeStatus, Project, Session
from app.policy import Permission, Role
from app.services import sessions
from tests.factories import LONG_AGO, NOON, make_account, make_employee, make_partner, make_project
from tests.graphql import anonymous, as_account, as_employee, as_role, gid, with_token

ME = """
query Me {
  viewer {
    account { name email emailVerifiedAt }
    employee { id name roles reminderIntervalMinutes project { id name } }
    roles
    permissions
  }
}
"""
MINE = "{ viewer { employee { id } sessions { id } } }"
EXTERNAL_MAY = [
    "EMPLOYEE_READ",
    "CONTACT_READ",
    "CONTACT_PROPOSE",
    "ACTIVITY_SALES_READ",
    "ACTIVITY_SALES_WRITE",
    "REMINDER_OWN",
]


async def permissions(*roles: Role | str, **values: Any) -> list[str]:
    answer = await as_role(*roles, **values).run(ME)
    assert answer.errors == []
    found: list[str] = answer.data["viewer"]["permissions"]
    return found


async def test_an_employee_learns_who_he_is_and_what_he_may() -> None:
    project = await make_project(name="Novák s.r.o.")
    employee = await make_employee(
        project, ["SALES_REP", "TELEPHONIST"], name="Jana", reminder_interval_minutes=10
    )
    account = await Account.get(id=employee.account_id)

    answer = await as_employee(employee).run(ME)

    viewer = answer.data["viewer"]
    assert answer.errors == []
    assert viewer["account"] == {
        "name": account.name,
        "email": account.email,
        "emailVerifiedAt": "2026-03-02T12:00:00.000Z",
    }
    assert viewer["employee"] == {
        "id": gid(employee),
        "name": "Jana",
        "roles": ["TELEPHONIST", "SALES_REP"],
        "reminderIntervalMinutes": 10,
        "project": {"id": gid(project), "name": "Novák s.r.o."},
    }
    assert viewer["roles"] == ["TELEPHONIST", "SALES_REP"]
    assert "CONTACT_BILLING_READ" in viewer["permissions"] and "INVOICE_WRITE" not in viewer["permissions"]


async def test_an_account_alone_has_no_employee_no_role_and_no_permission() -> None:
    account = await make_account(name="Petr", email="petr@example.cz")

    answer = await as_account(account).run(ME)

    assert answer.data["viewer"] == {
        "account": {"name": "Petr", "email": "petr@example.cz", "emailVerifiedAt": None},
        "employee": None,
        "roles": [],
        "permissions": [],
    }


async def test_the_viewers_id_is_the_same_in_each_session_and_another_in_each_project() -> None:
    account = await make_account()
    here, there = [await make_employee(await make_project(), ["ADMIN"], account=account) for _ in range(2)]
    clients = [as_employee(here), as_employee(here), as_employee(there), as_account(account)]

    ids = [(await each.run("{ viewer { __typename id } }")).data["viewer"]["id"] for each in clients]

    assert ids[0] == ids[1] and len(set(ids)) == 3
    assert not {gid(here), gid(there), gid(account)} & set(ids)


async def test_nobody_is_told_to_sign_in() -> None:
    answer = await anonymous().run(ME)

    assert answer.codes == ["UNAUTHENTICATED"]


async def test_the_admin_may_everything() -> None:
    assert await permissions("ADMIN") == [permission.name for permission in Permission]


async def test_a_flag_is_a_permission_whatever_the_role() -> None:
    assert "CONTACT_DELETE" not in await permissions("SALES_REP")
    assert "CONTACT_DELETE" in await permissions("SALES_REP", can_delete_contacts=True)
    assert "EMAIL_BULK" in await permissions("SALES_REP", can_send_bulk_email=True)


async def test_an_external_is_cut_to_the_ceiling_whatever_his_roles_and_flags() -> None:
    project = await make_project()
    partner = await make_partner(project)
    flags = {"can_delete_contacts": True, "can_send_bulk_email": True}

    by_partner = await permissions(*Role, project=project, partner=partner, **flags)
    by_role = await permissions("EXTERNAL_TELEPHONIST", "ADMIN", **flags)

    assert by_partner == by_role == EXTERNAL_MAY


async def test_a_role_that_was_taken_is_gone_at_the_next_request_once_the_bell_has_rung() -> None:
    employee = await make_employee(await make_project(), ["INVOICER"])
    client = as_employee(employee)
    assert "INVOICE_WRITE" in (await client.run(ME)).data["viewer"]["permissions"]

    await Employee.filter(id=employee.id).update(roles=[Role.TELEPHONIST])
    await _ring(employee)

    assert "INVOICE_WRITE" not in (await client.run(ME)).data["viewer"]["permissions"]


@pytest.mark.parametrize("status", [EmployeeStatus.DEACTIVATED, EmployeeStatus.INVITED])
async def test_the_session_of_an_employee_who_is_not_active_is_refused(status: EmployeeStatus) -> None:
    client = await as_role("ADMIN").sign_in()
    left_at = NOON if status is EmployeeStatus.DEACTIVATED else None
    await Employee.all().update(status=status, deactivated_at=left_at)

    answer = await client.run(MINE)

    assert answer.codes == ["UNAUTHENTICATED"] and answer.data is None


async def test_the_sessions_of_a_project_that_waits_for_its_deletion_are_refused() -> None:
    project = await make_project()
    member = await as_role("ADMIN", project=project).sign_in()
    assert member.account is not None
    alone = as_account(member.account)
    await Project.filter(id=project.id).update(deletion_requested_at=NOON, purge_after=NOON)

    assert (await member.run(MINE)).codes == ["UNAUTHENTICATED"]
    assert (await alone.run(MINE)).codes == []


@pytest.mark.parametrize(
    "end", [{"revoked_at": NOON}, {"expires_at": LONG_AGO}, {"absolute_expires_at": LONG_AGO}]
)
async def test_a_session_that_has_ended_is_refused(end: dict[str, Any]) -> None:
    client = await as_role("ADMIN").sign_in()
    await Session.all().update(**end)

    answer = await client.run(MINE)

    assert answer.codes == ["UNAUTHENTICATED"]
    never_was = await with_token("a token that never was").run(MINE)
    for error in (*answer.errors, *never_was.errors):
        del error["extensions"]["requestId"]
    assert never_was == answer


async def _ring(employee: Employee) -> None:
    async with unit_of_work():
        assert employee.account_id is not None
        sessions.viewers_changed(employee.account_id)
