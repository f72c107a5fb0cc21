"""How rows are read: few statements, counted lists, computed fields in batches."""

from typing import Any

import pytest

from app.models import Project
from app.policy import Role
from tests.engine.asking import ask
from tests.factories import (
    NOON,
    make_activity,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_person,
    make_project,
    make_reminder,
)
from tests.graphql import as_role

PAGE = """{ contacts(first: 100) { totalCount pageInfo { hasNextPage } edges { cursor node {
  id name ico address { city } creditLimit { amount } lastSalesActivityAt viewerCan { update delete }
  division { id name } owner { id name } persons { name }
  activities(first: 5) { nodes { id summary author { name } } }
  reminders(first: 5, where: {state: {eq: OPEN}}) { nodes { title } }
  emails(first: 5) { nodes { subject } } } } } }"""


@pytest.fixture
async def project() -> Project:
    return await make_project()


async def contacts(project: Project, many: int) -> None:
    """Each with something in every relation."""
    division, owner = await make_division(project), await make_employee(project, [Role.SALES_REP])
    for _ in range(many):
        contact = await make_contact(project, division=division, owner=owner, credit_limit_minor=100)
        await make_person(contact)
        await make_activity(contact, owner)
        await make_reminder(owner, contact=contact)
        await make_email(project, contact=contact, author=owner)


async def test_a_page_with_all_its_relations_takes_one_statement_whether_of_one_row_or_fifty(
    project: Project,
) -> None:
    client = await as_role(Role.DIRECTOR, project=project).sign_in()
    await contacts(project, 1)
    one = await ask(client, PAGE)
    await contacts(project, 49)

    fifty = await ask(client, PAGE)

    assert [len(each.data["contacts"]["edges"]) for each in (one, fifty)] == [1, 50]
    assert [len(each.statements) for each in (one, fifty)] == [1, 1]


async def test_only_what_is_asked_for_is_counted_and_read(project: Project) -> None:
    client = await as_role(Role.DIRECTOR, project=project).sign_in()
    await contacts(project, 2)

    async def asked(document: str) -> str:
        (statement,) = (await ask(client, document)).statements
        return statement.sql

    counted = await asked("{ contacts { totalCount } }")
    listed = await asked("{ contacts { nodes { name } } }")
    both = await asked("{ contacts { totalCount nodes { name } } }")

    assert "count(*)" in counted and "count(*)" not in listed and "count(*)" in both
    assert '"name"' in both and '"name"' not in counted


class TestTotalCount:
    """It counts what the filter and the viewer leave, up to a cap."""

    @pytest.fixture
    def cap(self, monkeypatch: pytest.MonkeyPatch) -> int:
        """Five instead of 10,000."""
        monkeypatch.setattr("app.engine.compile_pages.MOST_COUNTED", 5)
        return 5

    @pytest.mark.parametrize(
        ("many", "count", "capped"), [(0, 0, False), (4, 4, False), (5, 5, False), (6, 5, True)]
    )
    async def test_more_than_the_cap_is_told_as_the_cap(
        self, project: Project, cap: int, many: int, count: int, capped: bool
    ) -> None:
        for number in range(many):
            await make_contact(project, name=f"Firma {number}")

        answer = await as_role(Role.DIRECTOR, project=project).run(
            "{ contacts(first: 1) { totalCount totalCountCapped nodes { name } } }"
        )

        page = answer.data["contacts"]
        assert (page["totalCount"], page["totalCountCapped"]) == (count, capped)
        assert len(page["nodes"]) == min(many, 1)

    async def test_so_it_is_below_rows(self, project: Project, cap: int) -> None:
        author = await make_employee(project, [Role.SALES_REP])
        for many in (5, 6):
            contact = await make_contact(project, name=f"Firma {many}")
            for _ in range(many):
                await make_activity(contact, author)

        answer = await as_role(Role.DIRECTOR, project=project).run(
            "{ contacts { nodes { activities { totalCount totalCountCapped } } } }"
        )

        assert [row["activities"] for row in answer.data["contacts"]["nodes"]] == [
            {"totalCount": 5, "totalCountCapped": False},
            {"totalCount": 5, "totalCountCapped": True},
        ]

    async def test_cursors_do_not_change_it_and_filters_do(self, project: Project) -> None:
        for number in range(3):
            await make_contact(project, name=f"Firma {number}", city="Brno" if number else None)
        client = as_role(Role.DIRECTOR, project=project)
        first = await client.run("{ contacts(first: 1) { totalCount pageInfo { endCursor } } }")

        rest = await client.run(
            "query ($after: String) { contacts(first: 1, after: $after) { totalCount } }",
            after=first.data["contacts"]["pageInfo"]["endCursor"],
        )
        filtered = await client.run('{ contacts(where: {city: {eq: "Brno"}}) { totalCount } }')

        assert [each.data["contacts"]["totalCount"] for each in (first, rest, filtered)] == [3, 3, 2]


async def test_times_are_told_in_utc_with_three_digits(project: Project) -> None:
    await make_contact(project, created_at=NOON.replace(microsecond=120_999))

    answer = await as_role(Role.DIRECTOR, project=project).run("{ contacts { nodes { createdAt } } }")

    assert answer.data["contacts"]["nodes"] == [{"createdAt": "2026-03-02T12:00:00.120Z"}]


async def test_a_group_of_columns_is_null_when_all_of_them_are(project: Project) -> None:
    await make_contact(project, name="A")
    await make_contact(project, name="B", country="CZ")
    document = "{ contacts { nodes { address { street city postalCode country } } } }"

    answer: Any = await as_role(Role.DIRECTOR, project=project).run(document)

    assert [row["address"] for row in answer.data["contacts"]["nodes"]] == [
        None,
        {"street": None, "city": None, "postalCode": None, "country": "CZ"},
    ]
