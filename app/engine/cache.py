"""A cache that stays within bounds, in entries and in bytes: whoever may fill it must not fill the memory."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Bounded(Generic[V]):
    """The latest used entries. What an entry weighs is said when it is put in."""

    def __init__(self, *, entries: int, most_bytes: int) -> None:
        self._most_entries, self._most_bytes = entries, most_bytes
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: V, weight: int) -> V:
        """Keeps `value`, which takes about `weight` bytes, and forgets what was used longest ago."""
        if (earlier := self._kept.pop(key, None)) is not None:
            self._bytes -= earlier[1]
        self._kept[key] = (value, weight)
        self._bytes += weight
        while len(self._kept) > self._most_entries or (
            self._bytes > self._most_bytes and len(self._kept) > 1
        ):
            _, (_, forgotten) = self._kept.popitem(last=False)
            self._bytes -= forgotten
        return value

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        return self._bytes
