"""Plans and statements are made once for each shape of what is asked, and kept within bounds."""

from collections.abc import Callable
from typing import Any

import pytest

from app.engine import plan, statement
from app.engine.cache import Bounded
from app.models import Project
from app.policy import Role
from app.schema import build
from tests.engine.asking import ask
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
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
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
    monkeypatch.setattr(build().engine, "_plans", Bounded(entries=100, most_bytes=10_000_000))
    monkeypatch.setattr(statement, "_statements", Bounded(entries=100, most_bytes=10_000_000))

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


class TestBounds:
    async def test_no_more_plans_and_statements_are_kept_than_there_is_room_for(
        self, reader: Client, made: Made, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plans: Bounded[Any] = Bounded(entries=3, most_bytes=10_000_000)
        kept: Bounded[Any] = Bounded(entries=2, most_bytes=10_000_000)
        monkeypatch.setattr(build().engine, "_plans", plans)
        monkeypatch.setattr(statement, "_statements", kept)

        for number in range(10):
            await ask(reader, f"{{ contacts(first: {number + 1}) {{ nodes {{ name }} }} }}")

        assert (len(plans), len(kept)) == (3, 2) and made() == (10, 10)

    async def test_long_documents_take_room_of_many(
        self, reader: Client, made: Made, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plans: Bounded[Any] = Bounded(entries=1_000, most_bytes=200_000)
        kept: Bounded[Any] = Bounded(entries=1_000, most_bytes=20_000)
        monkeypatch.setattr(build().engine, "_plans", plans)
        monkeypatch.setattr(statement, "_statements", kept)
        many = " ".join(f"alias{number}: name" for number in range(50))

        for number in range(20):
            await ask(reader, f"{{ contacts(first: {number + 1}) {{ nodes {{ {many} }} }} }}")

        assert 1 <= len(plans) < 10 and plans.bytes <= 200_000
        assert 1 <= len(kept) < 10 and kept.bytes <= 20_000

    def test_what_was_used_longest_ago_goes_first(self) -> None:
        cache: Bounded[str] = Bounded(entries=2, most_bytes=100)
        cache.put("a", "A", 10)
        cache.put("b", "B", 10)
        assert cache.get("a") == "A"

        cache.put("c", "C", 10)

        assert [cache.get(key) for key in "abc"] == ["A", None, "C"] and cache.bytes == 20

    def test_one_that_is_larger_than_all_the_room_stands_alone(self) -> None:
        cache: Bounded[str] = Bounded(entries=10, most_bytes=100)
        for key in "abc":
            cache.put(key, key, 40)

        cache.put("d", "D", 1_000)
        assert len(cache) == 1 and cache.get("d") == "D"
        cache.put("e", "E", 10)

        assert cache.get("d") is None and cache.get("e") == "E" and cache.bytes == 10

    def test_what_is_put_again_is_weighed_once(self) -> None:
        cache: Bounded[str] = Bounded(entries=10, most_bytes=100)
        for weight in (10, 20, 30):
            cache.put("a", "A", weight)

        assert len(cache) == 1 and cache.bytes == 30
