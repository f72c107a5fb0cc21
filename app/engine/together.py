"""Reading for many viewers of one shape in one statement: what subscriptions ask in the same moment.

At nine o'clock a thousand windows open, each with an event of its own. Each event's document selects the same, for
another viewer and other ids: so the viewers become rows of a list that stands in the statement, and their ids columns.

Whoever is told of one thing does not wait for those who are told of hundreds: these are read apart, a few statements at a
time. What a question may cost is its own affair too: no other is refused for it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from app import db
from app.coalesce import Coalescer
from app.engine import cost, statement
from app.engine.asked import Form
from app.engine.cache import Bounded
from app.engine.dialects import POSTGRES, Postgres, dialect_of
from app.engine.parameters import CONNECTIONS, OWN, VIEWER, Parameters, Source
from app.engine.reads import Read, ReadSome
from app.engine.statement import Arguments
from app.viewers import Facts, Shape

#: Viewers that one statement reads for, and objects that it may bring for them together.
MOST_TOGETHER = 500
OBJECTS_TOGETHER = 10_000
#: A question that may bring more is a large one.
FEW_OBJECTS = 500
#: Statements for large ones that a process asks at the same time.
LARGE_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Alike:
    """What must be the same for questions to be asked together."""

    read: Read
    shape: Shape
    forms: tuple[Form, ...]
    values: tuple[tuple[Any, ...], ...]
    is_list: bool
    #: Of the read's plan.
    statements: Bounded[Any] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Question:
    """One viewer's: the id, or the ids, that his event holds."""

    alike: Alike
    viewer: tuple[UUID, ...]
    own: UUID | tuple[UUID, ...]
    #: How many objects it may bring.
    objects: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL that answers (number, JSON) for each viewer of the lists that come first among its parameters."""

    sql: str
    columns: tuple[Source, ...]
    sources: tuple[Source, ...]
    objects: int


async def run(
    reads: Sequence[Read],
    own: Sequence[Any],
    facts: Facts,
    givens: Arguments,
    cursor_key: bytes,
    statements: Bounded[Any],
) -> Sequence[bytes | None]:
    """As `statement.run`, outside of any transaction, together with whatever others ask in the same moment.

    Raises CostExceeded for what these reads may bring, and for nothing that others ask.
    """
    # Elsewhere rows stand in views beside the statement, which cannot see a list that stands in it.
    if not isinstance(dialect_of(db.dialect()), Postgres):
        return await statement.run(reads, own, facts, givens, cursor_key, statements)
    given = (facts, givens, cursor_key, statements)
    questions = [
        _question(read, each, *given) if each else None for read, each in zip(reads, own, strict=True)
    ]
    cost.check(sum(each.objects for each in questions if each is not None))
    answers = [
        _answer(question) if question is not None else _without_ids(read, *given)
        for read, question in zip(reads, questions, strict=True)
    ]
    return [await answers[0]] if len(answers) == 1 else await asyncio.gather(*answers)


def _question(
    read: Read, own: Any, facts: Facts, givens: Arguments, cursor_key: bytes, statements: Bounded[Any]
) -> Question:
    asked = statement.asked_below([read], givens, cursor_key, POSTGRES)
    forms, values = tuple(each.form for each in asked), tuple(each.values for each in asked)
    is_list = not isinstance(own, UUID)
    alike = Alike(read, facts.shape, forms, values, is_list, statements)
    objects = _statement(alike).objects * statement.ids_in(own)
    return Question(alike, tuple(facts.values), tuple(own) if is_list else own, objects)


async def _answer(question: Question) -> bytes | None:
    return await (_small if question.objects <= FEW_OBJECTS else _large)(question)


async def _without_ids(
    read: Read, facts: Facts, givens: Arguments, cursor_key: bytes, statements: Bounded[Any]
) -> bytes | None:
    if isinstance(read, ReadSome):
        return b"[]"
    return (await statement.run([read], [()], facts, givens, cursor_key, statements))[0]


async def _answer_all(questions: Sequence[Question]) -> Sequence[bytes | Exception | None]:
    groups: dict[Alike, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        groups[question.alike].append(place)
    answers: list[bytes | Exception | None] = [None] * len(questions)
    for alike, places in groups.items():
        found: Sequence[bytes | Exception | None]
        try:
            found = await _answers(alike, [questions[place] for place in places])
        except Exception as error:  # noqa: BLE001 - raised for each of this group, and no other
            found = [error] * len(places)
        for place, answer in zip(places, found, strict=True):
            answers[place] = answer
    return answers


def _weight(question: Question) -> int:
    return max(question.objects, OBJECTS_TOGETHER // MOST_TOGETHER)


_large_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def _answer_large(questions: Sequence[Question]) -> Sequence[bytes | Exception | None]:
    """When it is their turn, so that they leave connections to others."""
    turns = _large_turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(LARGE_AT_ONCE))
    async with turns:
        return await _answer_all(questions)


_small: Coalescer[Question, bytes | None] = Coalescer(_answer_all, most=OBJECTS_TOGETHER, weigh=_weight)
_large: Coalescer[Question, bytes | None] = Coalescer(_answer_large, most=OBJECTS_TOGETHER, weigh=_weight)


async def _answers(alike: Alike, questions: Sequence[Question]) -> list[bytes | None]:
    made = _statement(alike)
    columns = [
        [question.viewer[place] if group == VIEWER else POSTGRES.ids(question.own) for question in questions]
        for group, place in made.columns
    ]
    constants = [alike.values[group - CONNECTIONS][place] for group, place in made.sources]
    found: list[bytes | None] = [None] * len(questions)
    for number, value in await db.fetch_rows(made.sql, [*columns, *constants]):
        found[number - 1] = statement.written(value)
    return found


def _statement(alike: Alike) -> Statement:
    key = (Statement, alike.read, alike.shape, alike.is_list, *alike.forms)
    known: Statement | None = alike.statements.get(key)
    if known is not None:
        return known
    # Twice: how many lists come before the other parameters is known when all of it was made once.
    lists: tuple[Source, ...] = ()
    for _ in range(2):
        parameters = _Columns(alike.shape, len(lists))
        compiler = statement.compiler_for([alike.read], parameters, alike.shape, POSTGRES, alike.forms)
        made = POSTGRES.text(alike.read.sql(compiler, 0))
        lists = tuple(parameters.columns)
    source = POSTGRES.zipped([_name(each) for each in lists], "v", is_list=alike.is_list)
    objects = cost.objects(alike.read.below, compiler.forms)
    found = Statement(f"SELECT v.n, {made} FROM {source}", lists, tuple(parameters.sources), objects)
    return statement.kept(alike.statements, key, found, alike.forms)


class _Columns(Parameters):
    """The viewer's ids and the read's own are columns of a list; what else there is follows as parameters."""

    def __init__(self, shape: Shape, lists: int) -> None:
        super().__init__(shape, POSTGRES)
        self._lists = lists
        self.columns: dict[Source, None] = {}

    def take(self, group: int, place: int) -> str:
        if group in (VIEWER, OWN):
            self.columns[group, place] = None
            return f"v.{_name((group, place))}"
        return super().take(group, place)

    def number(self) -> int:
        return self._lists + super().number()


def _name(source: Source) -> str:
    group, place = source
    return "own" if group == OWN else f"p{place}"
