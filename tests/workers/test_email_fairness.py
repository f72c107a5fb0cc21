"""Servers that hang hold up the mail of those who chose them, and nobody else's, however much of it waits."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.models import EmailVia, Project
from app.workers import email_dispatcher
from app.workers.email_dispatcher import AT_ONCE, SLOW_AT_ONCE, Dispatcher
from tests.factories import NOON, make_email, make_mailbox, make_project
from tests.workers.test_email_dispatcher import Hands, hands, until, waiting

__all__ = ["hands"]


async def waiting_at_own_server(count: int, since_s: int, project: Project | None = None) -> list[UUID]:
    """As `waiting`; the project has a mailbox of its own."""
    project = project or await make_project()
    mailbox = await make_mailbox(project, verified_at=NOON)
    at = [NOON - timedelta(seconds=since_s - number) for number in range(count)]
    made = [
        await make_email(project, next_attempt_at=each, via=EmailVia.MAILBOX, mailbox=mailbox) for each in at
    ]
    return [each.id for each in made]


async def hang(hands: Hands, dispatcher: Dispatcher) -> None:
    """All slots are taken by projects with much mail that waited for long, each at a server that takes its time."""
    for number in range(AT_ONCE):
        await waiting_at_own_server(10, since_s=10_000 - 100 * number)
    await dispatcher.take_due()
    await until(lambda: len(hands.taken) == AT_ONCE)


async def end(hands: Hands, dispatcher: Dispatcher, *which: UUID) -> None:
    """These attempts end; what is next is begun."""
    left = len(dispatcher._under_way) - len(which)
    hands.let_go(*which)
    await until(lambda: len(dispatcher._under_way) == left)
    await dispatcher.take_due()
    await until(lambda: len(hands.held) == len(dispatcher._under_way))


async def test_whoever_was_served_longest_ago_is_next(hands: Hands) -> None:
    dispatcher = Dispatcher(hands.deliver)
    await hang(hands, dispatcher)
    (healthy,) = await waiting(1, since_s=1)

    await end(hands, dispatcher, hands.taken[0])

    assert hands.taken[AT_ONCE:] == [healthy], "nine others of the first have waited longer"


async def test_each_project_has_a_turn_in_every_round(hands: Hands) -> None:
    dispatcher = Dispatcher(hands.deliver)
    await hang(hands, dispatcher)
    healthy = await waiting(3, since_s=5)

    for begun in range(1, 4):
        await end(hands, dispatcher, *hands.held)
        assert [each for each in hands.taken if each in healthy] == healthy[:begun]


async def test_what_hangs_does_not_take_all_slots_again(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_dispatcher, "SLOW_S", 0.05)
    dispatcher = Dispatcher(hands.deliver)
    await hang(hands, dispatcher)
    await until(lambda: len(dispatcher._slow) == AT_ONCE)

    await end(hands, dispatcher, *hands.held)
    assert len(hands.held) == SLOW_AT_ONCE

    healthy = await waiting(2, since_s=1)
    await dispatcher.take_due()
    await until(lambda: len(hands.held) == AT_ONCE)
    assert hands.taken[-2:] == healthy, "they wait for the end of nobody's attempt"


async def test_a_silent_relay_stops_no_mailbox(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(email_dispatcher, "SLOW_S", 0.05)
    for _ in range(3 * AT_ONCE):
        await waiting(1, since_s=900)
    dispatcher = Dispatcher(hands.deliver)
    await dispatcher.take_due()
    await until(lambda: len(dispatcher._slow) == 1)

    await end(hands, dispatcher, *hands.held)
    assert len(hands.held) == SLOW_AT_ONCE

    mails = await waiting_at_own_server(2, since_s=1)
    await dispatcher.take_due()
    await until(lambda: len(hands.held) == AT_ONCE)
    assert hands.taken[-2:] == mails


async def test_a_server_that_was_slow_has_all_slots_again(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_dispatcher, "SLOW_S", 0.05)
    monkeypatch.setattr(email_dispatcher, "SLOW_FOR_S", 0.2)
    await waiting(1, since_s=900)
    dispatcher = Dispatcher(hands.deliver)
    await dispatcher.take_due()
    await until(lambda: len(dispatcher._slow) == 1)
    await end(hands, dispatcher, *hands.held)

    await until(lambda: not dispatcher._slow_servers())
    for _ in range(AT_ONCE):
        await waiting(1, since_s=900)
    await dispatcher.take_due()

    assert len(dispatcher._under_way) == AT_ONCE


async def test_what_is_remembered_of_turns_is_bounded(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(email_dispatcher, "MOST_TURNS", 3)
    for _ in range(AT_ONCE):
        await waiting(1, since_s=900)
    dispatcher = Dispatcher(hands.deliver)

    await dispatcher.take_due()

    assert len(dispatcher._had_turn) == 3 and len(dispatcher._under_way) == AT_ONCE
