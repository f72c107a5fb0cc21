"""Pages of no rows, of wrong sizes, and those that end at a null."""

import pytest

from app.models import Project
from app.policy import Role
from tests.engine.asking import ask, both
from tests.engine.whole import fill
from tests.factories import make_contact, make_project
from tests.graphql import Client, as_role


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.DIRECTOR, project=project).sign_in()


class TestPages:
    @pytest.mark.parametrize("size", [0, -1, 101, 2_147_483_647])
    @pytest.mark.parametrize("argument", ["first", "last"])
    async def test_no_page_is_empty_or_larger_than_a_hundred(
        self, reader: Client, argument: str, size: int
    ) -> None:
        document = f"{{ contacts({argument}: {size}) {{ nodes {{ id }} }} }}"

        asked = await ask(reader, document)

        assert asked.answer.codes == ["BAD_USER_INPUT"] and asked.answer.data == {"contacts": None}
        assert asked.statements == []
        assert (await ask(reader, document, only_core=True)).answer.codes == ["BAD_USER_INPUT"]

    async def test_a_wrong_size_below_rows_is_told_too(self, project: Project, reader: Client) -> None:
        await fill(project, 2)
        document = "query ($n: Int) { contacts { nodes { activities(first: $n) { nodes { id } } } } }"

        answers = [await ask(reader, document, only_core=core, n=101) for core in (False, True)]

        assert [each.answer.codes for each in answers] == [["BAD_USER_INPUT"]] * 2
        assert answers[0].statements == []

    async def test_an_empty_list_has_no_cursors(self, reader: Client) -> None:
        document = """{ contacts { totalCount totalCountCapped nodes { id } edges { cursor }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

        assert await both(reader, document) == {
            "contacts": {
                "totalCount": 0,
                "totalCountCapped": False,
                "nodes": [],
                "edges": [],
                "pageInfo": {
                    "hasNextPage": False,
                    "hasPreviousPage": False,
                    "startCursor": None,
                    "endCursor": None,
                },
            }
        }

    async def test_a_page_may_end_at_a_null_and_be_walked_back(
        self, project: Project, reader: Client
    ) -> None:
        """Nulls come last going up, first going down."""
        for name, city in (("a", "Brno"), ("b", None), ("c", None), ("d", "Cheb")):
            await make_contact(project, name=name, city=city)
        document = """query ($first: Int, $after: String, $last: Int, $before: String, $way: SortDirection!) {
          contacts(first: $first, after: $after, last: $last, before: $before, orderBy: [{city: $way}, {name: ASC}]) {
            nodes { name } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""

        for way, order in (("ASC", "adbc"), ("DESC", "bcda")):
            forward, after = "", None
            while page := (await both(reader, document, first=1, after=after, way=way))["contacts"]:
                forward += page["nodes"][0]["name"]
                after = page["pageInfo"]["endCursor"]
                if not page["pageInfo"]["hasNextPage"]:
                    break
            backward, before = page["nodes"][0]["name"], page["pageInfo"]["startCursor"]
            while page["pageInfo"]["hasPreviousPage"]:
                page = (await both(reader, document, last=1, before=before, way=way))["contacts"]
                backward = page["nodes"][0]["name"] + backward
                before = page["pageInfo"]["startCursor"]

            assert forward == backward == order

    async def test_before_alone_reads_the_page_that_ends_there(
        self, project: Project, reader: Client
    ) -> None:
        for name in "abcd":
            await make_contact(project, name=name)
        first = await both(reader, "{ contacts { edges { cursor } } }")
        cursor = first["contacts"]["edges"][3]["cursor"]
        document = """query ($at: String, $n: Int) { contacts(before: $at, last: $n) { nodes { name }
          pageInfo { hasPreviousPage hasNextPage } } }"""

        whole = (await both(reader, document, at=cursor))["contacts"]
        part = (await both(reader, document, at=cursor, n=2))["contacts"]

        assert [row["name"] for row in whole["nodes"]] == ["a", "b", "c"]
        assert [row["name"] for row in part["nodes"]] == ["b", "c"]
        assert part["pageInfo"] == {"hasPreviousPage": True, "hasNextPage": True}
