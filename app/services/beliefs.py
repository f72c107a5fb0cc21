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
        self._by_hash[hashed] = Belief(viewer, read_at)
        self._by_hash.move_to_end(hashed)
        if len(self._by_hash) > MOST_BELIEVED:
            self._by_hash.popitem(last=False)

    def forget(self, account_id: UUID) -> None:
        self.generation += 1
        gone = [hashed for hashed, belief in self._by_hash.items() if belief.viewer.account_id == account_id]
        for hashed in gone:
            del self._by_hash[hashed]

    def clear(self) -> None:
        self.generation += 1
        self._by_hash.clear()
