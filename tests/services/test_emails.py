"""What becomes of a contact's mail when the contact is deleted."""

import asyncio
from datetime import timedelta

import pytest

from app import db
from app.jobs import unit_of_work
from app.models import Contact, Email, EmailRecipient, EmailState, Employee, RecipientState
from app.services import email_delivery, email_leases, emails
from app.services.email_delivery import Claim
from tests.conftest import Clock
from tests.factories import NOON, make_contact, make_email, make_employee, make_project, viewer_of
from tests.graphql import Bells, bells, settings

__all__ = ["bells", "settings"]

S = EmailState


@pytest.fixture(autouse=True)
def _noon(database: str, clock: Clock, settings: object, bells: object) -> None:
    clock.at = NOON


async def mail(contact: Contact, author: Employee, state: EmailState) -> Email:
    return await make_email(
        await contact.project,
        contact=contact,
        author=author,
        state=state,
        text="Tajné",
        html="<p>Tajné</p>",
    )


async def claim(email: Email) -> Claim | None:
    async with unit_of_work() as work:
        return await email_delivery.claim(email.id, now=work.now)


async def delete_mail_of(contact: Contact) -> None:
    async with unit_of_work() as work:
        await emails.cancel_for_contact(contact.id, now=work.now)


async def test_what_waits_is_taken_back_and_everything_is_emptied(bells: Bells) -> None:
    project = await make_project()
    contact, other = await make_contact(project), await make_contact(project)
    author = await make_employee(project, ["SALES_REP"])
    mails = {state: await mail(contact, author, state) for state in (S.QUEUED, S.DEFERRED, S.SENDING, S.SENT)}
    untouched = await mail(other, author, S.QUEUED)

    await delete_mail_of(contact)

    after = {before: await Email.get(id=email.id) for before, email in mails.items()}
    assert {before: email.state for before, email in after.items()} == {
        S.QUEUED: S.CANCELLED,
        S.DEFERRED: S.CANCELLED,
        S.SENDING: S.SENDING,
        S.SENT: S.SENT,
    }
    assert all(each.contact_id is None and each.text is None and each.html is None for each in after.values())
    await untouched.refresh_from_db()
    assert (untouched.state, untouched.text, untouched.contact_id) == (S.QUEUED, "Tajné", other.id)
    followed = {f"email:{mails[state].id}" for state in (S.QUEUED, S.DEFERRED, S.SENDING)}
    assert set(bells.rings) == followed  # what is on its way is out of sight for whoever followed it


async def test_what_is_left_is_seen_by_the_author_alone() -> None:
    project = await make_project()
    contact = await make_contact(project)
    author, boss = await make_employee(project, ["SALES_REP"]), await make_employee(project, ["ADMIN"])
    await mail(contact, author, S.SENT)

    await delete_mail_of(contact)

    assert await Email.visible_to(await viewer_of(author)).count() == 1
    assert await Email.visible_to(await viewer_of(boss)).count() == 0


async def test_mail_in_hand_gets_no_further_attempt(clock: Clock) -> None:
    project = await make_project()
    contact = await make_contact(project)
    email = await mail(contact, await make_employee(project), S.QUEUED)
    await claim(email)

    await delete_mail_of(contact)
    clock.advance(email_delivery.LEASE + timedelta(seconds=1))
    async with unit_of_work() as work:
        await email_leases.release_expired(now=work.now)

    assert await claim(email) is None
    await email.refresh_from_db()
    assert email.state is S.CANCELLED
    assert (await EmailRecipient.get(email_id=email.id)).state is RecipientState.FAILED


async def test_of_two_sent_at_once_the_second_counts_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emails, "MOST_RECIPIENTS_A_DAY", 1)
    project = await make_project()
    author = await make_employee(project, ["SALES_REP"])
    viewer = await viewer_of(author)

    counted: list[Email] = []

    async def send() -> None:
        async with unit_of_work() as work:
            await emails._require_room(viewer, 1, work.now)
            counted.append(await make_email(project, author=author, created_at=work.now))
            while len(counted) == 1 and not await _is_waited_for():
                await asyncio.sleep(0)

    answers = await asyncio.gather(send(), send(), return_exceptions=True)

    assert sorted(type(each).__name__ for each in answers) == ["NoneType", "RateLimited"]


async def _is_waited_for() -> bool:
    """Whether another transaction waits for this one: on SQLite they run one after another."""
    if db.dialect() == "sqlite":
        return True
    return bool(await db.fetch("SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"))
