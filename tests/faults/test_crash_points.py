"""Crash points strike where their names say: a mail and a window pass each of theirs once, in order, and nothing else does."""

from collections.abc import Iterable
from functools import partial

import pytest

from app import db
from app.jobs import Origin, ring, unit_of_work
from app.models import Reminder
from app.workers import emails, reminders
from tests.faults.crash_points import MAIL_POINTS, POINTS, WINDOW_POINTS
from tests.graphql import bells, rings, sent_jobs, settings
from tests.integrations.smtp_server import MailServer
from tests.workers.mail import queued, quick, server
from tests.workers.test_reminders import make_due

__all__ = ["bells", "quick", "rings", "sent_jobs", "server", "settings"]


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the points that were passed, as they are."""
    passed: list[str] = []
    _arm(monkeypatch, POINTS, passed)
    return passed


@pytest.mark.usefixtures("quick")
async def test_a_mail_passes_each_of_its_points_once_and_in_order(
    server: MailServer, passed: list[str]
) -> None:
    email = await queued(text="Zde.")  # a text that ends as a mail does

    await emails.deliver(email.id)

    assert len(server.messages) == 1
    assert passed == list(MAIL_POINTS)


@pytest.mark.usefixtures("database", "settings", "bells")
async def test_a_window_passes_each_of_its_points_once_and_in_order(passed: list[str]) -> None:
    employee = await make_due(await db.now())

    await reminders.fire_popup({}, str(employee.id))

    assert passed == list(WINDOW_POINTS)


@pytest.mark.usefixtures("database", "settings", "bells")
async def test_a_claim_without_anything_to_show_is_all_that_is_passed(passed: list[str]) -> None:
    employee = await make_due(await db.now())
    await Reminder.filter(assignee_id=employee.id).delete()

    await reminders.fire_popup({}, str(employee.id))

    assert passed == ["window_after_claim"]


@pytest.mark.usefixtures("database", "settings", "bells")
async def test_other_work_passes_no_point(passed: list[str]) -> None:
    async with unit_of_work():
        ring("feed:somebody")
    async with unit_of_work(Origin("reminderSnooze")):
        ring("feed:somebody")
    await reminders.forget_old_events()
    await emails.release_expired_leases()

    assert passed == []


def _arm(monkeypatch: pytest.MonkeyPatch, points: Iterable[str], passed: list[str]) -> None:
    for name in points:
        point = POINTS[name]
        monkeypatch.setattr(point.owner, point.name, getattr(point.owner, point.name))
        point.arm(partial(passed.append, name))
