"""Who is woken, and by what."""

import asyncio
from uuid import UUID, uuid4

import pytest

from app.integrations.pubsub import Hub
from app.models import Employee
from app.services import feed_watch
from app.services.feed_watch import Seat
from tests.factories import make_employee, make_project

PATIENCE_S = 5
SHORT_S = 0.05


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A doorbell without Redis; the look into the database and the heartbeat are far off."""
    monkeypatch.setattr(feed_watch, "POLL_EVERY_S", 1_000)
    return Hub("unix:///nowhere")


async def wakes(seat: Seat, within_s: float = PATIENCE_S) -> bool:
    """Whether it is told of something new."""
    try:
        return await asyncio.wait_for(seat.wait(), within_s)
    except TimeoutError:
        return False


def taken(hub: Hub, employee_id: UUID) -> Seat:
    return feed_watch.seat(hub, employee_id)


async def test_a_ring_wakes_all_seats_of_the_employee_and_no_other(hub: Hub) -> None:
    me, other = uuid4(), uuid4()
    with taken(hub, me) as phone, taken(hub, me) as desk, taken(hub, other) as colleague:
        waiting = [asyncio.create_task(wakes(each, SHORT_S)) for each in (phone, desk, colleague)]
        await asyncio.sleep(0)

        await hub.ring(f"feed:{me}")

        assert await asyncio.gather(*waiting) == [True, True, False]


async def test_a_ring_between_two_waits_is_not_lost_and_counts_once(hub: Hub) -> None:
    with taken(hub, uuid4()) as seat:
        for _ in range(3):
            seat.ring()

        assert [await wakes(seat), await wakes(seat, SHORT_S)] == [True, False]


async def test_a_wait_that_was_given_up_leaves_the_next_one_whole(hub: Hub) -> None:
    with taken(hub, uuid4()) as seat:
        assert not await wakes(seat, SHORT_S)
        waiting = asyncio.create_task(wakes(seat))
        await asyncio.sleep(0)
        seat.ring()

        assert await waiting


async def test_what_was_missed_wakes_everybody(hub: Hub) -> None:
    with taken(hub, uuid4()) as one, taken(hub, uuid4()) as two:
        hub._ring_all()

        assert [await wakes(one), await wakes(two)] == [True, True]


@pytest.mark.usefixtures("database")
async def test_the_regular_look_wakes_those_whose_feed_has_grown(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "POLL_EVERY_S", SHORT_S)
    project = await make_project()
    grown, as_read = await make_employee(project), await make_employee(project)
    await Employee.all().update(feed_number=7)
    with taken(hub, grown.id) as woken, taken(hub, as_read.id) as left_alone:
        woken.number, left_alone.number = 6, 7

        assert await wakes(woken)
        assert not await wakes(left_alone, 3 * SHORT_S)


@pytest.mark.usefixtures("database")
async def test_a_database_that_fails_once_is_looked_into_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "POLL_EVERY_S", SHORT_S)
    employee = await make_employee(await make_project())
    await Employee.all().update(feed_number=1)
    look, failures = feed_watch._numbers, [OSError("away"), OSError("away")]

    async def failing(ids: list[UUID]) -> dict[UUID, int]:
        if ids and failures:
            raise failures.pop()
        return dict(await look(ids))

    monkeypatch.setattr(feed_watch, "_numbers", failing)
    with taken(hub, employee.id) as seat:
        assert await wakes(seat)
    assert failures == []


async def test_a_silent_seat_is_woken_for_its_heartbeat(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_watch, "POLL_EVERY_S", SHORT_S)
    monkeypatch.setattr(feed_watch, "HEARTBEAT_EVERY_S", SHORT_S)
    monkeypatch.setattr(feed_watch, "_numbers", _nobodys)
    with taken(hub, uuid4()) as seat:
        assert await asyncio.wait_for(seat.wait(), PATIENCE_S) is False
        assert seat.is_silent
        seat.beat()
        assert not seat.is_silent


async def _nobodys(ids: list[UUID]) -> dict[UUID, int]:
    return {}


async def test_the_watch_ends_with_the_last_seat_and_begins_again_with_the_next(hub: Hub) -> None:
    me = uuid4()
    with taken(hub, me), taken(hub, me):
        assert feed_watch.seats_taken(hub) == 2
        watch = feed_watch._watches[hub]
        assert watch._task is not None
    assert feed_watch.seats_taken(hub) == 0 and watch._task is None

    with taken(hub, me) as seat:
        await hub.ring(f"feed:{me}")
        assert await wakes(seat)
