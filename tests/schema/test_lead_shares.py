"""Lead shares: made of named contacts or of a filter, and found again."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from app import db
from app.models import AuditEntry, Contact, Employee, LeadShare, LeadShareContact, Partner, Project
from app.policy import Permission
from app.services import lead_shares, members
from tests.factories import (
    NOON,
    make_contact,
    make_division,
    make_lead_share,
    make_partner,
    make_project,
)
from tests.graphql import SentJob, as_employee, gid
from tests.schema.share_cases import (
    ALL,
    CREATE,
    SHARES,
    SOMEDAY,
    contacts,
    director,
    external,
    lent,
    names,
    partner,
    project,
    refused,
    seen_by,
    share_of,
)

__all__ = ["contacts", "director", "external", "partner", "project"]

UNREAD = Permission.CONTACT_BILLING_READ


async def test_named_contacts_are_lent_from_now_on(
    director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    outsider = as_employee(external)
    assert await seen_by(outsider) == []

    answer = await as_employee(director).run(CREATE, input=lent(partner, [*contacts[:2], contacts[0]]))

    made = await LeadShare.get()
    assert share_of(answer, "leadShareCreate") == {
        "id": gid(made),
        "campaign": "Jaro",
        "state": "RUNNING",
        "validFrom": made.valid_from.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "validUntil": None,
        "recalledAt": None,
        "version": 1,
        "contacts": {"totalCount": 2, "nodes": [{"name": "Alfa"}, {"name": "Beta"}]},
        "partner": {"name": "Call centrum"},
        "createdBy": {"name": "Dana"},
    }
    assert await seen_by(outsider) == ["Alfa", "Beta"]
    noted = await AuditEntry.get(action="leadShareCreate", subject="LeadShare")
    assert noted.subject_id == made.id and noted.changes["campaign"] == [None, "Jaro"]
    of_contacts = await AuditEntry.filter(action="leadShareCreate", subject="Contact")
    assert {each.subject_id for each in of_contacts} == {each.id for each in contacts[:2]}
    for each in of_contacts:
        assert each.contact_id == each.subject_id and each.changes == {"lead_share_id": [None, str(made.id)]}


async def test_a_share_that_begins_later_is_planned_and_shows_nothing(
    director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    begins = await db.now() + timedelta(days=1)

    answer = await as_employee(director).run(
        CREATE, input=lent(partner, contacts, validFrom=begins, validUntil=SOMEDAY)
    )

    assert share_of(answer, "leadShareCreate")["state"] == "PLANNED"
    assert await seen_by(as_employee(external)) == []


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"where": {"status": {"eq": "CUSTOMER"}}}, ["Beta", "Gama"]),
        ({"where": {"not": {"name": {"in": ["Alfa", "Gama"]}}}}, ["Beta", "Jiná"]),
        ({"where": {"vatId": {"eq": "CZ27082440"}}}, ["Beta"]),
        ({"where": {"and": [{"city": {"eq": "Brno"}}, {"createdAt": {"gt": NOON.isoformat()}}]}}, ["Gama"]),
        ({"where": {"or": [{"name": {"eq": "Alfa"}}, {"city": {"isNull": True}}]}}, ["Alfa", "Jiná"]),
        ({"search": "gama"}, ["Gama"]),
        ({"search": "ga", "where": {"city": {"eq": "Brno"}}}, ["Gama"]),
        ({"search": "brno", "where": {"status": {"eq": "LEAD"}}}, []),
        (ALL, ["Alfa", "Beta", "Gama", "Jiná"]),
    ],
)
async def test_a_filter_is_frozen_into_a_list(
    project: Project,
    director: Employee,
    partner: Partner,
    external: Employee,
    contacts: list[Contact],
    sent: dict[str, Any],
    expected: list[str],
) -> None:
    _, beta, gama = contacts
    await Contact.filter(id__in=[beta.id, gama.id]).update(status="CUSTOMER")
    await Contact.filter(id=beta.id).update(vat_id="CZ27082440")
    await Contact.filter(id=gama.id).update(created_at=NOON + timedelta(hours=1))
    await make_contact(project, name="Jiná")
    await make_contact(await make_project(), name="Cizí", city="Brno", status="CUSTOMER", vat_id="CZ27082440")

    answer = await as_employee(director).run(CREATE, input=lent(partner, **sent))
    await Contact.all().update(status="FORMER", city="Praha", vat_id=None, search_text="")

    if not expected:
        assert answer.faults("leadShareCreate") == [("input.where", "INVALID")]
    else:
        assert names(share_of(answer, "leadShareCreate")["contacts"]) == expected
    assert await seen_by(as_employee(external)) == expected


async def test_a_filter_by_a_relation_takes_global_ids(
    project: Project, director: Employee, partner: Partner
) -> None:
    b2b = await make_division(project)
    await make_contact(project, name="Uvnitř", division=b2b, owner=director)
    await make_contact(project, name="Jinde")
    where = {"divisionId": {"eq": gid(b2b)}, "ownerId": {"in": [gid(director)]}}

    answer = await as_employee(director).run(CREATE, input=lent(partner, where=where))

    assert names(share_of(answer, "leadShareCreate")["contacts"]) == ["Uvnitř"]


@pytest.mark.parametrize("how", ["as a variable", "written out"])
async def test_a_filter_by_what_one_may_not_read_refuses_the_whole_before_anything_runs(
    director: Employee,
    partner: Partner,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """No role of today's policy shares leads without reading billing data, so the grant is taken away here."""
    granted = members._grants

    def without_billing(facts: Mapping[str, Any]) -> Any:
        kept = {right: reach for right, reach in granted(facts).items() if right is not UNREAD}
        return MappingProxyType(kept)

    monkeypatch.setattr(members, "_grants", without_billing)
    where = {"or": [{"name": {"eq": "Alfa"}}, {"not": {"vatId": {"isNull": True}}}]}
    document, sent = CREATE, lent(partner, where=where)
    if how == "written out":
        written = '{or: [{name: {eq: "Alfa"}}, {not: {vatId: {isNull: true}}}]}'
        document = CREATE.replace("($input: LeadShareCreateInput!)", "").replace(
            "$input", f'{{partnerId: "{gid(partner)}", campaign: "Jaro", where: {written}}}'
        )

    answer = await refused(as_employee(director), document, sent, sent_jobs, rings)

    assert answer.codes == ["FORBIDDEN"] and answer.data in (None, {"leadShareCreate": None})
    extensions = answer.errors[0]["extensions"]
    assert (extensions["coordinate"], extensions["requiredPermission"]) == (
        "ContactWhere.vatId",
        "CONTACT_BILLING_READ",
    )


async def test_a_repeat_lends_once_and_the_filter_is_part_of_the_request(
    director: Employee, partner: Partner, contacts: list[Contact]
) -> None:
    client = await as_employee(director).sign_in()
    sent = lent(partner, where={"name": {"eq": "Alfa"}}, idempotencyKey="jednou")

    answers = await asyncio.gather(*[client.run(CREATE, input=sent) for _ in range(5)])
    other = await client.run(CREATE, input={**sent, "where": {"name": {"eq": "Beta"}}})

    assert {share_of(each, "leadShareCreate")["id"] for each in answers} == {gid(await LeadShare.get())}
    assert other.codes == ["IDEMPOTENCY_MISMATCH"] and await LeadShareContact.all().count() == 1


@pytest.mark.parametrize(
    ("sent", "faults"),
    [
        ({}, [("input.contactIds", "REQUIRED")]),
        ({"contactIds": []}, [("input.contactIds", "TOO_SHORT")]),
        ({"contactIds": ["Alfa"], "where": {"name": {"eq": "Alfa"}}}, [("input.contactIds", "INVALID")]),
        ({"contactIds": ["Alfa"], **ALL}, [("input.all", "INVALID")]),
        ({"where": {}, **ALL}, [("input.all", "INVALID")]),
        ({"search": "alfa", **ALL}, [("input.all", "INVALID")]),
        ({"all": False}, [("input.contactIds", "REQUIRED")]),
        ({"contactIds": ["Alfa"], "search": "alfa"}, [("input.contactIds", "INVALID")]),
        ({"where": {"name": {"eq": "Nikdo"}}}, [("input.where", "INVALID")]),
        ({"contactIds": ["Alfa"], "campaign": "  "}, [("input.campaign", "REQUIRED")]),
        ({"contactIds": ["Alfa"], "campaign": "x" * 201}, [("input.campaign", "TOO_LONG")]),
        ({"contactIds": ["Alfa"], "validUntil": NOON}, [("input.validUntil", "OUT_OF_RANGE")]),
        (
            {"contactIds": ["Alfa"], "validFrom": SOMEDAY, "validUntil": SOMEDAY},
            [("input.validUntil", "OUT_OF_RANGE")],
        ),
        ({"contactIds": ["Alfa"] * 251}, [("input.contactIds", "TOO_LONG")]),
    ],
)
async def test_what_cannot_be_lent_is_told_and_nothing_is_written(
    director: Employee,
    partner: Partner,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    sent: dict[str, Any],
    faults: list[tuple[str, str]],
) -> None:
    given = (
        {**sent, "contactIds": [contacts[0] for _ in sent["contactIds"]]} if "contactIds" in sent else sent
    )

    answer = await refused(as_employee(director), CREATE, {**lent(partner), **given}, sent_jobs, rings)

    assert answer.faults("leadShareCreate") == faults


async def test_a_filter_that_finds_too_many_is_refused(
    director: Employee,
    partner: Partner,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lead_shares, "MOST_FROZEN", 2)
    client = as_employee(director)

    answer = await refused(client, CREATE, lent(partner, **ALL), sent_jobs, rings)
    filtered = await client.run(CREATE, input=lent(partner, where={"name": {"ne": "-"}}))
    fits = await client.run(CREATE, input=lent(partner, where={"name": {"ne": "Alfa"}}))

    assert answer.faults("leadShareCreate") == [("input.all", "TOO_LONG")]
    assert filtered.faults("leadShareCreate") == [("input.where", "TOO_LONG")]
    assert names(share_of(fits, "leadShareCreate")["contacts"]) == ["Beta", "Gama"]


@pytest.mark.parametrize(
    "where",
    [
        {"name": {"eq": None}},
        {"name": {"eq": "x" * 300}},
        {"and": [{"name": {"eq": "x"}}] * 101},
        {"name": {"in": ["x"] * 251}},
    ],
    ids=["null", "too long", "too many", "too many values"],
)
async def test_a_filter_that_cannot_be_asked_is_refused_as_in_a_query(
    director: Employee, partner: Partner, sent_jobs: list[SentJob], rings: list[str], where: dict[str, Any]
) -> None:
    answer = await refused(as_employee(director), CREATE, lent(partner, where=where), sent_jobs, rings)

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_shares_are_found_by_partner_campaign_and_time(
    project: Project, director: Employee, partner: Partner
) -> None:
    other = await make_partner(project)
    made: list[tuple[Partner, str, dict[str, Any]]] = [
        (partner, "běží", {"valid_until": SOMEDAY}),
        (partner, "navždy", {}),
        (partner, "skončila", {"valid_until": NOON}),
        (other, "jinde", {"recalled_at": NOON}),
        (partner, "příště", {"valid_from": SOMEDAY}),
    ]
    for who, campaign, values in made:
        await make_lead_share(project, who, campaign=campaign, created_by=director, **values)
    client = as_employee(director)

    by_partner = await client.run(
        SHARES, where={"partnerId": {"eq": partner}}, orderBy=[{"validUntil": "ASC"}]
    )
    by_campaign = await client.run(SHARES, where={"campaign": {"eq": "jinde"}})
    recalled = await client.run(SHARES, where={"recalledAt": {"isNull": False}})

    assert by_partner.data["leadShares"]["totalCount"] == 4
    assert [tuple(each.values()) for each in by_partner.data["leadShares"]["nodes"]][:2] == [
        ("skončila", "ENDED"),
        ("běží", "RUNNING"),
    ]
    assert {each["state"] for each in by_partner.data["leadShares"]["nodes"][2:]} == {"RUNNING", "PLANNED"}
    for answer in (by_campaign, recalled):
        assert answer.data["leadShares"]["nodes"] == [{"campaign": "jinde", "state": "RECALLED"}]
