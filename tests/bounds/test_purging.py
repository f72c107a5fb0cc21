"""A project of very many rows is purged in short transactions: others read and write meanwhile, and memory stays small."""

import asyncio
from contextlib import suppress

from app import db
from app.models import Activity, AuditEntry, Email, EmailRecipient, Project, Reminder, ReminderEvent
from app.workers import projects as worker
from tests.bounds.measure import measured
from tests.bounds.rows import NEW_ID, after_filling, copies, without_checks
from tests.conftest import Clock
from tests.factories import (
    make_account,
    make_activity,
    make_audit_entry,
    make_contact,
    make_email,
    make_employee,
    make_project,
    make_reminder,
    make_reminder_event,
)

EVENTS, ACTIVITIES, REMINDERS, MAILS, ENTRIES = 100_000, 20_000, 10_000, 5_000, 10_000
ROWS = EVENTS + ACTIVITIES + REMINDERS + 2 * MAILS + ENTRIES


async def make_much(project: Project, scale: float = 1.0) -> None:
    author, contact = await make_employee(project), await make_contact(project)
    email = await make_email(project, contact=contact, author=author, state="SENT", text="Dobrý den. " * 50)
    for row, count, columns in (
        (await make_reminder_event(author, number=0), EVENTS, {"number": "n"}),
        (await make_activity(contact, author), ACTIVITIES, {}),
        (await make_reminder(author, contact=contact), REMINDERS, {}),
        (email, MAILS, {"message_id": f"'<' || n || '@{project.id}>'"}),
        (await make_audit_entry(project, changes={"name": [None, "Novák"]}), ENTRIES, {}),
    ):
        await copies(row, int(count * scale), **columns)
    await without_checks(f"""
        INSERT INTO email_recipients (id, project_id, email_id, address, state, attempts)
        SELECT {NEW_ID[db.dialect()]}, project_id, id, 'a@example.cz', 'SENT', 1 FROM emails
        WHERE project_id = '{project.id}' AND id <> '{email.id}'
    """)


class Others:
    """Who writes and looks at the doomed project's rows again and again while it is purged."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.seen: set[int] = set()

    async def live(self) -> None:
        while True:
            await make_account()
            self.seen.add(await Activity.filter(project_id=self.project.id).count())
            await asyncio.sleep(0.01)


async def test_a_project_of_more_than_a_hundred_thousand_rows_is_purged_while_others_work(
    clock: Clock,
) -> None:
    doomed = await make_project(deletion_requested_at=clock.at, purge_after=clock.at)
    kept = await make_project()
    await make_much(doomed)
    await make_much(kept, 0.1)
    await after_filling()
    others = Others(doomed)
    living = asyncio.create_task(others.live())

    with measured(f"purging {ROWS} rows") as purging:
        await worker.purge_due()

    living.cancel()
    with suppress(asyncio.CancelledError):
        await living
    assert not await Project.exists(id=doomed.id)
    for model in (ReminderEvent, Activity, Reminder, Email, EmailRecipient):
        assert not await model.filter(project_id=doomed.id).exists()
        assert await model.filter(project_id=kept.id).count() > 500
    left = AuditEntry.filter(project_id=doomed.id, action="contactCreate")
    assert (await left.count(), await left.filter(changes="{}").count()) == (ENTRIES + 1, ENTRIES + 1)
    assert len(others.seen) > 10, "one long transaction shows all or nothing, and lets nobody write on SQLite"
    assert purging.peak_mb <= 10
