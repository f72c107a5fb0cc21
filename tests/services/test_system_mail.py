"""Mail that carries a secret: the link is made when the mail is claimed, and is nowhere but in the mail."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app import db
from app.errors import FaultCode, Invalid
from app.jobs import unit_of_work
from app.models import (
    AccountToken,
    AccountTokenPurpose,
    Email,
    EmailPurpose,
    EmailState,
    EmailVia,
    EmployeeStatus,
    Invitation,
    Project,
)
from app.security import token_hash
from app.services import email_delivery, email_leases, emails, mail_texts
from app.services.email_delivery import Claim
from tests.conftest import Clock
from tests.factories import (
    NOON,
    make_account,
    make_account_token,
    make_division,
    make_employee,
    make_invitation,
    make_project,
)
from tests.graphql import SentJob, bells, sent_jobs, settings

__all__ = ["bells", "sent_jobs", "settings"]

P = EmailPurpose


@pytest.fixture(autouse=True)
def _noon(database: str, clock: Clock, settings: object, bells: object) -> None:
    clock.at = NOON


async def queue(purpose: EmailPurpose, ref: UUID, to: str, **where: Any) -> Email:
    async with unit_of_work() as work:
        return await emails.queue_system(purpose, ref, to, now=work.now, **{"project_id": None, **where})


async def claim(email: Email) -> Claim | None:
    async with unit_of_work() as work:
        return await email_delivery.claim(email.id, now=work.now)


async def invite(**project: Any) -> tuple[Invitation, Email]:
    firm = await make_project(name="Novák & synové", **project)
    boss = await make_employee(firm, ["ADMIN"], name="Šéf <b>")
    new = await make_employee(firm, ["SALES_REP"], name="Jana", status=EmployeeStatus.INVITED)
    expires_at = NOON + timedelta(days=7)
    invitation = await make_invitation(new, invited_by=boss, token_hash=None, expires_at=expires_at)
    return invitation, await queue(P.INVITATION, invitation.id, new.email, project_id=firm.id)


def token_in(text: str) -> str:
    found = re.search(r"https://crm\.example\.com/[a-z-]+#token=([\w-]{43})(?!\S)", text)
    assert found is not None, text
    return found[1]


async def test_an_invitation_is_queued_without_its_link(sent_jobs: list[SentJob]) -> None:
    invitation, email = await invite()

    assert email.text is None and email.html is None
    assert (email.template, email.template_ref) == ("invitation", invitation.id)
    assert email.subject == "Pozvánka do projektu Novák & synové"
    assert email.message_id == f"<{email.id}@example.cz>"
    assert [(job.job, job.ids) for job in sent_jobs] == [("send_email", (str(email.id),))]


async def test_an_invitation_comes_from_the_project() -> None:
    _, email = await invite(email="info@firma.cz")

    assert (email.from_address, email.from_name, email.via) == (
        "info@firma.cz",
        "Novák & synové",
        EmailVia.RELAY,
    )


async def test_an_invitation_from_an_unproved_address_is_answered_there() -> None:
    _, email = await invite(email="info@firma.cz", email_verified_at=None)

    assert (email.from_address, email.reply_to) == ("divize@example.com", "info@firma.cz")
    assert email.via is EmailVia.INSTALLATION


async def test_a_project_without_an_address_invites_nobody(sent_jobs: list[SentJob]) -> None:
    with pytest.raises(Invalid) as refusal:
        await invite(email=None, email_verified_at=None)

    assert [fault.code for fault in refusal.value.faults] == [FaultCode.NO_SENDER]
    assert await Email.all().count() == 0 and sent_jobs == []


async def test_the_claim_makes_the_link_and_keeps_its_hash_alone() -> None:
    invitation, email = await invite()

    claimed = await claim(email)

    assert claimed is not None
    token = token_in(claimed.letter.text)
    await invitation.refresh_from_db()
    assert invitation.token_hash == token_hash(token)
    for table in ("emails", "email_recipients", "invitations"):
        assert token not in str(await db.fetch(f"SELECT * FROM {table}"))


async def test_the_letter_says_who_invites_whom_where_and_until_when() -> None:
    _, email = await invite()

    claimed = await claim(email)

    assert claimed is not None and claimed.letter.html is not None
    text, html = claimed.letter.text, claimed.letter.html
    for part in ("Šéf <b>", "Jana", "Novák & synové", "9. 3. 2026 13:00 (Europe/Prague)"):
        assert part in text
    assert "Šéf &lt;b&gt; vás zve" in html and "Novák &amp; synové" in html
    link = f"https://crm.example.com/invitation#token={token_in(text)}"
    assert f'<a href="{link}">{link}</a>' in html


async def test_another_attempt_makes_another_link_and_the_first_stops_working(clock: Clock) -> None:
    invitation, email = await invite()
    first = await claim(email)
    clock.advance(email_delivery.LEASE)
    async with unit_of_work() as work:
        await email_leases.release_expired(now=work.now)

    second = await claim(email)

    assert first is not None and second is not None
    await invitation.refresh_from_db()
    assert invitation.token_hash == token_hash(token_in(second.letter.text))
    assert token_in(first.letter.text) != token_in(second.letter.text)


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": NOON},
        {"accepted_at": NOON},
        {"expires_at": NOON},
    ],
    ids=["revoked", "accepted", "expired"],
)
async def test_an_invitation_that_nobody_needs_any_more_is_cancelled(change: dict[str, Any]) -> None:
    invitation, email = await invite()
    await Invitation.filter(id=invitation.id).update(**change)

    assert await claim(email) is None

    await email.refresh_from_db()
    await invitation.refresh_from_db()
    assert email.state is EmailState.CANCELLED and invitation.token_hash is None


async def test_an_invitation_to_a_project_that_is_to_be_deleted_is_cancelled() -> None:
    invitation, email = await invite()
    doomed = Project.filter(id=invitation.project_id)
    await doomed.update(deletion_requested_at=NOON, purge_after=NOON + timedelta(days=30))

    assert await claim(email) is None

    await email.refresh_from_db()
    assert email.state is EmailState.CANCELLED


@pytest.mark.parametrize("purpose", list(AccountTokenPurpose))
async def test_mail_of_an_account_comes_from_the_installation(purpose: AccountTokenPurpose) -> None:
    account = await make_account(email="jana@firma.cz")
    firm = await make_project(name="Firma") if purpose is AccountTokenPurpose.ADDRESS_VERIFICATION else None
    division = await make_division(firm, name="B2B") if firm else None
    row = await make_account_token(
        account, purpose=purpose, token_hash=None, email="nova@firma.cz", project=firm, division=division
    )
    email = await queue(
        EmailPurpose(purpose.value),
        row.id,
        "nova@firma.cz",
        project_id=firm.id if firm else None,
        division_id=division.id if division else None,
    )

    claimed = await claim(email)

    assert claimed is not None
    assert (email.from_address, email.from_name, email.reply_to) == ("divize@example.com", "Divize", None)
    token = token_in(claimed.letter.text)
    assert await AccountToken.filter(id=row.id, token_hash=token_hash(token)).exists()
    assert "nova@firma.cz" in claimed.letter.text and "1. 1. 2100" in claimed.letter.text
    if firm:
        assert "Firma (B2B)" in claimed.letter.text and "jana@firma.cz" in claimed.letter.text


async def test_a_link_that_was_used_is_not_mailed_again() -> None:
    row = await make_account_token(await make_account(), token_hash=None, used_at=NOON)
    email = await queue(P.PASSWORD_RESET, row.id, "jana@firma.cz")

    assert await claim(email) is None


async def test_a_token_of_another_kind_makes_no_link() -> None:
    row = await make_account_token(
        await make_account(), purpose=AccountTokenPurpose.EMAIL_CHANGE, token_hash=None
    )
    email = await queue(P.PASSWORD_RESET, row.id, "jana@firma.cz")

    assert await claim(email) is None


@pytest.mark.parametrize("purpose", list(mail_texts.PAGES))
def test_what_a_name_holds_is_inert(purpose: EmailPurpose) -> None:
    evil = "${link} $token <script>alert(1)</script> https://zlo.cz {{7*7}}"
    names = ("firm", "inviter", "name", "email", "account", "valid_until")
    values = {**dict.fromkeys(names, evil), "link": "https://a.cz/#token=x", "installation": "https://a.cz"}

    letter = mail_texts.letter(purpose, values)

    assert evil in letter.text and letter.html is not None
    assert "<script>" not in letter.html and 'href="https://zlo.cz' not in letter.html
    assert letter.text.count("https://a.cz/#token=x") == 1
