"""What is remembered for documents weighs what it takes; and what nobody was allowed to run is not remembered."""

import gc
import tracemalloc
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from app.models import Project
from app.policy import Role
from app.schema import build
from app.schema.documents import BYTES_OF_STRANGERS, OF_STRANGERS, Documents
from tests.factories import make_contact, make_project
from tests.graphql import Client, anonymous, as_role, make_account_with_password
from tests.schema.sign_in_cases import SIGN_IN, sign_in

REFERENCE = (Path(__file__).parent.parent / "documents/reference.graphql").read_text()
#: So much is remembered of each shape: what is allocated beside it, once, is small then.
ENOUGH_BYTES = 1_000_000


def _long_text(number: int) -> str:
    return f"query N{number} {{ contacts {{ totalCount }} }} # {'x' * 40_000}"


def _many_values(number: int) -> str:
    values = " ".join(f'"{each}"' for each in range(240))
    alike = " ".join(f"{{name: {{in: [{values}]}}}}" for _ in range(9))
    return f"query N{number} {{ contacts(where: {{or: [{alike}]}}) {{ totalCount }} }}"


def _many_fields(number: int) -> str:
    fields = " ".join(["id name ico city"] * 15)
    return f"query N{number} {{ contacts {{ nodes {{ {fields} owner {{ name }} }} }} }}"


def _many_aliases(number: int) -> str:
    aliases = " ".join(f"a{each}_{number}: name" for each in range(39))
    return f"{{ contacts {{ nodes {{ {aliases} }} }} }}"


def _many_fragments(number: int) -> str:
    fragments = " ".join(f"fragment F{each} on Contact {{ name city ico }}" for each in range(18))
    spreads = " ".join(f"...F{each}" for each in range(18))
    return f"query N{number} {{ contacts {{ nodes {{ {spreads} }} }} }} {fragments}"


def _wide_plan(number: int) -> str:
    return f"""query N{number} {{ contacts(first: 5) {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{
      id name status city createdAt owner {{ name email }} division {{ name }} persons {{ name email phone }}
      activities(first: 2) {{ totalCount nodes {{ summary kind occurredAt author {{ name }} }} }}
      reminders(first: 2) {{ nodes {{ title dueAt assignee {{ name }} }} }} }} }} }}
    employees(first: 3) {{ nodes {{ name roles }} }} viewer {{ account {{ name }} }} }}"""


def _short(number: int) -> str:
    return f"query N{number} {{ contacts {{ totalCount }} }}"


SHAPES = [
    _long_text,
    _many_values,
    _many_fields,
    _many_aliases,
    _many_fragments,
    _wide_plan,
    _short,
    lambda number: REFERENCE.replace("query Q1", f"query N{number}"),
]


@pytest.fixture
async def project() -> Project:
    project = await make_project()
    await make_contact(project, name="A")
    return project


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.DIRECTOR, project=project).sign_in()


@pytest.fixture
def documents(monkeypatch: pytest.MonkeyPatch) -> Documents:
    """Of the schema, with nothing remembered."""
    empty = Documents(build()._schema)
    monkeypatch.setattr(build(), "documents", empty)
    return empty


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    "shape", SHAPES, ids=lambda shape: shape.__name__.strip("_").replace("<lambda>", "reference")
)
async def test_what_is_remembered_weighs_what_it_takes(
    reader: Client, documents: Documents, shape: Callable[[int], str]
) -> None:
    for number in range(3):
        await _run(reader, shape(number))
    gc.collect()
    tracemalloc.start()
    before, charged_before = _traced(), documents.known.bytes

    for number in count(3):
        await _run(reader, shape(number))
        if documents.known.bytes > charged_before + ENOUGH_BYTES:
            break
    gc.collect()
    taken, charged = _traced() - before, documents.known.bytes - charged_before
    tracemalloc.stop()

    assert len(documents.known) == number + 1
    assert 0.8 <= charged / taken <= 1.2, (charged, taken, charged / taken)


def _traced() -> int:
    """Without the names that graphql-core asks its visitors for: CPython keeps the last few thousand by itself."""
    names = tracemalloc.Filter(False, "*/graphql/language/visitor.py")
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([names]).traces)


async def _run(client: Client, document: str) -> None:
    operation = "Q2" if document.count("query") > 1 else None
    answer = await client.run(document, operation)
    assert answer.errors == [], answer.errors


STRANGERS = [
    "query N{number} {{ contacts {{ totalCount }} }}",
    "query N{number} {{ viewer {{ account {{ name }} }} }}",
    'mutation N{number} {{ contactCreate(input: {{name: "A"}}) {{ contact {{ id }} }} }}',
    "query N{number} {{ nonsense }}",
    "query N{number} {{ a: viewer {{ id }} b: contacts {{ totalCount }} __typename }}",
]


@pytest.mark.parametrize("document", STRANGERS)
async def test_what_nobody_was_allowed_to_run_leaves_no_trace(
    reader: Client, documents: Documents, document: str
) -> None:
    await _run(reader, _short(0))
    before = _kept(documents)

    for number in range(20):
        assert (await anonymous().run(document.format(number=number))).data is None

    assert _kept(documents) == before


async def test_nor_does_what_a_right_is_missing_for(
    project: Project, reader: Client, documents: Documents
) -> None:
    outsider = await as_role(Role.EXTERNAL_TELEPHONIST, project=project).sign_in()
    await _run(reader, _short(0))
    before = _kept(documents)

    answer = await outsider.run("{ partners { totalCount } }")

    assert answer.codes == ["FORBIDDEN"] and _kept(documents) == before


async def test_what_strangers_may_run_pushes_nothing_of_members_out(
    reader: Client, documents: Documents
) -> None:
    await _run(reader, _short(0))
    before = documents.known.bytes

    for number in range(OF_STRANGERS + 20):
        assert (await anonymous().run(f"query N{number} {{ __typename }} # {'x' * 50_000}")).data

    assert (len(documents.known), documents.known.bytes) == (1, before)
    assert 20 <= len(documents.of_strangers) <= OF_STRANGERS
    assert documents.of_strangers.bytes <= BYTES_OF_STRANGERS


async def test_a_sign_in_is_read_once_for_all(documents: Documents) -> None:
    account = await make_account_with_password()
    found = set()

    for _ in range(3):
        assert (await sign_in(account)).faults("signIn") == []
        found.add(documents.read(SIGN_IN))

    assert len(found) == 1 and (len(documents.known), len(documents.of_strangers)) == (0, 1)


def test_what_is_being_run_is_shared_before_it_is_kept(documents: Documents) -> None:
    """A thousand sockets that come back at once hold one tree and one plan, or nothing could be read together."""
    first = documents.read(_short(0))

    assert documents.read(_short(0)) is first and _kept(documents) == (0, 0, 0, 0)


async def test_what_a_member_runs_too_is_kept_among_the_members(reader: Client, documents: Documents) -> None:
    for client in (anonymous(), reader, anonymous()):
        assert (await client.run("{ __typename }")).data

    assert (len(documents.known), len(documents.of_strangers)) == (1, 0)
    assert documents.of_strangers.bytes == 0


async def test_a_document_takes_its_plans_and_statements_along(
    project: Project, reader: Client, documents: Documents
) -> None:
    others = [await as_role(role, project=project).sign_in() for role in (Role.ADMIN, Role.INVOICER)]
    list_ = "query ($where: ContactWhere) { contacts(where: $where) { totalCount } }"
    await _run(reader, _short(0))
    before = documents.known.bytes

    for client in (reader, *others):
        for where in ({}, {"city": {"eq": "Brno"}}, {"name": {"eq": "A"}}):
            assert (await client.run(list_, where=where)).data
    grown = documents.known.bytes - before
    documents.known.forget(list_)

    assert grown > 20_000 and documents.known.bytes == before


def _kept(documents: Documents) -> tuple[int, ...]:
    both = (documents.known, documents.of_strangers)
    return tuple(number for each in both for number in (len(each), each.bytes))
