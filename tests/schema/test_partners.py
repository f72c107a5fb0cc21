"""Partners: made, renamed, archived; who belongs to them."""

import asyncio
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import AuditEntry, Contact, Employee, LeadShare, Partner, Project
from app.policy import Role
from tests.factories import NOON, make_employee, make_lead_share, make_partner, make_project
from tests.graphql import SentJob, as_employee, as_role, gid
from tests.schema.employee_cases import INVITE, NOVAK
from tests.schema.share_cases import (
    ARCHIVE,
    YESTERYEAR,
    contacts,
    director,
    external,
    partner,
    project,
    refused,
    seen_by,
)
from tests.schema.share_cases import (
    CREATE as LEND,
)

__all__ = ["contacts", "director", "external", "partner", "project"]

CREATE = """
mutation CreatePartner($input: PartnerCreateInput!) {
  partnerCreate(input: $input) { partner { id name version archivedAt } errors { code message path } }
}
"""
UPDATE = """
mutation UpdatePartner($input: PartnerUpdateInput!) {
  partnerUpdate(input: $input) { partner { id name version } errors { code message path } }
}
"""
PARTNERS = "{ partners { totalCount nodes { name } } }"
PARTNER = """
query($id: ID!) {
  partner(id: $id) {
    name employees { totalCount nodes { name } } shares { totalCount nodes { campaign state partner { name } } }
  }
}
"""
EMPLOYEE = "query($id: ID!) { employee(id: $id) { partner { name } } }"


async def test_a_director_makes_a_partner(project: Project, director: Employee) -> None:
    answer = await as_employee(director).run(CREATE, input={"name": "  Hlas s.r.o. "})

    assert answer.faults("partnerCreate") == []
    made = await Partner.get()
    assert answer.data["partnerCreate"]["partner"] == {
        "id": gid(made),
        "name": "Hlas s.r.o.",
        "version": 1,
        "archivedAt": None,
    }
    assert made.project_id == project.id
    assert (await AuditEntry.get(action="partnerCreate")).changes == {"name": [None, "Hlas s.r.o."]}


async def test_a_repeat_makes_one_partner(project: Project, director: Employee) -> None:
    client = await as_employee(director).sign_in()
    sent = {"name": "Hlas", "idempotencyKey": "jednou"}

    answers = await asyncio.gather(*[client.run(CREATE, input=sent) for _ in range(5)])

    assert {answer.data["partnerCreate"]["partner"]["id"] for answer in answers} == {gid(await Partner.get())}


@pytest.mark.parametrize("name", ["call CENTRUM", "Call centrům"])
async def test_two_partners_in_use_have_not_one_name(
    director: Employee, partner: Partner, sent_jobs: list[SentJob], rings: list[str], name: str
) -> None:
    other = await make_partner(await Project.get(id=partner.project_id), name="Jiný")
    client = as_employee(director)

    made = await refused(client, CREATE, {"name": name}, sent_jobs, rings)
    renamed = await refused(client, UPDATE, {"id": other, "name": name}, sent_jobs, rings)

    assert made.faults("partnerCreate") == renamed.faults("partnerUpdate") == [("input.name", "TAKEN")]


async def test_the_name_of_an_archived_partner_is_free(director: Employee, project: Project) -> None:
    await make_partner(project, name="Hlas", archived_at=NOON)

    answer = await as_employee(director).run(CREATE, input={"name": "Hlas"})

    assert answer.faults("partnerCreate") == []


async def test_a_partner_is_renamed(director: Employee, partner: Partner) -> None:
    client = as_employee(director)

    answer = await client.run(UPDATE, input={"id": partner, "name": "Hlas", "expectedVersion": 1})
    stale = await client.run(UPDATE, input={"id": partner, "name": "Echo", "expectedVersion": 1})

    assert answer.data["partnerUpdate"]["partner"] == {"id": gid(partner), "name": "Hlas", "version": 2}
    assert stale.faults("partnerUpdate") == [("input.expectedVersion", "STALE_VERSION")]
    assert (await Partner.get()).name == "Hlas"
    assert (await client.run(PARTNERS)).data["partners"]["nodes"] == [{"name": "Hlas"}]


async def test_a_partner_shows_its_people_and_what_was_lent_to_it(
    project: Project, director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    for campaign, values in {
        "běží": {},
        "skončilo": {"valid_from": YESTERYEAR, "valid_until": NOON},
        "vzato zpět": {"recalled_at": NOON},
    }.items():
        await make_lead_share(project, partner, contacts, campaign=campaign, created_by=director, **values)

    answer = await as_employee(director).run(PARTNER, id=partner)

    found = answer.data["partner"]
    assert found["employees"] == {"totalCount": 1, "nodes": [{"name": "Emil"}]}
    assert {each["campaign"]: each["state"] for each in found["shares"]["nodes"]} == {
        "běží": "RUNNING",
        "skončilo": "ENDED",
        "vzato zpět": "RECALLED",
    }


async def test_archiving_recalls_what_is_lent_and_its_people_see_no_contact(
    project: Project, director: Employee, partner: Partner, external: Employee, contacts: list[Contact]
) -> None:
    running = await make_lead_share(project, partner, contacts, created_by=director)
    ended = await make_lead_share(project, partner, contacts, created_by=director, valid_until=NOON)
    other = await make_lead_share(project, await make_partner(project), contacts, created_by=director)
    client, outsider = as_employee(director), as_employee(external)
    assert await seen_by(outsider) == ["Alfa", "Beta", "Gama"]

    answer = await client.run(ARCHIVE, input={"id": partner})

    assert answer.faults("partnerArchive") == []
    archived = await Partner.get(id=partner.id)
    assert archived.archived_at is not None and archived.version == 2
    assert await seen_by(outsider) == []
    shares = {share.id: share for share in await LeadShare.all()}
    assert shares[running.id].recalled_at == shares[running.id].closed_at == archived.archived_at
    assert shares[ended.id].recalled_at is shares[other.id].recalled_at is None
    assert (await Employee.get(id=external.id)).partner_id == partner.id


async def test_archiving_twice_is_no_error(director: Employee, partner: Partner) -> None:
    client = as_employee(director)
    first = await client.run(ARCHIVE, input={"id": partner})

    again = await client.run(ARCHIVE, input={"id": partner})

    assert again.data == first.data and again.faults("partnerArchive") == []


async def test_nobody_is_added_to_an_archived_partner_and_nothing_lent(
    project: Project,
    director: Employee,
    contacts: list[Contact],
    sent_jobs: list[SentJob],
    rings: list[str],
) -> None:
    gone = await make_partner(project, archived_at=NOON)
    client = as_employee(director)

    hired = await refused(client, INVITE, {**NOVAK, "partnerId": gone}, sent_jobs, rings)
    lent = await refused(
        client, LEND, {"partnerId": gone, "campaign": "Jaro", "contactIds": contacts}, sent_jobs, rings
    )

    assert hired.faults("employeeInvite") == [("input.partnerId", "WRONG_STATE")]
    assert lent.faults("leadShareCreate") == [("input.partnerId", "WRONG_STATE")]


MUTATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "partnerCreate": (CREATE, {"name": "Hlas"}),
    "partnerUpdate": (UPDATE, {"name": "Hlas"}),
    "partnerArchive": (ARCHIVE, {}),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("roles", [set(Role) - {Role.DIRECTOR, Role.ADMIN}, set()], ids=["others", "none"])
async def test_only_directors_and_admins_change_partners(
    project: Project,
    partner: Partner,
    sent_jobs: list[SentJob],
    rings: list[str],
    mutation: str,
    roles: set[Role],
) -> None:
    document, sent = MUTATIONS[mutation]
    sent = sent if mutation == "partnerCreate" else {**sent, "id": partner}

    answer = await refused(as_role(*roles, project=project), document, sent, sent_jobs, rings)

    assert answer.codes == ["FORBIDDEN"]


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_an_external_with_all_eight_roles_changes_no_partner(
    external: Employee, partner: Partner, sent_jobs: list[SentJob], rings: list[str], mutation: str
) -> None:
    document, sent = MUTATIONS[mutation]
    sent = sent if mutation == "partnerCreate" else {**sent, "id": partner}

    answer = await refused(as_employee(external), document, sent, sent_jobs, rings)

    assert answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["extensions"]["requiredPermission"] == "LEAD_SHARE"


async def test_an_external_sees_no_partner_not_even_his_own(external: Employee, partner: Partner) -> None:
    client = as_employee(external)

    listed = await client.run(PARTNERS)
    node = await client.run("query($id: ID!) { node(id: $id) { id } }", id=partner)
    himself = await client.run(EMPLOYEE, id=external)

    assert listed.codes == ["FORBIDDEN"] and listed.data == {"partners": None}
    assert node.data == {"node": None} and node.errors == []
    assert himself.data == {"employee": {"partner": None}}


@pytest.mark.parametrize("mutation", ["partnerUpdate", "partnerArchive"])
async def test_partners_of_other_projects_and_none_at_all_look_alike(
    director: Employee, sent_jobs: list[SentJob], rings: list[str], mutation: str
) -> None:
    document, sent = MUTATIONS[mutation]
    foreign = await make_partner(await make_project())

    answers = [
        await refused(as_employee(director), document, {**sent, "id": each}, sent_jobs, rings)
        for each in (gid(foreign), global_id("Partner", uuid7()), gid(director), "x")
    ]

    codes = [answer.codes for answer in answers]
    assert codes == [["NOT_FOUND"]] * 2 + [["BAD_USER_INPUT"]] * 2
    for answer in answers:
        assert answer.errors[0]["extensions"]["inputPath"] == ["input", "id"]
    assert len({answer.errors[0]["message"] for answer in answers[:2]}) == 1


async def test_archiving_and_hiring_at_once_leave_nobody_added_afterwards(
    project: Project, director: Employee, partner: Partner
) -> None:
    client, boss = await as_employee(director).sign_in(), await make_employee(project, [Role.ADMIN])
    other = await as_employee(boss).sign_in()

    archived, hired = await asyncio.gather(
        client.run(ARCHIVE, input={"id": partner}),
        other.run(INVITE, input={**NOVAK, "partnerId": partner}),
    )

    assert archived.faults("partnerArchive") == []
    assert hired.faults("employeeInvite") in ([], [("input.partnerId", "WRONG_STATE")])
