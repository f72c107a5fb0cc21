"""The small editions of the scenarios, one after another on one stage. The large ones: `make faults`.

The limits are those that are promised, with room for a busy machine.
"""

from collections.abc import AsyncIterator

import pytest

from tests.faults import kills, lock_waiters, silent_postgres, silent_valkey, vanished_clients
from tests.faults.crash_points import POINTS
from tests.faults.people import make_people
from tests.faults.stage import Stage, stage

SEED = "7"
#: Those of the kills first, each with a project's mail of its own.
PROJECTS, IN_EACH = kills.SMALL.people, 12


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("faults")
    size = kills.SMALL
    async with stage(
        folder,
        webs=size.webs,
        workers=size.workers,
        people=lambda: make_people(PROJECTS, each=IN_EACH),
    ) as started:
        yield started


@pytest.mark.parametrize("point", POINTS)
def test_each_crash_point_is_a_function_of_today(point: str) -> None:
    assert callable(getattr(POINTS[point].owner, POINTS[point].name))


async def test_nothing_acknowledged_is_lost_after_clients_that_vanish(here: Stage) -> None:
    result = await vanished_clients.act(here, SEED, vanished_clients.SMALL)

    assert result.broken == []


async def test_who_waits_for_a_lock_is_told_and_the_others_go_on(here: Stage) -> None:
    result = await lock_waiters.act(here, SEED, lock_waiters.SMALL)

    assert result.broken == []


async def test_mutations_answer_and_windows_open_while_valkey_is_silent(here: Stage) -> None:
    (fault,) = silent_valkey.SMALL.faults

    seen = await silent_valkey.act(here, fault, silent_valkey.SMALL)

    assert seen.broken() == []


async def test_what_is_asked_of_a_silent_database_is_answered(here: Stage) -> None:
    (fault,) = silent_postgres.SMALL.faults

    _, _, broken = await silent_postgres.act(here, fault, silent_postgres.SMALL)

    assert broken == []


async def test_nothing_is_lost_or_doubled_unsaid_by_kills(here: Stage) -> None:
    result = await kills.act(here, SEED, kills.SMALL)

    assert result.broken == []
