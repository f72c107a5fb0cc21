"""Many viewers of one shape are read for in one statement: each gets what he would have got alone, and no more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from graphql import FieldNode

from app import config, db
from app.engine import statement, together
from app.engine.cache import Bounded
from app.engine.declare import Held
from app.engine.ids import global_id
from app.engine.plan import Plan
from app.engine.reads import Read
from app.engine.selecting import Selecting
from app.engine.statement import Arguments
from app.errors import CostExceeded
from app.ids import uuid7
from app.models import Contact, Employee, Project, Reminder
from app.policy import Level, Member, Role
from app.schema import build
from app.schema.context import ClientInfo, Context
from app.schema.documents import Document
from app.services import sessions
from app.viewers import facts_of
from tests.databases import Engine
from tests.engine.asking import read, recorded
from tests.factories import (
    make_activity,
    make_contact,
    make_division,
    make_employee,
    make_person,
    make_project,
    make_reminder,
    viewer_of,
)

CONTACT = """query ($id: ID!) { contact(id: $id) { id name owner { name } persons { name } createdAt
  activities(first: 2, where: {kind: {eq: CALL}}) { totalCount nodes { summary author { name } } } } }"""
REMINDER = "query ($id: ID!) { reminder(id: $id) { id title contact { name } assignee { id } } }"


@dataclass(frozen=True)
class Question:
    """What one viewer asks: a read of the plan for his shape, and its own value."""

    viewer: Member
    read: Read
    own: Any
    arguments: Arguments
    #: As the read's plan has them.
    statements: Bounded[Any] = field(default_factory=lambda: Bounded(entries=10, most_bytes=1_000_000))

    async def alone(self) -> Any:
        found = await statement.run(
            [self.read], [self.own], facts_of(self.viewer), self.arguments, self.cursor_key, self.statements
        )
        return _parsed(found)

    async def with_others(self) -> Any:
        found = await together.run(
            [self.read], [self.own], facts_of(self.viewer), self.arguments, self.cursor_key, self.statements
        )
        return _parsed(found)

    @property
    def cursor_key(self) -> bytes:
        return _context(self.viewer).cursor_key


def _parsed(found: Sequence[bytes | None]) -> Any:
    (value,) = found
    return None if value is None else orjson.loads(value)


def _context(viewer: Member) -> Context:
    client = ClientInfo("192.0.2.1", "pytest")
    return Context(viewer, None, client, "request", sessions.authenticate, None, config.settings())


NOBODYS = {name: global_id(name, uuid7()) for name in ("Contact", "Reminder")}
#: Those that are asked; nothing keeps them otherwise, since none of them is run as a whole.
_documents: dict[str, Document] = {}


def _planned(viewer: Member, document: str) -> tuple[Plan, Arguments]:
    known = _documents.setdefault(document, read(document))
    assert known.prepared is not None
    root = "Reminder" if "reminder(" in document else "Contact"
    run = build().engine._start(
        known.prepared, known.operation(None), {"id": NOBODYS[root]}, _context(viewer)
    )
    return run.plan, run.arguments


def one(viewer: Member, row: Contact | Reminder, document: str = CONTACT) -> Question:
    plan, arguments = _planned(viewer, document)
    found = plan.roots[0].read
    assert found is not None
    return Question(viewer, found, row.id, arguments)


_held: dict[tuple[Plan, str], Read] = {}


def some(viewer: Member, rows: Sequence[Contact | Reminder], document: str = CONTACT) -> Question:
    """The rows that an event holds by their ids."""
    plan, arguments = _planned(viewer, document)
    nodes: list[FieldNode] = plan.roots[0].nodes
    to = type(rows[0]).__name__
    spec = Held(guard=Level.ACCOUNT, description="", to=to, many=True)
    if (plan, to) not in _held:
        _held[plan, to] = Selecting(plan.document, plan.shape.viewer).held(spec, nodes)
    return Question(viewer, _held[plan, to], [row.id for row in rows], arguments)


async def ask_all(questions: Sequence[Question]) -> tuple[list[Any], int]:
    """The answers, which may be exceptions, and how many statements they took."""
    with recorded() as statements:
        answers = await asyncio.gather(*(each.with_others() for each in questions), return_exceptions=True)
    return list(answers), len(statements)


def statements(engine: Engine, on_postgres: int, questions: Sequence[Question]) -> int:
    """SQLite, a file on one's own disk, is asked for each."""
    return on_postgres if engine == "postgres" else len(questions)


@dataclass(frozen=True)
class Firm:
    project: Project
    people: list[Employee]
    viewers: list[Member]
    contacts: list[Contact]


async def make_firm(people: int, role: Role = Role.SALES_REP) -> Firm:
    """Each of its people owns a contact, with a person and two activities."""
    project = await make_project()
    employees = [await make_employee(project, [role]) for _ in range(people)]
    contacts = []
    for employee in employees:
        contact = await make_contact(project, owner=employee)
        await make_person(contact)
        await make_activity(contact, employee)
        await make_activity(contact, employee, kind="MEETING")
        contacts.append(contact)
    return Firm(project, employees, [await viewer_of(each) for each in employees], contacts)


async def test_a_hundred_viewers_take_one_statement(engine: Engine) -> None:
    firm = await make_firm(100)
    questions = [one(viewer, contact) for viewer, contact in zip(firm.viewers, firm.contacts, strict=True)]

    answers, many = await ask_all(questions)

    assert many == statements(engine, 1, questions)
    assert [answer["name"] for answer in answers] == [contact.name for contact in firm.contacts]
    assert answers == [await each.alone() for each in questions]


async def test_lists_of_ids_keep_their_order_and_leave_out_what_is_out_of_reach(engine: Engine) -> None:
    firm, other = await make_firm(4), await make_firm(1)
    a, b, c, d = firm.contacts
    lists = [[a], [d, c, b, a], [other.contacts[0], b, b], [other.contacts[0]]]
    questions = [some(viewer, rows) for viewer, rows in zip(firm.viewers, lists, strict=True)]

    answers, many = await ask_all(questions)

    assert many == statements(engine, 1, questions)
    names = [[row["name"] for row in answer] for answer in answers]
    assert names == [[a.name], [d.name, c.name, b.name, a.name], [b.name, b.name], []]
    assert answers == [await each.alone() for each in questions]


async def test_nobody_sees_a_row_of_another_project_though_he_knows_its_id(engine: Engine) -> None:
    firms = [await make_firm(3) for _ in range(3)]
    everything = [contact for firm in firms for contact in firm.contacts]
    questions = [one(viewer, each) for firm in firms for viewer in firm.viewers for each in everything]

    answers, many = await ask_all(questions)

    assert many == statements(engine, 1, questions)
    seen = {
        (each.viewer.project_id, each.own) for each, answer in zip(questions, answers, strict=True) if answer
    }
    assert seen == {(firm.project.id, contact.id) for firm in firms for contact in firm.contacts}


async def test_what_is_ones_own_stays_ones_own() -> None:
    """A sales rep sees his reminders, and nobody else's."""
    firm = await make_firm(5)
    reminders = [await make_reminder(each) for each in firm.people]
    questions = [one(viewer, each, REMINDER) for viewer in firm.viewers for each in reminders]
    lists = [some(viewer, reminders, REMINDER) for viewer in firm.viewers]

    answers, _ = await ask_all([*questions, *lists])

    titles = [answer and answer["title"] for answer in answers[:25]]
    assert titles == [mine.title if mine is each else None for mine in reminders for each in reminders]
    assert [[row["title"] for row in answer] for answer in answers[25:]] == [
        [each.title] for each in reminders
    ]


async def test_each_shape_of_viewer_takes_a_statement(engine: Engine) -> None:
    """Other roles see other columns; one who works with two divisions is asked about otherwise than one with one."""
    project = await make_project()
    divisions = [await make_division(project) for _ in range(3)]
    contacts = [await make_contact(project, division=division) for division in (*divisions, None)]
    for contact in contacts:
        await make_activity(contact, area="SALES")
    people = [
        *[await make_employee(project, [Role.DIRECTOR]) for _ in range(2)],
        *[await make_employee(project, [Role.SERVICE_TECHNICIAN]) for _ in range(2)],
        *[await make_employee(project, [Role.SALES_REP], divisions=[each]) for each in divisions],
        await make_employee(project, [Role.SALES_REP], divisions=divisions[:2]),
    ]
    viewers = [await viewer_of(each) for each in people]
    questions = [one(viewer, contact) for viewer in viewers for contact in contacts]

    answers, many = await ask_all(questions)

    assert many == statements(engine, len({facts_of(viewer).shape for viewer in viewers}), questions)
    assert len({facts_of(viewer).shape for viewer in viewers}) == 4
    assert answers == [await each.alone() for each in questions]
    seen = ["".join("x" if answer else "-" for answer in answers[at : at + 4]) for at in range(0, 32, 4)]
    assert seen == ["xxxx"] * 4 + ["x--x", "-x-x", "--xx", "xx-x"]
    assert answers[0]["activities"]["totalCount"] == 1 and answers[8]["activities"]["totalCount"] == 0


async def test_other_arguments_take_another_statement(engine: Engine) -> None:
    firm = await make_firm(2)
    documents = [CONTACT, CONTACT.replace("CALL", "MEETING"), CONTACT.replace("first: 2", "first: 1")]
    questions = [one(viewer, firm.contacts[0], each) for viewer in firm.viewers for each in documents]

    answers, many = await ask_all(questions)

    assert many == statements(engine, 3, questions)
    assert answers == [await each.alone() for each in questions]


async def test_cursors_are_each_projects_own(engine: Engine) -> None:
    firms = [await make_firm(2) for _ in range(2)]
    document = CONTACT.replace("totalCount", "pageInfo { endCursor }")
    questions = [one(firm.viewers[at], firm.contacts[at], document) for firm in firms for at in range(2)]

    answers, many = await ask_all(questions)

    assert many == statements(engine, 2, questions)
    assert answers == [await each.alone() for each in questions]


async def test_a_statement_that_fails_fails_for_those_who_asked_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = await make_firm(3)
    reminder = await make_reminder(firm.people[0])
    questions = [
        question
        for viewer in firm.viewers
        for question in (one(viewer, firm.contacts[0]), one(viewer, reminder, REMINDER))
    ]
    alone = [await each.alone() for each in questions]
    for name in ("fetch_rows", "fetch_row"):
        fetch: Any = getattr(db, name)

        async def failing(sql: str, *rest: Any, fetch: Any = fetch) -> Any:
            if '"reminders"' in sql:
                raise OSError("the connection is lost")
            return await fetch(sql, *rest)

        monkeypatch.setattr(db, name, failing)

    answers, _ = await ask_all(questions)

    assert answers[::2] == alone[::2]
    assert [str(answer) for answer in answers[1::2]] == ["the connection is lost"] * 3


async def test_more_than_five_hundred_take_two_statements(engine: Engine) -> None:
    firm = await make_firm(1)
    (viewer,), (contact,) = firm.viewers, firm.contacts
    template = one(viewer, contact)
    questions = [
        Question(viewer, template.read, uuid7() if number else contact.id, template.arguments)
        for number in range(together.MOST_TOGETHER + 1)
    ]

    answers, many = await ask_all(questions)

    assert many == statements(engine, 2, questions)
    assert answers[0]["name"] == contact.name and set(map(bool, answers[1:])) == {False}


async def test_a_list_of_nothing_is_empty() -> None:
    firm = await make_firm(2)
    questions = [some(viewer, firm.contacts) for viewer in firm.viewers]
    empty = Question(questions[0].viewer, questions[0].read, [], questions[0].arguments)

    answers, _ = await ask_all([*questions, empty])

    assert [len(answer) for answer in answers] == [2, 2, 0]


async def test_what_one_asks_too_much_of_is_refused_to_them_alone(engine: Engine) -> None:
    firm = await make_firm(4)
    questions = [some(viewer, firm.contacts[:2]) for viewer in firm.viewers]
    greedy = Question(
        firm.viewers[0], questions[0].read, [uuid7() for _ in range(700)], questions[0].arguments
    )

    answers, many = await ask_all([*questions[:2], greedy, *questions[2:]])

    assert many == statements(engine, 1, questions)
    assert isinstance(answers.pop(2), CostExceeded)
    assert answers == [await each.alone() for each in questions]


async def test_nobody_with_few_rows_waits_for_those_with_many(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """These are read a few statements at a time, and leave connections to others."""
    if engine == "sqlite":
        pytest.skip("SQLite is asked for each.")
    firm = await make_firm(4)
    few = [some(viewer, firm.contacts) for viewer in firm.viewers]
    many = [
        Question(viewer, few[0].read, [uuid7() for _ in range(250)], few[0].arguments)
        for viewer in firm.viewers * 2
    ]
    may_end, under_way, fetch = asyncio.Event(), [], db.fetch_rows

    async def slow_for_many(sql: str, params: Sequence[Any]) -> Any:
        if len(str(params)) > 9_000:
            under_way.append(sql)
            await may_end.wait()
        return await fetch(sql, params)

    monkeypatch.setattr(db, "fetch_rows", slow_for_many)
    waiting = [asyncio.ensure_future(each.with_others()) for each in many]
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(each.with_others() for each in few))
    at_once = len(under_way)
    may_end.set()
    late = await asyncio.gather(*waiting)

    assert [len(answer) for answer in answers] == [4] * 4
    assert (at_once, len(under_way), late) == (together.LARGE_AT_ONCE, 4, [[]] * 8)
