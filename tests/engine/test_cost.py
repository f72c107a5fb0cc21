"""What an operation may bring at once is worked out before anything is read."""

import pytest

from app.engine.ids import global_id
from app.models import Project
from app.policy import Role
from tests.engine.asking import ask
from tests.factories import make_contact, make_project
from tests.graphql import Client, as_role


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def reader(project: Project) -> Client:
    await make_contact(project, name="A")
    return await as_role(Role.DIRECTOR, project=project).sign_in()


TOO_MUCH = [
    "{ contacts(first: 100) { nodes { activities(first: 100) { nodes { kind } } } } }",
    "{ contacts(first: 100) { edges { node { persons { contact { persons { contact { name } } } } } } } }",
    """{ contacts { nodes { activities { nodes { contact { ...F } } } } } }
       fragment F on Contact { reminders { nodes { title } } }""",
]


@pytest.mark.parametrize("document", TOO_MUCH)
async def test_pages_in_pages_are_multiplied_and_too_many_refused_unread(
    reader: Client, document: str
) -> None:
    asked = await ask(reader, document)

    assert asked.answer.codes == ["COST_EXCEEDED"]
    assert asked.answer.data == {"contacts": None}
    assert asked.statements == []


ENOUGH = [
    "{ contacts(first: 100) { nodes { activities(first: 97) { nodes { kind } } } } }",
    "{ contacts(first: 100) { nodes { persons { contact { name } } division { name } owner { name } } } }",
    "query { contacts(first: 100) { totalCount nodes { activities { totalCount } } } }",
]


@pytest.mark.parametrize("document", ENOUGH)
async def test_what_stays_below_is_answered(reader: Client, document: str) -> None:
    assert (await ask(reader, document)).answer.errors == []


async def test_ids_multiply_too(reader: Client, project: Project) -> None:
    contact = await make_contact(project, name="B")
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Contact { activities(first: 100) { nodes { kind } } } } }"
    id_ = global_id("Contact", contact.id)

    few = await ask(reader, document, ids=[id_] * 10)
    many = await ask(reader, document, ids=[id_] * 100)

    assert few.answer.errors == []
    assert many.answer.codes == ["COST_EXCEEDED"]
