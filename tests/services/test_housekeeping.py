"""What has served goes; what still counts for something stays."""

from datetime import timedelta

import pytest

from app.jobs import unit_of_work
from app.models import AccountToken, IdempotencyRecord, Session
from app.services import housekeeping
from app.workers import housekeeping as sweeping
from tests.conftest import Clock
from tests.factories import (
    make_account,
    make_account_token,
    make_employee,
    make_idempotency_record,
    make_project,
    make_session,
)
from tests.graphql import bells, settings

__all__ = ["bells", "settings"]

pytestmark = pytest.mark.usefixtures("database", "settings", "bells")


async def test_ended_sessions_go_when_they_no_longer_tell_where_an_account_is_used(clock: Clock) -> None:
    account = await make_account()
    old, recent = clock.at - timedelta(days=32), clock.at - timedelta(days=30)
    alive = await make_session(account)
    told = [await make_session(account, revoked_at=recent), await make_session(account, expires_at=recent)]
    await make_session(account, revoked_at=old)
    await make_session(account, expires_at=old)
    await make_session(account, absolute_expires_at=old)

    await sweeping.forget_served()

    assert set(await Session.all().values_list("id", flat=True)) == {alive.id, *(each.id for each in told)}


async def test_links_that_nobody_can_open_and_keys_of_yesterday_go(clock: Clock) -> None:
    employee = await make_employee(await make_project())
    account = await make_account()
    valid = await make_account_token(account)
    counted = await make_account_token(account, expires_at=clock.at - timedelta(hours=47))
    await make_account_token(account, expires_at=clock.at - timedelta(hours=49))
    kept = await make_idempotency_record(employee, created_at=clock.at - timedelta(hours=23))
    await make_idempotency_record(employee, created_at=clock.at - timedelta(hours=25))

    await sweeping.forget_served()

    assert set(await AccountToken.all().values_list("id", flat=True)) == {valid.id, counted.id}
    assert await IdempotencyRecord.all().values_list("id", flat=True) == [kept.id]


async def test_a_sweep_takes_a_few_at_once_until_none_is_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await make_account()
    for _ in range(5):
        await make_account_token(account, expires_at=clock.at - timedelta(days=9))

    async with unit_of_work() as work:
        first = await housekeeping.forget_served(AccountToken, now=work.now, limit=2)
    monkeypatch.setattr(sweeping, "AT_ONCE", 2)
    await sweeping.forget_served()

    assert (first, await AccountToken.all().count()) == (2, 0)
