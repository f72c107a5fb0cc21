"""Proving the From address of a project or a division: by the link mailed there, or because it is one's own."""

from datetime import timedelta

import pytest

from app import config
from app.errors import RateLimited
from app.jobs import unit_of_work
from app.models import AccountToken, AccountTokenPurpose, AuditEntry, Division, Email, EmailPurpose, Project
from app.services import address_verification
from tests.conftest import Clock
from tests.factories import NOON, make_division, make_employee, make_project, viewer_of
from tests.graphql import SentJob, anonymous, as_role
from tests.mailed_links import mailed_link

VERIFY = """
mutation Verify($input: AddressVerifyInput!) {
  addressVerify(input: $input) { address errors { code message path } }
}
"""
SEND_AGAIN = """
mutation Again($input: AddressVerificationRequestInput!) {
  addressVerificationRequest(input: $input) { sentTo errors { code message path } }
}
"""
PURPOSE = EmailPurpose.ADDRESS_VERIFICATION


@pytest.fixture(autouse=True)
def _noon(clock: Clock) -> None:
    clock.at = NOON


async def begin(owner: Project | Division, *, own_email: str = "sef@jinde.cz") -> bool:
    """What saving the owner's address does."""
    project = owner if isinstance(owner, Project) else await Project.get(id=owner.project_id)
    boss = await make_employee(project, ["ADMIN"], email=own_email)
    async with unit_of_work() as work:
        return await address_verification.begin(await viewer_of(boss), owner, now=work.now)


async def unproved() -> Project:
    return await make_project(name="Firma", email="info@firma.cz", email_verified_at=None)


async def test_the_link_goes_to_the_address_and_proves_it(sent_jobs: list[SentJob]) -> None:
    project = await unproved()
    assert not await begin(project)
    email = await Email.get()
    assert (email.purpose, email.project_id, email.from_address) == (
        PURPOSE,
        project.id,
        "divize@example.com",
    )
    assert [job.ids for job in sent_jobs] == [(str(email.id),)]

    answer = await anonymous().run(VERIFY, input={"token": await mailed_link(PURPOSE)})

    assert answer.data["addressVerify"] == {"address": "info@firma.cz", "errors": []}
    assert (await Project.get(id=project.id)).email_verified_at == NOON
    entry = await AuditEntry.get()
    assert (entry.project_id, entry.subject, entry.subject_id) == (project.id, "Project", project.id)


async def test_a_divisions_address_is_proved_alone() -> None:
    project = await unproved()
    division = await make_division(project, email="b2b@firma.cz")
    await begin(division)

    await anonymous().run(VERIFY, input={"token": await mailed_link(PURPOSE)})

    assert (await Division.get(id=division.id)).email_verified_at == NOON
    assert (await Project.get(id=project.id)).email_verified_at is None


async def test_ones_own_verified_address_needs_no_link() -> None:
    project = await unproved()

    assert await begin(project, own_email="info@firma.cz")

    assert (await Project.get(id=project.id)).email_verified_at == NOON
    assert await Email.all().count() == 0


async def test_an_installation_that_trusts_addresses_mails_no_link() -> None:
    with config.override(trust_addresses=True):
        assert await begin(await unproved())
    assert await Email.all().count() == 0


async def test_a_link_works_once() -> None:
    await begin(await unproved())
    token = await mailed_link(PURPOSE)

    first = await anonymous().run(VERIFY, input={"token": token})
    second = await anonymous().run(VERIFY, input={"token": token})

    assert first.faults("addressVerify") == []
    assert second.faults("addressVerify") == [("input.token", "EXPIRED")]


async def test_a_link_for_an_address_that_was_changed_since_proves_nothing() -> None:
    project = await unproved()
    await begin(project)
    token = await mailed_link(PURPOSE)
    await Project.filter(id=project.id).update(email="jina@firma.cz")

    answer = await anonymous().run(VERIFY, input={"token": token})

    assert answer.faults("addressVerify") == [("input.token", "EXPIRED")]
    assert (await Project.get(id=project.id)).email_verified_at is None
    assert (await AccountToken.get()).used_at is None, "the refusal rolled back"


async def test_a_link_is_valid_for_seven_days(clock: Clock) -> None:
    await begin(await unproved())
    token = await mailed_link(PURPOSE)
    clock.advance(timedelta(days=7))

    answer = await anonymous().run(VERIFY, input={"token": token})

    assert answer.faults("addressVerify") == [("input.token", "EXPIRED")]


@pytest.mark.parametrize("token", ["", "x", "a" * 10_000, "\x00", "\u2028", "💥"])
async def test_any_other_text_is_an_expired_link(token: str) -> None:
    answer = await anonymous().run(VERIFY, input={"token": token})

    assert answer.faults("addressVerify") == [("input.token", "EXPIRED")]


async def test_a_link_that_resets_a_password_proves_no_address() -> None:
    await begin(await unproved())
    token = await mailed_link(PURPOSE)
    await AccountToken.all().update(purpose=AccountTokenPurpose.PASSWORD_RESET)

    answer = await anonymous().run(VERIFY, input={"token": token})

    assert answer.faults("addressVerify") == [("input.token", "EXPIRED")]


async def test_another_link_can_be_asked_for_and_ends_the_first() -> None:
    project = await unproved()
    await begin(project)
    first = await mailed_link(PURPOSE)

    answer = await as_role("DIRECTOR", project=project).run(SEND_AGAIN, input={})

    assert answer.data["addressVerificationRequest"] == {"sentTo": "info@firma.cz", "errors": []}
    assert (await anonymous().run(VERIFY, input={"token": first})).faults("addressVerify") == [
        ("input.token", "EXPIRED")
    ]
    assert await Email.all().count() == 2


async def test_for_a_proved_address_no_link_is_sent(sent_jobs: list[SentJob]) -> None:
    boss = as_role("ADMIN", project=await make_project())

    answer = await boss.run(SEND_AGAIN, input={})

    assert answer.data["addressVerificationRequest"] == {"sentTo": None, "errors": []} and sent_jobs == []


async def test_a_division_without_an_address_has_none_to_prove(sent_jobs: list[SentJob]) -> None:
    project = await make_project()
    division = await make_division(project)

    answer = await as_role("ADMIN", project=project).run(SEND_AGAIN, input={"divisionId": division})

    assert (
        answer.faults("addressVerificationRequest") == [("input.divisionId", "REQUIRED")] and sent_jobs == []
    )


async def test_a_sales_rep_and_another_projects_admin_prove_nothing(sent_jobs: list[SentJob]) -> None:
    project = await unproved()
    division = await make_division(project, email="b2b@firma.cz")

    refused = await as_role("SALES_REP", project=project).run(SEND_AGAIN, input={})
    foreign = await as_role("ADMIN").run(SEND_AGAIN, input={"divisionId": division})

    assert (refused.codes, foreign.codes) == (["FORBIDDEN"], ["NOT_FOUND"]) and sent_jobs == []


async def test_a_project_cannot_pester_strangers_with_links() -> None:
    project = await unproved()
    boss = await viewer_of(await make_employee(project, ["ADMIN"]))
    async with unit_of_work() as work:
        for _ in range(address_verification.MOST_A_DAY):
            await address_verification.begin(boss, project, now=work.now)

    with pytest.raises(RateLimited):
        async with unit_of_work() as work:
            await address_verification.begin(boss, project, now=work.now)

    assert await Email.all().count() == address_verification.MOST_A_DAY
