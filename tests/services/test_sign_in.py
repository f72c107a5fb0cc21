"""How guessing passwords is slowed down, and whom that must not hit."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.errors import Invalid, RateLimited
from app.jobs import unit_of_work
from app.models import Account, Session, SignInAttempt
from app.services import sign_in
from app.services.sign_in import wait_after
from app.workers import housekeeping
from tests.conftest import Clock
from tests.factories import make_account, make_session
from tests.graphql import PASSWORD, bells, make_account_with_password, quick_passwords, settings

__all__ = ["bells", "quick_passwords", "settings"]

pytestmark = pytest.mark.usefixtures("database", "settings", "bells", "quick_passwords")

HOME, STRANGE = "198.51.100.1", "203.0.113.9"
EMAIL = "jana@firma.cz"
WRONG = "spatne heslo"


async def attempt(password: str = WRONG, *, email: str = EMAIL, ip: str = STRANGE) -> Account:
    """One whole try, in its three steps. Raises Invalid for a wrong one."""
    async with unit_of_work() as work:
        begun = await sign_in.begin(email, client_ip=ip, now=work.now)
    proved = await sign_in.prove(begun, password, refusal=sign_in.wrong_credentials())
    async with unit_of_work() as work:
        return await sign_in.confirm(proved, now=work.now)


async def outcome(password: str = WRONG, **whose: Any) -> int | str:
    """ "right", "wrong", or the seconds to wait."""
    try:
        await attempt(password, **whose)
    except Invalid:
        return "wrong"
    except RateLimited as refusal:
        return int(refusal.extensions["retryAfterSeconds"])
    return "right"


async def outcomes(times: int, **whose: Any) -> list[int | str]:
    return [await outcome(**whose) for _ in range(times)]


async def test_ten_wrong_tries_are_free_and_the_eleventh_waits_half_a_minute(clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)

    assert await outcomes(12) == ["wrong"] * 10 + [30, 30]


async def test_a_refused_try_is_not_looked_at_and_prolongs_nothing(clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)
    await outcomes(10)
    clock.advance(timedelta(seconds=20))

    assert await outcome(PASSWORD) == 10
    assert await SignInAttempt.all().count() == 10


async def test_after_the_wait_the_right_password_is_let_in(clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)
    await outcomes(11)
    clock.advance(timedelta(seconds=30))

    assert await outcome(PASSWORD) == "right"


async def test_each_further_wrong_try_doubles_the_wait(clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)
    await outcomes(10)

    waits = []
    for _ in range(3):
        waits.append(await outcome())
        clock.advance(timedelta(seconds=int(waits[-1])))
        assert await outcome() == "wrong"

    assert waits == [30, 60, 120]


def test_nobody_waits_longer_than_a_quarter_of_an_hour() -> None:
    assert [wait_after(surplus) for surplus in (5, 6, 1_000_000)] == [timedelta(minutes=15)] * 3


async def test_tries_older_than_a_quarter_of_an_hour_count_no_more(clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)
    await outcomes(10)
    clock.advance(timedelta(minutes=15))

    assert await outcomes(11) == ["wrong"] * 10 + [30]


async def test_right_tries_do_not_count(clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)

    assert [await outcome(PASSWORD) for _ in range(12)] == ["right"] * 12
    assert await outcomes(11) == ["wrong"] * 10 + [30]


async def test_many_addresses_share_the_tries_at_one_account(clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)

    found = [await outcome(ip=f"203.0.113.{number}") for number in range(11)]

    assert found == ["wrong"] * 10 + [30]


async def test_a_stranger_does_not_lock_the_owner_out_where_he_was_before(clock: Clock) -> None:
    account = await make_account_with_password(email=EMAIL)
    await make_session(account, client_ip=HOME, created_at=clock.at - timedelta(days=29))
    await outcomes(15)

    assert await outcome(PASSWORD, ip=HOME) == "right"
    assert await outcome(PASSWORD, ip=STRANGE) == 30


async def test_an_address_where_the_owner_was_long_ago_is_a_strange_one(clock: Clock) -> None:
    account = await make_account_with_password(email=EMAIL)
    await make_session(account, client_ip=HOME, created_at=clock.at - timedelta(days=31))
    await outcomes(10)

    assert await outcome(PASSWORD, ip=HOME) == 30


async def test_where_the_owner_was_before_ten_wrong_tries_are_free_as_well(clock: Clock) -> None:
    account = await make_account_with_password(email=EMAIL)
    await make_session(account, client_ip=HOME, created_at=clock.at)

    assert await outcomes(11, ip=HOME) == ["wrong"] * 10 + [30]


async def test_one_address_has_thirty_tries_at_whatever_accounts(clock: Clock) -> None:
    found = [await outcome(email=f"nekdo{number}@firma.cz") for number in range(31)]

    assert found == ["wrong"] * 30 + [30]
    assert await outcome(email="nekdo99@firma.cz", ip=HOME) == "wrong"


async def test_the_addresses_of_one_ipv6_network_are_one(clock: Clock) -> None:
    found = [
        await outcome(email=f"nekdo{number}@firma.cz", ip=f"2001:db8:1:2::{number}") for number in range(31)
    ]

    assert found == ["wrong"] * 30 + [30]
    assert await outcome(email="nekdo99@firma.cz", ip="2001:db8:1:3::1") == "wrong"


async def test_an_account_that_is_not_there_is_slowed_down_like_one_that_is(clock: Clock) -> None:
    assert await outcomes(11, email="nikdo@firma.cz") == ["wrong"] * 10 + [30]


async def test_one_address_in_other_letters_is_the_same_account(clock: Clock) -> None:
    await make_account_with_password(email=EMAIL)
    await outcomes(5, email="JANA@firma.cz")
    await outcomes(5, email=" jana@FIRMA.cz ")

    assert await outcome() == 30


async def test_parallel_tries_do_not_slip_through() -> None:
    await make_account_with_password(email=EMAIL)

    found = await asyncio.gather(*(outcome() for _ in range(30)))

    assert found.count("wrong") == 10
    assert all(each == "wrong" or isinstance(each, int) for each in found)


async def test_tries_are_forgotten_after_a_day(clock: Clock) -> None:
    await outcomes(3)
    clock.advance(timedelta(days=1, seconds=1))

    await outcome(email="jiny@firma.cz", ip=HOME)
    assert await SignInAttempt.all().count() == 4, "whoever signs in does not wait for it"
    await housekeeping.forget_served()

    assert await SignInAttempt.all().count() == 1


async def test_a_password_that_was_changed_after_it_was_compared_opens_nothing() -> None:
    account = await make_account_with_password(email=EMAIL)
    async with unit_of_work() as work:
        begun = await sign_in.begin(EMAIL, client_ip=HOME, now=work.now)
    proved = await sign_in.prove(begun, PASSWORD, refusal=sign_in.wrong_credentials())
    await Account.filter(id=account.id).update(password_hash="another")

    with pytest.raises(Invalid):
        async with unit_of_work() as work:
            await sign_in.confirm(proved, now=work.now)

    assert await Session.all().count() == 0


async def test_an_account_without_a_password_is_opened_by_none() -> None:
    await make_account(email=EMAIL)

    assert [await outcome(password) for password in ("", "nobody has this password")] == ["wrong", "wrong"]
