"""Plans and statements are made once for each shape of what is asked, and kept within bounds."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from app.engine import plan, prepared, statement
from app.engine.cache import Bounded, Weight
from app.models import Project
from app.policy import Role
from app.schema import build
from app.schema.documents import Documents
from tests.engine import asking
from tests.engine.asking import WIDE, ask
from tests.factories import make_contact, make_division, make_employee, make_person, make_project
from tests.graphql import Client, as_employee, as_role

CONTACT = "query ($id: ID!) { contact(id: $id) { name persons { name } } }"
LIST = """query ($first: Int, $after: String, $where: ContactWhere, $order: [ContactOrderBy!], $search: String) {
  contacts(first: $first, after: $after, where: $where, orderBy: $order, search: $search) {
    nodes { name } pageInfo { endCursor } } }"""
SHOWN = """query ($show: Boolean!, $other: Boolean = true) { contacts { nodes { name city @include(if: $show)
  persons @skip(if: $show) { name } ico @include(if: $other) } } }"""

Made = Callable[[], tuple[int, int]]


@pytest.fixture
async def project() -> Project:
    project = await make_project()
    for name in "ABC":
        await make_person(await make_contact(project, name=name, city="Brno", sort_key=name))
    return project


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.DIRECTOR, project=project).sign_in()


@pytest.fixture
def documents() -> Documents:
    return Documents(build()._schema, WIDE)


@pytest.fixture
def made(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> Made:
    """How many plans and statements were made since it was asked last."""
    counts = {"plans": 0, "statements": 0}
    make_plan, make_compiler = plan.make, statement.compiler_for

    def count_plan(*given: Any) -> Any:
        counts["plans"] += 1
        return make_plan(*given)

    def count_statement(*given: Any) -> Any:
        counts["statements"] += 1
        return make_compiler(*given)

    monkeypatch.setattr(plan, "make", count_plan)
    monkeypatch.setattr(statement, "compiler_for", count_statement)
    # What other tests asked already is not known here.
    monkeypatch.setattr(asking, "_documents", lambda: documents)

    def since() -> tuple[int, int]:
        found = counts["plans"], counts["statements"]
        counts.update(plans=0, statements=0)
        return found

    return since


class TestPlans:
    async def test_another_id_needs_nothing_new(self, project: Project, reader: Client, made: Made) -> None:
        contacts = [await make_contact(project) for _ in range(3)]
        found = [await ask(reader, CONTACT, id=each) for each in contacts]

        assert [each.data["contact"]["name"] for each in found] == [each.name for each in contacts]
        assert made() == (1, 1)

    async def test_nor_does_another_viewer_of_the_same_shape(
        self, project: Project, reader: Client, made: Made
    ) -> None:
        contact = await make_contact(project)
        other_project = await make_project()
        foreign = await make_contact(other_project)
        clients = [reader, as_role("DIRECTOR", project=project), as_role("DIRECTOR", project=other_project)]

        names = [
            [(await ask(client, CONTACT, id=each)).data["contact"] for each in (contact, foreign)]
            for client in clients
        ]

        assert [[bool(each) for each in pair] for pair in names] == [[1, 0], [1, 0], [0, 1]]
        assert made() == (1, 1)

    async def test_another_shape_does(self, project: Project, reader: Client, made: Made) -> None:
        contact = await make_contact(project)
        divisions = [await make_division(project) for _ in range(3)]
        people = [
            await make_employee(project, [Role.TELEPHONIST]),
            await make_employee(project, [Role.SALES_REP], divisions=divisions[:1]),
            await make_employee(project, [Role.SALES_REP], divisions=divisions[1:2]),
            await make_employee(project, [Role.SALES_REP], divisions=divisions[:2]),
        ]

        counts = []
        for person in people:
            assert (await ask(as_employee(person), CONTACT, id=contact)).data["contact"]
            counts.append(made())

        assert counts == [(1, 1), (1, 1), (0, 0), (1, 1)]

    async def test_another_text_does(self, project: Project, reader: Client, made: Made) -> None:
        contact = await make_contact(project)

        for text in (CONTACT, f"{CONTACT} ", CONTACT, f"{CONTACT} "):
            await ask(reader, text, id=contact)

        assert made() == (2, 2)

    async def test_one_document_with_two_operations_has_two(
        self, project: Project, reader: Client, made: Made
    ) -> None:
        document = "query A { contacts { nodes { name } } } query B { contacts { nodes { city } } }"

        found = [(await ask(reader, document, operation=each)).data for each in "ABAB"]

        assert [[*each["contacts"]["nodes"][0]] for each in found] == [["name"], ["city"]] * 2
        assert made() == (2, 2)


class TestConditions:
    async def test_skip_and_include_decide_the_plan(self, reader: Client, made: Made) -> None:
        async def keys(**variables: Any) -> list[str]:
            return [*(await ask(reader, SHOWN, **variables)).data["contacts"]["nodes"][0]]

        assert await keys(show=True) == ["name", "city", "ico"]
        assert await keys(show=False) == ["name", "persons", "ico"]
        assert made() == (2, 2)
        assert await keys(show=False, other=False) == ["name", "persons"]
        assert made() == (1, 1)
        assert await keys(show=True, other=True) == ["name", "city", "ico"]
        assert await keys(show=False) == ["name", "persons", "ico"]
        assert made() == (0, 0)

    async def test_what_is_left_out_is_not_denied(self, project: Project, made: Made) -> None:
        telephonist = await as_role(Role.TELEPHONIST, project=project).sign_in()
        document = "query ($show: Boolean!) { contacts { nodes { name vatId @include(if: $show) } } }"

        answers = [(await ask(telephonist, document, show=show)).answer for show in (True, False, True)]

        assert [each.codes for each in answers] == [["FORBIDDEN"], [], ["FORBIDDEN"]]
        assert made() == (2, 2)


class TestStatements:
    async def test_other_values_need_nothing_new(self, reader: Client, made: Made) -> None:
        for city in ("Brno", "Praha", "", "'"):
            assert (await ask(reader, LIST, where={"city": {"eq": city}}, search=f"xx{city}yy")).data
        for cities in (["a"], ["a", "b"], ["a"] * 250):
            assert (await ask(reader, LIST, where={"city": {"in": cities}})).data

        assert made() == (1, 2)

    @pytest.mark.parametrize(
        "other",
        [
            {"where": {"city": {"ne": "Brno"}}},
            {"where": {"name": {"eq": "Brno"}}},
            {"where": {"city": {"eq": "Brno"}, "name": {"eq": "A"}}},
            {"where": {"not": {"city": {"eq": "Brno"}}}},
            {"where": {"or": [{"city": {"eq": "Brno"}}]}},
            {"where": {"city": {"isNull": True}}},
            {"where": None},
            {"where": {"city": {"eq": "Brno"}}, "first": 7},
            {"where": {"city": {"eq": "Brno"}}, "order": [{"city": "ASC"}]},
            {"where": {"city": {"eq": "Brno"}}, "search": "brno"},
            {"where": {"city": {"eq": "Brno"}}, "search": "brno praha"},
        ],
    )
    async def test_another_form_does(self, reader: Client, made: Made, other: dict[str, Any]) -> None:
        assert (await ask(reader, LIST, where={"city": {"eq": "Brno"}})).data
        assert (await ask(reader, LIST, **other)).data
        assert made() == (1, 2)

        assert (await ask(reader, LIST, where={"city": {"eq": "Praha"}})).data
        assert (await ask(reader, LIST, **other)).data
        assert made() == (0, 0)

    async def test_the_next_page_needs_one_and_all_after_it_none(self, reader: Client, made: Made) -> None:
        names, after = "", None
        for _ in range(3):
            page = (await ask(reader, LIST, first=1, after=after)).data["contacts"]
            names, after = names + page["nodes"][0]["name"], page["pageInfo"]["endCursor"]

        assert names == "ABC" and made() == (1, 2)

    async def test_isnull_true_and_false_are_two(self, reader: Client, made: Made) -> None:
        found = [
            (await ask(reader, LIST, where={"city": {"isNull": each}})).data["contacts"]["nodes"]
            for each in (True, False, True, False)
        ]

        assert [len(each) for each in found] == [0, 3, 0, 3] and made() == (1, 2)


def _plans(documents: Documents, document: str) -> Bounded[Any]:
    found = documents.read(document).prepared
    assert found is not None
    return found.plans


class TestBounds:
    async def test_no_more_plans_and_statements_are_kept_than_there_is_room_for(
        self,
        project: Project,
        reader: Client,
        made: Made,
        documents: Documents,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(prepared, "PLANS", 3)
        monkeypatch.setattr(plan, "STATEMENTS", 2)
        conditions = ["a", "b", "c"]
        fields = " ".join(f"{name}: name @include(if: ${name})" for name in conditions)
        document = f"""query ($where: ContactWhere, $a: Boolean!, $b: Boolean!, $c: Boolean!) {{
          contacts(where: $where) {{ nodes {{ name {fields} }} }} }}"""

        for asked in product([False, True], repeat=3):
            for where in ("name", "city", "ico"):
                given: dict[str, Any] = dict(zip(conditions, asked, strict=True))
                await ask(reader, document, where={where: {"eq": "A"}}, **given)

        plans = _plans(documents, document)
        assert len(plans) == 3 and made() == (8, 24)
        assert [len(each.statements) for each, _ in plans._kept.values()] == [2, 2, 2]

    async def test_what_a_document_takes_has_bounds_too(
        self, reader: Client, made: Made, documents: Documents, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(plan, "STATEMENT_BYTES", 20_000)
        many = " ".join(f"alias{number}: name" for number in range(50))
        document = f"query ($first: Int) {{ contacts(first: $first) {{ nodes {{ {many} }} }} }}"

        for number in range(20):
            await ask(reader, document, first=number + 1)

        ((found, _),) = _plans(documents, document)._kept.values()
        assert 1 <= len(found.statements) < 10 and found.statements.bytes <= 20_000

    def test_what_grows_while_it_is_kept_pushes_others_out(self) -> None:
        cache: Bounded[str] = Bounded(entries=10, most_bytes=1_900)
        weights = {key: Weight(10) for key in "abc"}
        for key, weight in weights.items():
            cache.put(key, key, weight)
        within: Bounded[str] = Bounded(entries=10, most_bytes=1_000, within=weights["c"])

        within.put("inner", "inner", Weight(900 - Bounded.ENTRY_BYTES))

        assert [cache.get(key) for key in "abc"] == [None, "b", "c"]
        assert cache.bytes == 2 * (10 + Bounded.ENTRY_BYTES) + 900
        within.forget("inner")
        assert cache.bytes == 2 * (10 + Bounded.ENTRY_BYTES)

    def test_what_grows_when_it_is_kept_no_more_weighs_nothing(self) -> None:
        cache: Bounded[str] = Bounded(entries=1, most_bytes=2_000)
        gone = Weight(10)
        cache.put("a", "A", gone)
        cache.put("b", "B", Weight(10))

        gone.grow(5_000)

        assert cache.get("b") == "B" and cache.bytes == 10 + Bounded.ENTRY_BYTES

    def test_what_was_used_longest_ago_goes_first(self) -> None:
        cache: Bounded[str] = Bounded(entries=2, most_bytes=2_000)
        cache.put("a", "A", Weight(10))
        cache.put("b", "B", Weight(10))
        assert cache.get("a") == "A"

        cache.put("c", "C", Weight(10))

        assert [cache.get(key) for key in "abc"] == ["A", None, "C"]
        assert cache.bytes == 2 * (10 + Bounded.ENTRY_BYTES)

    def test_one_that_is_larger_than_all_the_room_stands_alone(self) -> None:
        cache: Bounded[str] = Bounded(entries=10, most_bytes=1_000)
        for key in "abc":
            cache.put(key, key, Weight(40))

        cache.put("d", "D", Weight(1_000))
        assert len(cache) == 1 and cache.get("d") == "D"
        cache.put("e", "E", Weight(10))

        assert cache.get("d") is None and cache.get("e") == "E" and cache.bytes == 10 + Bounded.ENTRY_BYTES

    def test_what_is_put_again_is_weighed_once(self) -> None:
        cache: Bounded[str] = Bounded(entries=10, most_bytes=1_000)
        for weight in (10, 20, 30):
            cache.put("a", "A", Weight(weight))

        assert len(cache) == 1 and cache.bytes == 30 + Bounded.ENTRY_BYTES
