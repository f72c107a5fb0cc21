"""Lead shares: who may make, change and see them, and of which contacts."""

from datetime import timedelta
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Contact, Employee, Partner, Project
from app.policy import Role
from tests.factories import (
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
    ALL,
    CREATE,
    MUTATIONS,
    REMOVE,
    SHARES,
    SOMEDAY,
    UPDATE,
    contacts,
    director,
    external,
    lent,
    names,
    partner,
    project,
    refused,
    share_of,
)

__all__ = ["contacts", "director", "external", "partner", "project"]


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

    codes = [answer.codes for answer in answers]
    assert codes == [["NOT_FOUND"]] * 3 + [["BAD_USER_INPUT"]] * 2
    for answer in answers:
        assert answer.errors[0]["extensions"]["inputPath"] == ["input", "contactIds", "1"]
    assert len({answer.errors[0]["message"] for answer in answers[:3]}) == 1


async def test_a_sharer_of_chosen_divisions_lends_and_sees_only_what_is_in_them(
    project: Project, director: Employee, partner: Partner, external: Employee
) -> None:
    b2b, b2c = await make_division(project), await make_division(project)
    for name, division in {"Alfa": None, "Beta": b2b, "Gama": b2c}.items():
        await make_contact(project, name=name, division=division)
    boss = as_role(Role.DIRECTOR, project=project, divisions=[b2b])

    own = await boss.run(CREATE, input=lent(partner, **ALL))
    everything = await as_employee(director).run(CREATE, input=lent(partner, **ALL, campaign="Vše"))
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


WHOLE: dict[str, Any] = {
    "leadShareCreate": {"campaign": "Jaro", **ALL},
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

    codes = [answer.codes for answer in answers]
    assert codes == [["NOT_FOUND"], ["NOT_FOUND"], ["BAD_USER_INPUT"]]
    for answer in answers:
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
