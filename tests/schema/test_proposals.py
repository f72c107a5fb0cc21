"""Contacts that are reported: what staff make of them."""

from typing import Any

import pytest

from app.models import AuditEntry, Contact, ContactProposal, Employee, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_partner,
    make_person,
    make_project,
    make_proposal,
)
from tests.graphql import as_employee, gid
from tests.schema.contact_cases import FAULTS, LONG
from tests.schema.proposal_cases import ACCEPT, LIST, MATCHES, MERGE, PROPOSE, REJECT


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def external(project: Project) -> Employee:
    return await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=await make_partner(project))


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


async def test_what_is_reported_is_kept_as_contacts_are_written(external: Employee) -> None:
    sent = {
        "name": " Novák ",
        "ico": "270 82 440",
        "email": "jan@Novak.cz",
        "phone": "601 234 567",
        "city": "Brno",
        "note": "Volat\r\nodpoledne",
    }

    answer = await as_employee(external).run(PROPOSE, input=sent)

    assert answer.faults("contactPropose") == []
    proposal = answer.data["contactPropose"]["proposal"]
    assert proposal == {
        "id": proposal["id"],
        "name": "Novák",
        "ico": "27082440",
        "email": "jan@novak.cz",
        "phone": "+420601234567",
        "city": "Brno",
        "note": "Volat\nodpoledne",
        "handled": False,
        "version": 1,
        "createdAt": "2026-03-02T09:00:00.000Z",
        "proposedBy": {"id": gid(external)},
    }
    assert await Contact.all().count() == 0
    entry = await AuditEntry.get(action="contactPropose")
    assert (entry.subject, entry.employee_id) == ("ContactProposal", external.id)


async def test_every_fault_of_a_report_is_told_at_once(external: Employee) -> None:
    sent = {"name": " ", "ico": "27082441", "email": "jan@", "phone": "12", "city": LONG, "note": "nul\x00"}

    answer = await as_employee(external).run(PROPOSE, input=sent)

    assert answer.faults("contactPropose") == [
        ("input.name", "REQUIRED"),
        ("input.ico", "INVALID"),
        ("input.email", "INVALID"),
        ("input.phone", "INVALID"),
        ("input.city", "TOO_LONG"),
        ("input.note", "INVALID"),
    ]
    assert await ContactProposal.all().count() == 0


async def test_a_report_that_is_sent_again_is_kept_once(external: Employee) -> None:
    sent = {"name": "Novák", "idempotencyKey": "k1"}

    first, second = [await as_employee(external).run(PROPOSE, input=sent) for _ in range(2)]

    assert first.data == second.data
    assert await ContactProposal.all().count() == 1


async def test_accepting_makes_a_contact_of_it(rep: Employee, external: Employee) -> None:
    division = await make_division(await Project.get(id=rep.project_id))
    proposal = await make_proposal(
        external, name="Novák", ico="27082440", email="jan@novak.cz", phone="+420601234567", city="Brno"
    )

    answer = await as_employee(rep).run(
        ACCEPT,
        input={
            "id": proposal,
            "divisionId": division,
            "ownerId": rep,
            "name": "Novák, s. r. o.",
            "phone": None,
            "expectedVersion": 1,
        },
    )

    assert answer.faults("contactProposalAccept") == []
    assert answer.data["contactProposalAccept"]["contact"] == {
        "name": "Novák, s. r. o.",
        "ico": "27082440",
        "email": "jan@novak.cz",
        "phone": None,
        "city": "Brno",
        "division": {"id": gid(division)},
        "owner": {"id": gid(rep)},
        "createdBy": {"id": gid(rep)},
    }
    contact = await Contact.get()
    assert answer.data["contactProposalAccept"]["proposal"] == {
        "name": "Novák",
        "handled": True,
        "version": 2,
        "decision": "ACCEPTED",
        "decidedBy": {"id": gid(rep)},
        "decidedAt": "2026-03-02T09:00:00.000Z",
        "contact": {"id": gid(contact)},
    }
    noted = await AuditEntry.filter(action="contactProposalAccept").order_by("subject")
    assert [entry.subject for entry in noted] == ["Contact", "ContactProposal"]
    assert noted[1].changes == {"decision": [None, "ACCEPTED"], "contact_id": [None, str(contact.id)]}


async def test_merging_fills_only_what_the_contact_lacks(rep: Employee, external: Employee) -> None:
    project = await Project.get(id=rep.project_id)
    contact = await make_contact(
        project, name="Novák", email="firma@novak.cz", phone=None, city=None, street=None
    )
    proposal = await make_proposal(
        external, name="Novak", email="jan@novak.cz", phone="+420601234567", city="Brno", note="Volat ráno"
    )

    answer = await as_employee(rep).run(MERGE, input={"id": proposal, "contactId": contact})

    assert answer.faults("contactProposalMerge") == []
    assert answer.data["contactProposalMerge"] == {
        "proposal": {"decision": "MERGED", "note": "Volat ráno", "version": 2},
        "contact": {
            "id": gid(contact),
            "name": "Novák",
            "ico": None,
            "email": "firma@novak.cz",
            "phone": "+420601234567",
            "address": {"street": None, "city": "Brno"},
            "version": 2,
            "activities": {"totalCount": 0},
        },
        "errors": [],
    }


async def test_rejecting_puts_it_away(rep: Employee, external: Employee) -> None:
    proposal = await make_proposal(external)

    answer = await as_employee(rep).run(REJECT, input={"id": proposal})

    assert answer.faults("contactProposalReject") == []
    assert answer.data["contactProposalReject"]["proposal"] == {
        "decision": "REJECTED",
        "handled": True,
        "version": 2,
        "contact": None,
    }
    assert await Contact.all().count() == 0


@pytest.mark.parametrize("document", [ACCEPT, MERGE, REJECT])
async def test_what_was_handled_is_not_handled_again(
    rep: Employee, external: Employee, document: str
) -> None:
    proposal = await make_proposal(external)
    contact = await make_contact(await Project.get(id=rep.project_id), phone=None)
    await as_employee(rep).run(REJECT, input={"id": proposal})
    more = {"contactId": contact} if document is MERGE else {}

    answer = await as_employee(rep).run(document, input={"id": proposal, **more})

    (mutation,) = answer.data
    assert answer.faults(mutation) == [("input.id", "WRONG_STATE")]
    assert await Contact.all().count() == 1
    assert (await ContactProposal.get()).version == 2


@pytest.mark.parametrize("document", [ACCEPT, MERGE, REJECT])
async def test_it_is_decided_on_the_version_that_was_read(
    rep: Employee, external: Employee, document: str
) -> None:
    proposal = await make_proposal(external, version=3)
    contact = await make_contact(await Project.get(id=rep.project_id))
    more = {"contactId": contact} if document is MERGE else {}

    answer = await as_employee(rep).run(document, input={"id": proposal, "expectedVersion": 2, **more})

    (mutation,) = answer.data
    assert answer.faults(mutation) == [("input.expectedVersion", "STALE_VERSION")]
    assert (await ContactProposal.get()).decision is None


async def test_a_decision_that_is_sent_again_is_taken_once(rep: Employee, external: Employee) -> None:
    sent = {"id": await make_proposal(external), "idempotencyKey": "k1"}

    first, second = [await as_employee(rep).run(ACCEPT, input=sent) for _ in range(2)]

    assert first.faults("contactProposalAccept") == [] and first.data == second.data
    assert await Contact.all().count() == 1


async def test_a_wrong_correction_takes_nothing_in(rep: Employee, external: Employee) -> None:
    sent = {"id": await make_proposal(external), "name": None, "ico": "27082441", "city": LONG}

    answer = await as_employee(rep).run(ACCEPT, input=sent)

    assert answer.faults("contactProposalAccept") == [
        ("input.name", "REQUIRED"),
        ("input.ico", "INVALID"),
        ("input.city", "TOO_LONG"),
    ]
    assert await Contact.all().count() == 0 and (await ContactProposal.get()).decision is None


@pytest.mark.parametrize(("nameless", "code"), [("***", "INVALID"), ("\u2800", "REQUIRED")])
async def test_what_has_no_letter_and_no_digit_becomes_no_contact_s_name(
    rep: Employee, external: Employee, nameless: str, code: str
) -> None:
    """Nor what was reported when that was a name: whoever accepts it gives it one."""
    reported = await as_employee(external).run(PROPOSE, input={"name": nameless})
    waiting, client = await make_proposal(external, name=nameless), as_employee(rep)

    refused = [await client.run(ACCEPT, input={"id": waiting, **typed}) for typed in ({}, {"name": nameless})]
    named = await client.run(ACCEPT, input={"id": waiting, "name": "Hvězda"})

    assert reported.faults("contactPropose") == [("input.name", code)]
    assert [each.faults("contactProposalAccept") for each in refused] == [[("input.name", code)]] * 2
    assert named.data["contactProposalAccept"]["contact"]["name"] == "Hvězda"
    assert await Contact.all().count() == 1 and await ContactProposal.all().count() == 1


async def test_it_is_merged_only_into_a_contact_in_reach(project: Project, external: Employee) -> None:
    mine, other = [await make_division(project) for _ in range(2)]
    rep = await make_employee(project, [Role.SALES_REP], divisions=[mine])
    hidden = await make_contact(project, division=other, phone=None)
    proposal = await make_proposal(external, phone="+420601234567")

    answer = await as_employee(rep).run(MERGE, input={"id": proposal, "contactId": hidden})

    assert answer.codes == ["NOT_FOUND"]
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", "contactId"]
    assert (await Contact.get()).phone is None and (await ContactProposal.get()).decision is None


async def test_what_became_a_contact_out_of_sight_is_out_of_sight(
    project: Project, external: Employee
) -> None:
    mine, other = [await make_division(project) for _ in range(2)]
    rep = await make_employee(project, [Role.SALES_REP], divisions=[mine])
    director = await make_employee(project, [Role.DIRECTOR])
    proposal = await make_proposal(external, name="Tajný")
    await as_employee(director).run(ACCEPT, input={"id": proposal, "divisionId": other})

    seen = [
        [row["name"] for row in (await as_employee(each).run(LIST)).data["contactProposals"]["nodes"]]
        for each in (rep, director, external)
    ]

    assert seen == [[], ["Tajný"], ["Tajný"]]


async def test_staff_are_shown_what_may_be_the_same(
    project: Project, rep: Employee, external: Employee
) -> None:
    same_name = await make_contact(project, name="NOVAK Jan")
    same_ico = await make_contact(project, name="Alfa", ico="27082440")
    same_email = await make_contact(project, name="Beta", email="Jan@novak.cz")
    person = await make_person(await make_contact(project, name="Gama"), phone="+420601234567")
    await make_contact(project, name="Nováková", search_text="novakova")
    await make_contact(await make_project(), name="Novák", ico="27082440")
    proposal = await make_proposal(
        external, name="Novák", ico="27082440", email="jan@novak.cz", phone="+420601234567"
    )

    answer = await as_employee(rep).run(MATCHES, id=proposal)

    assert [row["id"] for row in answer.data["contactProposalMatches"]["contacts"]] == [
        gid(same_ico),
        gid(same_email),
        gid(await Contact.get(id=person.contact_id)),
        gid(same_name),
    ]


async def test_at_most_ten_are_shown_and_only_those_in_reach(project: Project, external: Employee) -> None:
    mine, other = [await make_division(project) for _ in range(2)]
    rep = await make_employee(project, [Role.SALES_REP], divisions=[mine])
    for number in range(12):
        await make_contact(project, name=f"Novák {number:02}", division=mine)
    await make_contact(project, name="Novák", division=other)

    answer = await as_employee(rep).run(MATCHES, id=await make_proposal(external, name="Novák"))

    names = [row["name"] for row in answer.data["contactProposalMatches"]["contacts"]]
    assert names == [f"Novák {number:02}" for number in range(10)]


async def test_there_is_nothing_like_what_is_absent(rep: Employee) -> None:
    elsewhere = await make_employee(await make_project(), [Role.SALES_REP])

    absent = await as_employee(rep).run(MATCHES, id=await make_proposal(elsewhere))
    refused = [(await as_employee(rep).run(MATCHES, id=each)).codes for each in ("x", gid(rep))]

    assert (absent.data, absent.errors) == ({"contactProposalMatches": None}, [])
    assert refused == [["BAD_USER_INPUT"]] * 2


async def test_what_waits_is_found_by_having_no_decision(rep: Employee, external: Employee) -> None:
    await as_employee(rep).run(REJECT, input={"id": await make_proposal(external)})
    waiting = await make_proposal(external, name="Čeká")

    answer = await as_employee(rep).run(LIST, where={"decidedAt": {"isNull": True}})

    assert answer.errors == []
    assert [row["id"] for row in answer.data["contactProposals"]["nodes"]] == [gid(waiting)]


DELETE = f"mutation ($input: ContactDeleteInput!) {{ contactDelete(input: $input) {{ deletedContactId {FAULTS} }} }}"


async def test_it_goes_with_the_contact_that_came_of_it(project: Project, external: Employee) -> None:
    admin: Any = await make_employee(project, [Role.ADMIN])
    await as_employee(admin).run(ACCEPT, input={"id": await make_proposal(external)})

    answer = await as_employee(admin).run(DELETE, input={"id": await Contact.get()})

    assert answer.faults("contactDelete") == []
    assert await ContactProposal.all().count() == 0
