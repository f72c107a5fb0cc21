"""What of a viewer decides which SQL is made, apart from his ids, which are parameters of it.

A visibility predicate is written once, as a `Q` of the model. It is turned into SQL for a viewer whose ids are markers;
where a marker comes out as a parameter, the statement takes the real viewer's id at each run. So one statement serves
everybody of the same shape: same grants, same number of chosen ids.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import count
from types import MappingProxyType
from typing import Any
from uuid import UUID

from app.policy import Viewer

#: Viewers and shapes that are remembered; each is a small object.
REMEMBERED = 4_096
#: Markers are far from any id that is ever given out: those carry a time in front.
_FIRST_MARKER = 0xFFFFFFFF << 96


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Equal viewers but for their ids share one: compare by identity. `viewer` has markers for ids."""

    viewer: Viewer
    places: Mapping[UUID, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """One viewer as the statements see him: his shape, and the values that stand for its markers."""

    shape: Shape
    values: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class _Ids:
    """Stands for one id, or for a set of so many."""

    size: int | None


@dataclass(frozen=True, slots=True)
class _Items:
    """Stands for a mapping, which itself cannot be looked up by."""

    items: frozenset[tuple[Any, Any]]


@lru_cache(maxsize=REMEMBERED)
def facts_of(viewer: Viewer) -> Facts:
    """Worked out once for each viewer."""
    key: list[tuple[str, Any]] = []
    values: list[UUID] = []
    for field in fields(viewer):
        given = getattr(viewer, field.name)
        if isinstance(given, UUID):
            key.append((field.name, _Ids(None)))
            values.append(_plain(given))
        elif isinstance(given, frozenset) and given and all(isinstance(each, UUID) for each in given):
            key.append((field.name, _Ids(len(given))))
            values += sorted(map(_plain, given))
        else:
            key.append(
                (field.name, _Items(frozenset(given.items())) if isinstance(given, Mapping) else given)
            )
    kind: Any = type(viewer)
    return Facts(_shape_of(kind, tuple(key)), tuple(values))


def _plain(given: UUID) -> UUID:
    """asyncpg has a UUID of its own, which equals ours and which SQLite does not take: equal viewers share these facts."""
    return given if type(given) is UUID else UUID(int=given.int)


@lru_cache(maxsize=REMEMBERED)
def _shape_of(kind: Any, key: tuple[tuple[str, Any], ...]) -> Shape:
    markers = (UUID(int=_FIRST_MARKER + number) for number in count())
    values = {name: _marked(given, markers) for name, given in key}
    made = next(markers).int - _FIRST_MARKER
    places = {UUID(int=_FIRST_MARKER + number): number for number in range(made)}
    return Shape(kind(**values), places)


def _marked(given: Any, markers: Iterator[UUID]) -> Any:
    if isinstance(given, _Items):
        return MappingProxyType(dict(given.items))
    if not isinstance(given, _Ids):
        return given
    return next(markers) if given.size is None else frozenset(next(markers) for _ in range(given.size))
