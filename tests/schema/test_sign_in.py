"""Signing in."""

import unicodedata
from datetime import datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from app import config, security
from app.models import Account, AuditEntry, EmployeeStatus, Project, Session, SignInAttempt
from tests.factories import LONG_AGO, NOON, make_account, make_project, make_session
from tests.graphql import PASSWORD, anonymous, gid, make_account_with_password, with_token
from tests.schema.sign_in_cases import SIGN_IN, WHO, make_worker, sign_in


async def test_who_works_in_one_project_is_in_it_at_once() -> None:
    account = await make_account_with_password()
    employee = await make_worker(account)

    answer = await sign_in(account)

    session = answer.data["signIn"]["session"]
    assert session["employee"]["id"] == gid(employee)
    assert session["employee"]["roles"] == ["SALES_REP"]
    assert session["employee"]["project"]["name"] == (await Project.get(id=employee.project_id)).name
    who = await with_token(session["token"]).run(WHO)
    assert who.data["viewer"] == {"account": {"id": gid(account)}, "employee": {"id": gid(employee)}}


async def test_who_works_in_several_projects_chooses_afterwards() -> None:
    account = await make_account_with_password()
    await make_worker(account)
    await make_worker(account)

    session = (await sign_in(account)).data["signIn"]["session"]

    assert session["employee"] is None
    assert (await with_token(session["token"]).run(WHO)).data["viewer"]["employee"] is None


async def test_the_project_asked_for_is_entered() -> None:
    account = await make_account_with_password()
    await make_worker(account)
    employee = await make_worker(account)

    answer = await anonymous().run(
        SIGN_IN,
        input={"email": account.email, "password": PASSWORD, "projectId": gid(await employee.project)},
    )

    assert answer.data["signIn"]["session"]["employee"]["id"] == gid(employee)


@pytest.mark.parametrize("status", [EmployeeStatus.DEACTIVATED, EmployeeStatus.INVITED])
async def test_a_membership_that_is_not_active_does_not_count(status: EmployeeStatus) -> None:
    account = await make_account_with_password()
    await make_worker(account, status=status)
    employee = await make_worker(account)

    answer = await sign_in(account)

    assert answer.data["signIn"]["session"]["employee"]["id"] == gid(employee)


async def test_a_project_that_waits_for_its_deletion_is_not_entered() -> None:
    account = await make_account_with_password()
    project = await make_project(deletion_requested_at=NOON, purge_after=NOON)
    await make_worker(account, project)

    answer = await sign_in(account)
    asked = await sign_in(account, projectId=gid(project))

    assert answer.data["signIn"]["session"]["employee"] is None
    assert asked.codes == ["NOT_FOUND"]


async def test_a_foreign_project_is_not_found_and_no_session_begins() -> None:
    account, foreign = await make_account_with_password(), await make_project()

    answer = await sign_in(account, projectId=gid(foreign))

    assert answer.codes == ["NOT_FOUND"]
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", "projectId"]
    assert await Session.all().count() == 0


async def test_an_unknown_email_and_a_wrong_password_get_equal_answers() -> None:
    account = await make_account_with_password()
    never_had_one = await make_account()

    answers = [
        await sign_in(account, "spatne heslo"),
        await sign_in(never_had_one, "spatne heslo"),
        await sign_in(Account(email="nikdo@example.cz"), PASSWORD),
        await sign_in(Account(email="this is no address"), PASSWORD),
        await sign_in(account, "spatne heslo", projectId=gid(await make_project())),
    ]

    assert answers[0].faults("signIn") == [("input.password", "WRONG_CREDENTIALS")]
    assert all(answer == answers[0] for answer in answers)
    assert await Session.all().count() == 0


async def test_an_unknown_email_costs_a_hash_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    matches = security._matches

    def note_and_compare(hashed: str, typed: str) -> bool:
        compared.append(hashed)
        return matches(hashed, typed)

    monkeypatch.setattr(security, "_matches", note_and_compare)

    await sign_in(Account(email="nikdo@example.cz"))

    assert compared == [security.DUMMY_HASH]


async def test_the_email_is_taken_in_any_case_and_the_password_as_any_keyboard_composes_it() -> None:
    account = await make_account_with_password("kůň úpěl ódy", email="jana@firma.cz")

    answer = await anonymous().run(
        SIGN_IN, input={"email": " Jana@FIRMA.cz ", "password": unicodedata.normalize("NFD", "kůň úpěl ódy")}
    )

    assert answer.data["signIn"]["session"] is not None
    assert (await Session.get()).account_id == account.id


@pytest.mark.parametrize(
    "email", ["", " ", "a" * 10_000, "jana@firma.cz\x00", "jana\u2028@firma.cz", "x@y@z.cz"]
)
@pytest.mark.parametrize("password", ["", "\x00" * 20, "a" * 10_000, "\u2028" * 8])
async def test_whatever_is_typed_is_answered_as_wrong(email: str, password: str) -> None:
    await make_account_with_password(email="jana@firma.cz")

    answer = await anonymous().run(SIGN_IN, input={"email": email, "password": password})

    assert answer.faults("signIn") == [("input.password", "WRONG_CREDENTIALS")]


@pytest.mark.parametrize("sent", [{}, {"email": "a@b.cz"}, {"email": 5, "password": []}, None])
async def test_what_is_no_input_is_a_coded_error(sent: Any) -> None:
    answer = await anonymous().run(SIGN_IN, input=sent)

    assert set(answer.codes) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "project_id", ["nonsense", "UHJvamVjdDox", "Q29udGFjdDowMThmMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDA="]
)
async def test_an_id_that_is_no_projects_is_refused(project_id: str) -> None:
    answer = await sign_in(await make_account_with_password(), projectId=project_id)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert await Session.all().count() == 0


async def test_a_hash_of_weak_parameters_is_replaced_by_a_strong_one() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=16, parallelism=2).hash(PASSWORD)
    account = await make_account(password_hash=weak)

    first, second = await sign_in(account), await sign_in(account)

    kept = (await Account.get(id=account.id)).password_hash
    assert kept is not None and kept != weak and not security.needs_rehash(kept)
    assert first.data["signIn"]["session"] and second.data["signIn"]["session"]


async def test_the_token_is_stored_nowhere_and_the_session_knows_its_device() -> None:
    account = await make_account_with_password()
    client = anonymous("198.51.100.7")
    client.user_agent = "Žlutý\x00\n prohlížeč" + "x" * 1_000

    answer = await client.run(SIGN_IN, input={"email": account.email, "password": PASSWORD})

    token, session = answer.data["signIn"]["session"]["token"], await Session.get()
    assert len(token) >= 43 and session.token_hash == security.token_hash(token)
    assert session.user_agent.startswith("Žlutý prohlížeč") and len(session.user_agent) == 300
    assert session.client_ip == "198.51.100.7"


async def test_signing_in_is_audited_without_the_token() -> None:
    account = await make_account_with_password()
    employee = await make_worker(account)

    answer = await sign_in(account)

    entry = await AuditEntry.get(action="signIn")
    assert (entry.subject, entry.project_id) == ("Session", employee.project_id)
    assert answer.data["signIn"]["session"]["token"] not in str(entry.__dict__)


async def test_a_wrong_password_is_counted_and_a_right_one_is_not() -> None:
    account = await make_account_with_password()

    await sign_in(account, "spatne heslo")
    await sign_in(account)

    assert [each.succeeded for each in await SignInAttempt.all().order_by("id")] == [False, True]


async def test_the_eleventh_wrong_try_must_wait_and_no_session_begins() -> None:
    account = await make_account_with_password()
    for _ in range(10):
        await sign_in(account, "spatne heslo")

    answer = await sign_in(account)

    assert answer.codes == ["RATE_LIMITED"]
    assert answer.data == {"signIn": None}
    assert 0 < answer.errors[0]["extensions"]["retryAfterSeconds"] <= 30
    assert await Session.all().count() == 0


async def test_of_more_than_fifty_sessions_the_least_recently_used_end() -> None:
    account = await make_account_with_password()
    oldest = await make_session(account, last_used_at=LONG_AGO)
    for _ in range(49):
        await make_session(account)

    await sign_in(account)

    assert await Session.filter(revoked_at=None).count() == 50
    assert (await Session.get(id=oldest.id)).revoked_at is not None


async def test_a_session_lasts_as_long_as_the_settings_say() -> None:
    account = await make_account_with_password()

    with config.override(session_idle_days=2, session_max_days=5):
        answer = await sign_in(account)

    session = await Session.get()
    assert session.expires_at - session.created_at == timedelta(days=2)
    assert session.absolute_expires_at - session.created_at == timedelta(days=5)
    expires_at = datetime.fromisoformat(answer.data["signIn"]["session"]["expiresAt"])
    assert abs(expires_at - session.expires_at) < timedelta(milliseconds=1)
