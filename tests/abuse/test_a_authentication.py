"""A. Signing in: what a stranger learns, how often he may try, and where a password goes."""

import unicodedata
from datetime import timedelta
from typing import Any

import httpx
import pytest
from graphql import get_named_type

from app import security
from app.models import Account, Session, SignInAttempt
from app.schema import build
from app.schema.limits import ONE_TRY_PER_REQUEST
from tests.abuse.serving import NOWHERE, Divize, serving
from tests.conftest import Clock
from tests.factories import make_account, make_session
from tests.graphql import PASSWORD, Answer, anonymous, make_account_with_password
from tests.schema.sign_in_cases import SIGN_IN, sign_in

EMAIL, WRONG = "jana@firma.cz", "spatne heslo"
REQUEST_ID = {"x-request-id": "the-same-for-all"}


def credentials(email: str, password: str) -> dict[str, Any]:
    return {"query": SIGN_IN, "variables": {"input": {"email": email, "password": password}}}


async def from_address(ip: str, password: str) -> Answer:
    return await anonymous(ip).run(SIGN_IN, input={"email": EMAIL, "password": password})


async def token_from(divize: Divize, password: str) -> str | None:
    payload = (await divize.post(credentials(EMAIL, password))).json()["data"]["signIn"]
    return payload["session"] and str(payload["session"]["token"])


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that a password was compared with."""
    found: list[str] = []
    matches = security._matches

    def note_and_compare(hashed: str, typed: str) -> bool:
        found.append(hashed)
        return matches(hashed, typed)

    monkeypatch.setattr(security, "_matches", note_and_compare)
    return found


async def test_case_01_an_unknown_email_and_a_wrong_password_get_the_same_bytes(divize: Divize) -> None:
    await make_account_with_password(email=EMAIL)
    await make_account(email="nikdy.nemel@firma.cz")

    answers = [
        await divize.post(credentials(email, WRONG), **REQUEST_ID)
        for email in (EMAIL, "nikdy.nemel@firma.cz", "nikdo@firma.cz", "no address at all")
    ]

    told = {(answer.status_code, answer.content, _headers(answer)) for answer in answers}
    assert len(told) == 1 and b"WRONG_CREDENTIALS" in answers[0].content
    assert await Session.all().count() == 0


async def test_case_01_an_unknown_email_costs_as_many_hashes(inside: None, compared: list[str]) -> None:
    account = await make_account_with_password(email=EMAIL)

    for typed in (account, await make_account(), Account(email="nikdo@firma.cz"), Account(email="x@y@z")):
        await sign_in(typed, WRONG)

    assert compared == [account.password_hash, *[security.DUMMY_HASH] * 3]


def _headers(answer: httpx.Response) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in answer.headers.items() if name != "date"))


MANY = "mutation ($input: SignInInput!) { %s }"
ONE = "a%d: signIn(input: $input) { errors { code } }"
IN_ONE_REQUEST = {
    "200 aliases": MANY % " ".join(ONE % number for number in range(200)),
    "two aliases": MANY % " ".join(ONE % number for number in range(2)),
    "two fragments": "mutation ($input: SignInInput!) { ...A ...B } "
    + "".join(
        f"fragment {name} on Mutation {{ {ONE % number} }} " for number, name in enumerate(("A", "B"), 1)
    ),
    "beside a reset": MANY
    % f'{ONE % 1} passwordResetRequest(input: {{email: "{EMAIL}"}}) {{ errors {{ code }} }}',
}


@pytest.mark.parametrize("document", IN_ONE_REQUEST.values(), ids=IN_ONE_REQUEST)
async def test_case_02_many_tries_in_one_mutation_are_refused_unread(divize: Divize, document: str) -> None:
    await make_account_with_password(email=EMAIL)

    answer = await divize.client().query(document, input={"email": EMAIL, "password": WRONG})

    # 200 aliases are more words than any document may have.
    codes = {"GRAPHQL_VALIDATION_FAILED"} | ({"GRAPHQL_PARSE_FAILED"} if "a199" in document else set())
    assert (answer.status, answer.data) == (400, None) and set(answer.codes) <= codes
    assert await SignInAttempt.all().count() == 0


async def test_case_02_a_batch_is_refused_unread(divize: Divize) -> None:
    await make_account_with_password(email=EMAIL)

    answer = await divize.post([credentials(EMAIL, PASSWORD)] * 2)

    assert answer.status_code == 400 and "data" not in answer.json()
    assert await SignInAttempt.all().count() == await Session.all().count() == 0


async def test_case_02_of_two_operations_none_runs_unless_one_is_named(divize: Divize) -> None:
    await make_account_with_password(email=EMAIL)
    two = {**credentials(EMAIL, PASSWORD), "query": SIGN_IN + SIGN_IN.replace("SignIn(", "Again(", 1)}

    unnamed = await divize.post(two)
    assert unnamed.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert await SignInAttempt.all().count() == 0

    named = await divize.post({**two, "operationName": "Again"})
    assert named.json()["data"]["signIn"]["session"] is not None
    assert await SignInAttempt.all().count() == 1


def test_case_02_whatever_takes_a_password_may_be_tried_once_in_a_request() -> None:
    mutation = build()._schema.mutation_type
    assert mutation is not None
    takes_one = {
        name
        for name, field in mutation.fields.items()
        for argument in field.args.values()
        for key in getattr(get_named_type(argument.type), "fields", ())
        if "password" in key.lower() or (name.startswith("password") and key == "current")
    }

    assert {"signIn", "passwordChange", "projectDelete"} <= takes_one <= ONE_TRY_PER_REQUEST


async def test_case_03_eleven_wrong_passwords_from_eleven_addresses_must_wait(
    inside: None, clock: Clock
) -> None:
    await make_account_with_password(email=EMAIL)

    waits = []
    for number in range(20):
        answer = await from_address(f"203.0.113.{number}", WRONG)
        if answer.codes == ["RATE_LIMITED"]:
            waits.append(answer.errors[0]["extensions"]["retryAfterSeconds"])
            clock.advance(timedelta(seconds=waits[-1]))
            assert (await from_address("203.0.113.99", WRONG)).codes == []

    assert waits[:4] == [30, 60, 120, 240]
    assert max(waits) <= 15 * 60


async def test_case_03_the_owner_where_he_was_before_is_not_locked_out(inside: None, clock: Clock) -> None:
    account = await make_account_with_password(email=EMAIL)
    await make_session(account, client_ip="198.51.100.1", created_at=clock.at)
    for number in range(12):
        await from_address(f"203.0.113.{number}", WRONG)

    stranger, owner = (
        await from_address("203.0.113.99", PASSWORD),
        await from_address("198.51.100.1", PASSWORD),
    )

    assert stranger.codes == ["RATE_LIMITED"] and owner.faults("signIn") == []


async def test_case_03_tries_are_counted_without_redis_and_across_processes(
    database_url: str, quick_passwords: None
) -> None:
    """Redis down, the process restarted after each half: the count is in the database."""
    answers = []
    for half in range(2):
        async with serving(database_url, NOWHERE) as divize:
            if half == 0:
                await make_account_with_password(email=EMAIL)
            answers += [await divize.post(credentials(EMAIL, WRONG)) for _ in range(6)]

    codes = [answer.json().get("errors", [{}])[0].get("extensions", {}).get("code") for answer in answers]
    assert codes == [None] * 10 + ["RATE_LIMITED"] * 2


@pytest.mark.parametrize(
    "password",
    ["a" * 1_025, "\x00" * 20, "heslo\x00heslo", "\ud800" * 10, "ﷺ" * 300],
    ids=["too long", "NULs", "a NUL", "half pairs", "grows when normalised"],
)
async def test_case_09_a_password_that_no_account_can_have_is_only_wrong(
    inside: None, compared: list[str], password: str
) -> None:
    await make_account_with_password(email=EMAIL)

    answer = await from_address("203.0.113.1", password)

    assert answer.faults("signIn") == [("input.password", "WRONG_CREDENTIALS")]
    assert compared == [security.DUMMY_HASH], "as slow as a wrong one, and never the megabyte itself"


async def test_case_09_a_megabyte_is_refused_before_it_is_parsed(divize: Divize, compared: list[str]) -> None:
    await make_account_with_password(email=EMAIL)

    answer = await divize.post(credentials(EMAIL, "a" * 1_000_000))

    assert answer.status_code == 413 and compared == []
    assert await SignInAttempt.all().count() == 0


async def test_case_09_accents_match_however_a_keyboard_composes_them(divize: Divize) -> None:
    await make_account_with_password("kůň úpěl ódy", email=EMAIL)

    tokens = [
        await token_from(divize, unicodedata.normalize(form, "kůň úpěl ódy"))
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    ]

    assert all(tokens) and len(set(tokens)) == 4
