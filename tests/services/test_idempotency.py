"""Repeats of a mutation, by the key that its client sent."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tortoise.exceptions import IntegrityError

from app import db
from app.errors import IdempotencyMismatch
from app.ids import uuid7
from app.jobs import unit_of_work
from app.models import IdempotencyRecord
from app.policy import AccountViewer
from app.services import idempotency
from tests.factories import NOON, make_account, make_employee, make_project, viewer_of

pytestmark = pytest.mark.usefixtures("database")

CONTACT_ID = uuid7()


async def make_member() -> AccountViewer:
    return await viewer_of(await make_employee(await make_project()))


async def keep(viewer: AccountViewer, key: str = "key", now: Any = NOON, **values: Any) -> None:
    async with unit_of_work():
        idempotency.keep(viewer, "contactCreate", key, "hash", values or {"contact": CONTACT_ID}, now=now)


async def earlier(
    viewer: AccountViewer, mutation: str = "contactCreate", sent: str = "hash", now: Any = NOON
) -> dict[str, Any] | None:
    return await idempotency.earlier(viewer, mutation, "key", sent, now=now)


async def test_the_first_time_nothing_was_before() -> None:
    assert await earlier(await make_member()) is None


async def test_a_repeat_finds_the_ids_that_were_made() -> None:
    viewer = await make_member()

    await keep(viewer, contact=CONTACT_ID, nothing=None)

    assert await earlier(viewer) == {"contact": str(CONTACT_ID), "nothing": None}


@pytest.mark.parametrize("answered", ["jana@firma.cz", object()], ids=["an address", "a session"])
async def test_what_is_no_id_is_not_kept(answered: object) -> None:
    viewer = await make_member()

    await keep(viewer, project=CONTACT_ID, answered=answered)

    assert await earlier(viewer) == {"project": str(CONTACT_ID), "answered": None}


@pytest.mark.parametrize("other", [{"mutation": "contactUpdate"}, {"sent": "another hash"}])
async def test_the_key_stands_for_one_mutation_with_one_input(other: dict[str, str]) -> None:
    viewer = await make_member()
    await keep(viewer)

    with pytest.raises(IdempotencyMismatch):
        await earlier(viewer, **other)


async def test_a_key_is_an_employees_own() -> None:
    await keep(await make_member())

    assert await earlier(await make_member()) is None


async def test_outside_of_projects_a_key_is_the_accounts() -> None:
    viewer = AccountViewer(account_id=(await make_account()).id, session_id=UUID(int=1))
    await keep(viewer)

    assert await earlier(viewer) == {"contact": str(CONTACT_ID)}
    record = await IdempotencyRecord.get()
    assert (record.project_id, record.scope_id) == (None, viewer.account_id)


async def test_after_a_day_the_key_may_be_used_for_something_else() -> None:
    viewer = await make_member()
    await keep(viewer)
    just_before, after = NOON + timedelta(hours=24, seconds=-1), NOON + timedelta(hours=24)

    assert await earlier(viewer, now=just_before) is not None
    assert await earlier(viewer, sent="another hash", now=after) is None
    await keep(viewer, now=after)

    assert (await IdempotencyRecord.get()).created_at == after


async def test_of_parallel_repeats_the_second_fails_as_a_race() -> None:
    viewer = await make_member()
    await keep(viewer)

    with pytest.raises(IntegrityError) as failed:
        await keep(viewer)

    assert db.is_race(failed.value)
