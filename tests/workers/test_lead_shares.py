"""Lead shares end at their moments, once, whatever happens to the workers."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import db
from app.models import Contact, Employee, LeadShare, Reminder, ReminderClosedReason, ReminderEvent
from app.policy import Role
from app.services import lead_share_ends
from app.workers import lead_shares
from tests.factories import (
    FAR_AWAY,
    NOON,
    make_contact,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
)
from tests.graphql import bells, rings, sent_jobs, settings

__all__ = ["bells", "rings", "sent_jobs", "settings"]

PATIENCE_S = 30


@pytest.fixture(autouse=True)
def _surroundings(database: str, settings: object, bells: object) -> None:
    """Connected, configured, and nothing leaves."""


async def make_share(**values: Any) -> tuple[LeadShare, Reminder]:
    """A share, and a reminder of a man of the partner about what it lends."""
    project = await make_project()
    partner, contact = await make_partner(project), await make_contact(project)
    external = await make_employee(
        project,
        [Role.EXTERNAL_TELEPHONIST],
        partner=partner,
        reminder_interval_minutes=5,
        next_popup_at=FAR_AWAY,
    )
    share = await make_lead_share(project, partner, [contact], **values)
    return share, await make_reminder(external, contact=contact, due_at=FAR_AWAY)


async def was_carried_through(share: LeadShare, reminder: Reminder) -> bool:
    closed_at = (await LeadShare.get(id=share.id)).closed_at
    given = await Reminder.get(id=reminder.id)
    told = await ReminderEvent.filter(employee_id=reminder.assignee_id)
    window = (await Employee.get(id=reminder.assignee_id)).next_popup_at
    if closed_at is None:
        assert (given.assignee_id, told, window) == (reminder.assignee_id, [], FAR_AWAY)
        return False
    assert (given.assignee_id, window) == (None, None)
    assert [(each.closed_reason, each.reminder_id) for each in told] == [
        (ReminderClosedReason.GIVEN_AWAY, reminder.id)
    ]
    return True


async def test_the_job_carries_an_end_through_and_rings(rings: list[str]) -> None:
    share, reminder = await make_share(valid_until=NOON)
    other = await make_share(valid_until=NOON)

    await lead_shares.end_lead_share({}, str(share.id))

    assert await was_carried_through(share, reminder) and not await was_carried_through(*other)
    external = await Employee.get(id=reminder.assignee_id)
    assert set(rings) == {f"viewers:{external.account_id}", f"feed:{external.id}"}


async def test_a_job_that_comes_twice_does_it_once(rings: list[str]) -> None:
    share, reminder = await make_share(valid_until=NOON)

    await asyncio.gather(*[lead_shares.end_lead_share({}, str(share.id)) for _ in range(5)])
    rung = list(rings)
    await lead_shares.end_lead_share({}, str(share.id))

    assert await was_carried_through(share, reminder) and rings == rung


async def test_a_job_that_comes_a_little_early_waits_for_its_moment() -> None:
    moment = await db.now() + timedelta(seconds=0.3)
    share, reminder = await make_share(valid_until=moment)

    await lead_shares.end_lead_share({}, str(share.id))

    assert await was_carried_through(share, reminder)
    closed_at = (await LeadShare.get(id=share.id)).closed_at
    assert closed_at is not None and closed_at >= moment


@pytest.mark.parametrize("values", [{}, {"valid_until": FAR_AWAY}, {"valid_from": FAR_AWAY}])
async def test_a_job_for_a_share_that_is_not_over_does_nothing(
    rings: list[str], values: dict[str, datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead_shares, "EARLY", timedelta(0))
    share, reminder = await make_share(**values)
    gone, _ = await make_share()
    await LeadShare.filter(id=gone.id).delete()

    await lead_shares.end_lead_share({}, str(share.id))
    await lead_shares.end_lead_share({}, str(gone.id))

    assert not await was_carried_through(share, reminder) and rings == []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that is over in an instant if nothing ends."""
    monkeypatch.setattr(lead_shares, "LOOK_AHEAD", timedelta(seconds=0.05))


@pytest.mark.usefixtures("quick")
async def test_the_sweep_finds_what_no_job_ended() -> None:
    ended, recalled = await make_share(valid_until=NOON), await make_share(recalled_at=NOON)
    running, planned = await make_share(valid_until=FAR_AWAY), await make_share(valid_from=FAR_AWAY)

    await asyncio.wait_for(lead_shares.end_lead_shares(), PATIENCE_S)

    assert await was_carried_through(*ended) and await was_carried_through(*recalled)
    assert not await was_carried_through(*running) and not await was_carried_through(*planned)


@pytest.mark.usefixtures("quick")
async def test_what_was_closed_already_is_left_alone(rings: list[str]) -> None:
    _, reminder = await make_share(valid_until=NOON, closed_at=NOON)

    await asyncio.wait_for(lead_shares.end_lead_shares(), PATIENCE_S)

    assert (await Reminder.get(id=reminder.id)).assignee_id == reminder.assignee_id and rings == []


async def test_the_timer_ends_shares_at_their_very_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead_shares, "LOOK_AHEAD", timedelta(seconds=1))
    moments = [await db.now() + timedelta(seconds=each) for each in (0.3, 0.5)]
    shares = [await make_share(valid_until=moment) for moment in moments]

    async with asyncio.timeout(PATIENCE_S):
        while not all([await was_carried_through(*each) for each in shares]):
            await lead_shares.end_lead_shares()

    for moment, (share, _) in zip(moments, shares, strict=True):
        closed_at = (await LeadShare.get(id=share.id)).closed_at
        assert closed_at is not None and closed_at >= moment


@pytest.mark.usefixtures("quick")
async def test_one_that_fails_does_not_keep_the_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = await make_share(valid_until=NOON), await make_share(valid_until=NOON)
    close = lead_share_ends.close

    async def fail_for_one(share_id: Any, *, now: datetime) -> bool:
        if share_id == broken[0].id:
            raise RuntimeError("broken")
        return await close(share_id, now=now)

    monkeypatch.setattr(lead_share_ends, "close", fail_for_one)

    await asyncio.wait_for(lead_shares.end_lead_shares(), PATIENCE_S)

    assert await was_carried_through(*sound) and not await was_carried_through(*broken)


@pytest.mark.usefixtures("quick")
async def test_a_reminder_that_another_share_still_opens_is_kept() -> None:
    share, reminder = await make_share(valid_until=NOON)
    contact = await Contact.get(id=reminder.contact_id)
    project = await share.project
    await make_lead_share(project, await share.partner, [contact])

    await lead_shares.end_lead_shares()

    assert (await LeadShare.get(id=share.id)).closed_at is not None
    assert (await Reminder.get(id=reminder.id)).assignee_id == reminder.assignee_id
