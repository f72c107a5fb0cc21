"""Changing a password, and resetting it by e-mail."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from app import security
from app.models import Account, AccountToken, AccountTokenPurpose, AuditEntry, Email, EmailPurpose, Session
from app.schema import accounts as schema
from tests.factories import LONG_AGO, NOON, make_account, make_account_token, make_employee, make_project
from tests.graphql import (
    OTHER_PASSWORD,
    PASSWORD,
    Answer,
    Client,
    SentJob,
    anonymous,
    as_account,
    as_employee,
    gid,
    make_account_with_password,
    with_token,
)
from tests.mailed_links import mailed_link

CHANGE = """
mutation ChangePassword($input: PasswordChangeInput!) { passwordChange(input: $input) { errors { code message path } } }
"""
ASK = """
mutation AskReset($input: PasswordResetRequestInput!) { passwordResetRequest(input: $input) { errors { code message path } } }
"""
RESET = """
mutation Reset($input: PasswordResetInput!) {
  passwordReset(input: $input) { session { token employee { id } } errors { code message path } }
}
"""
WHO = "{ viewer { account { id } } }"
TOO_LONG = "a" * 10_000
UNFIT = [
    ("", "REQUIRED"),
    ("kratke", "TOO_SHORT"),
    ("hes\x00lo heslo", "INVALID"),
    (TOO_LONG, "TOO_LONG"),
]


@pytest.fixture(autouse=True)
def _quick_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "RESET_REQUEST_TAKES_S", 0)


async def is_password(account: Account, password: str) -> bool:
    kept = await Account.get(id=account.id)
    return await security.verify_password(kept.password_hash, password)


async def is_alive(client: Client) -> bool:
    return (await client.run(WHO)).codes == []


async def change(client: Client, current: str = PASSWORD, new: str = OTHER_PASSWORD) -> Answer:
    return await client.run(CHANGE, input={"current": current, "new": new})


async def ask(email: str) -> Answer:
    return await anonymous().run(ASK, input={"email": email})


async def reset(token: str, password: str = OTHER_PASSWORD) -> Answer:
    return await anonymous().run(RESET, input={"token": token, "password": password})


async def make_link(account: Account, **values: Any) -> str:
    return await mailed_link(row=await make_account_token(account, **{"email": account.email, **values}))


async def test_changing_the_password_ends_every_other_session(rings: list[str]) -> None:
    account = await make_account_with_password()
    client, other = as_account(account), await as_account(account).sign_in()
    in_project = as_employee(await make_employee(await make_project(), account=account))
    assert await is_alive(other) and await is_alive(in_project)

    answer = await change(client)

    assert answer.faults("passwordChange") == []
    assert await is_password(account, OTHER_PASSWORD)
    assert [await is_alive(each) for each in (client, other, in_project)] == [True, False, False]
    assert rings == [f"viewers:{account.id}"]


async def test_without_the_present_password_nothing_changes() -> None:
    account = await make_account_with_password()
    client, other = as_account(account), await as_account(account).sign_in()

    answer = await change(client, current="spatne heslo")

    assert answer.faults("passwordChange") == [("input.current", "WRONG_PASSWORD")]
    assert await is_password(account, PASSWORD) and await is_alive(other)


async def test_a_stolen_session_does_not_guess_the_password_without_end() -> None:
    client = as_account(await make_account_with_password())

    answers = [await change(client, current="spatne heslo") for _ in range(11)]

    assert [answer.codes for answer in answers] == [[]] * 10 + [["RATE_LIMITED"]]


@pytest.mark.parametrize(("password", "code"), UNFIT)
async def test_an_unfit_new_password_is_told_and_the_old_one_stays(password: str, code: str) -> None:
    account = await make_account_with_password()

    answer = await change(as_account(account), new=password)

    assert answer.faults("passwordChange") == [("input.new", code)]
    assert await is_password(account, PASSWORD)


async def test_nobody_changes_a_password_without_a_session() -> None:
    assert (await change(anonymous())).codes == ["UNAUTHENTICATED"]


async def test_changing_the_password_voids_links_that_reset_it() -> None:
    account = await make_account_with_password()
    token = await make_link(account)

    await change(as_account(account))

    assert (await reset(token, "treti heslo")).faults("passwordReset") == [("input.token", "EXPIRED")]
    assert await is_password(account, OTHER_PASSWORD)


async def test_a_link_is_mailed_to_an_account_and_to_nobody_else(sent_jobs: list[SentJob]) -> None:
    await make_account(email="jana@firma.cz")

    known, unknown = await ask("Jana@firma.cz"), await ask("nikdo@firma.cz")

    assert known == unknown and known.faults("passwordResetRequest") == []
    email, link = await Email.get(), await AccountToken.get()
    assert (email.purpose, email.template_ref) == (EmailPurpose.PASSWORD_RESET, link.id)
    assert link.expires_at - link.created_at == timedelta(minutes=30)
    assert [job.ids for job in sent_jobs] == [(str(email.id),)]


async def test_whether_there_is_an_account_does_not_show_in_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "RESET_REQUEST_TAKES_S", 0.2)
    await make_account(email="jana@firma.cz")

    took = []
    for email in ("jana@firma.cz", "nikdo@firma.cz"):
        started = time.monotonic()
        await ask(email)
        took.append(time.monotonic() - started)

    assert all(0.2 <= each < 0.4 for each in took)


async def test_nobodys_mailbox_is_flooded_and_the_answer_stays_the_same(sent_jobs: list[SentJob]) -> None:
    await make_account(email="jana@firma.cz")

    answers = [await ask("jana@firma.cz") for _ in range(5)]

    assert all(answer.faults("passwordResetRequest") == [] for answer in answers)
    assert len(sent_jobs) == 3 and await AccountToken.all().count() == 3


@pytest.mark.parametrize("email", ["jana@firma.cz", "nikdo@firma.cz"])
async def test_who_asks_without_end_is_slowed_down_whether_there_is_an_account_or_not(email: str) -> None:
    await make_account(email="jana@firma.cz")
    answers = [await ask(f"cizi{number}@firma.cz") for number in range(30)]
    entries = await AuditEntry.all().count()

    refused = await ask(email)
    elsewhere = await anonymous("198.51.100.7").run(ASK, input={"email": email})

    assert {code for answer in answers for code in answer.codes} == set()
    assert refused.codes == ["RATE_LIMITED"] and elsewhere.codes == []
    # Nothing was done to an account that is not there.
    assert await AuditEntry.all().count() == entries + (email == "jana@firma.cz")


@pytest.mark.parametrize("email", ["", "x", "jana@firma.cz\x00", "ja\u2028na@firma.cz", TOO_LONG])
async def test_what_is_no_address_is_told(email: str, sent_jobs: list[SentJob]) -> None:
    answer = await ask(email)

    assert [path for path, _ in answer.faults("passwordResetRequest")] == ["input.email"]
    assert sent_jobs == []


async def test_the_link_sets_a_password_signs_in_and_ends_every_session(rings: list[str]) -> None:
    account = await make_account_with_password()
    employee = await make_employee(await make_project(), account=account)
    old = await as_account(account).sign_in()
    assert await is_alive(old)
    token = await make_link(account)

    answer = await reset(token)

    session = answer.data["passwordReset"]["session"]
    assert session["employee"]["id"] == gid(employee)
    assert await is_password(account, OTHER_PASSWORD)
    assert not await is_alive(old) and await is_alive(with_token(session["token"]))
    assert rings == [f"viewers:{account.id}"]


async def test_the_link_proves_the_address() -> None:
    account = await make_account_with_password()

    await reset(await make_link(account))

    assert (await Account.get(id=account.id)).email_verified_at is not None


async def test_the_link_works_once() -> None:
    account = await make_account_with_password()
    token = await make_link(account)
    await reset(token)

    answer = await reset(token, "treti heslo")

    assert answer.faults("passwordReset") == [("input.token", "EXPIRED")]
    assert await is_password(account, OTHER_PASSWORD)
    assert await Session.all().count() == 1


async def test_of_two_that_use_the_link_at_once_one_gets_it() -> None:
    account = await make_account_with_password()
    token = await make_link(account)

    answers = await asyncio.gather(*(reset(token, f"nove heslo {number}") for number in range(4)))

    assert sorted(answer.faults("passwordReset") for answer in answers) == [
        [],
        *[[("input.token", "EXPIRED")]] * 3,
    ]
    assert await Session.all().count() == 1


@pytest.mark.parametrize(
    "values",
    [
        {"expires_at": LONG_AGO},
        {"used_at": NOON},
        {"email": "jina@firma.cz"},
        {"purpose": AccountTokenPurpose.EMAIL_VERIFICATION},
        {"created_at": LONG_AGO},
    ],
    ids=["too old", "used", "mailed to another address", "of another kind", "older than the password"],
)
async def test_a_link_that_was_overtaken_resets_nothing(values: dict[str, Any]) -> None:
    account = await make_account_with_password(password_changed_at=NOON)
    token = await make_link(account, **values)

    answer = await reset(token)

    assert answer.faults("passwordReset") == [("input.token", "EXPIRED")]
    assert await is_password(account, PASSWORD) and await Session.all().count() == 0


@pytest.mark.parametrize("token", ["", "x", "\x00", "\u2028", TOO_LONG])
async def test_any_other_text_is_no_link_and_costs_no_hash(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "_in_thread", None)

    assert (await reset(token)).faults("passwordReset") == [("input.token", "EXPIRED")]


@pytest.mark.parametrize(("password", "code"), UNFIT)
async def test_an_unfit_password_leaves_the_link_as_it_was(password: str, code: str) -> None:
    account = await make_account_with_password()
    token = await make_link(account)

    answer = await reset(token, password)

    assert answer.faults("passwordReset") == [("input.password", code)]
    assert (await reset(token)).faults("passwordReset") == []
