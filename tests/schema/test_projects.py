"""Founding a project, and what of it is seen from where."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app import db
from app.jobs import Job
from app.models import (
    Account,
    AccountToken,
    AuditEntry,
    Email,
    EmailPurpose,
    Employee,
    EmployeeStatus,
    Project,
    Session,
)
from app.policy import Role
from tests.factories import NOON, make_account, make_division, make_employee, make_project
from tests.graphql import Client, SentJob, anonymous, as_account, as_employee, as_role, gid, with_token
from tests.schema.project_cases import BASE_DATA

CREATE = """
mutation CreateProject($input: ProjectCreateInput!) {
  projectCreate(input: $input) {
    project { id name email ico address { city } }
    session { token employee { roles name project { name } } }
    errors { code message path }
  }
}
"""
PROJECT = """
query Project {
  project {
    id name email ico vatId timeZone dailyDeleteLimit version address { street city postalCode country }
    divisions { edges { node { id name email } } }
  }
}
"""
MY_PROJECTS = "query MyProjects { projects { edges { node { id name } } } }"
SEAT = {"street": "Dlouhá 1", "city": "Brno", "postalCode": "602 00", "country": "cz"}


@pytest.fixture
async def founder() -> Account:
    return await make_account(name="Anna Čapková", email="anna@example.cz", email_verified_at=NOON)


async def create(client: Client, **given: Any) -> Any:
    answer = await client.run(CREATE, input=given)
    assert answer.errors == [], answer.errors
    return answer.data["projectCreate"]


async def test_whoever_founds_a_project_is_its_admin_and_gets_a_session_in_it(founder: Account) -> None:
    made = await create(
        as_account(founder), name=" Pekárna ", email="info@pekarna.cz", ico="25596641", address=SEAT
    )

    assert made["errors"] == []
    assert made["project"] | {"id": ""} == {
        "id": "",
        "name": "Pekárna",
        "email": "info@pekarna.cz",
        "ico": "25596641",
        "address": {"city": "Brno"},
    }
    assert made["session"]["employee"] == {
        "roles": ["ADMIN"],
        "name": "Anna Čapková",
        "project": {"name": "Pekárna"},
    }
    entered = await with_token(made["session"]["token"]).run(PROJECT)
    assert entered.data["project"]["timeZone"] == "Europe/Prague"
    assert entered.data["project"]["address"] == {
        "street": "Dlouhá 1",
        "city": "Brno",
        "postalCode": "60200",
        "country": "CZ",
    }


async def test_the_session_that_asked_goes_on_and_now_lists_the_project(founder: Account) -> None:
    client = as_account(founder)

    made = await create(client, name="Pekárna")

    listed = await client.run(MY_PROJECTS)
    assert listed.data == {
        "projects": {"edges": [{"node": {"id": made["project"]["id"], "name": "Pekárna"}}]}
    }


async def test_a_new_session_lasts_no_longer_than_the_one_that_asked(founder: Account) -> None:
    client = await as_account(founder).sign_in()
    ends_at = await db.now() + timedelta(days=1)
    await Session.all().update(absolute_expires_at=ends_at)

    await create(client, name="Pekárna")

    assert [session.absolute_expires_at for session in await Session.all()] == [ends_at, ends_at]


async def test_the_founders_proved_address_is_proved_for_the_project_and_no_link_is_mailed(
    founder: Account, sent_jobs: list[SentJob]
) -> None:
    await create(as_account(founder), name="Pekárna", email="anna@example.cz")

    assert (await Project.get()).email_verified_at is not None
    assert sent_jobs == []


async def test_another_address_gets_a_link_and_is_no_sender_until_it_was_opened(
    founder: Account, sent_jobs: list[SentJob]
) -> None:
    await create(as_account(founder), name="Pekárna", email="info@pekarna.cz")

    email = await Email.get()
    assert email.purpose is EmailPurpose.ADDRESS_VERIFICATION
    assert (await Project.get()).email_verified_at is None
    assert (await AccountToken.get()).email == "info@pekarna.cz"
    assert [(job.job, job.ids) for job in sent_jobs] == [(Job.SEND_EMAIL, (str(email.id),))]


async def test_a_repeated_request_gets_the_same_project_and_no_session(founder: Account) -> None:
    client = as_account(founder)
    first = await create(client, name="Pekárna", idempotencyKey="k")

    again = await client.run(
        """mutation($input: ProjectCreateInput!) {
          projectCreate(input: $input) { project { id name } session { token } errors { code } }
        }""",
        input={"name": "Pekárna", "idempotencyKey": "k"},
    )

    assert again.errors == []
    assert again.data["projectCreate"] == {
        "project": {"id": first["project"]["id"], "name": "Pekárna"},
        "session": None,
        "errors": [],
    }
    assert await Project.all().count() == 1 and await Employee.all().count() == 1


async def test_a_repeat_shows_what_the_first_answer_showed(founder: Account) -> None:
    client = as_account(founder)
    given = {"name": "Pekárna", "email": "info@pekarna.cz", "address": SEAT, "idempotencyKey": "k"}
    first = await create(client, **given)

    again = await create(client, **given)

    assert again == {**first, "session": None}
    listed = await client.run("{ projects { nodes { email } } }")
    assert listed.codes == ["FORBIDDEN"], "the session is still before any project"


async def test_a_repeat_by_one_who_left_shows_nothing_of_the_project(founder: Account) -> None:
    client = as_account(founder)
    await create(client, name="Pekárna", idempotencyKey="k")
    await Employee.all().update(status=EmployeeStatus.DEACTIVATED, deactivated_at=NOON)

    again = await client.run(
        "mutation($input: ProjectCreateInput!) { projectCreate(input: $input) { project { name } } }",
        input={"name": "Pekárna", "idempotencyKey": "k"},
    )

    assert again.data == {"projectCreate": {"project": None}}


async def test_a_repeat_from_inside_another_project_gets_the_same_project_too() -> None:
    member = as_role(Role.TELEPHONIST)
    first = await create(member, name="Pekárna", idempotencyKey="k")
    admin = await Employee.get(project__name="Pekárna")
    assert {entry.employee_id for entry in await AuditEntry.filter(action="projectCreate")} == {admin.id}

    again = await member.run(
        "mutation($input: ProjectCreateInput!) { projectCreate(input: $input) { project { id } session { token } } }",
        input={"name": "Pekárna", "idempotencyKey": "k"},
    )

    assert again.data["projectCreate"] == {"project": {"id": first["project"]["id"]}, "session": None}


async def test_the_same_key_for_another_project_is_a_mismatch(founder: Account) -> None:
    client = as_account(founder)
    await create(client, name="Pekárna", idempotencyKey="k")

    answer = await client.run(CREATE, input={"name": "Cukrárna", "idempotencyKey": "k"})

    assert answer.codes == ["IDEMPOTENCY_MISMATCH"] and await Project.all().count() == 1


async def test_parallel_repeats_found_one_project(founder: Account) -> None:
    client = await as_account(founder).sign_in()
    given = {"name": "Pekárna", "idempotencyKey": "k"}

    answers = await asyncio.gather(*[client.run(CREATE, input=given) for _ in range(8)])

    ids = {answer.data["projectCreate"]["project"]["id"] for answer in answers}
    sessions = [answer for answer in answers if answer.data["projectCreate"]["session"]]
    assert len(ids) == 1 and len(sessions) == 1 and await Project.all().count() == 1


async def test_projects_are_not_founded_by_the_hundred(founder: Account) -> None:
    for _ in range(20):
        await make_project(created_by=founder, created_at=await db.now())

    answer = await as_account(founder).run(CREATE, input={"name": "Pekárna"})

    assert answer.codes == ["RATE_LIMITED"] and await Project.all().count() == 20


async def test_nobody_founds_a_project_without_signing_in() -> None:
    answer = await anonymous().run(CREATE, input={"name": "Pekárna"})

    assert answer.codes == ["UNAUTHENTICATED"] and await Project.all().count() == 0


@pytest.mark.parametrize(("field", "value", "code"), [*BASE_DATA, ("timeZone", "Europe/Praha", "INVALID")])
async def test_a_project_with_wrong_data_is_not_founded(
    founder: Account, sent_jobs: list[SentJob], field: str, value: Any, code: str
) -> None:
    answer = await as_account(founder).run(CREATE, input={"name": "Pekárna", field: value})

    (fault,) = answer.faults("projectCreate")
    assert fault[0].startswith(f"input.{field}") and fault[1] == code
    assert answer.data["projectCreate"]["project"] is None
    assert await Project.all().count() == 0 and await Email.all().count() == 0 and sent_jobs == []


@pytest.mark.parametrize("given", [{}, {"name": 5}, {"name": "a", "createdBy": "x"}, {"name": None}])
async def test_a_malformed_input_is_a_coded_error(founder: Account, given: dict[str, Any]) -> None:
    answer = await as_account(founder).run(CREATE, input=given)

    assert answer.codes == ["BAD_USER_INPUT"] and await Project.all().count() == 0


@pytest.mark.parametrize("key", ["", "k" * 201, "a\nb"])
async def test_a_key_that_cannot_be_kept_is_a_coded_error(founder: Account, key: str) -> None:
    answer = await as_account(founder).run(CREATE, input={"name": "Pekárna", "idempotencyKey": key})

    assert answer.codes == ["BAD_USER_INPUT"] and await Project.all().count() == 0


async def test_before_a_project_is_entered_only_its_name_is_seen(founder: Account) -> None:
    await create(as_account(founder), name="Pekárna")

    answer = await as_account(founder).run("{ projects { nodes { name email } } }")

    assert answer.data == {"projects": {"nodes": [{"name": "Pekárna", "email": None}]}}
    assert answer.codes == ["FORBIDDEN"]


async def test_inside_a_project_no_other_is_seen(founder: Account) -> None:
    other = await make_project()
    await make_employee(other, [Role.ADMIN], account=founder)
    project = await make_project(name="Pekárna")
    client = as_employee(await make_employee(project, [Role.ADMIN], account=founder))

    answer = await client.run(
        "query($id: ID!) { projects { nodes { name } } node(id: $id) { id } }", id=gid(other)
    )

    assert answer.data == {"projects": {"nodes": [{"name": "Pekárna"}]}, "node": None}


async def test_the_project_is_asked_for_inside_one(founder: Account) -> None:
    answer = await as_account(founder).run("{ project { name } }")

    assert answer.codes == ["FORBIDDEN"]


async def test_an_external_sees_the_projects_name_alone() -> None:
    project = await make_project(name="Pekárna")
    await make_division(project)

    answer = await as_role(Role.EXTERNAL_TELEPHONIST, project=project).run(
        "{ project { name ico divisions { totalCount } } }"
    )

    assert answer.data == {"project": {"name": "Pekárna", "ico": None, "divisions": None}}
    assert answer.codes == ["FORBIDDEN", "FORBIDDEN"]


async def test_the_founder_counts_as_active_in_his_project(founder: Account) -> None:
    await create(as_account(founder), name="Pekárna")

    employee = await Employee.get()
    assert employee.status is EmployeeStatus.ACTIVE and employee.account_id == founder.id
    assert employee.search_text == "anna capkova anna@example.cz"
