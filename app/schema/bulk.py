"""Which rows a mutation acts on that takes a filter: one function for all of them, and their input fields.

A form that nobody filled in, and a condition that holds of every row, must not act on everything by mistake. What a
filter means cannot be told by looking at it, so what it finds is compared with all that the viewer reaches.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.engine.declare import Table
from app.engine.matching import matching_rows
from app.engine.where import sought
from app.errors import FaultCode, Invalid
from app.policy import Viewer
from app.schema.inputs import optional

ALL = "all"


def takes_all(noun: str, *, most: int) -> Any:
    """The input field without which no filter acts on everything. `noun`: what they are, in plural."""
    return optional(
        f"True: all the {noun} that the viewer sees now, at most {most:,}. It stands alone: a filter that leaves out "
        "none is refused."
    )


async def filtered_ids(
    table: type[Table], viewer: Viewer, sent: dict[str, Any], *, named: str, noun: str, most: int
) -> Sequence[UUID] | None:
    """Takes `where`, `search` and `all` out of what was sent; 1 to `most` rows in reach, or None if there is none of the three.

    `named`: the field in which rows are named instead. A blank search is none. Raises Invalid for several ways at once,
    for a filter that finds none, more than `most`, or all that is in reach: `all: true` alone takes all.
    """
    where, is_all, search = sent.pop("where", None), sent.pop(ALL, None), sought(sent.pop("search", None))
    has_filter, is_named = where is not None or search is not None, sent.get(named) is not None
    if is_all and (has_filter or is_named):
        raise Invalid.at(ALL, f"`all: true` takes all the {noun} that you see. Send no other choice with it.")
    if has_filter and is_named:
        raise Invalid.at(named, f"Say which {noun}: either name them, or give a filter.")
    if not has_filter and not is_all:
        return None
    found = await matching_rows(table, viewer, where, search=search, most=most + 1)
    place = ALL if is_all else "search" if where is None else "where"
    _require_some(found.ids, place, noun, most)
    if found.leaves_out_none and not is_all:
        sentence = f"This filter leaves out none of the {noun} that you see. Narrow it, or send `all: true` alone to take all."
        raise Invalid.at(place, sentence, FaultCode.REQUIRED)
    return found.ids


def _require_some(found: Sequence[UUID], place: str, noun: str, most: int) -> None:
    if not found:
        raise Invalid.at(place, f"None of the {noun} that you see is like that. Widen the filter.")
    if len(found) > most:
        sentence = (
            f"`all` takes at most {most:,} {noun}, and you see more. Give filters that take parts of them."
            if place == ALL
            else f"More than {most:,} {noun} are like that. Narrow the filter, and do it several times."
        )
        raise Invalid.at(place, sentence, FaultCode.TOO_LONG)
