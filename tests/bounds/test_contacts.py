"""A contact with thousands of mails and activities goes by a few statements, and no body is read."""

from typing import Any

from app import db
from app.models import Activity, AuditEntry, Contact, Email, EmailRecipient, EmailState, RecipientState
from app.policy import Role
from tests.bounds.measure import measured
from tests.bounds.rows import NEW_ID, after_filling, copies, without_checks
from tests.conftest import Clock
from tests.factories import make_activity, make_contact, make_email, make_employee, make_project
from tests.graphql import as_employee
from tests.schema.contact_cases import DELETE

MAILS, ACTIVITIES = 5_000, 5_000
BODY = "Dobrý den, " * 1_000


async def make_correspondence() -> Contact:
    """Half of the mails wait, each to one recipient."""
    project = await make_project()
    contact, author = await make_contact(project), await make_employee(project, [Role.SALES_REP])
    written: dict[str, Any] = {
        "contact": contact,
        "author": author,
        "recipients": [],
        "text": BODY,
        "html": BODY,
    }
    for state in (EmailState.QUEUED, EmailState.SENT):
        email = await make_email(project, state=state, **written)
        await copies(email, MAILS // 2 - 1, message_id=f"'<{state}' || n || '@firma.cz>'")
    await without_checks(f"""
        INSERT INTO email_recipients (id, project_id, email_id, address, state, attempts)
        SELECT {NEW_ID[db.dialect()]}, project_id, id, 'a@example.cz', state, 0 FROM emails
    """)
    await copies(await make_activity(contact, author, detail=BODY), ACTIVITIES - 1)
    await after_filling()
    return contact


async def test_a_contact_with_five_thousand_mails_is_deleted(clock: Clock, rings: list[str]) -> None:
    contact = await make_correspondence()
    admin = await as_employee(await make_employee(await contact.project, [Role.ADMIN])).sign_in()

    with measured(f"contactDelete, {MAILS} mails, {ACTIVITIES} activities") as deleting:
        answer = await admin.run(DELETE, input={"id": contact})

    assert answer.faults("contactDelete") == []
    assert not await Contact.exists(id=contact.id) and not await Activity.all().exists()
    emptied = Email.filter(contact_id=None, text=None, html=None)
    assert await emptied.filter(state=EmailState.CANCELLED, next_attempt_at=None).count() == MAILS // 2
    assert await emptied.filter(state=EmailState.SENT).count() == MAILS // 2
    assert await EmailRecipient.filter(state=RecipientState.FAILED).count() == MAILS // 2
    entries = AuditEntry.filter(action="contactDelete", contact_id=contact.id)
    assert await entries.filter(subject="Email").count() == MAILS + MAILS // 2
    assert await entries.filter(subject="Activity").count() == ACTIVITIES
    assert len([each for each in rings if each.startswith("email:")]) == MAILS // 2
    assert deleting.statements <= 120 and deleting.peak_mb <= 30
