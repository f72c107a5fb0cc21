"""What a process believes of sessions for a moment, so that not every request asks the database."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from app.policy import AccountViewer

BELIEVED_FOR_S = 1.0
MOST_BELIEVED = 10_000


@dataclass(frozen=True, slots=True)
class Belief:
    viewer: AccountViewer
    read_at: float


class Beliefs:
    """What this process read of sessions within the last second, by token hash; the oldest give way to new ones."""

    def __init__(self) -> None:
        self._by_hash: OrderedDict[str, Belief] = OrderedDict()
        self._hashes_of: dict[UUID, set[str]] = {}
        self.generation = 0

    def get(self, hashed: str) -> AccountViewer | None:
        belief = self._by_hash.get(hashed)
        if belief is None or time.monotonic() - belief.read_at >= BELIEVED_FOR_S:
            return None
        return belief.viewer

    def put(self, hashed: str, viewer: AccountViewer, read_at: float, generation: int) -> None:
        """Not kept if anything was forgotten since `generation`: it may have been read before that commit."""
        if generation != self.generation:
            return
        self._drop(hashed)
        self._by_hash[hashed] = Belief(viewer, read_at)
        self._hashes_of.setdefault(viewer.account_id, set()).add(hashed)
        if len(self._by_hash) > MOST_BELIEVED:
            self._drop(next(iter(self._by_hash)))

    def forget(self, account_id: UUID) -> None:
        self.generation += 1
        for hashed in list(self._hashes_of.get(account_id, ())):
            self._drop(hashed)

    def clear(self) -> None:
        self.generation += 1
        self._by_hash.clear()
        self._hashes_of.clear()

    def _drop(self, hashed: str) -> None:
        belief = self._by_hash.pop(hashed, None)
        if belief is None:
            return
        hashes = self._hashes_of[belief.viewer.account_id]
        hashes.discard(hashed)
        if not hashes:
            del self._hashes_of[belief.viewer.account_id]
