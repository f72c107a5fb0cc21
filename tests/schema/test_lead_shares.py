"""Lead shares: made of named contacts or of a filter, changed, recalled; who may, and of what."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from app import db
from app.engine.ids import global_id
from app.ids import uuid7
from app.models import AuditEntry, Contact, Employee, LeadShare, LeadShareContact, Partner, Project
from app.policy import Permission, Role
from app.services import lead_shares, members
from tests.factories import (
    NOON,
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
)
from tests.graphql import SentJob, as_employee, as_role, gid
from tests.schema.share_cases import (
    ADD,
    CREATE,
    MUTATIONS,
    RECALL,
    REMOVE,
    SOMEDAY,
    UPDATE,
    YESTERYEAR,
    contacts,
    director,
    external,
    names,
    partner,
    project,
    refused,
    seen_by,
    share_of,
)

#: Whatever it is called.
ALL = {"name": {"ne": "-"}}
__all__ = ["contacts", "director", "external", "partner", "project"]

SHARES = """
query($where: LeadShareWhere, $orderBy: [LeadShareOrderBy!]) {
  leadShares(where: $where, orderBy: $orderBy) { totalCount nodes { campaign state } }
}
"""
UNREAD = Permission.CONTACT_BILLING_READ


def lent(partner: Partner, contacts: Any = None, **more: Any) -> dict[str, Any]:
    """An input of leadShareCreate."""
    named = {} if contacts is None else {"contactIds": contacts}
    return {"partnerId": partner, "campaign": "Jaro", **named, **more}


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
    noted = await AuditEntry.get(action="leadShareCreate")
    assert (noted.subject, noted.subject_id) == ("LeadShare", made.id)
    assert noted.changes["campaign"] == [None, "Jaro"]


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
        ({"where": ALL}, ["Alfa", "Beta", "Gama", "Jiná"]),
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
        ({"contactIds": ["Alfa"], "where": ALL}, [("input.contactIds", "INVALID")]),
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

    answer = await refused(client, CREATE, lent(partner, where=ALL), sent_jobs, rings)
    fits = await client.run(CREATE, input=lent(partner, where={"name": {"ne": "Alfa"}}))

    assert answer.faults("leadShareCreate") == [("input.where", "TOO_LONG")]
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


@pytest.mark.parametrize("mutation", ["leadShareCreate", "leadShareAdd", "leadShareRemove"])
async def test_contacts_out_of_reach_and_none_at_all_look_alike_and_nothing_is_written(
    project: Project,
    partner: Partner,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    mutation: str,
) -> None:
    b2b, b2c = await make_division(project), await make_division(project)
    hidden = await make_contact(project, division=b2b)
    foreign = await make_contact(await make_project())
    boss = await make_employee(project, [Role.DIRECTOR], divisions=[b2c])
    share = await make_lead_share(project, partner, [hidden], created_by=boss)
    base = lent(partner) if mutation == "leadShareCreate" else {"id": share}

    answers = [
        await refused(
            as_employee(boss),
            MUTATIONS[mutation],
            {**base, "contactIds": [gid(contacts[0]), each]},
            sent_jobs,
            rings,
        )
        for each in (gid(hidden), gid(foreign), global_id("Contact", uuid7()), gid(boss), "x")
    ]

    for answer in answers:
        assert answer.codes == ["NOT_FOUND"]
        assert answer.errors[0]["extensions"]["inputPath"] == ["input", "contactIds", "1"]
    assert len({answer.errors[0]["message"] for answer in answers[:3]}) == 1


async def test_a_sharer_of_chosen_divisions_lends_and_sees_only_what_is_in_them(
    project: Project, director: Employee, partner: Partner, external: Employee
) -> None:
    b2b, b2c = await make_division(project), await make_division(project)
    for name, division in {"Alfa": None, "Beta": b2b, "Gama": b2c}.items():
        await make_contact(project, name=name, division=division)
    boss = as_role(Role.DIRECTOR, project=project, divisions=[b2b])

    own = await boss.run(CREATE, input=lent(partner, where=ALL))
    everything = await as_employee(director).run(CREATE, input=lent(partner, where=ALL, campaign="Vše"))
    looked_at = await boss.run(
        "query($id: ID!) { leadShare(id: $id) { contacts { totalCount nodes { name } } } }",
        id=share_of(everything, "leadShareCreate")["id"],
    )

    assert names(share_of(own, "leadShareCreate")["contacts"]) == ["Alfa", "Beta"]
    assert names(share_of(everything, "leadShareCreate")["contacts"]) == ["Alfa", "Beta", "Gama"]
    seen = looked_at.data["leadShare"]["contacts"]
    assert (seen["totalCount"], names(seen)) == (2, ["Alfa", "Beta"])


@pytest.mark.parametrize("hidden", [True, False], ids=["with a hidden contact", "without"])
async def test_a_sharer_of_chosen_divisions_makes_no_share_longer_whatever_is_in_it(
    project: Project,
    partner: Partner,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    hidden: bool,
) -> None:
    b2b, b2c = await make_division(project), await make_division(project)
    inside = [await make_contact(project, division=b2c)] if hidden else contacts
    boss = await make_employee(project, [Role.DIRECTOR], divisions=[b2b])
    share = await make_lead_share(project, partner, inside, created_by=boss, valid_until=SOMEDAY)
    client, later = as_employee(boss), SOMEDAY + timedelta(days=1)

    longer = await refused(client, UPDATE, {"id": share, "validUntil": later}, sent_jobs, rings)
    endless = await refused(client, UPDATE, {"id": share, "validUntil": None}, sent_jobs, rings)
    shorter = await client.run(UPDATE, input={"id": share, "validUntil": SOMEDAY - timedelta(days=1)})

    assert longer.faults("leadShareUpdate") == endless.faults("leadShareUpdate")
    assert longer.faults("leadShareUpdate") == [("input.validUntil", "NOT_ALLOWED")]
    assert shorter.faults("leadShareUpdate") == []


async def test_a_share_is_renamed_and_its_span_moved(
    project: Project, director: Employee, partner: Partner, contacts: list[Contact]
) -> None:
    share = await make_lead_share(project, partner, contacts, created_by=director, valid_until=SOMEDAY)

    answer = await as_employee(director).run(
        UPDATE, input={"id": share, "campaign": "Léto", "validUntil": None, "expectedVersion": 1}
    )

    changed = share_of(answer, "leadShareUpdate")
    assert (changed["campaign"], changed["validUntil"], changed["version"]) == ("Léto", None, 2)
    assert (await AuditEntry.get(action="leadShareUpdate")).changes["campaign"] == [share.campaign, "Léto"]


async def test_what_is_sent_as_it_stands_is_no_change(
    project: Project, director: Employee, partner: Partner, contacts: list[Contact], rings: list[str]
) -> None:
    share = await make_lead_share(project, partner, contacts, created_by=director, valid_until=SOMEDAY)

    answer = await as_employee(director).run(
        UPDATE, input={"id": share, "campaign": share.campaign, "validUntil": SOMEDAY}
    )

    assert share_of(answer, "leadShareUpdate")["version"] == 1 and rings == []


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ({"campaign": None}, ("input.campaign", "REQUIRED")),
        ({"validFrom": None}, ("input.validFrom", "REQUIRED")),
        ({"validUntil": YESTERYEAR - timedelta(days=800)}, ("input.validUntil", "OUT_OF_RANGE")),
        ({"campaign": "Léto", "expectedVersion": 7}, ("input.expectedVersion", "STALE_VERSION")),
    ],
)
async def test_a_change_that_cannot_be_is_told_and_nothing_is_written(
    project: Project,
    director: Employee,
    partner: Partner,
    sent_jobs: list[SentJob],
    rings: list[str],
    sent: dict[str, Any],
    fault: tuple[str, str],
) -> None:
    share = await make_lead_share(project, partner, created_by=director)

    answer = await refused(as_employee(director), UPDATE, {"id": share, **sent}, sent_jobs, rings)

    assert answer.faults("leadShareUpdate") == [fault]


async def test_contacts_are_added_to_a_share_and_taken_out(
    project: Project, director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    share = await make_lead_share(project, partner, contacts[:1], created_by=director)
    client, outsider = as_employee(director), as_employee(external)

    added = await client.run(ADD, input={"id": share, "contactIds": contacts})
    assert names(share_of(added, "leadShareAdd")["contacts"]) == await seen_by(outsider)
    removed = await client.run(REMOVE, input={"id": share, "contactIds": contacts[:2]})

    assert names(share_of(removed, "leadShareRemove")["contacts"]) == ["Gama"] == await seen_by(outsider)
    assert share_of(removed, "leadShareRemove")["version"] == 3
    noted = await AuditEntry.filter(action="leadShareAdd").order_by("subject_id")
    assert [(entry.subject, entry.subject_id) for entry in noted] == [
        ("Contact", each.id) for each in contacts[1:]
    ]
    assert noted[0].changes == {"lead_share_id": [None, str(share.id)]}


async def test_what_is_in_a_share_already_or_not_in_it_is_no_error_and_no_change(
    project: Project, director: Employee, partner: Partner, contacts: list[Contact], rings: list[str]
) -> None:
    share = await make_lead_share(project, partner, contacts[:1], created_by=director)
    client = as_employee(director)

    added = await client.run(ADD, input={"id": share, "contactIds": contacts[:1]})
    removed = await client.run(REMOVE, input={"id": share, "contactIds": contacts[1:]})

    assert share_of(added, "leadShareAdd")["version"] == 1
    assert share_of(removed, "leadShareRemove")["version"] == 1 and rings == []


async def test_a_recall_takes_all_back_at_once_and_twice_is_no_error(
    project: Project, director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    share = await make_lead_share(project, partner, contacts, created_by=director)
    client, outsider = as_employee(director), as_employee(external)
    assert len(await seen_by(outsider)) == 3

    first = await client.run(RECALL, input={"id": share})
    again = await client.run(RECALL, input={"id": share})

    assert share_of(first, "leadShareRecall")["state"] == "RECALLED" and again.data == first.data
    assert await seen_by(outsider) == []
    recalled = await LeadShare.get()
    assert recalled.closed_at == recalled.recalled_at is not None


@pytest.mark.parametrize("over", [{"recalled_at": NOON}, {"valid_until": NOON}], ids=["recalled", "ended"])
@pytest.mark.parametrize(
    "mutation", ["leadShareUpdate", "leadShareAdd", "leadShareRemove", "leadShareRecall"]
)
async def test_a_share_that_is_over_is_not_changed(
    project: Project,
    director: Employee,
    partner: Partner,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    mutation: str,
    over: dict[str, Any],
) -> None:
    share = await make_lead_share(project, partner, contacts, created_by=director, **over)
    more: dict[str, Any] = {
        "leadShareUpdate": {"validUntil": SOMEDAY},
        "leadShareAdd": {"contactIds": contacts},
        "leadShareRemove": {"contactIds": contacts},
    }
    sent = {"id": share, **more.get(mutation, {})}

    answer = await refused(as_employee(director), MUTATIONS[mutation], sent, sent_jobs, rings)

    again = mutation == "leadShareRecall" and "recalled_at" in over
    assert answer.faults(mutation) == ([] if again else [("input.id", "WRONG_STATE")])


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


WHOLE: dict[str, Any] = {
    "leadShareCreate": {"campaign": "Jaro", "where": ALL},
    "leadShareUpdate": {"campaign": "Léto"},
    "leadShareAdd": {},
    "leadShareRemove": {},
    "leadShareRecall": {},
}


async def sent_to(mutation: str, project: Project, partner: Partner, contacts: list[Contact]) -> Any:
    if mutation == "leadShareCreate":
        return {**WHOLE[mutation], "partnerId": partner}
    share = await make_lead_share(project, partner, contacts)
    named = {"contactIds": contacts} if mutation in ("leadShareAdd", "leadShareRemove") else {}
    return {"id": share, **WHOLE[mutation], **named}


@pytest.mark.parametrize("mutation", WHOLE)
async def test_an_external_with_all_eight_roles_shares_nothing(
    project: Project,
    partner: Partner,
    external: Employee,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    mutation: str,
) -> None:
    sent = await sent_to(mutation, project, partner, contacts)

    answer = await refused(as_employee(external), MUTATIONS[mutation], sent, sent_jobs, rings)

    assert answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["extensions"]["requiredPermission"] == "LEAD_SHARE"


@pytest.mark.parametrize("mutation", WHOLE)
async def test_only_directors_and_admins_share(
    project: Project,
    partner: Partner,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    mutation: str,
) -> None:
    sent = await sent_to(mutation, project, partner, contacts)
    client = as_role(*(set(Role) - {Role.DIRECTOR, Role.ADMIN}), project=project)

    answer = await refused(client, MUTATIONS[mutation], sent, sent_jobs, rings)

    assert answer.codes == ["FORBIDDEN"]


async def test_an_external_reads_no_share_by_any_road(
    project: Project, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    share = await make_lead_share(project, partner, contacts)
    client = as_employee(external)

    listed = await client.run(SHARES)
    by_id = await client.run("query($id: ID!) { leadShare(id: $id) { campaign } }", id=share)
    node = await client.run(
        "query($id: ID!) { node(id: $id) { id ... on LeadShare { campaign state contacts { totalCount } } } }",
        id=share,
    )

    assert (listed.codes, listed.data) == (["FORBIDDEN"], {"leadShares": None})
    assert (by_id.codes, by_id.data) == (["FORBIDDEN"], {"leadShare": None})
    assert (node.codes, node.data) == ([], {"node": None})


@pytest.mark.parametrize("mutation", sorted(set(WHOLE) - {"leadShareCreate"}))
async def test_shares_of_other_projects_and_none_at_all_look_alike(
    director: Employee,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
    mutation: str,
) -> None:
    elsewhere = await make_project()
    foreign = await make_lead_share(elsewhere, await make_partner(elsewhere))
    named = {"contactIds": contacts} if mutation in ("leadShareAdd", "leadShareRemove") else {}
    sent = {**WHOLE[mutation], **named}

    answers = [
        await refused(as_employee(director), MUTATIONS[mutation], {**sent, "id": each}, sent_jobs, rings)
        for each in (gid(foreign), global_id("LeadShare", uuid7()), gid(director))
    ]

    for answer in answers:
        assert answer.codes == ["NOT_FOUND"]
        assert answer.errors[0]["extensions"]["inputPath"] == ["input", "id"]
    assert len({answer.errors[0]["message"] for answer in answers[:2]}) == 1


AUDIT = """
{ auditEntries(where: {action: {in: ["leadShareAdd", "leadShareRemove"]}}) {
    totalCount nodes { action contact { name } changes { field old new } } } }
"""


async def test_the_audit_tells_which_contacts_were_lent_to_whom_sees_them(
    project: Project, director: Employee, partner: Partner, contacts: list[Contact]
) -> None:
    b2b, b2c = await make_division(project), await make_division(project)
    hidden = await make_contact(project, name="Skrytá", division=b2c)
    share = await make_lead_share(project, partner, created_by=director)
    client = as_employee(director)
    await client.run(ADD, input={"id": share, "contactIds": [contacts[0], hidden]})
    await client.run(REMOVE, input={"id": share, "contactIds": [hidden]})

    whole = await client.run(AUDIT)
    cut = await as_role(Role.DIRECTOR, project=project, divisions=[b2b]).run(AUDIT)

    assert whole.data["auditEntries"]["totalCount"] == 3
    assert cut.data["auditEntries"] == {
        "totalCount": 1,
        "nodes": [
            {
                "action": "leadShareAdd",
                "contact": {"name": "Alfa"},
                "changes": [{"field": "leadShareId", "old": None, "new": gid(share)}],
            }
        ],
    }


@pytest.mark.parametrize(
    "nothing",
    [
        {"where": {}},
        {"where": {"and": []}},
        {"where": {"or": [{"name": {"eq": "Alfa"}}, {}]}},
        {"where": {"name": {}}},
        {"search": " "},
        {"where": {}, "search": ""},
    ],
    ids=str,
)
async def test_a_filter_that_asks_for_nothing_lends_nothing(
    director: Employee, partner: Partner, contacts: list[Contact], nothing: dict[str, Any]
) -> None:
    """A front end's form that nobody filled in must not lend every contact there is."""
    sent = {"partnerId": partner, "campaign": "Jaro", **nothing}

    answer = await as_employee(director).run(CREATE, input=sent)

    assert answer.faults("leadShareCreate") == [("input.where", "REQUIRED")]
    assert await LeadShare.all().count() == 0
