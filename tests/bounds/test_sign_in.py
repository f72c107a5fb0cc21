"""After an attack the table of tries has very many rows: signing in neither counts nor deletes them."""

from datetime import timedelta

import pytest

from app import db
from app.models import SignInAttempt
from app.workers import housekeeping
from tests.bounds.measure import measured
from tests.bounds.rows import after_filling, copies
from tests.conftest import Clock
from tests.factories import make_sign_in_attempt
from tests.graphql import make_account_with_password
from tests.services.test_sign_in import EMAIL, HOME, outcome

MANY = 150_000


@pytest.mark.parametrize(
    "age", [timedelta(minutes=14), timedelta(days=2)], ids=["attacked now", "attacked once"]
)
async def test_who_signs_in_after_an_attack_does_not_wait_for_it(clock: Clock, age: timedelta) -> None:
    await make_account_with_password(email=EMAIL)
    attempt = await make_sign_in_attempt(at=clock.at - age)
    addresses = "'2001:db8:' || (n % 60000) || '::/64'"
    await copies(attempt, MANY - 1, email_hash="'hash' || n", client_ip=addresses)
    await after_filling()
    before = await rows_touched()

    with measured(f"signing in beside {MANY} tries") as signing_in:
        wrong = await outcome(ip=HOME)

    assert await rows_touched() - before <= 1_000
    assert wrong == "wrong" and await SignInAttempt.all().count() == MANY + 1
    assert signing_in.statements <= 12 and signing_in.peak_mb <= 1


async def rows_touched() -> int:
    """Rows of the table that PostgreSQL has read or deleted since its start; SQLite does not count them."""
    if db.dialect() == "sqlite":
        return 0
    await db.fetch("SELECT pg_stat_force_next_flush()")
    [row] = await db.fetch(
        "SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) + n_tup_del AS touched FROM pg_stat_user_tables"
        " WHERE relname = 'sign_in_attempts'"
    )
    return int(row["touched"])


async def test_a_sweep_forgets_what_is_a_day_old_in_short_transactions(clock: Clock) -> None:
    attempt = await make_sign_in_attempt(at=clock.at - timedelta(days=2))
    await copies(attempt, MANY // 3 - 1)
    kept = await make_sign_in_attempt(at=clock.at - timedelta(hours=23))

    with measured(f"forgetting {MANY // 3} tries") as forgetting:
        await housekeeping.forget_served()

    assert await SignInAttempt.all().values_list("id", flat=True) == [kept.id]
    assert forgetting.statements <= 20 + 2 * (MANY // 3) / housekeeping.AT_ONCE and forgetting.peak_mb <= 1
