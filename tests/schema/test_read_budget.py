"""How many different contacts people of outside firms are shown within a day, and what happens above that."""

import asyncio
from datetime import timedelta

import pytest

from app.models import Contact, Employee, Partner, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import make_contact, make_employee, make_person
from tests.graphql import Client, as_employee
from tests.schema.read_budget_cases import (
    LIMIT,
    PAGE,
    client,
    contacts,
    counted,
    external,
    look_at,
    partner,
    project,
    shown,
)

__all__ = ["client", "contacts", "external", "partner", "project"]


async def test_so_many_contacts_are_shown_and_no_more(client: Client, contacts: list[Contact]) -> None:
    assert shown(await look_at(client, contacts[:3])) == ["Kontakt 0", "Kontakt 1", "Kontakt 2"]

    refused = await look_at(client, contacts[3:4])

    assert refused.data is None and refused.codes == ["RATE_LIMITED"]
    assert refused.errors[0]["message"] == (
        "You may be shown 3 different contacts within 24 hours, and have been shown 3; this asks for 1 more. "
        "Ask for fewer, or wait until 3 Mar 2026 09:00 UTC."
    )
    assert refused.errors[0]["extensions"]["retryAfterSeconds"] == 24 * 3600
    assert await counted() == {each.id for each in contacts[:3]}


async def test_nothing_is_handed_out_of_an_answer_that_would_be_too_much(
    client: Client, contacts: list[Contact]
) -> None:
    await look_at(client, contacts[:1])

    refused = await client.run(PAGE, first=5)

    assert refused.data is None and refused.codes == ["RATE_LIMITED"]
    assert "have been shown 1; this asks for 4 more" in refused.errors[0]["message"]
    assert await counted() == {contacts[0].id}
    assert (await client.run(PAGE, first=3)).errors == []


async def test_a_contact_that_is_looked_at_again_takes_no_room(
    client: Client, contacts: list[Contact]
) -> None:
    for _ in range(3):
        assert shown(await look_at(client, contacts[:3])) == ["Kontakt 0", "Kontakt 1", "Kontakt 2"]


async def test_it_counts_for_a_day_from_when_it_was_last_shown(
    client: Client, contacts: list[Contact], clock: Clock
) -> None:
    await look_at(client, contacts[:2])
    clock.advance(timedelta(hours=10))
    await look_at(client, contacts[1:3])
    clock.advance(timedelta(hours=13))

    refused = await look_at(client, contacts[3:4])
    clock.advance(timedelta(hours=1))
    free = await look_at(client, contacts[3:4])
    again = await look_at(client, contacts[4:5])

    assert refused.errors[0]["extensions"]["retryAfterSeconds"] == 3600
    assert shown(free) == ["Kontakt 3"]
    assert again.codes == ["RATE_LIMITED"] and again.errors[0]["extensions"]["retryAfterSeconds"] == 10 * 3600


async def test_whoever_asks_for_more_than_the_whole_limit_is_told_to_ask_for_less(
    client: Client, contacts: list[Contact]
) -> None:
    refused = await look_at(client, contacts)

    assert refused.codes == ["RATE_LIMITED"]
    assert "have been shown 0; this asks for 6 more. Ask for fewer" in refused.errors[0]["message"]


async def test_parallel_answers_do_not_slip_over_it_together(client: Client, contacts: list[Contact]) -> None:
    answers = await asyncio.gather(*(look_at(client, [each]) for each in contacts))

    assert sorted(answer.codes for answer in answers) == [[]] * LIMIT + [["RATE_LIMITED"]] * 3
    assert len(await counted()) == LIMIT


async def test_each_employee_has_a_budget_of_his_own(
    client: Client, external: Employee, contacts: list[Contact]
) -> None:
    colleague = await make_employee(
        await Project.get(), [Role.EXTERNAL_TELEPHONIST], partner_id=external.partner_id
    )
    await look_at(client, contacts[:3])

    assert len(shown(await look_at(as_employee(colleague), contacts[3:]))) == 3


@pytest.mark.parametrize("roles", [[Role.SALES_REP], [Role.TELEPHONIST], [Role.ADMIN]])
async def test_nothing_is_counted_of_what_people_of_the_firm_read(
    project: Project, contacts: list[Contact], roles: list[Role]
) -> None:
    inside = await make_employee(project, roles)

    assert len(shown(await look_at(as_employee(inside), contacts))) == 6
    assert await counted() == set()


async def test_whoever_belongs_to_a_partner_is_counted_whatever_his_roles(
    project: Project, partner: Partner, contacts: list[Contact]
) -> None:
    everything = await make_employee(project, list(Role), partner=partner)

    answer = await look_at(as_employee(everything), contacts)

    assert answer.data is None and answer.codes == ["RATE_LIMITED"]


async def test_a_contact_out_of_reach_is_not_counted(client: Client, project: Project) -> None:
    hidden = await make_contact(project)

    answer = await look_at(client, [hidden])

    assert answer.data == {"nodes": [None]} and await counted() == set()


async def test_a_person_counts_as_its_contact(client: Client, contacts: list[Contact]) -> None:
    for number in range(2):
        await make_person(contacts[0], name=f"Osoba {number}")

    answer = await client.run("{ persons { nodes { name } } }")

    assert len(answer.data["persons"]["nodes"]) == 2
    assert await counted() == {contacts[0].id}


async def test_a_limit_of_none_shows_nothing(
    project: Project, client: Client, contacts: list[Contact]
) -> None:
    await Project.filter(id=project.id).update(external_read_limit=0)

    refused = await look_at(client, contacts[:1])

    assert refused.codes == ["RATE_LIMITED"]
    assert (await client.run("{ contacts { totalCount } }")).data == {"contacts": {"totalCount": 6}}


async def test_whoever_leaves_the_outside_firm_reads_freely_and_is_counted_when_he_is_back(
    client: Client, external: Employee, project: Project, contacts: list[Contact]
) -> None:
    await look_at(client, contacts[:3])
    partner_id = external.partner_id
    await Employee.filter(id=external.id).update(partner_id=None, roles=[Role.TELEPHONIST])
    inside = await look_at(as_employee(await Employee.get(id=external.id)), contacts)
    await Employee.filter(id=external.id).update(partner_id=partner_id)

    back = await look_at(as_employee(await Employee.get(id=external.id)), contacts[3:4])

    assert len(shown(inside)) == 6
    assert back.codes == ["RATE_LIMITED"]
