"""The magnifier: looking a company up in the business register, here a local one that answers as ARES does."""

from collections.abc import AsyncIterator

import pytest

from app import config
from app.policy import Role
from app.services import companies
from tests.ares_server import Ares, Mood, ares_server
from tests.factories import make_account
from tests.graphql import Client, anonymous, as_account, as_role

LOOKUP = """
query Lookup($ico: String!) {
  companyLookup(ico: $ico) {
    ico vatId vatGroupId vatRegistration name legalForm active foundedOn dissolvedOn
    address { street city postalCode country }
  }
}
"""
CEZ = {
    "ico": "45274649",
    "vatId": "CZ45274649",
    "vatGroupId": None,
    "vatRegistration": "ACTIVE",
    "name": "ČEZ, a. s.",
    "legalForm": "Akciová společnost",
    "active": True,
    "foundedOn": "1992-05-06",
    "dissolvedOn": None,
    "address": {"street": "Duhová 1444/2", "city": "Praha", "postalCode": "14000", "country": "CZ"},
}


@pytest.fixture
async def ares(settings: config.Settings) -> AsyncIterator[Ares]:
    with ares_server() as server:
        async with companies.register_open(settings.model_copy(update={"ares_url": server.url}), None):
            yield server


@pytest.fixture
async def account() -> Client:
    return as_account(await make_account())


async def test_a_company_is_found_before_any_project_is_entered(ares: Ares, account: Client) -> None:
    answer = await account.run(LOOKUP, ico="45274649")

    assert answer.errors == [] and answer.data == {"companyLookup": CEZ}


async def test_an_ico_may_be_typed_with_blanks_and_without_leading_zeros(ares: Ares, account: Client) -> None:
    ares.companies["00177041"] = {"ico": "00177041", "obchodniJmeno": "Škoda Auto a.s."}

    answer = await account.run(LOOKUP, ico=" 177 041 ")

    assert answer.data["companyLookup"]["name"] == "Škoda Auto a.s."
    assert answer.data["companyLookup"]["address"] is None


async def test_a_number_that_nobody_has_is_null(ares: Ares, account: Client) -> None:
    answer = await account.run(LOOKUP, ico="99999994")

    assert answer.errors == [] and answer.data == {"companyLookup": None}


async def test_a_wrong_check_digit_is_looked_up_for_the_register_has_some(
    ares: Ares, account: Client
) -> None:
    ares.companies["27082441"] = {"ico": "27082441", "obchodniJmeno": "Omyl a.s."}

    found = await account.run(LOOKUP, ico="270 82 441")
    nobodys = await account.run(LOOKUP, ico="12345678")

    assert found.data["companyLookup"]["name"] == "Omyl a.s."
    assert nobodys.errors == [] and nobodys.data == {"companyLookup": None}


@pytest.mark.parametrize(
    "ico",
    [
        "00000000",
        "abc",
        "452746490",
        "",
        "\u0664" * 8,
        "4527\x004649",
        "4" * 10_000,
    ],
)
async def test_what_cannot_be_an_ico_is_refused_and_the_register_not_asked(
    ares: Ares, account: Client, ico: str
) -> None:
    answer = await account.run(LOOKUP, ico=ico)

    assert answer.codes == ["BAD_USER_INPUT"] and answer.data == {"companyLookup": None}
    assert ares.asked == []


@pytest.mark.parametrize(
    "mood", [Mood(status=503), Mood(status=429), Mood(hangs_up=True), Mood(status=200, body=b"<html>")]
)
async def test_a_register_that_gives_no_clear_answer_is_unavailable(
    ares: Ares, account: Client, mood: Mood
) -> None:
    ares.mood = mood

    answer = await account.run(LOOKUP, ico="45274649")

    assert answer.codes == ["SERVICE_UNAVAILABLE"]
    assert "by hand" in answer.errors[0]["message"]


async def test_a_process_without_a_register_says_so(account: Client) -> None:
    answer = await account.run(LOOKUP, ico="45274649")

    assert answer.codes == ["SERVICE_UNAVAILABLE"]


@pytest.mark.parametrize("role", [Role.SALES_REP, Role.COMPLAINTS, Role.INVOICER, Role.DIRECTOR, Role.ADMIN])
async def test_inside_a_project_who_may_see_billing_data_sees_the_vat_id(ares: Ares, role: Role) -> None:
    answer = await as_role(role).run(LOOKUP, ico="45274649")

    assert answer.errors == [] and answer.data == {"companyLookup": CEZ}


@pytest.mark.parametrize("role", [Role.TELEPHONIST, Role.EXTERNAL_TELEPHONIST, Role.SERVICE_TECHNICIAN])
async def test_inside_a_project_the_vat_id_is_hidden_from_everybody_else(ares: Ares, role: Role) -> None:
    answer = await as_role(role).run(LOOKUP, ico="45274649")

    billing = ("vatId", "vatGroupId", "vatRegistration")
    assert answer.data == {"companyLookup": {**CEZ, **dict.fromkeys(billing)}}
    assert [error["path"] for error in answer.errors] == [["companyLookup", each] for each in billing]
    assert answer.codes == ["FORBIDDEN"] * 3
    assert answer.errors[0]["extensions"]["coordinate"] == "Company.vatId"


async def test_nobody_looks_up_without_signing_in(ares: Ares) -> None:
    answer = await anonymous().run(LOOKUP, ico="45274649")

    assert answer.codes == ["UNAUTHENTICATED"]
    assert ares.asked == []


async def test_one_account_does_not_use_up_what_the_register_allows_us(
    ares: Ares, account: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companies, "MOST_A_MINUTE", 2)
    for _ in range(2):
        assert (await account.run(LOOKUP, ico="45274649")).errors == []

    refused = await account.run(LOOKUP, ico="27082440")
    other = await as_account(await make_account()).run(LOOKUP, ico="45274649")

    assert (refused.codes, other.errors) == (["RATE_LIMITED"], [])
    assert 1 <= refused.errors[0]["extensions"]["retryAfterSeconds"] <= 60
