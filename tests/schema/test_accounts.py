"""Signing up, proving and changing the e-mail."""

import asyncio
from typing import Any

import pytest

from app import config
from app.models import (
    Account,
    AccountToken,
    AccountTokenPurpose,
    AuditEntry,
    Email,
    EmailPurpose,
    EmailRecipient,
    Session,
)
from tests.factories import LONG_AGO, NOON, make_account, make_account_token, make_project
from tests.graphql import (
    OTHER_PASSWORD,
    PASSWORD,
    Answer,
    SentJob,
    anonymous,
    as_account,
    gid,
    make_account_with_password,
    with_token,
)
from tests.mailed_links import mailed_link

SIGN_UP = """
mutation SignUp($input: AccountCreateInput!) {
  accountCreate(input: $input) { session { token expiresAt employee { id } } errors { code message path } }
}
"""
VERIFY = """
mutation Verify($input: EmailVerifyInput!) {
  emailVerify(input: $input) { emailVerifiedAt errors { code message path } }
}
"""
ASK_VERIFICATION = "mutation { emailVerificationRequest { errors { code message path } } }"
ASK_CHANGE = """
mutation AskChange($input: EmailChangeRequestInput!) { emailChangeRequest(input: $input) { errors { code message path } } }
"""
CHANGE = """
mutation Change($input: EmailChangeInput!) {
  emailChange(input: $input) { account { id email emailVerifiedAt } errors { code message path } }
}
"""
ME = "{ viewer { account { id name email emailVerifiedAt } } }"
JANA = {"email": "jana@firma.cz", "password": PASSWORD, "name": "Jana Nováková"}
TOO_LONG = "a" * 10_000


async def sign_up(ip: str = "192.0.2.1", **changes: Any) -> Answer:
    return await anonymous(ip).run(SIGN_UP, input={**JANA, **changes})


async def mailed() -> list[tuple[EmailPurpose, str]]:
    """What is in the outbox, and to whom."""
    rows = await EmailRecipient.all().order_by("id").values("email__purpose", "address")
    return [(row["email__purpose"], row["address"]) for row in rows]


async def test_signing_up_makes_an_account_and_a_session_before_any_project() -> None:
    answer = await sign_up(email="Jana@Firma.cz", name="  Jana Nováková ")

    session = answer.data["accountCreate"]["session"]
    assert answer.faults("accountCreate") == [] and session["employee"] is None
    shown = (await with_token(session["token"]).run(ME)).data["viewer"]["account"]
    assert (shown["name"], shown["email"], shown["emailVerifiedAt"]) == (
        "Jana Nováková",
        "jana@firma.cz",
        None,
    )


async def test_a_link_that_proves_the_address_is_mailed(sent_jobs: list[SentJob]) -> None:
    await sign_up()

    email = await Email.get()
    assert await mailed() == [(EmailPurpose.EMAIL_VERIFICATION, "jana@firma.cz")]
    assert [job.ids for job in sent_jobs] == [(str(email.id),)]
    assert email.text is None and email.html is None


async def test_the_password_is_kept_as_a_hash_alone() -> None:
    await sign_up()

    account, entries = await Account.get(), await AuditEntry.all()
    assert account.password_hash is not None and account.password_hash.startswith("$argon2id$")
    assert all(PASSWORD not in str(entry.__dict__) for entry in entries)
    assert {entry.action for entry in entries} == {"accountCreate"}
    assert {entry.subject for entry in entries} == {"Account", "Session"}


@pytest.mark.parametrize("email", ["jana@firma.cz", "JANA@firma.cz"])
async def test_an_address_that_has_an_account_is_taken(email: str, sent_jobs: list[SentJob]) -> None:
    await make_account(email="jana@firma.cz", name="Ta první")

    answer = await sign_up(email=email)

    assert answer.faults("accountCreate") == [("input.email", "TAKEN")]
    assert answer.data["accountCreate"]["session"] is None
    assert [each.name for each in await Account.all()] == ["Ta první"]
    assert sent_jobs == [] and await Session.all().count() == 0


async def test_who_tries_many_addresses_must_wait_and_others_need_not() -> None:
    await make_account(email="jana@firma.cz")
    for _ in range(30):
        await sign_up()

    refused, elsewhere = (
        await sign_up(email="petr@firma.cz"),
        await sign_up("192.0.2.2", email="petr@firma.cz"),
    )

    assert refused.codes == ["RATE_LIMITED"]
    assert elsewhere.faults("accountCreate") == []


async def test_of_parallel_sign_ups_with_one_address_one_succeeds() -> None:
    answers = await asyncio.gather(*(sign_up() for _ in range(5)))

    faults = sorted(answer.faults("accountCreate") for answer in answers)
    assert faults == [[], *[[("input.email", "TAKEN")]] * 4]
    assert await Account.all().count() == 1


async def test_an_installation_that_invites_refuses_sign_ups(sent_jobs: list[SentJob]) -> None:
    with config.override(sign_up="invited"):
        answer = await sign_up()

    assert answer.codes == ["FORBIDDEN"]
    assert await Account.all().count() == 0 and sent_jobs == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"email": ""}, ("input.email", "REQUIRED")),
        ({"email": "jana"}, ("input.email", "INVALID")),
        ({"email": "jana@firma.cz\x00"}, ("input.email", "INVALID")),
        ({"email": "jana@firma.cz> SIZE=1"}, ("input.email", "INVALID")),
        ({"email": "ja\u2028na@firma.cz"}, ("input.email", "INVALID")),
        ({"email": f"{TOO_LONG}@firma.cz"}, ("input.email", "TOO_LONG")),
        ({"name": " "}, ("input.name", "REQUIRED")),
        ({"name": "Ja\x00na"}, ("input.name", "INVALID")),
        ({"name": "Ja\nna"}, ("input.name", "INVALID")),
        ({"name": "Ja\u2028na"}, ("input.name", "INVALID")),
        ({"name": TOO_LONG}, ("input.name", "TOO_LONG")),
        ({"password": ""}, ("input.password", "REQUIRED")),
        ({"password": "kratke"}, ("input.password", "TOO_SHORT")),
        ({"password": "hes\x00lo heslo"}, ("input.password", "INVALID")),
        ({"password": TOO_LONG}, ("input.password", "TOO_LONG")),
    ],
)
async def test_what_cannot_be_taken_is_told_with_its_place(
    changes: dict[str, Any], fault: tuple[str, str], sent_jobs: list[SentJob]
) -> None:
    answer = await sign_up(**changes)

    assert answer.faults("accountCreate") == [fault]
    assert await Account.all().count() == 0 and sent_jobs == []


async def test_all_faults_are_told_at_once() -> None:
    answer = await sign_up(email="x", name="", password="1")

    assert [path for path, _ in answer.faults("accountCreate")] == [
        "input.email",
        "input.password",
        "input.name",
    ]


async def test_the_mailed_link_proves_the_address_once() -> None:
    await sign_up()
    token = await mailed_link(EmailPurpose.EMAIL_VERIFICATION)

    answer = await anonymous().run(VERIFY, input={"token": token})
    again = await anonymous().run(VERIFY, input={"token": token})

    account = await Account.get()
    assert answer.data["emailVerify"]["emailVerifiedAt"] is not None
    assert account.email_verified_at is not None and account.version == 2
    assert again.faults("emailVerify") == [("input.token", "EXPIRED")]


async def test_a_link_to_an_address_that_the_account_left_proves_nothing() -> None:
    account = await make_account(email="nova@firma.cz")
    link = await make_account_token(
        account, purpose=AccountTokenPurpose.EMAIL_VERIFICATION, email="stara@firma.cz"
    )
    token = await mailed_link(row=link)

    answer = await anonymous().run(VERIFY, input={"token": token})

    assert answer.faults("emailVerify") == [("input.token", "EXPIRED")]
    assert (await Account.get()).email_verified_at is None


@pytest.mark.parametrize("token", ["", "x", "\x00", "\u2028", TOO_LONG])
@pytest.mark.parametrize(
    ("document", "name"), [(VERIFY, "emailVerify"), (CHANGE, "emailChange")], ids=["verify", "change"]
)
async def test_any_other_text_is_no_link(document: str, name: str, token: str) -> None:
    answer = await as_account(await make_account()).run(document, input={"token": token})

    assert answer.faults(name) == [("input.token", "EXPIRED")]


async def test_a_link_of_another_kind_or_time_is_no_link() -> None:
    account = await make_account(email="jana@firma.cz")
    for values in (
        {"purpose": AccountTokenPurpose.PASSWORD_RESET},
        {"purpose": AccountTokenPurpose.EMAIL_VERIFICATION, "expires_at": LONG_AGO},
        {"purpose": AccountTokenPurpose.EMAIL_VERIFICATION, "used_at": NOON},
    ):
        token = await mailed_link(row=await make_account_token(account, email=account.email, **values))

        answer = await anonymous().run(VERIFY, input={"token": token})

        assert answer.faults("emailVerify") == [("input.token", "EXPIRED")]
    assert (await Account.get()).email_verified_at is None


async def test_the_link_is_mailed_again_on_demand_and_three_times_at_most() -> None:
    client = as_account(await make_account(email="jana@firma.cz"))

    answers = [await client.run(ASK_VERIFICATION) for _ in range(4)]

    assert [answer.codes for answer in answers] == [[], [], [], ["RATE_LIMITED"]]
    assert await mailed() == [(EmailPurpose.EMAIL_VERIFICATION, "jana@firma.cz")] * 3


async def test_nothing_is_mailed_for_an_address_that_is_proved() -> None:
    answer = await as_account(await make_account(email_verified_at=NOON)).run(ASK_VERIFICATION)

    assert answer.faults("emailVerificationRequest") == [] and await mailed() == []


async def test_the_owner_changes_the_address_with_the_password_and_a_link_to_the_new_one() -> None:
    account = await make_account_with_password(email="stara@firma.cz")
    client = as_account(account)

    asked = await client.run(ASK_CHANGE, input={"email": "Nova@firma.cz", "password": PASSWORD})
    before = (await Account.get()).email
    changed = await client.run(CHANGE, input={"token": await mailed_link(EmailPurpose.EMAIL_CHANGE)})

    assert asked.faults("emailChangeRequest") == [] and before == "stara@firma.cz"
    assert await mailed() == [(EmailPurpose.EMAIL_CHANGE, "nova@firma.cz")]
    shown = changed.data["emailChange"]["account"]
    assert (shown["id"], shown["email"]) == (gid(account), "nova@firma.cz")
    assert shown["emailVerifiedAt"] is not None


async def test_without_the_password_nothing_is_mailed(sent_jobs: list[SentJob]) -> None:
    client = as_account(await make_account_with_password())

    answer = await client.run(ASK_CHANGE, input={"email": "nova@firma.cz", "password": OTHER_PASSWORD})

    assert answer.faults("emailChangeRequest") == [("input.password", "WRONG_PASSWORD")]
    assert sent_jobs == [] and await AccountToken.all().count() == 0


async def test_an_address_of_another_account_gets_the_same_answer_and_no_mail(
    sent_jobs: list[SentJob],
) -> None:
    await make_account(email="cizi@firma.cz")
    client = as_account(await make_account_with_password())

    answer = await client.run(ASK_CHANGE, input={"email": "cizi@firma.cz", "password": PASSWORD})

    assert answer.faults("emailChangeRequest") == [] and sent_jobs == []


@pytest.mark.parametrize("email", ["cizi@firma.cz", "volny@firma.cz"])
async def test_how_often_one_may_ask_does_not_tell_whether_the_address_has_an_account(email: str) -> None:
    await make_account(email="cizi@firma.cz")
    client = as_account(await make_account_with_password())

    answers = [await client.run(ASK_CHANGE, input={"email": email, "password": PASSWORD}) for _ in range(4)]

    assert [answer.codes for answer in answers] == [[], [], [], ["RATE_LIMITED"]]


@pytest.mark.parametrize("email", ["", "x", "a@b.cz\x00", "moje@firma.cz", TOO_LONG])
async def test_an_address_that_cannot_be_the_new_one_is_told(email: str, sent_jobs: list[SentJob]) -> None:
    client = as_account(await make_account_with_password(email="moje@firma.cz"))

    answer = await client.run(ASK_CHANGE, input={"email": email, "password": PASSWORD})

    assert [path for path, _ in answer.faults("emailChangeRequest")] == ["input.email"]
    assert sent_jobs == []


async def test_only_the_account_that_asked_can_use_the_link() -> None:
    owner = await make_account(email="stara@firma.cz")
    link = await make_account_token(owner, purpose=AccountTokenPurpose.EMAIL_CHANGE, email="nova@firma.cz")
    token = await mailed_link(row=link)

    stranger = await as_account(await make_account()).run(CHANGE, input={"token": token})
    nobody = await anonymous().run(CHANGE, input={"token": token})

    assert stranger.faults("emailChange") == [("input.token", "EXPIRED")]
    assert nobody.codes == ["UNAUTHENTICATED"]
    assert (await Account.get(id=owner.id)).email == "stara@firma.cz"
    assert (await AccountToken.get(id=link.id)).used_at is None


async def test_an_address_that_somebody_took_meanwhile_is_not_taken_twice() -> None:
    owner = await make_account(email="stara@firma.cz")
    link = await make_account_token(owner, purpose=AccountTokenPurpose.EMAIL_CHANGE, email="nova@firma.cz")
    token = await mailed_link(row=link)
    await make_account(email="nova@firma.cz")

    answer = await as_account(owner).run(CHANGE, input={"token": token})

    assert answer.faults("emailChange") == [("input.token", "TAKEN")]
    assert (await Account.get(id=owner.id)).email == "stara@firma.cz"


async def test_changing_the_address_voids_its_links_and_not_those_of_projects() -> None:
    owner = await make_account(email="stara@firma.cz")
    reset = await make_account_token(owner, email=owner.email)
    project = await make_account_token(
        owner, purpose=AccountTokenPurpose.ADDRESS_VERIFICATION, project=await make_project()
    )
    link = await make_account_token(owner, purpose=AccountTokenPurpose.EMAIL_CHANGE, email="nova@firma.cz")

    await as_account(owner).run(CHANGE, input={"token": await mailed_link(row=link)})

    assert (await AccountToken.get(id=reset.id)).used_at is not None
    assert (await AccountToken.get(id=project.id)).used_at is None


async def test_a_second_request_for_another_address_voids_the_first() -> None:
    account = await make_account_with_password(email="stara@firma.cz")
    client = as_account(account)
    await client.run(ASK_CHANGE, input={"email": "prvni@firma.cz", "password": PASSWORD})
    first = await mailed_link(EmailPurpose.EMAIL_CHANGE)
    await client.run(ASK_CHANGE, input={"email": "druha@firma.cz", "password": PASSWORD})

    answer = await client.run(CHANGE, input={"token": first})

    assert answer.faults("emailChange") == [("input.token", "EXPIRED")]
    assert (await Account.get()).email == "stara@firma.cz"
