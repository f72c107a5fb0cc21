"""A. Links in mail: resets of passwords and invitations work once, for whom they were mailed to, and tell nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from app import db
from app.models import (
    Account,
    AccountToken,
    Email,
    EmailPurpose,
    Employee,
    EmployeeStatus,
    Invitation,
    Session,
)
from app.schema import accounts as accounts_schema
from app.schema import build
from app.security import token_hash
from tests.abuse.letters import letter_of
from tests.abuse.serving import Divize
from tests.conftest import Clock
from tests.factories import (
    NOON,
    make_employee,
    make_invitation,
    make_project,
)
from tests.graphql import (
    OTHER_PASSWORD,
    PASSWORD,
    anonymous,
    as_account,
    as_employee,
    make_account_with_password,
    with_token,
)
from tests.mailed_links import mailed_link
from tests.schema.test_passwords import ASK, CHANGE, make_link, reset

EMAIL = "jana@firma.cz"
EXPIRED = [("input.token", "EXPIRED")]
ACCEPT = """mutation ($input: InvitationAcceptInput!) {
  invitationAccept(input: $input) { session { token employee { id } } errors { code path } } }"""
INVITE = """mutation ($input: EmployeeInviteInput!) {
  employeeInvite(input: $input) { employee { name email status roles } errors { code path message } } }"""


@pytest.fixture(autouse=True)
def _quick_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_schema, "RESET_REQUEST_TAKES_S", 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https"},
        {"forwarded": "host=evil.example;proto=https"},
        {"x-forwarded-server": "evil.example", "x-original-host": "evil.example"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_case_04_the_link_leads_to_the_configured_host_whatever_the_request_says(
    divize: Divize, headers: dict[str, str]
) -> None:
    await make_account_with_password(email=EMAIL)

    answer = await divize.post({"query": ASK, "variables": {"input": {"email": EMAIL}}}, **headers)
    letter = await letter_of(await Email.get(purpose=EmailPurpose.PASSWORD_RESET))

    assert answer.json() == {"data": {"passwordResetRequest": {"errors": []}}}
    assert "https://crm.example.com/password-reset#token=" in letter and "evil" not in letter


async def test_case_05_a_reset_link_works_once(inside: None) -> None:
    token = await make_link(await make_account_with_password())

    first, second = await reset(token), await reset(token, "treti spravne heslo")

    assert (first.faults("passwordReset"), second.faults("passwordReset")) == ([], EXPIRED)


async def test_case_05_of_parallel_uses_one_wins(inside: None) -> None:
    token = await make_link(await make_account_with_password())

    answers = await asyncio.gather(*(reset(token) for _ in range(5)))

    won = [answer for answer in answers if answer.data and answer.data["passwordReset"]["session"]]
    assert len(won) == 1 and await Session.all().count() == 1


async def test_case_05_a_reset_link_is_dead_after_thirty_minutes(inside: None, clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)
    await anonymous().run(ASK, input={"email": EMAIL})
    token = await mailed_link(EmailPurpose.PASSWORD_RESET)
    clock.advance(timedelta(minutes=30))

    assert (await reset(token)).faults("passwordReset") == EXPIRED


async def test_case_05_a_reset_link_is_dead_after_the_password_was_changed(inside: None) -> None:
    account = await make_account_with_password()
    token = await make_link(account, created_at=NOON)

    await as_account(account).run(CHANGE, input={"current": PASSWORD, "new": OTHER_PASSWORD})

    assert (await reset(token, "treti spravne heslo")).faults("passwordReset") == EXPIRED


async def test_case_05_a_reset_link_is_dead_after_the_email_was_changed(inside: None) -> None:
    account = await make_account_with_password(email=EMAIL)
    token = await make_link(account)
    await Account.filter(id=account.id).update(email="jina@firma.cz")

    assert (await reset(token)).faults("passwordReset") == EXPIRED


async def test_case_05_a_reset_link_does_not_open_the_account_of_who_came_after(inside: None) -> None:
    account = await make_account_with_password(email=EMAIL)
    token = await make_link(account)
    await AccountToken.all().delete()
    await Account.filter(id=account.id).delete()
    await make_account_with_password(email=EMAIL)

    assert (await reset(token)).faults("passwordReset") == EXPIRED
    assert await Session.all().count() == 0


async def test_case_05_the_token_is_stored_as_a_hash_alone(inside: None) -> None:
    await make_account_with_password(email=EMAIL)
    await anonymous().run(ASK, input={"email": EMAIL})
    letter = await letter_of(await Email.get(purpose=EmailPurpose.PASSWORD_RESET))
    token = letter.partition("#token=")[2][:43]

    assert (await AccountToken.get()).token_hash == token_hash(token)
    for table in ("account_tokens", "emails", "audit_entries"):
        assert token not in str([dict(row) for row in await db.fetch(f"SELECT * FROM {table}")])


async def test_case_06_who_asks_for_a_reset_learns_nothing(divize: Divize) -> None:
    await make_account_with_password(email=EMAIL)
    headers = {"x-request-id": "the-same-for-all"}

    answers = [
        await divize.post({"query": ASK, "variables": {"input": {"email": email}}}, **headers)
        for email in (EMAIL, "nikdo@firma.cz")
    ]

    assert answers[0].content == answers[1].content
    assert await Email.all().count() == 1


def test_case_06_the_answer_to_a_reset_request_has_no_room_for_a_user() -> None:
    payload = build()._schema.type_map["PasswordResetRequestPayload"]

    assert set(payload.fields) == {"errors"}  # type: ignore[attr-defined]


async def test_case_06_inviting_tells_not_whether_the_address_has_an_account(inside: None) -> None:
    """Nor whether that account works for somebody else."""
    await make_employee(
        await make_project(), ["ADMIN"], email=EMAIL, account=await make_account_with_password(email=EMAIL)
    )
    answers = []
    for email in (EMAIL, "nikdo@firma.cz"):
        admin = as_employee(await make_employee(await make_project(), ["ADMIN"]))
        sent = {"name": "Nová", "email": email, "roles": ["TELEPHONIST"]}
        answers.append(str(await admin.run(INVITE, input=sent)).replace(email, "ADDRESS"))

    assert answers[0] == answers[1] and "INVITED" in answers[0]


async def make_invited(email: str = EMAIL) -> tuple[Employee, str]:
    employee = await make_employee(
        await make_project(), ["SALES_REP"], email=email, status=EmployeeStatus.INVITED
    )
    return employee, await mailed_link(row=await make_invitation(employee))


def test_case_07_who_accepts_cannot_name_another_email() -> None:
    """The address is the invitation's: the input has no room for one."""
    mutation = build()._schema.mutation_type
    assert mutation is not None
    sent = get_named_type(mutation.fields["invitationAccept"].args["input"].type)

    assert isinstance(sent, GraphQLInputObjectType) and set(sent.fields) == {"token", "password"}


async def test_case_07_signed_in_as_another_one_does_not_take_the_invitation(inside: None) -> None:
    """A stranger with the link and a session of his own: the account that joins is the invited address's."""
    invited, token = await make_invited()
    stranger = await make_account_with_password(email="cizi@firma.cz")

    answer = await as_account(stranger).run(ACCEPT, input={"token": token, "password": OTHER_PASSWORD})

    assert answer.faults("invitationAccept") == []
    joined = await Account.get(id=(await Employee.get(id=invited.id)).account_id)
    assert joined.email == EMAIL and joined.id != stranger.id


async def test_case_07_a_link_mailed_to_an_earlier_address_is_dead(inside: None) -> None:
    project = await make_project()
    admin = as_employee(await make_employee(project, ["ADMIN"]))
    await admin.run(INVITE, input={"name": "Nová", "email": EMAIL, "roles": ["TELEPHONIST"]})
    invited = await Employee.get(email=EMAIL)
    token = await mailed_link(row=await Invitation.get(employee_id=invited.id))

    await Employee.filter(id=invited.id).update(email="jina@firma.cz")

    answer = await anonymous().run(ACCEPT, input={"token": token, "password": PASSWORD})
    assert answer.faults("invitationAccept") == EXPIRED


async def test_case_07_accepted_twice_in_parallel_there_is_one_account_and_one_session(inside: None) -> None:
    invited, token = await make_invited()

    async def accept() -> Any:
        return await anonymous().run(ACCEPT, input={"token": token, "password": PASSWORD})

    answers = await asyncio.gather(*(accept() for _ in range(5)))
    later = await accept()

    won = [each for each in answers if each.data and (each.data["invitationAccept"] or {}).get("session")]
    assert len(won) == 1 and later.faults("invitationAccept") == EXPIRED
    assert await Account.filter(email=EMAIL).count() == await Session.all().count() == 1
    opened = won[0].data["invitationAccept"]["session"]["token"]
    assert (await with_token(opened).run("{ viewer { roles } }")).data == {"viewer": {"roles": ["SALES_REP"]}}
    assert (await Employee.get(id=invited.id)).status is EmployeeStatus.ACTIVE
