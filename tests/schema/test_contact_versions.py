"""Versions, repeats, and corrections at the same moment."""

import asyncio
from typing import Any

import pytest

from app.models import Contact, Employee, Person, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_employee,
    make_project,
)
from tests.graphql import as_employee
from tests.schema.contact_cases import (
    CREATE,
    UPDATE,
    everything,
)


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


async def test_an_update_that_changes_nothing_is_no_new_version(rep: Employee, project: Project) -> None:
    contact = await make_contact(project, name="Novák", version=2)

    answer = await as_employee(rep).run(UPDATE, input={"id": contact, "name": " Novák ", "email": None})

    assert answer.faults("contactUpdate") == []
    assert answer.data["contactUpdate"]["contact"]["version"] == 2


async def test_a_stale_version_is_refused_and_nothing_written(rep: Employee, project: Project) -> None:
    contact = await make_contact(project, version=2)
    before = await everything()

    answer = await as_employee(rep).run(UPDATE, input={"id": contact, "name": "Nový", "expectedVersion": 1})

    assert answer.faults("contactUpdate") == [("input.expectedVersion", "STALE_VERSION")]
    assert await everything() == before


async def test_a_repeated_key_adds_one_contact_and_answers_the_same(rep: Employee) -> None:
    sent = {"name": "Novák", "idempotencyKey": "klíč 1"}

    first, second = [await as_employee(rep).run(CREATE, input=sent) for _ in range(2)]
    other = await as_employee(rep).run(CREATE, input={**sent, "name": "Nováková"})

    assert first.faults("contactCreate") == [] and first.data == second.data
    assert other.codes == ["IDEMPOTENCY_MISMATCH"]
    assert await Contact.all().count() == 1


async def test_twenty_repeats_at_once_add_one_contact_and_get_twenty_equal_answers(rep: Employee) -> None:
    client = await as_employee(rep).sign_in()
    sent = {"name": "Novák", "persons": [{"name": "Jan"}], "idempotencyKey": "1"}

    answers = await asyncio.gather(*[client.run(CREATE, input=sent) for _ in range(20)])

    assert answers[0].faults("contactCreate") == []
    assert [answer.data for answer in answers] == [answers[0].data] * 20
    assert await Contact.all().count() == await Person.all().count() == 1


async def test_parallel_corrections_are_all_kept(rep: Employee, project: Project) -> None:
    contact, client = await make_contact(project), await as_employee(rep).sign_in()
    changes: list[dict[str, Any]] = [
        {"name": "Nový"},
        {"phone": "777123456"},
        {"address": {"city": "Brno"}},
        {"ico": "27082440"},
        {"ownerId": rep},
    ]

    answers = await asyncio.gather(*[client.run(UPDATE, input={"id": contact, **each}) for each in changes])

    assert [answer.faults("contactUpdate") for answer in answers] == [[]] * 5
    row = await Contact.get(id=contact.id)
    assert (row.version, row.owner_id) == (6, rep.id)
    assert row.search_text == "novy 27082440 brno +420777123456"


async def test_of_parallel_corrections_of_one_version_one_wins(rep: Employee, project: Project) -> None:
    contact, client = await make_contact(project), await as_employee(rep).sign_in()

    answers = await asyncio.gather(
        *[client.run(UPDATE, input={"id": contact, "name": f"N{n}", "expectedVersion": 1}) for n in range(5)]
    )

    faults = sorted(answer.faults("contactUpdate") for answer in answers)
    assert faults == [[], *[[("input.expectedVersion", "STALE_VERSION")]] * 4]
    assert (await Contact.get(id=contact.id)).version == 2
