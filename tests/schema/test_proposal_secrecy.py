"""Reporting a contact never tells whether it exists: not by the answer, the statements, or what can be read later."""

from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Contact, ContactProposal, Employee, Project
from app.policy import Role
from tests.conftest import Clock
from tests.engine.asking import ask
from tests.factories import (
    make_contact,
    make_employee,
    make_lead_share,
    make_partner,
    make_person,
    make_project,
    make_proposal,
)
from tests.graphql import Client, as_employee, gid
from tests.schema.proposal_cases import ACCEPT, LIST, MATCHES, MERGE, ONE, PROPOSE, REJECT

REPORT: dict[str, Any] = {
    "name": "Novák",
    "ico": "27082440",
    "email": "jan@novak.cz",
    "phone": "+420601234567",
    "city": "Brno",
    "note": "Volat ráno",
}
DECISION = "{ contactProposals { nodes { decision decidedAt decidedBy { id } contact { id } } } }"


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def external(project: Project) -> Employee:
    return await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=await make_partner(project))


async def nobody_knows_it(project: Project, external: Employee) -> None:
    await make_contact(project, name="Jiný", ico="00006947")


async def it_is_a_contact(project: Project, external: Employee) -> None:
    await make_contact(project, **{name: REPORT[name] for name in ("name", "ico", "email", "phone", "city")})


async def it_is_shared_with_the_partner(project: Project, external: Employee) -> None:
    contact = await make_contact(project, name=REPORT["name"], phone=REPORT["phone"])
    await make_lead_share(project, await external.partner, [contact])  # type: ignore[misc]


async def a_person_has_the_number(project: Project, external: Employee) -> None:
    await make_person(await make_contact(project), phone=REPORT["phone"], email=REPORT["email"])


async def a_colleague_reported_it(project: Project, external: Employee) -> None:
    await make_proposal(await make_employee(project, [Role.SALES_REP]), **REPORT)


async def he_reported_it_himself(project: Project, external: Employee) -> None:
    await make_proposal(external, **REPORT)


WORLDS = [
    nobody_knows_it,
    it_is_a_contact,
    it_is_shared_with_the_partner,
    a_person_has_the_number,
    a_colleague_reported_it,
    he_reported_it_himself,
]


@pytest.mark.parametrize("world", WORLDS[1:], ids=lambda each: each.__name__)
async def test_reporting_is_the_same_whatever_there_is_already(
    project: Project, external: Employee, world: Any
) -> None:
    client = await as_employee(external).sign_in()
    asked = []
    for made in (nobody_knows_it, world):
        await made(project, external)
        asked.append(await ask(client, PROPOSE, input=REPORT))

    answers = [{**each.data["contactPropose"]["proposal"], "id": None} for each in asked]
    assert answers[0] == answers[1]
    statements = [[each.sql for each in one.statements] for one in asked]
    assert statements[0] == statements[1] != []


async def decided(director: Employee, proposal: ContactProposal, document: str, contact: Contact) -> None:
    more = {"contactId": contact} if document is MERGE else {}
    answer = await as_employee(director).run(document, input={"id": proposal, **more})
    assert answer.errors == []


async def test_whoever_reported_it_sees_that_it_was_handled_and_not_how(
    project: Project, external: Employee
) -> None:
    director = await make_employee(project, [Role.DIRECTOR])
    contact = await make_contact(project, phone=None)
    seen = []
    for document in (ACCEPT, MERGE, REJECT):
        proposal = await make_proposal(external, **REPORT)
        await decided(director, proposal, document, contact)
        answer = await as_employee(external).run(ONE, id=proposal)
        seen.append({**answer.data["contactProposal"], "id": None})

    assert seen[0] == seen[1] == seen[2]
    assert seen[0]["handled"] is True and seen[0]["version"] == 2


@pytest.fixture
async def handled(project: Project, external: Employee) -> Client:
    """Whose report became a contact."""
    director = await make_employee(project, [Role.DIRECTOR])
    await decided(director, await make_proposal(external, **REPORT), ACCEPT, await make_contact(project))
    return as_employee(external)


async def test_what_came_of_it_is_denied_to_him(handled: Client) -> None:
    answer = await handled.run(DECISION)

    assert answer.data["contactProposals"]["nodes"] == [
        {"decision": None, "decidedAt": None, "decidedBy": None, "contact": None}
    ]
    assert {error["extensions"]["coordinate"] for error in answer.errors} == {
        "ContactProposal.decision",
        "ContactProposal.decidedAt",
        "ContactProposal.decidedBy",
        "ContactProposal.contact",
    }


@pytest.mark.parametrize(
    "where",
    [
        {"decision": {"eq": "MERGED"}},
        {"not": {"decision": {"in": ["ACCEPTED"]}}},
        {"or": [{"decidedAt": {"isNull": True}}]},
    ],
)
async def test_nor_may_he_filter_by_it(handled: Client, where: Any) -> None:
    answer = await handled.run(LIST, where=where)

    assert answer.codes == ["FORBIDDEN"]
    assert not answer.data or answer.data == {"contactProposals": None}


async def test_nothing_sorts_by_it(handled: Client) -> None:
    for name in ("decision", "decidedAt", "version", "contact"):
        answer = await handled.run(LIST, orderBy=[{name: "ASC"}])
        assert answer.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("document", [ACCEPT, MERGE, REJECT, MATCHES])
async def test_nor_may_he_decide_or_ask_what_is_like_it(
    project: Project, external: Employee, document: str
) -> None:
    proposal, contact = await make_proposal(external), await make_contact(project)
    sent: Any = {"id": proposal, **({"contactId": contact} if document is MERGE else {})}
    variables = {"id": proposal} if document is MATCHES else {"input": sent}

    answer = await as_employee(external).run(document, **variables)

    assert answer.codes == ["FORBIDDEN"]
    assert (await ContactProposal.get()).decision is None and await Contact.all().count() == 1


async def test_one_sees_ones_own_reports_and_staff_see_all(project: Project, external: Employee) -> None:
    colleague = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner_id=external.partner_id)
    telephonist = await make_employee(project, [Role.TELEPHONIST])
    rep = await make_employee(project, [Role.SALES_REP])
    elsewhere = await make_employee(await make_project(), [Role.DIRECTOR])
    proposal = await make_proposal(external)

    for employee, many in ((external, 1), (colleague, 0), (telephonist, 0), (rep, 1), (elsewhere, 0)):
        listed = await as_employee(employee).run(LIST)
        one = await as_employee(employee).run(ONE, id=proposal)
        assert listed.data["contactProposals"]["totalCount"] == many
        assert bool(one.data["contactProposal"]) is bool(one.data["node"]) is bool(many)


async def test_a_report_is_told_apart_from_nothing_only_by_its_own_id(external: Employee) -> None:
    others = await make_proposal(await make_employee(await make_project(), [Role.SALES_REP]))

    for id_ in (gid(others), global_id("ContactProposal", uuid7())):
        assert (await as_employee(external).run(ONE, id=id_)).data == {"contactProposal": None, "node": None}
