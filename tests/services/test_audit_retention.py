"""How long entries of the audit log are kept, and how they go."""

from datetime import datetime, timedelta

import pytest
from tortoise.exceptions import BaseORMException

from app import config, db
from app.config import ConfigError
from app.jobs import unit_of_work
from app.models import AuditEntry, Project
from app.services import audit_retention
from app.workers import housekeeping
from tests.factories import make_audit_entry, make_project
from tests.graphql import SETTINGS, settings

__all__ = ["settings"]

KEPT_DAYS = 1_095
DAY = timedelta(days=1)


async def make_aged(*days: float, project: Project | None = None) -> None:
    now = await db.now()
    for age in days:
        await make_audit_entry(project, action=f"{age}", created_at=now - age * DAY)


async def left() -> list[str]:
    return [entry.action for entry in await AuditEntry.all().order_by("-created_at")]


async def forget(now: datetime | None = None, **how: int) -> int:
    async with unit_of_work() as work:
        return await audit_retention.forget_old(now=now or work.now, **how)


@pytest.fixture(autouse=True)
def _surroundings(database: str, settings: object) -> None:
    """Connected and configured."""


async def test_by_default_entries_are_kept_for_three_years() -> None:
    await make_aged(1, KEPT_DAYS - 1, KEPT_DAYS + 1)

    assert await forget() == 1
    assert await left() == ["1", f"{KEPT_DAYS - 1}"]


async def test_the_setting_says_for_how_many_days() -> None:
    await make_aged(1, 59, 61)

    with config.override(audit_keep_days=60):
        assert await forget() == 1

    assert await left() == ["1", "59"]


async def test_the_oldest_go_first_and_no_more_than_asked_for() -> None:
    await make_aged(2_000, 4_000, 3_000)

    assert await forget(limit=2) == 2
    assert await left() == ["2000"]


async def test_the_worker_goes_on_until_all_that_is_old_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "AT_ONCE", 2)
    await make_aged(1, *range(2_000, 2_005))

    await housekeeping.forget_old_audit_entries()

    assert await left() == ["1"]


@pytest.mark.parametrize("ahead", [timedelta(), 10_000 * DAY])
async def test_nothing_younger_than_thirty_days_goes_whatever_was_set_or_the_process_believes(
    ahead: timedelta,
) -> None:
    await make_aged(0, 29)

    with config.override(audit_keep_days=1), pytest.raises(BaseORMException, match=r"append-only|30 days"):
        await forget(await db.now() + ahead)

    assert await left() == ["0", "29"]


async def test_entries_of_a_project_that_was_purged_stay_as_long() -> None:
    project = await make_project()
    await make_aged(1, 4_000, project=project)
    await project.delete()

    await forget()

    assert await left() == ["1"]


@pytest.mark.parametrize("days", [29, 0, -1, 36_501])
def test_a_shorter_or_endless_time_is_no_setting(days: int) -> None:
    with pytest.raises(ConfigError, match="AUDIT_KEEP_DAYS"):
        config.load(**{**SETTINGS, "audit_keep_days": days})
