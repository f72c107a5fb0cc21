"""Callers of the same moment are answered together, and none is in another's way."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from app.coalesce import Coalescer

PATIENCE_S = 5
whose: ContextVar[str] = ContextVar("whose", default="nobody's")


class Oracle:
    """Doubles numbers; refuses negative ones; fails with all when it is told to. `asked`: what came together."""

    def __init__(self) -> None:
        self.asked: list[Sequence[int]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.failure: Exception | None = None
        self.contexts: list[str] = []

    async def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.asked.append(numbers)
        self.contexts.append(whose.get())
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        return [2 * each if each >= 0 else ValueError(f"{each} is negative") for each in numbers]


async def test_calls_of_one_moment_are_one_call_and_later_ones_another() -> None:
    oracle = Oracle()
    double = Coalescer(oracle)

    first = await asyncio.gather(*(double(each) for each in range(5)))
    second = await double(7)

    assert (first, second) == ([0, 2, 4, 6, 8], 14)
    assert oracle.asked == [[0, 1, 2, 3, 4], [7]]


async def test_a_call_does_not_wait_for_an_earlier_one_that_takes_long() -> None:
    oracle = Oracle()
    double = Coalescer(oracle)
    oracle.may_answer.clear()
    slow = asyncio.create_task(double(1))
    while not oracle.asked:
        await asyncio.sleep(0)

    quick = asyncio.create_task(double(2))
    while len(oracle.asked) < 2:
        await asyncio.sleep(0)
    oracle.may_answer.set()

    assert (await slow, await quick) == (2, 4)


async def test_equal_questions_are_asked_once() -> None:
    oracle = Oracle()
    double = Coalescer(oracle)

    answers = await asyncio.gather(*(double(each) for each in (3, 3, 4)))

    assert answers == [6, 6, 8]
    assert oracle.asked == [[3, 4]]


async def test_a_batch_is_bounded() -> None:
    oracle = Oracle()
    double = Coalescer(oracle, most=3)

    answers = await asyncio.gather(*(double(each) for each in range(7)))

    assert answers == [0, 2, 4, 6, 8, 10, 12]
    assert [len(each) for each in oracle.asked] == [3, 3, 1]


async def test_one_who_is_refused_does_not_hurt_the_others() -> None:
    double = Coalescer(Oracle())

    answers = await asyncio.gather(double(1), double(-1), double(2), return_exceptions=True)

    assert [answers[0], str(answers[1]), answers[2]] == [2, "-1 is negative", 4]


async def test_a_failure_of_all_reaches_everybody_and_the_next_call_is_asked_anew() -> None:
    oracle = Oracle()
    double = Coalescer(oracle)
    oracle.failure = OSError("the database is away")

    answers = await asyncio.gather(double(1), double(2), return_exceptions=True)
    oracle.failure = None

    assert [type(each) for each in answers] == [OSError, OSError]
    assert await double(1) == 2


async def test_who_is_cancelled_does_not_hurt_the_others() -> None:
    oracle = Oracle()
    double = Coalescer(oracle)
    oracle.may_answer.clear()
    gone, stays = asyncio.create_task(double(1)), asyncio.create_task(double(2))
    while not oracle.asked:
        await asyncio.sleep(0)

    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    oracle.may_answer.set()

    assert await asyncio.wait_for(stays, PATIENCE_S) == 4
    assert oracle.asked == [[1, 2]]


async def test_the_answer_is_found_outside_of_any_callers_context() -> None:
    oracle = Oracle()
    token = whose.set("mine")

    await Coalescer(oracle)(1)
    whose.reset(token)

    assert oracle.contexts == ["nobody's"]


def test_a_loop_that_ended_while_questions_were_gathered_leaves_the_next_one_free() -> None:
    double = Coalescer(Oracle())

    async def ask_and_leave() -> None:
        asyncio.get_running_loop().create_task(double(1))
        await asyncio.sleep(0)

    with asyncio.Runner() as runner:
        runner.run(ask_and_leave())
    with asyncio.Runner() as runner:
        assert runner.run(double(2)) == 4


async def test_questions_of_one_call_weigh_no_more_than_it_may_hold() -> None:
    oracle = Oracle()
    double = Coalescer(oracle, most=10, weigh=lambda number: number)

    answers = await asyncio.gather(*(double(each) for each in (4, 5, 6, 30, 1, 1, 9)))

    assert answers == [8, 10, 12, 60, 2, 2, 18]
    assert oracle.asked == [[4, 5], [6], [30], [1, 9]]
