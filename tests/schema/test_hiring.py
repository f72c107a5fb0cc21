"""Inviting people, and inviting them once more."""

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from app.jobs import Job
from app.models import (
    DivisionScope,
    Email,
    EmailPurpose,
    EmailRecipient,
    Employee,
    EmployeeDivision,
    EmployeeStatus,
    Invitation,
    Project,
)
from app.policy import Role
from app.services import idempotency
from tests.conftest import Clock
from tests.factories import make_division, make_employee, make_invitation, make_partner, make_project
from tests.graphql import SentJob, as_employee, as_role, gid
from tests.schema.employee_cases import INVITE, NOVAK, RESEND, admin, director, everything, project, rep

__all__ = ["admin", "director", "project", "rep"]


async def test_a_director_invites_somebody_and_a_link_goes_out_under_the_projects_address(
    project: Project, director: Employee, sent_jobs: list[SentJob], clock: Clock
) -> None:
    b2b = await make_division(project, name="B2B")

    answer = await as_employee(director).run(
        INVITE,
        input={
            **NOVAK,
            "email": "Jan.Novak@Example.cz",
            "divisionScope": "CHOSEN",
            "divisionIds": [b2b],
            "reminderIntervalMinutes": 15,
            "canDeleteContacts": True,
        },
    )

    assert answer.faults("employeeInvite") == []
    employee = await Employee.get(email="jan.novak@example.cz")
    assert answer.data["employeeInvite"]["employee"] == {
        "id": gid(employee),
        "name": "Jan Novák",
        "email": "jan.novak@example.cz",
        "roles": ["SALES_REP"],
        "status": "INVITED",
        "reminderIntervalMinutes": 15,
        "canDeleteContacts": True,
        "canSendBulkEmail": False,
        "divisions": [{"id": gid(b2b), "name": "B2B"}],
    }
    assert (employee.account_id, employee.search_text) == (None, "jan novak jan.novak@example.cz")
    invitation, email = await Invitation.get(), await Email.get()
    assert (invitation.employee_id, invitation.invited_by_id) == (employee.id, director.id)
    assert invitation.expires_at == clock.at + timedelta(days=14) and invitation.token_hash is None
    assert (email.purpose, email.template_ref) == (EmailPurpose.INVITATION, invitation.id)
    assert email.from_address == project.email and email.text is None
    assert (await EmailRecipient.get()).address == "jan.novak@example.cz"
    assert [(job.job, job.ids) for job in sent_jobs] == [(Job.SEND_EMAIL, (str(email.id),))]


async def test_without_a_word_of_divisions_he_works_in_all_of_them(director: Employee) -> None:
    await as_employee(director).run(INVITE, input=NOVAK)

    assert (await Employee.get(email=NOVAK["email"])).division_scope is DivisionScope.ALL


async def test_divisions_without_a_scope_are_those_chosen(project: Project, director: Employee) -> None:
    await as_employee(director).run(INVITE, input={**NOVAK, "divisionIds": [await make_division(project)]})

    assert (await Employee.get(email=NOVAK["email"])).division_scope is DivisionScope.CHOSEN


async def test_people_of_a_partner_are_invited(project: Project, director: Employee) -> None:
    partner = await make_partner(project)

    answer = await as_employee(director).run(INVITE, input={**NOVAK, "partnerId": partner})

    assert answer.faults("employeeInvite") == []
    assert (await Employee.get(email=NOVAK["email"])).partner_id == partner.id


async def test_somebody_without_a_role_may_be_invited(director: Employee) -> None:
    answer = await as_employee(director).run(INVITE, input={**NOVAK, "roles": []})

    assert answer.faults("employeeInvite") == [] and answer.data["employeeInvite"]["employee"]["roles"] == []


async def test_a_repeated_invitation_invites_once(director: Employee, sent_jobs: list[SentJob]) -> None:
    client, given = await as_employee(director).sign_in(), {**NOVAK, "idempotencyKey": "k"}

    answers = await asyncio.gather(*[client.run(INVITE, input=given) for _ in range(6)])
    other = await client.run(INVITE, input={**given, "name": "Jiný"})

    assert all(answer.data == answers[0].data and answer.errors == [] for answer in answers)
    assert other.codes == ["IDEMPOTENCY_MISMATCH"]
    assert await Invitation.all().count() == 1 and len(sent_jobs) == 1


async def test_a_repeat_that_looked_for_its_key_too_early_looks_again(
    director: Employee, sent_jobs: list[SentJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, given = await as_employee(director).sign_in(), {**NOVAK, "idempotencyKey": "k"}
    first = await client.run(INVITE, input=given)
    find, looks = idempotency.earlier, count()

    async def too_early(*asked: Any, **named: Any) -> Any:
        return None if next(looks) == 0 else await find(*asked, **named)

    monkeypatch.setattr(idempotency, "earlier", too_early)
    again = await client.run(INVITE, input=given)

    assert again.errors == [] and again.data == first.data
    assert len(sent_jobs) == 1


async def test_of_parallel_invitations_to_one_address_one_is_sent(
    director: Employee, sent_jobs: list[SentJob]
) -> None:
    client = await as_employee(director).sign_in()

    answers = await asyncio.gather(*[client.run(INVITE, input=NOVAK) for _ in range(5)])

    faults = sorted(str(answer.faults("employeeInvite")) for answer in answers)
    assert faults == [*["[('input.email', 'TAKEN')]"] * 4, "[]"]
    assert len(sent_jobs) == 1


@pytest.mark.parametrize("status", EmployeeStatus)
async def test_an_address_that_an_employee_has_is_taken(
    project: Project, director: Employee, sent_jobs: list[SentJob], status: EmployeeStatus
) -> None:
    await make_employee(project, email=NOVAK["email"], status=status)

    answer = await as_employee(director).run(INVITE, input={**NOVAK, "email": "JAN.NOVAK@example.cz"})

    assert answer.faults("employeeInvite") == [("input.email", "TAKEN")]
    assert await Invitation.all().count() == 0 and sent_jobs == []


async def test_an_address_of_another_projects_employee_is_free(director: Employee) -> None:
    await make_employee(await make_project(), email=NOVAK["email"])

    answer = await as_employee(director).run(INVITE, input=NOVAK)

    assert answer.faults("employeeInvite") == []


async def test_without_an_address_of_the_project_nobody_is_invited(
    project: Project, director: Employee, sent_jobs: list[SentJob]
) -> None:
    await Project.filter(id=project.id).update(email=None)

    answer = await as_employee(director).run(INVITE, input=NOVAK)

    assert answer.faults("employeeInvite") == [("input", "NO_SENDER")]
    assert await Employee.all().count() == 1 and await Invitation.all().count() == 0 and sent_jobs == []


@pytest.mark.parametrize("roles", [["ADMIN"], ["TELEPHONIST", "ADMIN"], ["EXTERNAL_TELEPHONIST", "ADMIN"]])
async def test_a_director_invites_no_admin(
    project: Project, director: Employee, sent_jobs: list[SentJob], roles: list[str]
) -> None:
    plain = await as_employee(director).run(INVITE, input={**NOVAK, "roles": roles})
    external = await as_employee(director).run(
        INVITE, input={**NOVAK, "roles": roles, "partnerId": await make_partner(project)}
    )

    assert plain.codes == external.codes == ["FORBIDDEN"]
    assert plain.errors[0]["extensions"]["requiredPermission"] == "ADMIN_GRANT"
    assert await Employee.all().count() == 1 and sent_jobs == []


async def test_an_admin_invites_another(admin: Employee) -> None:
    answer = await as_employee(admin).run(INVITE, input={**NOVAK, "roles": ["ADMIN"]})

    assert answer.faults("employeeInvite") == []


async def test_nobody_gives_a_wider_scope_than_his_own(project: Project, sent_jobs: list[SentJob]) -> None:
    b2b, b2c = await make_division(project), await make_division(project)
    client = as_employee(await make_employee(project, [Role.DIRECTOR], divisions=[b2b]))

    wider = [
        await client.run(INVITE, input={**NOVAK, **scope})
        for scope in ({}, {"divisionScope": "ALL"}, {"divisionIds": [b2b, b2c]})
    ]
    assert [answer.codes for answer in wider] == [["FORBIDDEN"]] * 3 and sent_jobs == []

    own = await client.run(INVITE, input={**NOVAK, "divisionIds": [b2b]})
    assert own.faults("employeeInvite") == []
    assert await EmployeeDivision.filter(division_id=b2b.id).count() == 2


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DIRECTOR, Role.ADMIN}))
async def test_nobody_else_invites(project: Project, role: Role, sent_jobs: list[SentJob]) -> None:
    client = await as_role(role, project=project).sign_in()
    before = await everything()

    answer = await client.run(INVITE, input=NOVAK)

    assert answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["extensions"]["requiredPermission"] == "EMPLOYEE_MANAGE"
    assert await everything() == before and sent_jobs == []


async def test_a_project_does_not_send_invitations_by_the_thousand(
    director: Employee, rep: Employee, clock: Clock, sent_jobs: list[SentJob]
) -> None:
    values = {"project_id": rep.project_id, "employee_id": rep.id, "invited_by_id": director.id}
    sent = [Invitation(**values, created_at=clock.at, expires_at=clock.at) for _ in range(500)]
    await Invitation.bulk_create(sent)

    refused = await as_employee(director).run(INVITE, input=NOVAK)
    clock.advance(timedelta(days=1))
    again = await as_employee(director).run(INVITE, input=NOVAK)

    assert refused.codes == ["RATE_LIMITED"] and again.faults("employeeInvite") == []
    assert len(sent_jobs) == 1


async def test_another_link_takes_the_place_of_the_first(
    project: Project, director: Employee, sent_jobs: list[SentJob]
) -> None:
    invited = await make_employee(project, [Role.SALES_REP], status=EmployeeStatus.INVITED)
    first = await make_invitation(invited)

    answer = await as_employee(director).run(RESEND, input={"id": invited})

    assert answer.faults("employeeInvitationResend") == []
    assert (await Invitation.get(id=first.id)).revoked_at is not None
    second = await Invitation.exclude(id=first.id).get()
    assert (await Email.get()).template_ref == second.id and len(sent_jobs) == 1


async def test_a_repeated_resend_sends_once(
    project: Project, director: Employee, sent_jobs: list[SentJob]
) -> None:
    invited = await make_employee(project, [Role.SALES_REP], status=EmployeeStatus.INVITED)
    given = {"id": invited, "idempotencyKey": "k"}

    answers = [await as_employee(director).run(RESEND, input=given) for _ in range(3)]

    assert answers[0].data == answers[2].data and len(sent_jobs) == 1


async def test_nobodys_mailbox_is_flooded(
    project: Project, director: Employee, sent_jobs: list[SentJob], clock: Clock
) -> None:
    invited = await make_employee(project, [Role.SALES_REP], status=EmployeeStatus.INVITED)
    client = as_employee(director)

    answers = [await client.run(RESEND, input={"id": invited}) for _ in range(4)]

    assert [answer.codes for answer in answers] == [[], [], [], ["RATE_LIMITED"]] and len(sent_jobs) == 3
    assert await Invitation.filter(revoked_at=None).count() == 1
    clock.advance(timedelta(minutes=15))
    assert (await client.run(RESEND, input={"id": invited})).errors == []


@pytest.mark.parametrize("status", [EmployeeStatus.ACTIVE, EmployeeStatus.DEACTIVATED])
async def test_only_who_waits_is_invited_again(
    project: Project, director: Employee, sent_jobs: list[SentJob], status: EmployeeStatus
) -> None:
    colleague = await make_employee(project, [Role.SALES_REP], status=status)

    answer = await as_employee(director).run(RESEND, input={"id": colleague})

    assert answer.faults("employeeInvitationResend") == [("input.id", "WRONG_STATE")] and sent_jobs == []


async def test_a_director_does_not_invite_an_admin_again(
    project: Project, director: Employee, sent_jobs: list[Any]
) -> None:
    invited = await make_employee(project, [Role.ADMIN], status=EmployeeStatus.INVITED)

    answer = await as_employee(director).run(RESEND, input={"id": invited})

    assert answer.codes == ["FORBIDDEN"] and sent_jobs == []
