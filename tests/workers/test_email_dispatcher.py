"""Whose mail is next: nobody waits for a sweep, for another's slow server, or behind another's thousand mails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from app.models import Email, EmailState, Project
from app.workers import email_dispatcher
from app.workers import emails as worker
from app.workers.email_dispatcher import AT_ONCE, AT_ONCE_PER_PROJECT, Dispatcher
from tests.conftest import Clock
from tests.factories import NOON, make_email, make_project
from tests.integrations.smtp_server import SILENCE, MailServer
from tests.workers.mail import queued, server

__all__ = ["server"]


class Hands:
    """Takes mail in hand and holds it until told."""

    def __init__(self) -> None:
        self.taken: list[UUID] = []
        self._held: dict[UUID, asyncio.Event] = {}

    async def deliver(self, email_id: UUID) -> None:
        self.taken.append(email_id)
        taken = Email.filter(id=email_id)
        await taken.update(state=EmailState.SENT, next_attempt_at=None)
        self._held[email_id] = asyncio.Event()
        await self._held[email_id].wait()
        del self._held[email_id]

    @property
    def held(self) -> list[UUID]:
        return list(self._held)

    def let_go(self, *which: UUID) -> None:
        for each in which or self._held:
            self._held[each].set()


@pytest.fixture
async def hands(database: str, clock: Clock) -> AsyncIterator[Hands]:
    clock.at = NOON
    hands = Hands()
    yield hands
    hands.let_go()


async def waiting(count: int, since_s: int, project: Project | None = None) -> list[UUID]:
    project = project or await make_project()
    at = [NOON - timedelta(seconds=since_s - number) for number in range(count)]
    return [(await make_email(project, next_attempt_at=each)).id for each in at]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def test_each_project_has_its_turn_before_any_has_another(hands: Hands) -> None:
    first, second, third = [await waiting(10, since_s) for since_s in (900, 800, 700)]
    (late,) = await waiting(1, since_s=1)
    dispatcher = Dispatcher(hands.deliver)

    await dispatcher.take_due()
    await until(lambda: len(hands.taken) == AT_ONCE)
    assert hands.taken[:4] == [first[0], second[0], third[0], late]
    assert hands.taken[4:] == [first[1], second[1]]

    (last,) = await waiting(1, since_s=0)
    hands.let_go(first[0])
    await dispatcher.changed(10)
    await dispatcher.take_due()
    await until(lambda: len(hands.taken) == AT_ONCE + 1)
    assert hands.taken[-1] == last, "twenty-four others have waited longer, but theirs had a turn"


async def test_one_project_never_takes_more_than_its_share(hands: Hands) -> None:
    mails = await waiting(5, since_s=60)
    dispatcher = Dispatcher(hands.deliver)

    await asyncio.gather(*(dispatcher.take_due() for _ in range(3)))
    await until(lambda: len(hands.taken) == AT_ONCE_PER_PROJECT)
    await dispatcher.take_due()

    assert hands.taken == mails[:AT_ONCE_PER_PROJECT]


async def test_a_bell_that_rings_while_the_database_is_asked_is_heard(hands: Hands) -> None:
    dispatcher = Dispatcher(hands.deliver)

    dispatcher.wake()

    async with asyncio.timeout(10):
        await dispatcher.changed(60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await dispatcher.changed(60)


async def test_what_cannot_be_taken_in_hand_is_left_alone_for_a_while(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_dispatcher, "PAUSE_AFTER_ERROR_S", 0.2)
    await waiting(1, since_s=60)
    tried = 0

    async def fail(email_id: UUID) -> None:
        nonlocal tried
        tried += 1
        raise ConnectionError("the database is away")

    dispatcher = Dispatcher(fail)
    await dispatcher.take_due()
    await dispatcher.drain()
    await dispatcher.take_due()
    assert tried == 1

    async with asyncio.timeout(10):
        while tried == 1:
            await dispatcher.take_due()
            await asyncio.sleep(0.01)
    await dispatcher.drain()


async def test_a_job_waits_for_no_mail_server(server: MailServer) -> None:
    server.says = {"EHLO": SILENCE}
    mails = [await queued() for _ in range(AT_ONCE)]
    sending = asyncio.create_task(worker.send())
    await until(lambda: len(server.verbs) == AT_ONCE)

    async with asyncio.timeout(1):
        for each in mails:
            await worker.send_email({}, str(each.id))

    while not sending.done():  # told to end, and told again while it waits for what is under way
        sending.cancel()
        await asyncio.sleep(0.01)


async def test_mail_of_one_project_follows_one_another_and_waits_for_no_sweep(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SWEEP_EVERY_S", 3600)
    monkeypatch.setattr(worker, "LOOK_AGAIN_S", 3600)
    sending = asyncio.create_task(worker.send())
    project = await make_project()
    mails = [await queued(project) for _ in range(9)]

    for each in mails:
        await worker.send_email({}, str(each.id))
    await until(lambda: len(server.messages) == len(mails))

    sending.cancel()
    await asyncio.wait([sending])
    assert await Email.filter(state=EmailState.SENT).count() == len(mails)
