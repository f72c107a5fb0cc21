"""Accepting an invitation."""

import asyncio
from typing import Any

import pytest

from app.models import (
    Account,
    AuditEntry,
    EmailPurpose,
    Employee,
    EmployeeStatus,
    Invitation,
    Project,
    Session,
)
from app.security import verify_password
from tests.factories import (
    LONG_AGO,
    NOON,
    make_account,
    make_email,
    make_employee,
    make_invitation,
    make_project,
)
from tests.graphql import (
    OTHER_PASSWORD,
    PASSWORD,
    Answer,
    anonymous,
    as_account,
    gid,
    make_account_with_password,
    with_token,
)
from tests.mailed_links import mailed_link

ACCEPT = """
mutation Accept($input: InvitationAcceptInput!) {
  invitationAccept(input: $input) { session { token employee { id name roles } } errors { code message path } }
}
"""
WHO = "{ viewer { account { id email emailVerifiedAt } employee { id } } }"
EXPIRED = [("input.token", "EXPIRED")]


async def make_invited(email: str = "jana@firma.cz", **values: Any) -> tuple[Employee, str]:
    """An employee who is invited, and the token in his mail."""
    project = values.pop("project", None) or await make_project()
    employee = await make_employee(
        project, ["SALES_REP"], email=email, name="Jana", status=EmployeeStatus.INVITED
    )
    invitation = await make_invitation(employee, **values)
    return employee, await mailed_link(row=invitation)


async def accept(token: str, password: str = PASSWORD) -> Answer:
    return await anonymous().run(ACCEPT, input={"token": token, "password": password})


async def is_untouched(employee: Employee) -> bool:
    kept = await Employee.get(id=employee.id)
    is_open = await Invitation.filter(employee_id=employee.id, accepted_at=None).exists()
    return is_open and kept.status is EmployeeStatus.INVITED and kept.account_id is None


async def test_who_has_no_account_gets_one_and_is_in_the_project() -> None:
    employee, token = await make_invited()

    answer = await accept(token)

    session = answer.data["invitationAccept"]["session"]
    assert session["employee"] == {"id": gid(employee), "name": "Jana", "roles": ["SALES_REP"]}
    viewer = (await with_token(session["token"]).run(WHO)).data["viewer"]
    assert viewer["employee"]["id"] == gid(employee)
    assert viewer["account"]["email"] == "jana@firma.cz" and viewer["account"]["emailVerifiedAt"] is not None
    account = await Account.get(email="jana@firma.cz")
    assert account.name == "Jana" and await verify_password(account.password_hash, PASSWORD)


async def test_the_employee_becomes_active_and_that_is_audited() -> None:
    employee, token = await make_invited()

    await accept(token)

    kept = await Employee.get(id=employee.id)
    assert (kept.status, kept.version) == (EmployeeStatus.ACTIVE, 2)
    entry = await AuditEntry.get(subject="Employee")
    assert (entry.action, entry.subject_id, entry.project_id) == (
        "invitationAccept",
        employee.id,
        employee.project_id,
    )
    assert entry.changes == {"status": ["INVITED", "ACTIVE"]}


async def test_a_proved_account_gives_its_present_password_and_keeps_its_sessions() -> None:
    account = await make_account_with_password(email="jana@firma.cz", email_verified_at=NOON)
    elsewhere = as_account(account)
    employee, token = await make_invited()

    answer = await accept(token)

    assert answer.data["invitationAccept"]["session"]["employee"]["id"] == gid(employee)
    assert (await Employee.get(id=employee.id)).account_id == account.id
    assert (await elsewhere.run(WHO)).codes == []


async def test_a_proved_account_is_not_given_away_with_the_link_alone() -> None:
    account = await make_account_with_password(email="jana@firma.cz", email_verified_at=NOON)
    employee, token = await make_invited()

    answer = await accept(token, OTHER_PASSWORD)

    assert answer.faults("invitationAccept") == [("input.password", "WRONG_PASSWORD")]
    assert await is_untouched(employee) and await Session.all().count() == 0
    assert await verify_password((await Account.get(id=account.id)).password_hash, PASSWORD)


async def test_who_guesses_the_password_with_a_stolen_link_must_wait() -> None:
    await make_account_with_password(email="jana@firma.cz", email_verified_at=NOON)
    employee, token = await make_invited()

    answers = [await accept(token, OTHER_PASSWORD) for _ in range(11)]

    assert answers[-1].codes == ["RATE_LIMITED"] and await is_untouched(employee)


async def test_whoever_signed_up_first_with_somebodys_address_loses_password_and_sessions() -> None:
    squatter = await make_account_with_password(OTHER_PASSWORD, email="jana@firma.cz", name="Zloděj")
    stolen = as_account(squatter)
    assert (await stolen.run(WHO)).codes == []
    employee, token = await make_invited()

    answer = await accept(token)

    assert answer.data["invitationAccept"]["session"]["employee"]["id"] == gid(employee)
    assert (await stolen.run(WHO)).codes == ["UNAUTHENTICATED"]
    account = await Account.get(email="jana@firma.cz")
    assert account.id == squatter.id and account.email_verified_at is not None
    assert await verify_password(account.password_hash, PASSWORD)


async def test_an_invitation_is_accepted_once() -> None:
    _, token = await make_invited()
    await accept(token)

    assert (await accept(token)).faults("invitationAccept") == EXPIRED
    assert await Account.filter(email="jana@firma.cz").count() == 1 and await Session.all().count() == 1


@pytest.mark.parametrize("has_account", [True, False])
async def test_of_two_that_accept_at_once_one_is_in(has_account: bool) -> None:
    if has_account:
        await make_account_with_password(email="jana@firma.cz", email_verified_at=NOON)
    _, token = await make_invited()

    answers = await asyncio.gather(*(accept(token) for _ in range(4)))

    assert sorted(answer.faults("invitationAccept") for answer in answers) == [[], EXPIRED, EXPIRED, EXPIRED]
    assert await Account.filter(email="jana@firma.cz").count() == 1 and await Session.all().count() == 1


async def test_two_projects_that_invite_one_person_get_one_account() -> None:
    first, second = await make_invited(), await make_invited()

    await accept(first[1])
    await accept(second[1])

    account = await Account.get(email="jana@firma.cz")
    accounts = {(await Employee.get(id=employee.id)).account_id for employee, _ in (first, second)}
    assert accounts == {account.id}


@pytest.mark.parametrize(
    "values",
    [{"expires_at": LONG_AGO}, {"revoked_at": NOON}, {"accepted_at": NOON}],
    ids=["too old", "revoked", "accepted"],
)
async def test_an_invitation_that_is_over_lets_nobody_in(values: dict[str, Any]) -> None:
    _, token = await make_invited(**values)

    assert (await accept(token)).faults("invitationAccept") == EXPIRED
    assert await Session.all().count() == 0 and not await Account.filter(email="jana@firma.cz").exists()


async def test_an_invitation_to_a_project_that_waits_for_its_deletion_is_over() -> None:
    employee, token = await make_invited(
        project=await make_project(deletion_requested_at=NOON, purge_after=NOON)
    )

    assert (await accept(token)).faults("invitationAccept") == EXPIRED
    assert await is_untouched(employee)


async def test_an_invitation_of_an_employee_who_was_deactivated_is_over() -> None:
    employee, token = await make_invited()
    await Employee.filter(id=employee.id).update(status=EmployeeStatus.DEACTIVATED, deactivated_at=NOON)

    assert (await accept(token)).faults("invitationAccept") == EXPIRED


async def test_a_link_mailed_to_one_address_does_not_prove_another() -> None:
    squatted = await make_account_with_password(OTHER_PASSWORD, email="obet@firma.cz")
    employee, token = await make_invited("utocnik@firma.cz")
    invitation = await Invitation.get()
    await make_email(
        await Project.get(id=employee.project_id),
        recipients=["utocnik@firma.cz"],
        purpose=EmailPurpose.INVITATION,
        template="invitation",
        template_ref=invitation.id,
    )
    await Employee.filter(id=employee.id).update(email="obet@firma.cz")

    answer = await accept(token)

    assert answer.faults("invitationAccept") == EXPIRED
    assert await is_untouched(employee)
    assert await verify_password((await Account.get(id=squatted.id)).password_hash, OTHER_PASSWORD)


async def test_who_works_there_already_is_told() -> None:
    project = await make_project()
    account = await make_account_with_password(email="jana@firma.cz", email_verified_at=NOON)
    await make_employee(project, account=account, email="jana.stara@firma.cz")
    employee, token = await make_invited(project=project)

    answer = await accept(token)

    assert answer.faults("invitationAccept") == [("input.token", "WRONG_STATE")]
    assert await is_untouched(employee)


@pytest.mark.parametrize("token", ["", "x", "\x00", "\u2028", "a" * 10_000])
async def test_any_other_text_is_no_invitation(token: str) -> None:
    await make_account(email="jana@firma.cz")

    assert (await accept(token)).faults("invitationAccept") == EXPIRED


@pytest.mark.parametrize(
    ("password", "code"),
    [("", "REQUIRED"), ("kratke", "TOO_SHORT"), ("hes\x00lo heslo", "INVALID"), ("a" * 10_000, "TOO_LONG")],
)
async def test_an_unfit_password_leaves_the_invitation_open(password: str, code: str) -> None:
    employee, token = await make_invited()

    answer = await accept(token, password)

    assert answer.faults("invitationAccept") == [("input.password", code)]
    assert await is_untouched(employee)
    assert (await accept(token)).faults("invitationAccept") == []


async def test_the_payload_tells_an_anonymous_reader_nothing_of_the_project() -> None:
    _, token = await make_invited(expires_at=LONG_AGO)

    answer = await accept(token)

    assert answer.data["invitationAccept"]["session"] is None and answer.errors == []
