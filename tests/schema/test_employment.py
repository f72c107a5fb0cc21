"""Leaving and coming back."""

from typing import Any

import pytest

from app.models import (
    AuditEntry,
    Employee,
    EmployeeStatus,
    Invitation,
    Project,
    Reminder,
    ReminderClosedReason,
    ReminderEvent,
    Session,
)
from app.policy import Role
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_invitation,
    make_project,
    make_reminder,
)
from tests.graphql import SentJob, as_employee, as_role, gid
from tests.schema.employee_cases import (
    DEACTIVATE,
    REACTIVATE,
    admin,
    director,
    everything,
    fresh,
    project,
    rep,
)

__all__ = ["admin", "director", "project", "rep"]

DEACTIVATED, INVITED = EmployeeStatus.DEACTIVATED, EmployeeStatus.INVITED


async def test_who_leaves_is_signed_out_at_once(director: Employee, rep: Employee, rings: list[str]) -> None:
    client = await as_employee(rep).sign_in()
    assert (await client.run("{ viewer { roles } }")).errors == []

    answer = await as_employee(director).run(DEACTIVATE, input={"id": rep})

    assert answer.faults("employeeDeactivate") == []
    assert answer.data["employeeDeactivate"]["employee"]["status"] == "DEACTIVATED"
    assert (await client.run("{ viewer { roles } }")).codes == ["UNAUTHENTICATED"]
    assert (await Session.get(employee_id=rep.id)).revoked_at is not None
    assert rings == [f"viewers:{rep.account_id}"]
    entry = await AuditEntry.get(action="employeeDeactivate", subject="Employee")
    assert entry.changes["status"] == ["ACTIVE", "DEACTIVATED"]


async def test_leaving_twice_is_no_error(director: Employee, rep: Employee) -> None:
    first = await as_employee(director).run(DEACTIVATE, input={"id": rep})
    again = await as_employee(director).run(DEACTIVATE, input={"id": rep})

    assert again.data == first.data and (await fresh(rep)).version == 2


async def test_open_reminders_need_somebody_who_gets_them(
    director: Employee, rep: Employee, rings: list[str]
) -> None:
    for _ in range(3):
        await make_reminder(rep)
    await as_employee(director).sign_in()
    before = await everything()

    answer = await as_employee(director).run(DEACTIVATE, input={"id": rep})

    assert answer.faults("employeeDeactivate") == [("input.reassignRemindersTo", "OPEN_REMINDERS")]
    assert ": 3." in answer.data["employeeDeactivate"]["errors"][0]["message"]
    assert (await everything())[1] == before[1] and rings == []


async def test_open_reminders_go_to_the_colleague_and_leave_his_window(
    project: Project, director: Employee, rep: Employee
) -> None:
    heir = await make_employee(project, [Role.TELEPHONIST], reminder_interval_minutes=5)
    reminder = await make_reminder(rep)

    answer = await as_employee(director).run(DEACTIVATE, input={"id": rep, "reassignRemindersTo": heir})

    assert answer.faults("employeeDeactivate") == []
    assert (await Reminder.get(id=reminder.id)).assignee_id == heir.id
    event = await ReminderEvent.get(employee_id=rep.id)
    assert (event.reminder_id, event.closed_reason) == (reminder.id, ReminderClosedReason.GIVEN_AWAY)
    assert (await fresh(heir)).next_popup_at is not None and (await fresh(rep)).next_popup_at is None


async def test_a_reminder_that_the_colleague_may_not_see_is_left_without_an_assignee(
    project: Project, director: Employee, rep: Employee
) -> None:
    heir = await make_employee(project, [Role.TELEPHONIST], divisions=[])
    contact = await make_contact(project, division=await make_division(project))
    reminder = await make_reminder(rep, contact=contact)

    await as_employee(director).run(DEACTIVATE, input={"id": rep, "reassignRemindersTo": heir})

    assert (await Reminder.get(id=reminder.id)).assignee_id is None


async def test_the_one_who_gets_them_must_be_at_work_and_have_reminders(
    project: Project, director: Employee, rep: Employee
) -> None:
    await make_reminder(rep)
    gone = await make_employee(project, [Role.TELEPHONIST], status=DEACTIVATED)
    invited = await make_employee(project, [Role.TELEPHONIST], status=INVITED)
    idle = await make_employee(project)
    foreign = await make_employee(await make_project(), [Role.TELEPHONIST])
    await as_employee(director).sign_in()

    codes = {}
    for heir in (gone, invited, idle, rep):
        answer = await as_employee(director).run(DEACTIVATE, input={"id": rep, "reassignRemindersTo": heir})
        ((path, codes[heir.id]),) = answer.faults("employeeDeactivate")
        assert path == "input.reassignRemindersTo"
    missing = await as_employee(director).run(DEACTIVATE, input={"id": rep, "reassignRemindersTo": foreign})

    assert codes == {
        gone.id: "WRONG_STATE",
        invited.id: "WRONG_STATE",
        idle.id: "NOT_ALLOWED",
        rep.id: "INVALID",
    }
    assert missing.codes == ["NOT_FOUND"]
    assert missing.errors[0]["extensions"]["inputPath"] == ["input", "reassignRemindersTo"]
    assert (await fresh(rep)).version == 1 and (await Reminder.get()).assignee_id == rep.id


async def test_an_invitation_of_one_who_leaves_works_no_more(project: Project, director: Employee) -> None:
    invited = await make_employee(project, [Role.SALES_REP], status=INVITED)
    invitation = await make_invitation(invited)

    await as_employee(director).run(DEACTIVATE, input={"id": invited})

    assert (await Invitation.get(id=invitation.id)).revoked_at is not None


async def test_the_only_admin_does_not_leave(admin: Employee) -> None:
    answer = await as_employee(admin).run(DEACTIVATE, input={"id": admin})

    assert answer.faults("employeeDeactivate") == [("input.id", "LAST_ADMIN")]
    assert (await fresh(admin)).status is EmployeeStatus.ACTIVE


async def test_an_admin_leaves_while_there_is_another(project: Project, admin: Employee) -> None:
    await make_employee(project, [Role.ADMIN])

    answer = await as_employee(admin).run(DEACTIVATE, input={"id": admin})

    assert answer.faults("employeeDeactivate") == []


@pytest.mark.parametrize(("document", "status"), [(DEACTIVATE, "ACTIVE"), (REACTIVATE, "DEACTIVATED")])
async def test_a_director_neither_ends_nor_revives_an_admins_work(
    project: Project, director: Employee, document: str, status: str
) -> None:
    admin = await make_employee(project, [Role.ADMIN], status=EmployeeStatus(status))

    answer = await as_employee(director).run(document, input={"id": admin})

    assert answer.codes == ["FORBIDDEN"] and (await fresh(admin)).status == status


@pytest.mark.parametrize("document", [DEACTIVATE, REACTIVATE])
@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DIRECTOR, Role.ADMIN}))
async def test_nobody_else_does_so(
    project: Project, rep: Employee, document: str, role: Role, rings: list[str]
) -> None:
    answer = await as_role(role, project=project).run(document, input={"id": rep})

    assert answer.codes == ["FORBIDDEN"] and (await fresh(rep)).version == 1 and rings == []


async def test_who_comes_back_signs_in_anew_with_what_he_had(
    project: Project, director: Employee, rep: Employee
) -> None:
    client = await as_employee(rep).sign_in()
    await Employee.filter(id=rep.id).update(reminder_interval_minutes=5)
    await as_employee(director).run(DEACTIVATE, input={"id": rep})

    answer = await as_employee(director).run(REACTIVATE, input={"id": rep})

    assert answer.data == {
        "employeeReactivate": {"employee": {"id": gid(rep), "status": "ACTIVE"}, "errors": []}
    }
    assert (await client.run("{ viewer { roles } }")).codes == ["UNAUTHENTICATED"]
    again = await as_employee(await fresh(rep)).run("{ viewer { roles } }")
    assert again.data == {"viewer": {"roles": ["SALES_REP"]}}
    assert ((await fresh(rep)).deactivated_at, (await fresh(rep)).reminder_interval_minutes) == (None, 5)


async def test_who_never_accepted_is_invited_once_more(
    project: Project, director: Employee, sent_jobs: list[SentJob]
) -> None:
    invited = await make_employee(project, [Role.SALES_REP], status=INVITED)
    await as_employee(director).run(DEACTIVATE, input={"id": invited})

    answer = await as_employee(director).run(REACTIVATE, input={"id": invited})

    assert answer.data["employeeReactivate"]["employee"]["status"] == "INVITED"
    assert await Invitation.filter(employee_id=invited.id, revoked_at=None).count() == 1
    assert len(sent_jobs) == 1


async def test_coming_back_twice_is_no_error(director: Employee, rep: Employee, sent_jobs: list[Any]) -> None:
    answer = await as_employee(director).run(REACTIVATE, input={"id": rep})

    assert answer.faults("employeeReactivate") == [] and (await fresh(rep)).version == 1 and sent_jobs == []


async def test_nobody_takes_somebody_back_into_a_wider_scope_than_his_own(project: Project) -> None:
    b2b = await make_division(project)
    manager = await make_employee(project, [Role.DIRECTOR], divisions=[b2b])
    wide = await make_employee(project, [Role.SALES_REP], status=DEACTIVATED)
    narrow = await make_employee(project, [Role.SALES_REP], status=DEACTIVATED, divisions=[b2b])

    refused = await as_employee(manager).run(REACTIVATE, input={"id": wide})
    taken = await as_employee(manager).run(REACTIVATE, input={"id": narrow})

    assert refused.codes == ["FORBIDDEN"] and (await fresh(wide)).status is DEACTIVATED
    assert taken.faults("employeeReactivate") == []
