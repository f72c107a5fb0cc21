"""An outside firm of whose people it is counted what they read, and six contacts that are shared with it."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.models import Contact, Employee, ExternalRead, Partner, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import make_contact, make_employee, make_lead_share, make_partner, make_project
from tests.graphql import Answer, Client, as_employee

SOME = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Contact { name } } }"
PAGE = "query ($first: Int, $after: String) { contacts(first: $first, after: $after) { nodes { name } } }"
LIMIT = 3


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project(external_read_limit=LIMIT)


@pytest.fixture
async def partner(project: Project) -> Partner:
    return await make_partner(project)


@pytest.fixture
async def contacts(project: Project, partner: Partner) -> list[Contact]:
    """Shared with the partner, by name."""
    made = [await make_contact(project, name=f"Kontakt {number}") for number in range(6)]
    await make_lead_share(project, partner, made)
    return made


@pytest.fixture
async def external(project: Project, partner: Partner, contacts: list[Contact]) -> Employee:
    return await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)


@pytest.fixture
async def client(external: Employee) -> Client:
    return await as_employee(external).sign_in()


async def look_at(client: Client, contacts: Sequence[Contact]) -> Answer:
    return await client.run(SOME, ids=list(contacts))


def shown(answer: Answer) -> list[str]:
    assert answer.errors == [], answer.errors
    return [row["name"] for row in answer.data["nodes"]]


async def counted() -> set[Any]:
    return {row.contact_id for row in await ExternalRead.all()}
