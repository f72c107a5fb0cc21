"""Documents that nobody writes by hand: long names, wide selections, deep nesting, texts full of signs."""

from typing import Any

import pytest

from app.models import Contact, Project
from app.policy import Role
from tests.engine.asking import both
from tests.engine.whole import fill
from tests.factories import NOON, make_activity, make_contact, make_employee, make_project
from tests.graphql import Client, as_role, gid

pytestmark = pytest.mark.usefixtures("any_cost")


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.DIRECTOR, project=project).sign_in()


class TestLongNames:
    """PostgreSQL cuts names after 63 bytes, and says nothing."""

    @pytest.fixture(params=[60, 61, 63, 64, 200])
    def long(self, request: pytest.FixtureRequest) -> str:
        """All but the last letter of an alias."""
        size: int = request.param
        return "a" * (size - 1)

    async def test_at_every_kind_of_place(self, project: Project, reader: Client, long: str) -> None:
        (contact,), _ = await fill(project, 1)
        keys = {each: f"{long}{each}" for each in "abcdefghijklmn"}
        names = {f"k{each}": key for each, key in keys.items()}

        found = await both(
            reader,
            """query ($id: ID!) {{ {ka}: contact(id: $id) {{
                 {ka}: __typename {kb}: name {kc}: city {kd}: address {{ {ka}: city {kb}: __typename {kc}: street }}
                 {ke}: owner {{ {ka}: name {kb}: roles }} {kf}: creditLimit {{ {ka}: amount {kb}: currency }}
                 {kg}: persons {{ {ka}: __typename }} {kh}: lastSalesActivityAt {ki}: viewerCan {{ {ka}: update }}
                 {kj}: activities {{ {ka}: nodes {{ {ka}: kind }} {kb}: totalCount {kc}: pageInfo {{ {ka}: hasNextPage }}
                   {kd}: edges {{ {ka}: cursor {kb}: node {{ {ka}: kind {kb}: author {{ {ka}: name }} }} }} }} {kk}: id }}
                 {kb}: node(id: $id) {{ {ka}: id }} {kc}: nodes(ids: [$id]) {{ {ka}: id }}
                 {kd}: contacts {{ {ka}: edges {{ {ka}: node {{ {ka}: city }} }} }} }}""".format(**names),
            id=contact,
        )

        def under(*steps: str | int) -> Any:
            value = found
            for step in steps:
                value = value[keys[step]] if isinstance(step, str) else value[step]
            return value

        assert [*found] == [keys[each] for each in "abcd"]
        assert [*under("a")] == [keys[each] for each in "abcdefghijk"]
        assert under("a", "d") == {keys["a"]: "Brno", keys["b"]: "Address", keys["c"]: None}
        assert under("a", "e", "b") == ["SALES_REP"] and under("a", "f", "a") == "1.00"
        assert under("a", "g") == [{keys["a"]: "Person"}] and under("a", "i", "a") is True
        assert under("a", "j", "a") == [{keys["a"]: "CALL"}] and under("a", "j", "c", "a") is False
        assert under("a", "j", "d", 0, "b", "b", "a") == under("a", "e", "a")
        assert under("b", "a") == under("c", 0, "a") == under("a", "k") == gid(contact)
        assert under("d", "a", 0, "a", "a") == "Brno"

    async def test_two_that_differ_after_many_letters_stay_two(
        self, project: Project, reader: Client
    ) -> None:
        await make_contact(project, name="A", city="Brno")
        one, other = "x" * 90 + "1", "x" * 90 + "2"

        found = await both(reader, f"{{ contacts {{ nodes {{ {one}: name {other}: city short: name }} }} }}")

        (row,) = found["contacts"]["nodes"]
        assert row == {one: "A", other: "Brno", "short": "A"} and [*row] == [one, other, "short"]


@pytest.mark.parametrize("many", [40, 61, 130, 300])
async def test_more_fields_than_a_function_takes_arguments(
    project: Project, reader: Client, many: int
) -> None:
    """SQLite's functions take 127 and PostgreSQL's 100."""
    await make_contact(project, name="A", city="Brno")
    fields = " ".join(f"f{number}: {('name', 'city', 'ico')[number % 3]}" for number in range(many))
    flags = " ".join(f"g{number}: address {{ city }}" for number in range(many))

    found = await both(reader, f"{{ contacts {{ nodes {{ {fields} {flags} owner {{ id }} }} }} }}")

    (row,) = found["contacts"]["nodes"]
    assert len(row) == 2 * many + 1 and row["owner"] is None
    assert [row[f"f{number}"] for number in range(many)] == (["A", "Brno", None] * many)[:many]
    assert all(row[f"g{number}"] == {"city": "Brno"} for number in range(many))


async def test_the_same_list_under_many_aliases_each_with_arguments_of_its_own(
    project: Project, reader: Client
) -> None:
    contact = await make_contact(project)
    author = await make_employee(project)
    for number in range(5):
        await make_activity(contact, author, summary=str(number), occurred_at=NOON.replace(minute=number))
    lists = " ".join(
        f"l{size}{way}: activities(first: {size}, orderBy: [{{occurredAt: {way}}}]) {{ nodes {{ summary }} }}"
        for size in range(1, 6)
        for way in ("ASC", "DESC")
    )

    found = await both(reader, f"{{ contacts {{ nodes {{ {lists} }} }} }}")

    (row,) = found["contacts"]["nodes"]
    for size in range(1, 6):
        assert [each["summary"] for each in row[f"l{size}ASC"]["nodes"]] == list("01234"[:size])
        assert [each["summary"] for each in row[f"l{size}DESC"]["nodes"]] == list("43210"[:size])


class TestNesting:
    """SQLite's parser has a stack of 100 places."""

    STEPS = ("activities { nodes { contact", "persons { contact", "reminders { nodes { contact")

    @pytest.fixture
    async def contact(self, project: Project) -> Contact:
        (contact,), _ = await fill(project, 1)
        return contact

    @staticmethod
    def document(trips: int, arguments: str = "") -> str:
        """There and back, so many times."""
        text = "{ name }"
        for step in reversed([TestNesting.STEPS[number % 3] for number in range(trips)]):
            listed = step.replace("activities", f"activities{arguments}")
            text = f"{{ id {listed} {text} {'}' * step.count('{')} }}"
        return text

    @pytest.mark.parametrize("trips", [4, 8, 15])
    async def test_round_trips(self, reader: Client, contact: Contact, trips: int) -> None:
        document = f"query ($id: ID!) {{ contact(id: $id) {self.document(trips)} }}"

        found = await both(reader, document, id=contact)

        row = found["contact"]
        for number in range(trips):
            step = ("activities", "persons", "reminders")[number % 3]
            below = row[step][0] if step == "persons" else row[step]["nodes"][0]
            assert row["id"] == gid(contact)
            row = below["contact"]
        assert row == {"name": contact.name}

    async def test_with_the_deepest_where_at_every_level(self, reader: Client, contact: Contact) -> None:
        where = "(where: $where, first: 3, orderBy: [{occurredAt: DESC}, {createdAt: ASC}])"
        document = (
            f"query ($id: ID!, $where: ActivityWhere) {{ contact(id: $id) {self.document(12, where)} }}"
        )
        deepest: Any = {"kind": {"ne": "CALL"}}
        for number in range(9):
            deepest = {"not": deepest} if number % 3 == 0 else {("and", "or")[number % 2]: [deepest, deepest]}

        found = await both(reader, document, id=contact, where=deepest)

        activity = found["contact"]["activities"]["nodes"][0]
        assert activity["contact"]["persons"][0]["contact"]["reminders"]["nodes"]

    async def test_lists_with_everything_at_every_level(self, reader: Client, contact: Contact) -> None:
        """As deep as a document may be."""
        text = "{ name address { city } }"
        for _ in range(3):
            text = f"""{{ name viewerCan {{ update }} activities(last: 2, where: {{not: {{or: [{{kind: {{ne: CALL}}}}]}}}}) {{
              totalCount pageInfo {{ hasNextPage startCursor }} edges {{ cursor node {{ contact {text} }} }} }} }}"""

        found = await both(reader, f"{{ contacts {{ nodes {text} }} }}")

        (row,) = found["contacts"]["nodes"]
        for _ in range(3):
            assert row["name"] == contact.name and row["activities"]["totalCount"] == 1
            row = row["activities"]["edges"][0]["node"]["contact"]
        assert row == {"name": contact.name, "address": {"city": "Brno"}}


async def test_what_is_null_stays_null_whatever_is_asked_below(project: Project, reader: Client) -> None:
    await make_contact(project, name="A")
    document = """{ contacts { nodes { address { city __typename } owner { name division: divisions { name } } division { id }
      creditLimit { amount } lastSalesActivityAt activities { nodes { author { id } } } createdBy { viewerCan { update } } } } }"""

    (row,) = (await both(reader, document))["contacts"]["nodes"]

    nothing = dict.fromkeys(
        ("address", "owner", "division", "creditLimit", "lastSalesActivityAt", "createdBy")
    )
    assert row == {**nothing, "activities": {"nodes": []}}
