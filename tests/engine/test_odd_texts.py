"""Whatever signs stand in a row, a filter or a search: they come out as they went in, and are no part of a statement."""

import pytest

from app.models import Project
from app.policy import Role
from app.text import fold
from tests.engine.asking import both
from tests.factories import make_contact, make_person, make_project
from tests.graphql import Client, as_role

ODD_TEXTS = {
    "quotes": "Firma \"U dvou 'kocourů'\" '; DROP TABLE contacts; --",
    "backslashes": "C:\\kontakty\\nové \\u0041 \\' \\\" \\\\",
    "czech": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "placeholders": "$1 ?1 %s %% {0} :name @p",
    "wildcards": "100 % _ * ? [a-z]",
    "control": "tab\tbell\x07escape\x1bdelete\x7f",
    "emoji": "Kontakt 😀 👩‍👩‍👧 🇨🇿",
    "separators": "a\u2028b\u2029c\u0085d\u00a0e\ufeff",
    "combining": "Dvor\u030ca\u0301k",
    "surrogate pairs": "\U0001f4a9\U0010ffff",
    "json": '{"a": [null, true]} </script>',
}


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.DIRECTOR, project=project).sign_in()


@pytest.mark.parametrize("odd", ODD_TEXTS.values(), ids=ODD_TEXTS)
class TestOddTexts:
    """Whatever stands in a row comes out as it went in."""

    async def test_in_stored_values(self, project: Project, reader: Client, odd: str) -> None:
        contact = await make_contact(project, name=odd, sort_key=odd, city=odd, street=odd)
        await make_person(contact, name=odd, position=odd)

        found = await both(
            reader,
            "{ contacts { edges { cursor node { name city address { street } persons { name position } } } } }",
        )

        (edge,) = found["contacts"]["edges"]
        assert edge["node"] == {
            "name": odd,
            "city": odd,
            "address": {"street": odd},
            "persons": [{"name": odd, "position": odd}],
        }

    async def test_in_cursors(self, project: Project, reader: Client, odd: str) -> None:
        await make_contact(project, name="0", sort_key="")
        await make_contact(project, name="1", city=odd)
        await make_contact(project, name="2", city=f"{odd}!")
        document = """query ($after: String) { contacts(first: 1, after: $after, orderBy: [{city: ASC}]) {
          pageInfo { endCursor } nodes { name city } } }"""

        names, after = [], None
        for _ in range(3):
            page = (await both(reader, document, after=after))["contacts"]
            names.append(page["nodes"][0]["name"])
            after = page["pageInfo"]["endCursor"]

        assert names == ["1", "2", "0"]

    async def test_in_a_filter(self, project: Project, reader: Client, odd: str) -> None:
        await make_contact(project, name="other", city="Brno")
        await make_contact(project, name="odd", city=odd)
        document = """query ($odd: String!) { eq: contacts(where: {city: {eq: $odd}}) { nodes { name } }
          in: contacts(where: {city: {in: [$odd, "Praha"]}}) { nodes { name } }
          ne: contacts(where: {city: {ne: $odd}}) { nodes { name } } }"""

        found = await both(reader, document, odd=odd)

        assert {key: [row["name"] for row in page["nodes"]] for key, page in found.items()} == {
            "eq": ["odd"],
            "in": ["odd"],
            "ne": ["other"],
        }

    async def test_in_a_search(self, project: Project, reader: Client, odd: str) -> None:
        await make_contact(project, name="other")
        await make_contact(project, name="odd", search_text=f"pred {fold(odd)} za")
        document = "query ($odd: String!) { contacts(search: $odd) { nodes { name } } }"

        found = await both(reader, document, odd=odd)

        assert found["contacts"]["nodes"] == [{"name": "odd"}]

    async def test_as_a_constant_of_the_document(self, project: Project, reader: Client, odd: str) -> None:
        await make_contact(project, name="odd", city=odd)
        written = "".join(f"\\u{{{ord(each):x}}}" for each in odd)
        document = f'{{ contacts(where: {{city: {{eq: "{written}"}}}}) {{ nodes {{ name }} }} }}'

        assert await both(reader, document) == {"contacts": {"nodes": [{"name": "odd"}]}}
