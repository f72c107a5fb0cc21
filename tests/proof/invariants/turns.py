"""What a run is made of: turns, each a step, or several at the same moment; and a failing run made smaller."""

import random
from collections.abc import Awaitable, Callable, Sequence

from tests.proof.invariants.steps import TAPE, Habits, Step, random_step

#: The steps of one moment.
Turn = tuple[Step, ...]

#: Of a hundred turns so many are of several steps at once.
AT_ONCE = 18
MOST_AT_ONCE = 6


def random_turns(seed: str, many: int, *, with_admins: bool = True) -> list[Turn]:
    """The same ones for the same seed."""
    chance = random.Random(seed)
    habits = Habits.by(chance.randbytes(TAPE), with_admins=with_admins)
    return [_random_turn(chance, habits) for _ in range(many)]


def _random_turn(chance: random.Random, habits: Habits) -> Turn:
    many = chance.randint(2, MOST_AT_ONCE) if chance.randrange(100) < AT_ONCE else 1
    return tuple(random_step(chance.randbytes(TAPE), habits) for _ in range(many))


async def shrunk(turns: Sequence[Turn], fails: Callable[[Sequence[Turn]], Awaitable[bool]]) -> list[Turn]:
    """The shortest run found that still fails: halves are left out, then quarters, then single turns and steps."""
    left, size = list(turns), len(turns)
    while size := size // 2:
        left = await _without_pieces(left, size, fails)
    left = await _without_pieces(left, 1, fails)
    for place, turn in enumerate(left):
        for step in turn:
            smaller = tuple(each for each in left[place] if each is not step)
            candidate = [*left[:place], smaller, *left[place + 1 :]]
            if smaller and await fails(candidate):
                left = candidate
    return left


async def _without_pieces(
    turns: list[Turn], size: int, fails: Callable[[Sequence[Turn]], Awaitable[bool]]
) -> list[Turn]:
    place = 0
    while place < len(turns):
        candidate = turns[:place] + turns[place + size :]
        if candidate and await fails(candidate):
            turns = candidate
        else:
            place += size
    return turns


def told(turns: Sequence[Turn]) -> str:
    """A run as a list to read."""
    lines = []
    for number, turn in enumerate(turns, 1):
        lines += [f"{number:3}. {step}" for step in turn[:1]]
        lines += [f"     at once: {step}" for step in turn[1:]]
    return "\n".join(lines)
