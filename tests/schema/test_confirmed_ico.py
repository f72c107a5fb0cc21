"""An IČO that would be refused is kept if a person confirms it and the business register has it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app import config
from app.models import Contact, ContactProposal, Division, Employee, Project, Table
from app.policy import Role
from app.services import companies
from tests.ares_server import Ares, Mood, ares_server
from tests.conftest import Clock
from tests.factories import make_contact, make_division, make_employee, make_project, make_proposal
from tests.graphql import Client, as_employee
from tests.schema.contact_cases import everything
from tests.schema.country_cases import (
    ACCEPT,
    ADD_DIVISION,
    CREATE,
    DIVISION,
    FOUND,
    PROJECT,
    PROPOSE,
    UPDATE,
    part,
)

ODD = "27082441"


@pytest.fixture
async def ares(settings: config.Settings) -> AsyncIterator[Ares]:
    with ares_server() as server:
        server.companies[ODD] = {"ico": ODD, "obchodniJmeno": "Omyl a.s."}
        async with companies.register_open(settings.model_copy(update={"ares_url": server.url}), None):
            yield server


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def client(project: Project) -> Client:
    return as_employee(await make_employee(project, [Role.ADMIN]))


@pytest.mark.parametrize(
    ("mutation", "document", "model"),
    [
        ("contactCreate", CREATE, Contact),
        ("contactUpdate", UPDATE, Contact),
        ("contactPropose", PROPOSE, ContactProposal),
        ("divisionCreate", ADD_DIVISION, Division),
        ("divisionUpdate", DIVISION, Division),
        ("projectCreate", FOUND, Project),
        ("projectUpdate", PROJECT, Project),
    ],
)
async def test_an_odd_ico_is_kept_wherever_one_is_typed(
    ares: Ares, project: Project, client: Client, mutation: str, document: str, model: type[Table]
) -> None:
    sent: dict[str, Any] = {} if mutation == "projectUpdate" else {"name": "Omyl"}
    if mutation == "contactUpdate":
        sent["id"] = await make_contact(project)
    if mutation == "divisionUpdate":
        sent["id"] = await make_division(project)

    refused = await client.run(document, input={**sent, "ico": ODD})
    not_asked = list(ares.asked)
    unknown = await client.run(document, input={**sent, "ico": "12345678", "confirmIco": True})
    kept = await client.run(document, input={**sent, "ico": "270 82 441", "confirmIco": True})

    assert refused.faults(mutation) == unknown.faults(mutation) == [("input.ico", "INVALID")]
    assert "look it up" in refused.data[mutation]["errors"][0]["message"] and not_asked == []
    assert "The register has no company" in unknown.data[mutation]["errors"][0]["message"]
    assert kept.faults(mutation) == [] and await model.filter(ico=ODD).count() == 1
    assert await model.filter(ico="12345678").count() == 0


async def test_a_firm_with_its_seat_abroad_has_its_czech_ico(ares: Ares, client: Client) -> None:
    ares.companies["27082440"] = {"ico": "27082440", "obchodniJmeno": "Zweigniederlassung"}
    sent = {"name": "Wien", "ico": "27082440", "address": {"country": "AT"}}

    refused = await client.run(CREATE, input=sent)
    kept = await client.run(CREATE, input={**sent, "confirmIco": True})

    assert refused.faults("contactCreate") == [("input.ico", "INVALID")]
    assert part(kept, "contactCreate", "contact")["ico"] == "27082440"


async def test_a_right_ico_and_one_that_is_there_ask_nobody(
    ares: Ares, project: Project, client: Client
) -> None:
    contact = await make_contact(project, ico=ODD)

    same = await client.run(UPDATE, input={"id": contact, "ico": ODD})
    confirmed = await client.run(UPDATE, input={"id": contact, "ico": ODD, "confirmIco": True})
    right = await client.run(CREATE, input={"name": "Novák", "ico": "27082440", "confirmIco": True})

    assert part(same, "contactUpdate", "contact") == part(confirmed, "contactUpdate", "contact")
    assert part(same, "contactUpdate", "contact")["version"] == 1
    assert part(right, "contactCreate", "contact")["ico"] == "27082440" and ares.asked == []


async def test_a_register_that_does_not_answer_keeps_nothing(ares: Ares, client: Client) -> None:
    ares.mood, before = Mood(status=503), await everything()

    answer = await client.run(CREATE, input={"name": "Omyl", "ico": ODD, "confirmIco": True})

    assert answer.codes == ["SERVICE_UNAVAILABLE"] and await everything() == before


async def test_a_repeat_asks_the_register_no_more(ares: Ares, client: Client) -> None:
    sent = {"name": "Omyl", "ico": ODD, "confirmIco": True, "idempotencyKey": "k"}
    first = await client.run(CREATE, input=sent)
    ares.mood = Mood(status=503)

    again = await client.run(CREATE, input=sent)

    assert part(again, "contactCreate", "contact") == part(first, "contactCreate", "contact")
    assert len(ares.asked) == 1 and await Contact.all().count() == 1


async def test_what_was_confirmed_when_it_was_reported_is_accepted(
    ares: Ares, project: Project, client: Client
) -> None:
    reported = await client.run(PROPOSE, input={"name": "Omyl", "ico": ODD, "confirmIco": True})
    proposal = part(reported, "contactPropose", "proposal")

    accepted = await client.run(ACCEPT, input={"id": proposal["id"]})

    assert part(accepted, "contactProposalAccept", "contact")["ico"] == ODD and len(ares.asked) == 1


async def test_whoever_may_not_write_asks_nothing(ares: Ares, project: Project) -> None:
    technician = as_employee(await make_employee(project, [Role.SERVICE_TECHNICIAN]))

    answer = await technician.run(CREATE, input={"name": "Omyl", "ico": ODD, "confirmIco": True})

    assert answer.codes == ["FORBIDDEN"] and ares.asked == [] and await Employee.all().count() == 1


async def test_a_slovak_number_is_not_asked_about_in_the_czech_register(
    ares: Ares, project: Project, client: Client
) -> None:
    ares.companies["35763468"] = {"ico": "35763468", "obchodniJmeno": "Někdo jiný"}
    sent = {"ico": "35763468", "confirmIco": True}
    there = await make_contact(project, vat_id="SK2020273893")

    created = await client.run(CREATE, input={"name": "Telekom", **sent, "address": {"country": "SK"}})
    updated = await client.run(UPDATE, input={"id": there, **sent})

    assert created.faults("contactCreate") == updated.faults("contactUpdate") == [("input.ico", "INVALID")]
    assert ares.asked == [] and await Contact.filter(ico="35763468").count() == 0


async def test_the_register_is_asked_when_nothing_else_is_wrong(
    ares: Ares, project: Project, client: Client
) -> None:
    sent: dict[str, Any] = {"name": "Omyl", "ico": ODD, "confirmIco": True}
    there, gone = await make_contact(project), await make_division(project, archived_at=project.created_at)
    waiting = await make_proposal(await Employee.get())
    taken = await make_division(project, name="Omyl")
    stale = {"expectedVersion": 7}
    cases: list[tuple[str, dict[str, Any], str]] = [
        (CREATE, {"email": "omyl"}, "email"),
        (CREATE, {"divisionId": gone}, "divisionId"),
        (UPDATE, {"id": there, **stale}, "expectedVersion"),
        (UPDATE, {"id": there, "divisionId": gone}, "divisionId"),
        (PROPOSE, {"email": "omyl"}, "email"),
        (ACCEPT, {"id": waiting, "divisionId": gone}, "divisionId"),
        (ADD_DIVISION, {}, "name"),
        (DIVISION, {"id": taken, **stale}, "expectedVersion"),
        (PROJECT, stale, "expectedVersion"),
        (FOUND, {"email": "omyl"}, "email"),
    ]
    before = await everything()
    for document, wrong, at in cases:
        answer = await client.run(document, input={**sent, **wrong})
        (name,) = answer.data
        assert [path for path, _ in answer.faults(name)] == [f"input.{at}"]
    assert ares.asked == [] and await everything() == before


async def test_a_number_that_is_there_is_the_same_with_blanks(
    ares: Ares, project: Project, client: Client
) -> None:
    odd = await make_contact(project, ico=ODD)
    moved = await make_contact(
        project, ico="00177041", country="PL", postal_code="60200", phone="+420777123456"
    )

    same = await client.run(UPDATE, input={"id": odd, "ico": "270 82 441"})
    retyped = {"ico": "177041", "phone": "+420 777 123 456", "address": {"postalCode": "602 00"}}
    kept = await client.run(UPDATE, input={"id": moved, **retyped})

    assert part(same, "contactUpdate", "contact")["version"] == 1
    assert part(kept, "contactUpdate", "contact")["version"] == 1 and ares.asked == []
