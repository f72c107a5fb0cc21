"""A cache that stays within bounds, in entries and in bytes: whoever may fill it must not fill the memory."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class Weight:
    """The bytes that something takes; those of the caches that lie within it are among them."""

    __slots__ = ("bytes", "cache")

    def __init__(self, bytes_: int = 0) -> None:
        self.bytes = bytes_
        self.cache: Bounded[Any] | None = None

    def grow(self, by: int) -> None:
        """The cache that keeps it, if one does, weighs that much more, and so does whatever that cache lies in."""
        self.bytes += by
        if self.cache is not None:
            self.cache._grow(by)


class Bounded(Generic[V]):
    """The latest used entries. `within`: the weight of what this cache is a part of, and is forgotten with."""

    #: What an entry takes beside its value (its place in the order, key and weight), and what an empty cache takes.
    ENTRY_BYTES, EMPTY_BYTES = 350, 700

    def __init__(self, *, entries: int, most_bytes: int, within: Weight | None = None) -> None:
        self._most_entries, self._most_bytes, self._within = entries, most_bytes, within
        self._kept: OrderedDict[Hashable, tuple[V, Weight]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: V, weight: Weight) -> V:
        """Keeps `value`, and forgets what was used longest ago. What `weight` grows by later counts too."""
        self.forget(key)
        self._kept[key] = (value, weight)
        weight.cache = self
        self._grow(weight.bytes + self.ENTRY_BYTES)
        return value

    def forget(self, key: Hashable) -> None:
        """Does nothing if it is not kept."""
        if (found := self._kept.pop(key, None)) is not None:
            self._left(found[1])

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        return self._bytes

    def _grow(self, by: int) -> None:
        self._count(by)
        while len(self._kept) > self._most_entries or (
            self._bytes > self._most_bytes and len(self._kept) > 1
        ):
            _, (_, forgotten) = self._kept.popitem(last=False)
            self._left(forgotten)

    def _left(self, weight: Weight) -> None:
        weight.cache = None
        self._count(-weight.bytes - self.ENTRY_BYTES)

    def _count(self, by: int) -> None:
        self._bytes += by
        if self._within is not None:
            self._within.grow(by)
