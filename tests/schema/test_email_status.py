"""Following a mail: where it is now, then each change, to those who may read it at that moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from app import jobs
from app.engine.run import Run
from app.integrations.pubsub import Hub
from app.integrations.smtp import Outcome, RecipientResult
from app.jobs import unit_of_work
from app.models import Contact, DivisionScope, Email, EmailRecipient, Employee, EmployeeStatus, Project
from app.schema import emails as schema
from app.services import email_delivery, emails, sessions
from tests.conftest import Clock
from tests.factories import NOON, make_contact, make_division, make_email, make_employee, make_project
from tests.graphql import Answer, Client, as_employee, as_role
from tests.valkey import redis_url

__all__ = ["redis_url"]

STATUS = """
subscription EmailStatus($emailId: ID!) {
  emailStatus(emailId: $emailId) { id state sentAt recipients { address state response } }
}
"""
MOVE = "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { errors { code } } }"
DELETE = "mutation ($input: ContactDeleteInput!) { contactDelete(input: $input) { errors { code } } }"
PATIENCE_S = 5


@pytest.fixture
async def hub(redis_url: str, clock: Clock, bells: object) -> AsyncIterator[Hub]:
    clock.at = NOON
    hub = Hub(redis_url)
    await hub.start()
    await hub.connected()
    jobs.bind(None, hub.ring_all)
    yield hub
    await hub.stop()


@asynccontextmanager
async def following(client: Client, email: Email) -> AsyncIterator[Any]:
    """Gives a function that waits for the next answer; None at the end of the stream."""
    async with aclosing(client.subscribe(STATUS, emailId=email)) as stream:

        async def heard() -> Answer | None:
            async with asyncio.timeout(PATIENCE_S):
                return await anext(stream, None)

        yield heard


async def mail(client: Client, contact: Contact) -> Email:
    return await make_email(
        await contact.project,
        contact=contact,
        author=client.employee,
        text="Dobrý den",
        recipients=["zakaznik@example.cz"],
    )


async def somebody(hub: Hub, role: str = "SALES_REP") -> tuple[Client, Email]:
    client = await as_role(role, project=await make_project()).sign_in()
    client.hub = hub
    assert client.employee is not None
    return client, await mail(client, await make_contact(await client.employee.project))


async def project_of(email: Email) -> Project:
    return await Project.get(id=email.project_id)


async def deliver(email: Email, outcome: Outcome = Outcome.SENT) -> None:
    async with unit_of_work() as work:
        claim = await email_delivery.claim(email.id, now=work.now)
    assert claim is not None
    (recipient,) = await EmailRecipient.filter(email_id=email.id)
    async with unit_of_work() as work:
        results = [RecipientResult(recipient.address, outcome, 250, "Taken")]
        await email_delivery.record(claim, results, now=work.now, jitter=0.5)


def state(answer: Answer | None) -> Any:
    assert answer is not None and answer.errors == [], answer
    return answer.data["emailStatus"]["state"]


async def test_a_mail_is_followed_until_it_is_sent(hub: Hub) -> None:
    me, email = await somebody(hub)

    async with following(me, email) as heard:
        first = await heard()
        await deliver(email)
        states = []
        while (answer := await heard()) is not None:
            states.append(state(answer))
            last = answer

    assert state(first) == "QUEUED" and states[-1] == "SENT"
    sent = last.data["emailStatus"]
    assert sent["sentAt"] == "2026-03-02T12:00:00.000Z"
    assert sent["recipients"] == [
        {"address": "zakaznik@example.cz", "state": "SENT", "response": "250 Taken"}
    ]


async def test_a_mail_that_is_decided_is_told_once(hub: Hub) -> None:
    me, email = await somebody(hub)
    await deliver(email, Outcome.PERMANENT)

    async with following(me, email) as heard:
        assert state(await heard()) == "FAILED"
        assert await heard() is None


async def test_without_the_doorbell_the_change_is_found_by_looking(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, email = await somebody(hub)
    monkeypatch.setattr(schema, "POLL_S", 0.05)
    jobs.bind(None, None)

    async with following(me, email) as heard:
        assert state(await heard()) == "QUEUED"
        await deliver(email)
        assert state(await heard()) == "SENT"


async def test_a_deferred_mail_is_followed_until_it_is_withdrawn(hub: Hub) -> None:
    me, email = await somebody(hub)

    async with following(me, email) as heard:
        await heard()
        await deliver(email, Outcome.TEMPORARY)
        while state(await heard()) != "DEFERRED":
            pass
        async with unit_of_work() as work:
            await emails.cancel_for_contact((await Contact.get()).id, now=work.now)

        assert state(await heard()) == "CANCELLED"
        assert await heard() is None


async def test_nobody_follows_what_he_may_not_read(hub: Hub) -> None:
    _, email = await somebody(hub)
    stranger, _ = await somebody(hub)
    telephonist = as_role("TELEPHONIST", project=await project_of(email))
    external = as_role("EXTERNAL_TELEPHONIST", project=await project_of(email))

    codes = []
    for client in (stranger, telephonist, external):
        client.hub = hub
        async with following(client, email) as heard:
            answer = await heard()
            assert answer is not None and answer.data in (None, {"emailStatus": None})
            codes.append(answer.codes)

    assert codes == [["NOT_FOUND"], ["NOT_FOUND"], ["FORBIDDEN"]]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"roles": ()}, "FORBIDDEN"),
        ({"status": EmployeeStatus.DEACTIVATED, "deactivated_at": NOON}, "UNAUTHENTICATED"),
    ],
    ids=["role taken", "dismissed"],
)
async def test_nothing_is_told_once_the_right_is_gone(hub: Hub, change: dict[str, Any], code: str) -> None:
    me, email = await somebody(hub)
    assert me.employee is not None

    async with following(me, email) as heard:
        assert state(await heard()) == "QUEUED"
        await Employee.filter(id=me.employee.id).update(**change)
        assert me.employee.account_id is not None
        sessions.forget(me.employee.account_id)
        await deliver(email)
        answer = await heard()

    assert answer is not None and answer.codes == [code]
    assert "SENT" not in str(answer)


async def test_a_colleague_who_loses_the_division_hears_no_more(hub: Hub) -> None:
    _, email = await somebody(hub)
    project = await project_of(email)
    await Contact.all().update(division_id=(await make_division(project)).id)
    colleague = await make_employee(project, ["SALES_REP"])
    client = as_employee(colleague)
    client.hub = hub

    async with following(client, email) as heard:
        assert state(await heard()) == "QUEUED"
        await Employee.filter(id=colleague.id).update(division_scope=DivisionScope.CHOSEN)
        assert colleague.account_id is not None
        sessions.forget(colleague.account_id)
        await deliver(email)

        assert await heard() is None


@pytest.mark.parametrize("change", ["moved", "deleted"])
async def test_what_becomes_of_the_contact_ends_the_following_at_once(hub: Hub, change: str) -> None:
    _, email = await somebody(hub)
    project = await project_of(email)
    mine, other = await make_division(project), await make_division(project)
    await Contact.all().update(division_id=mine.id)
    colleague = await make_employee(project, ["SALES_REP"], divisions=[mine])
    admin, client = as_role("ADMIN", project=project), as_employee(colleague)
    client.hub = hub
    act = MOVE if change == "moved" else DELETE

    async with following(client, email) as heard:
        assert state(await heard()) == "QUEUED"
        # In a worker's hand: its own bell does not ring.
        await Email.all().update(state="SENDING", next_attempt_at=None, lease_until=NOON)
        sent = {"id": await Contact.get(), **({"divisionId": other} if change == "moved" else {})}
        assert (await admin.run(act, input=sent)).errors == []

        assert await heard() is None


async def test_a_mail_that_goes_out_of_sight_while_it_is_read_is_not_told(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, email = await somebody(hub)
    project = await project_of(email)
    mine, other = await make_division(project), await make_division(project)
    await Contact.all().update(division_id=mine.id)
    client = as_employee(await make_employee(project, ["SALES_REP"], divisions=[mine]))
    client.hub = hub
    take_event = Run.take_event

    async def late(run: Run, event: Any) -> bool:
        await Contact.all().update(division_id=other.id)
        return await take_event(run, event)

    monkeypatch.setattr(Run, "take_event", late)
    async with following(client, email) as heard:
        assert await heard() is None


async def test_a_mail_that_was_read_before_the_role_was_taken_is_not_told_after(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, email = await somebody(hub)
    take_event = Run.take_event

    async def early(run: Run, event: Any) -> bool:
        is_in_sight = await take_event(run, event)
        assert me.employee is not None and me.employee.account_id is not None
        await Employee.filter(id=me.employee.id).update(roles=())
        sessions.forget(me.employee.account_id)
        return is_in_sight

    monkeypatch.setattr(Run, "take_event", early)
    async with following(me, email) as heard:
        answer = await heard()

    assert answer is not None and (answer.data, answer.codes) == (None, ["FORBIDDEN"])


async def test_a_selection_that_could_show_no_mail_is_refused_at_once(hub: Hub) -> None:
    client, email = await somebody(hub)
    pages = "activities(first: 100) { nodes { contact { activities(first: 100) { nodes { summary } } } } }"
    document = STATUS.replace("id state", f"state contact {{ {pages} }}")

    async with aclosing(client.subscribe(document, emailId=email)) as answers:
        told = [each async for each in answers]

    assert [(each.data, each.codes) for each in told] == [(None, ["COST_EXCEEDED"])]
