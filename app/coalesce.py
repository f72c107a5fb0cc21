"""Calls that come in the same moment, answered together: one statement for a thousand callers instead of a thousand."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")

AnswerAll = Callable[[Sequence[Question]], Awaitable[Sequence[Answer | Exception]]]


class Coalescer(Generic[Question, Answer]):
    """Call it with a question and await the answer. What is asked within one turn of the loop is answered by one call.

    `answer_all` gets at most `most` questions, all different, and gives an answer for each, in their order; an
    exception among the answers is raised for those who asked that question, one raised by `answer_all` for everybody.
    With `weigh` the questions of one call weigh at most `most` together, unless one alone weighs more. It runs in a task of its own, outside of any caller's context and transaction, and goes on when a caller is
    cancelled.
    """

    def __init__(
        self,
        answer_all: AnswerAll[Question, Answer],
        *,
        most: int = 500,
        weigh: Callable[[Question], int] | None = None,
    ) -> None:
        self._answer_all = answer_all
        self._most = most
        self._weigh = weigh
        self._gathering: _Batch[Question, Answer] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def __call__(self, question: Question) -> Answer:
        loop = asyncio.get_running_loop()
        batch = self._gathering
        if batch is None or batch.loop is not loop:
            batch = self._gather(loop)
        asking: asyncio.Future[Answer] = loop.create_future()
        if question not in batch.asking:
            weight = 1 if self._weigh is None else self._weigh(question)
            if batch.asking and batch.weight + weight > self._most:
                self._start(batch)
                batch = self._gather(loop)
            batch.weight += weight
        batch.asking.setdefault(question, []).append(asking)
        if batch.weight >= self._most:
            self._start(batch)
        return await asking

    def _gather(self, loop: asyncio.AbstractEventLoop) -> "_Batch[Question, Answer]":
        batch = self._gathering = _Batch(loop)
        loop.call_soon(self._start, batch)
        return batch

    def _start(self, batch: "_Batch[Question, Answer]") -> None:
        if batch is not self._gathering:
            return  # it was full, and is under way
        self._gathering = None
        task = batch.loop.create_task(self._answer(batch), context=Context())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, batch: "_Batch[Question, Answer]") -> None:
        try:
            answers = await self._answer_all(list(batch.asking))
        except Exception as error:  # noqa: BLE001  Not swallowed: it is raised for each who asked.
            answers = [error] * len(batch.asking)
        except BaseException:
            batch.cancel()
            raise
        for asking, answer in zip(batch.asking.values(), answers, strict=True):
            for each in asking:
                if each.done():
                    continue  # cancelled meanwhile
                if isinstance(answer, Exception):
                    each.set_exception(answer)
                else:
                    each.set_result(answer)


class _Batch(Generic[Question, Answer]):
    """Who asked what, while more may come."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.weight = 0
        self.asking: dict[Question, list[asyncio.Future[Answer]]] = {}

    def cancel(self) -> None:
        for asking in self.asking.values():
            for each in asking:
                each.cancel()
