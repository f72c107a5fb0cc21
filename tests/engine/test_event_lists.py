"""Lists of one event share what can be afforded."""

from dataclasses import dataclass
from typing import Any

import pytest

from app.engine import event_lists
from app.engine.cost import MOST_OBJECTS
from app.engine.declare import Held
from app.engine.values import HeldRead
from app.policy import Level


@dataclass
class Event:
    """As the declarations make them: lists of ids, and counts of what they leave out."""

    due: list[int]
    more_due: int
    nobodys: list[int]
    more_nobodys: int


def held(name: str, objects: Any, rest: str | None = None) -> HeldRead:
    """Its read stands for what a row of it costs."""
    spec = Held(guard=Level.MEMBER, description="", to="Reminder", many=rest is not None, rest=rest)
    return HeldRead(name, spec, objects)


def cut(event: Event, due: int, nobodys: int) -> Event:
    reads = [held("due", due, "more_due"), held("nobodys", nobodys, "more_nobodys")]
    found: Event = event_lists.cut(event, reads, lambda read: read)  # type: ignore[arg-type, return-value]
    return found


@pytest.mark.parametrize(
    ("due", "nobodys", "costs", "shown"),
    [
        (500, 50, (18, 18), (500, 50)),
        (500, 50, (40, 40), (226, 23)),
        (500, 50, (40, 400), (121, 12)),
        (500, 0, (40, 400), (250, 0)),
        (0, 50, (40, 400), (0, 25)),
        (500, 1, (40, 5_000), (125, 1)),
        (2, 2, (5_000, 5_000), (1, 1)),
    ],
)
def test_each_shows_its_share_of_what_there_is_and_counts_the_rest(
    due: int, nobodys: int, costs: tuple[int, int], shown: tuple[int, int]
) -> None:
    event = Event(list(range(due)), 7, list(range(nobodys)), 0)

    found = cut(event, *costs)

    assert (found.due, found.nobodys) == (event.due[: shown[0]], event.nobodys[: shown[1]]), "the first"
    assert len(found.due) + found.more_due == due + 7
    assert len(found.nobodys) + found.more_nobodys == nobodys
    assert costs[0] * len(found.due) + costs[1] * len(found.nobodys) <= MOST_OBJECTS
