"""Who of the 1,024 may what, as sets: to find somebody for each question, allowed and denied."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.proof.matrix.catalogue import Probe
from tests.proof.matrix.contract import Contract
from tests.proof.matrix.policy_table import PolicyTable, Who
from tests.proof.matrix.reading import Gates


@dataclass(eq=False)
class Crowd:
    """Everybody; a set of them is an integer with a bit for each."""

    policy: PolicyTable
    known: dict[tuple[str, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.everybody = self.policy.everybody()
        self.all = (1 << len(self.everybody)) - 1

    def with_one_of(self, permissions: tuple[str, ...]) -> int:
        if permissions not in self.known:
            may = (self.policy.may(who, permissions) for who in self.everybody)
            self.known[permissions] = sum(1 << place for place, is_granted in enumerate(may) if is_granted)
        return self.known[permissions]

    def asked(self, gates: Gates, needed: tuple[str, ...], *, allowed: bool) -> int:
        """Those who come through the gates and are then allowed, or denied."""
        found = self.all
        for gate in gates:
            found &= self.with_one_of(gate)
        granted = self.with_one_of(needed)
        return found & (granted if allowed else ~granted)

    def one_of(self, some: int, chance: Random) -> Who:
        places = [place for place in range(len(self.everybody)) if some >> place & 1]
        return self.everybody[chance.choice(places)]


def both_ways(
    crowd: Crowd, contract: Contract, found: Sequence[Probe], chance: Random
) -> Iterator[tuple[Who, Probe]]:
    """For each probe somebody who is allowed and somebody who is denied, for each thing in it that not everybody may."""
    for probe in found:
        asked = {(gates, needed) for _, gates, needed in probe.questions(contract)}
        for gates, needed in sorted(asked):
            for allowed in (True, False):
                if those := crowd.asked(gates, needed, allowed=allowed):
                    yield crowd.one_of(those, chance), probe


def possible(crowd: Crowd, contract: Contract, found: Sequence[Probe]) -> dict[str, set[bool]]:
    """Which of allowed and denied there can be, for each coordinate of the probes."""
    outcomes: dict[str, set[bool]] = {}
    for probe in found:
        for coordinate, gates, needed in probe.questions(contract):
            ways = {way for way in (True, False) if crowd.asked(gates, needed, allowed=way)}
            outcomes.setdefault(coordinate, set()).update(ways)
    return outcomes
