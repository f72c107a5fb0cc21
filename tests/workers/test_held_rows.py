"""Sweeps while somebody holds a row of theirs and does not let go: that row waits, and all others go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from app import db
from app.models import (
    AccountToken,
    Email,
    EmailState,
    Employee,
    IdempotencyRecord,
    LeadShare,
    Project,
    Reminder,
    ReminderEvent,
    Table,
)
from app.policy import Role
from app.workers import emails as mails
from app.workers import housekeeping, lead_shares, reminders
from tests.factories import (
    LONG_AGO,
    NOON,
    make_account,
    make_account_token,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_idempotency_record,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
    make_reminder_event,
)
from tests.graphql import bells, settings

__all__ = ["bells", "settings"]

PATIENCE_S = 30

# SQLite has no locks of rows.
pytestmark = [
    pytest.mark.usefixtures("own_database", "settings", "bells"),
    pytest.mark.parametrize("engine", ["postgres"]),
]


@asynccontextmanager
async def held(url: str, *rows: Table) -> AsyncIterator[None]:
    """These rows are somebody else's inside the block, as if they were about to delete them."""
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            for row in rows:
                table = row._meta.db_table
                await holder.fetch(f"SELECT 1 FROM {table} WHERE id = $1 FOR UPDATE", row.id)
            yield
    finally:
        await holder.close()


async def make_due(project: Project) -> tuple[Employee, Reminder]:
    """An employee whose window opens now, with one reminder in it and one that they may not see any more."""
    ours, theirs = await make_division(project), await make_division(project)
    now = await db.now()
    employee = await make_employee(
        project, [Role.SALES_REP], divisions=[ours], reminder_interval_minutes=60, next_popup_at=now
    )
    await make_reminder(employee, due_at=now, contact=await make_contact(project, division=ours))
    hidden = await make_contact(project, division=theirs)
    return employee, await make_reminder(employee, due_at=now, contact=hidden)


async def has_opened(employee: Employee) -> bool:
    return await ReminderEvent.filter(employee_id=employee.id, kind="POPUP").exists()


@pytest.mark.parametrize("what", ["employee", "project", "reminder"])
async def test_what_is_held_delays_its_own_window_and_no_other(own_database: str, what: str) -> None:
    project = await make_project()
    employee, hidden = await make_due(project)
    others = [await make_due(await make_project()) for _ in range(3)]
    rows: dict[str, Table] = {"employee": employee, "project": project, "reminder": hidden}

    async with held(own_database, rows[what]):
        look = await asyncio.wait_for(reminders._open_due(timedelta(seconds=2)), PATIENCE_S)
        assert [await has_opened(each) for each, _ in others] == [True] * 3
        assert not await has_opened(employee)
        assert (await Reminder.get(id=hidden.id)).assignee_id == employee.id, (
            "nothing of it is done by halves"
        )
    assert look.moment is not None and not look.is_due, "it is looked for again after a pause"
    await reminders._open_due(timedelta(seconds=2))

    assert await has_opened(employee)
    assert (await Reminder.get(id=hidden.id)).assignee_id is None
    assert await ReminderEvent.filter(kind="POPUP").count() == 4


async def test_what_is_held_keeps_nothing_else_from_being_forgotten(own_database: str) -> None:
    account, employee = await make_account(), await make_employee(await make_project())
    tokens = [await make_account_token(account, expires_at=LONG_AGO) for _ in range(3)]
    events = [await make_reminder_event(employee, number=each, created_at=LONG_AGO) for each in (1, 2, 3)]
    record = await make_idempotency_record(employee, created_at=LONG_AGO)

    async with held(own_database, tokens[0], events[0]):
        await housekeeping.forget_served()
        await reminders.forget_old_events()
        assert [each.id for each in await AccountToken.all()] == [tokens[0].id]
        assert [each.id for each in await ReminderEvent.all()] == [events[0].id]
        assert not await IdempotencyRecord.filter(id=record.id).exists()
    await housekeeping.forget_served()
    await reminders.forget_old_events()

    assert (await AccountToken.all().count(), await ReminderEvent.all().count()) == (0, 0)


async def test_a_mail_that_is_held_keeps_no_other_from_being_put_back(own_database: str) -> None:
    project = await make_project()
    emails = [await make_email(project, state=EmailState.SENDING, lease_until=NOON) for _ in range(3)]

    async with held(own_database, emails[0]):
        await mails.release_expired_leases()
        assert [(await Email.get(id=each.id)).state for each in emails] == [
            EmailState.SENDING,
            *[EmailState.DEFERRED] * 2,
        ]
    await mails.release_expired_leases()

    assert await Email.filter(state=EmailState.DEFERRED).count() == 3


async def test_one_partner_who_is_held_keeps_no_other_share_from_ending(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead_shares, "AT_ONCE", 2)
    monkeypatch.setattr(lead_shares, "LOOK_AHEAD", timedelta(0))
    project = await make_project()
    first, second = await make_partner(project), await make_partner(project)
    contact = await make_contact(project)
    stuck = [await make_lead_share(project, first, [contact], valid_until=NOON) for _ in range(3)]
    other = await make_lead_share(project, second, [contact], valid_until=NOON + timedelta(hours=1))

    async with held(own_database, first):
        await asyncio.wait_for(lead_shares.end_lead_shares(), PATIENCE_S)
        assert [each.id for each in await LeadShare.filter(closed_at=None).order_by("id")] == sorted(
            each.id for each in stuck
        )
    while await LeadShare.filter(closed_at=None).exists():
        await lead_shares.end_lead_shares()

    assert await LeadShare.filter(id__in=[other.id, *(each.id for each in stuck)]).count() == 4
