"""How much of its lists an event of a subscription shows: what the selection can afford.

A value that an event is holds lists of ids. What a row of each costs hangs on what the document selects below, so it is
known when the subscription opens. A list that would cost too much is cut at its end, and what that leaves out is added to
the count beside it (`Held.rest`). Several lists of one event share what there is by their lengths; none of them that
has a row is left without any.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.engine import cost
from app.engine.declare import Held
from app.engine.reads import Read
from app.engine.values import HeldRead
from app.errors import CostExceeded

ObjectsOf = Callable[[Read], int]


def check(held: Mapping[str, Sequence[HeldRead]], objects_of: ObjectsOf) -> None:
    """Raises CostExceeded if an event of some type could not show even one row of each of its lists."""
    for type_name, reads in held.items():
        many = sum(objects_of(each.read) for each in reads)
        if many > cost.MOST_OBJECTS:
            names = " and ".join(sorted({each.spec.to for each in reads}))
            raise CostExceeded(
                f"A {type_name} could not show even one {names}: it may bring {many:,} objects, and at most "
                f"{cost.MOST_OBJECTS:,} are answered at once. Ask for smaller pages, or for less inside of it."
            )


def cut(event: Any, reads: Sequence[HeldRead], objects_of: ObjectsOf) -> Any:
    """The event with as much of its lists as can be afforded. One row of each always can: see `check`."""
    rests = {each.name: each.spec.rest for each in reads if isinstance(each.spec, Held) and each.spec.rest}
    lengths = {name: len(getattr(event, name)) for name in rests}
    if max(lengths.values(), default=0) <= 1:
        return event
    costs: Counter[str] = Counter()
    for each in reads:
        costs[each.name] += objects_of(each.read)
    room = cost.MOST_OBJECTS - sum(many for name, many in costs.items() if name not in rests)
    changes: dict[str, Any] = {}
    for name, shown in shares(lengths, costs, room).items():
        if shown < lengths[name]:
            rest = rests[name]
            changes[name] = getattr(event, name)[:shown]
            changes[rest] = getattr(event, rest) + lengths[name] - shown
    return replace(event, **changes) if changes else event


def shares(lengths: Mapping[str, int], costs: Mapping[str, int], room: int) -> Mapping[str, int]:
    """How many rows of each list there is room for."""
    wanted = sum(costs[name] * length for name, length in lengths.items())
    if wanted <= room:
        return lengths
    firsts = sum(costs[name] for name, length in lengths.items() if length)
    room, wanted = max(0, room - firsts), wanted - firsts
    return {name: length and 1 + (length - 1) * room // wanted for name, length in lengths.items()}
