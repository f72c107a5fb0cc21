"""What a plan cannot answer goes to graphql-core, over the values that were got: nothing is asked for, or done, twice."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.engine.declare import TABLES, Computed, Record
from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Activity, Contact, Project
from app.policy import Role, Viewer
from app.schema import build
from app.schema.common import Money
from tests.engine.asking import Asked, ask, both
from tests.factories import make_activity, make_contact, make_employee, make_person, make_project
from tests.graphql import Client, as_role

REFERENCE = (Path(__file__).parent.parent / "documents/reference.graphql").read_text()
RECORD = """mutation ($input: ActivityRecordInput!) {
  activityRecord(input: $input) { activity { summary author { name viewerCan { update } } } errors { code } } }"""

Batch = Callable[[Sequence[Record]], Sequence[Any]]
_numbers = count(1)


@pytest.fixture
async def project() -> Project:
    """Three contacts, A, B, C, each with an owner of its name."""
    project = await make_project()
    for name in "ABC":
        owner = await make_employee(project, [Role.SALES_REP], name=f"Osoba {name}")
        await make_contact(project, name=name, owner=owner, credit_limit_minor=100)
    return project


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.DIRECTOR, project=project).sign_in()


@pytest.fixture
def computes(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, Batch], None]:
    """Puts another batch function behind a computed field. Ask by `anew`: plans know the one they were made with."""

    def put(type_name: str, name: str, batch: Batch) -> None:
        async def answer(rows: Sequence[Record], viewer: Viewer) -> Sequence[Any]:
            return batch(rows)

        specs = TABLES[type_name].specs
        spec = specs[name]
        assert isinstance(spec, Computed)
        monkeypatch.setitem(specs, name, replace(spec, batch=answer))

    return put


async def anew(client: Client, document: str, /, **variables: Any) -> Asked:
    """A document that was never seen before."""
    return await ask(client, f"# {next(_numbers)}\n{document}", **variables)


def paths(asked: Asked) -> list[list[str | int]]:
    return [error["path"] for error in asked.answer.errors]


def fail(rows: Sequence[Record]) -> Sequence[Any]:
    raise RuntimeError("a secret of the database")


async def test_introspection_stands_beside_data(reader: Client) -> None:
    asked = await anew(
        reader,
        """{ __typename a: __type(name: "Contact") { name fields { name } } contacts { nodes { __typename name } }
             __schema { queryType { name } } }""",
    )

    assert [*asked.data] == ["__typename", "a", "contacts", "__schema"]
    assert asked.data["a"]["name"] == "Contact" and asked.data["__schema"] == {"queryType": {"name": "Query"}}
    assert [row["name"] for row in asked.data["contacts"]["nodes"]] == ["A", "B", "C"]
    assert len(asked.statements) == 1


class TestComputedFields:
    async def test_a_batch_that_fails_is_told_at_each_row_and_the_rest_is_there(
        self, reader: Client, computes: Callable[[str, str, Batch], None]
    ) -> None:
        computes("Contact", "credit_limit", fail)

        asked = await anew(
            reader, "{ contacts { totalCount nodes { name creditLimit { amount } viewerCan { update } } } }"
        )

        assert asked.answer.data["contacts"] == {
            "totalCount": 3,
            "nodes": [{"name": name, "creditLimit": None, "viewerCan": {"update": True}} for name in "ABC"],
        }
        assert paths(asked) == [["contacts", "nodes", number, "creditLimit"] for number in range(3)]
        assert set(asked.answer.codes) == {"INTERNAL_SERVER_ERROR"} and "secret" not in str(asked.answer)
        assert len(asked.statements) == 1

    async def test_one_below_relations_too(
        self, reader: Client, computes: Callable[[str, str, Batch], None]
    ) -> None:
        computes("Employee", "viewer_can", fail)

        asked = await anew(
            reader, "{ list: contacts { edges { row: node { owner { name can: viewerCan { update } } } } } }"
        )

        assert paths(asked) == [["list", "edges", number, "row", "owner", "can"] for number in range(3)]
        assert [edge["row"]["owner"] for edge in asked.answer.data["list"]["edges"]] == [
            {"name": f"Osoba {name}", "can": None} for name in "ABC"
        ]

    @pytest.mark.parametrize(
        ("wrong", "below"),
        [
            (ValueError("for this row alone"), []),
            (Money(amount=None, currency="CZK"), ["amount"]),  # type: ignore[arg-type]
            (Money(amount="1.00", currency=object()), ["currency"]),  # type: ignore[arg-type]
            (SimpleNamespace(currency="CZK"), ["amount"]),
            ("no money at all", ["amount"]),
        ],
        ids=["an exception", "a null", "no text", "no attribute", "another type"],
    )
    async def test_a_wrong_value_of_one_row_hurts_no_other(
        self,
        reader: Client,
        computes: Callable[[str, str, Batch], None],
        wrong: Any,
        below: list[str],
    ) -> None:
        right = Money(amount="1.00", currency="CZK")  # type: ignore[arg-type]
        computes("Contact", "credit_limit", lambda rows: [right, wrong, right])
        document = "{ contacts { nodes { name creditLimit { amount currency } } } }"

        asked = await anew(reader, document)

        assert asked.answer.data["contacts"]["nodes"] == [
            {"name": "A", "creditLimit": {"amount": "1.00", "currency": "CZK"}},
            {"name": "B", "creditLimit": None},
            {"name": "C", "creditLimit": {"amount": "1.00", "currency": "CZK"}},
        ]
        assert paths(asked) == [["contacts", "nodes", 1, "creditLimit", *below]]

    async def test_a_batch_that_forgets_a_row_leaves_the_whole_list_out(
        self, reader: Client, computes: Callable[[str, str, Batch], None]
    ) -> None:
        computes("Contact", "credit_limit", lambda rows: [None] * (len(rows) - 1))

        asked = await anew(reader, "{ contacts { nodes { creditLimit { amount } } } persons { totalCount } }")

        assert asked.answer.data == {"contacts": None, "persons": {"totalCount": 0}}
        assert paths(asked) == [["contacts"]]

    async def test_rows_by_their_ids_too(
        self, reader: Client, computes: Callable[[str, str, Batch], None]
    ) -> None:
        computes("Contact", "viewer_can", fail)
        ids = [await Contact.get(name=name) for name in "AB"]

        asked = await anew(
            reader,
            """query ($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { id ... on Contact { name viewerCan { update } } }
               node(id: $id) { ... on Contact { viewerCan { update } } } }""",
            ids=[*ids, global_id("Contact", uuid7())],
            id=ids[0],
        )

        assert sorted(paths(asked), key=str) == [
            ["node", "viewerCan"],
            ["nodes", 0, "viewerCan"],
            ["nodes", 1, "viewerCan"],
        ]
        assert [row and row["name"] for row in asked.answer.data["nodes"]] == ["A", "B", None]


class TestMutations:
    async def test_one_whose_payload_cannot_be_completed_runs_once(
        self, reader: Client, computes: Callable[[str, str, Batch], None]
    ) -> None:
        computes("Employee", "viewer_can", fail)
        given = {
            "contactId": await Contact.get(name="A"),
            "kind": "CALL",
            "area": "SALES",
            "summary": "Jednou",
        }

        asked = await anew(reader, RECORD, input=given)

        assert paths(asked) == [["activityRecord", "activity", "author", "viewerCan"]]
        payload = asked.answer.data["activityRecord"]
        assert payload["activity"]["summary"] == "Jednou" and payload["errors"] == []
        assert await Activity.all().count() == 1

    async def test_graphql_core_alone_runs_it_once_too(self, reader: Client) -> None:
        given = {"contactId": await Contact.get(name="A"), "kind": "CALL", "area": "SALES", "summary": "x"}

        asked = await ask(reader, RECORD, only_core=True, input=given)

        assert asked.data["activityRecord"]["activity"]["author"]["viewerCan"] == {"update": True}
        assert await Activity.all().count() == 1


class TestResolvers:
    @pytest.mark.parametrize("given", [RuntimeError("secret"), None, SimpleNamespace(roles=[])])
    async def test_what_a_root_field_cannot_answer_is_told_at_its_path(
        self, reader: Client, monkeypatch: pytest.MonkeyPatch, given: Any
    ) -> None:
        async def resolve(*_: Any, **__: Any) -> Any:
            if isinstance(given, Exception):
                raise given
            return given

        monkeypatch.setitem(build().engine.resolvers, ("Query", "viewer"), resolve)

        asked = await anew(reader, "{ me: viewer { roles permissions } contacts { totalCount } }")

        assert asked.answer.data == {"me": None, "contacts": {"totalCount": 3}}
        expected: list[Any] = [["me"]] if isinstance(given, Exception) else []
        expected = [["me", "permissions"]] if isinstance(given, SimpleNamespace) else expected
        assert paths(asked) == expected and "secret" not in str(asked.answer)


class TestTheSame:
    """Through the plan and through graphql-core."""

    @pytest.mark.parametrize("query", ["Q1", "Q2", "Q3", "Q5"])
    async def test_the_reference_queries(self, project: Project, reader: Client, query: str) -> None:
        contact = await Contact.get(name="B")
        await make_activity(contact)
        variables: dict[str, Any] = {"id": contact} if query == "Q1" else {}

        asked = await ask(reader, REFERENCE, operation=query, **variables)
        again = await ask(reader, REFERENCE, operation=query, only_core=True, **variables)

        assert asked.data and asked.answer == again.answer

    async def test_what_is_denied(self, project: Project) -> None:
        telephonist = await as_role(Role.TELEPHONIST, project=project).sign_in()
        document = "{ contacts { nodes { name vatId creditLimit { amount } } } partners { totalCount } }"

        answers = [(await ask(telephonist, document, only_core=core)).answer for core in (False, True)]

        one, other = answers
        assert one.data == other.data and one.codes == other.codes == ["FORBIDDEN"] * 3
        assert [error["path"] for error in one.errors] == [error["path"] for error in other.errors]
        assert one.data["contacts"]["nodes"][0] == {"name": "A", "vatId": None, "creditLimit": None}

    async def test_values_interfaces_and_held_rows(self, project: Project, reader: Client) -> None:
        await make_person(await Contact.get(name="A"))

        found = await both(
            reader,
            """query ($show: Boolean = true) { viewer { roles permissions account { email } employee { id roles viewerCan { update } }
                 sessions { current userAgent project @include(if: $show) { name } } }
               restorableProjects { name } openReminderCount
               contacts { nodes { ...C persons { ... on Node { id } __typename } } } } fragment C on Contact { a: name ...D }
               fragment D on Contact { lastSalesActivityAt status owner { partner { name } divisions { baseData { ico } } } }""",
        )

        assert found["viewer"]["sessions"][0]["current"] is True and found["contacts"]["nodes"][0]["a"] == "A"
