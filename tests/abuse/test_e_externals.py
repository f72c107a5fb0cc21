"""E. The call centre's employee, hostile and with all eight roles and flags: what is lent to his firm, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from app import db
from app.engine.declare import TABLES
from app.engine.ids import type_and_id
from app.models import Contact, Employee, ExternalRead, LeadShare
from app.policy import Permission, Role
from app.schema import build
from tests.abuse.tenants import Listed, connections, ids_in, tables, told
from tests.engine.asking import ask
from tests.engine.whole import of_root, of_row, root_names
from tests.factories import make_contact, make_lead_share
from tests.graphql import Client, as_employee, as_role, gid
from tests.models.world import World, make_world, share
from tests.schema.contact_cases import CREATE_BASIC
from tests.schema.operations import Operation, operations
from tests.schema.proposal_cases import PROPOSE
from tests.schema.share_cases import RECALL
from tests.schema.test_refusals import dump

FLAGS = {"can_delete_contacts": True, "can_send_bulk_email": True}
#: What the table leaves an external, as its own file says it; the app's own reading is not asked.
CEILING = {
    "EMPLOYEE_READ",
    "CONTACT_READ",
    "CONTACT_PROPOSE",
    "ACTIVITY_SALES_READ",
    "ACTIVITY_SALES_WRITE",
    "REMINDER_OWN",
}


def beyond() -> Iterator[Operation]:
    """Every operation that asks for a right which the ceiling does not leave."""
    for asked in operations(build()._schema):
        if isinstance(asked.guard, Permission) and asked.guard.name not in CEILING:
            yield asked


@dataclass(frozen=True)
class Lent:
    """A firm with a row in every table, of whose three contacts one is lent to the firm of `me`."""

    world: World
    client: Client

    @property
    def contact(self) -> Contact:
        return self.world.b2b_contact


@pytest.fixture
async def lent(inside: None, monkeypatch: pytest.MonkeyPatch) -> Lent:
    monkeypatch.setattr("app.engine.cost.MOST_OBJECTS", 10**40)  # to ask for everything at once
    async with in_transaction():
        world = await make_world(list(Role), external=True)
        await Employee.filter(id=world.me.id).update(**FLAGS)
        await share(world, world.b2b_contact, campaign="Jaro")
    return Lent(world, as_employee(await Employee.get(id=world.me.id)))


async def strays(data: Any, lent: Lent) -> list[str]:
    """Ids in an answer of rows that are not his to see: by the rows themselves, not by the app's predicates."""
    return [each for each in ids_in(data) if not await _is_his(each, lent)]


async def _is_his(id_: str, lent: Lent) -> bool:
    type_name, row_id = type_and_id(id_)
    me = lent.world.me
    if type_name == "Viewer":
        return row_id == me.id
    row = await TABLES[type_name].model.get(id=row_id)
    match type_name:
        case "Contact":
            return row_id == lent.contact.id
        case "Person":
            return bool(row.contact_id == lent.contact.id)
        case "Activity":
            return (row.contact_id, row.author_id, row.area) == (lent.contact.id, me.id, "SALES")
        case "Reminder":
            return row.assignee_id == me.id and row.contact_id in (None, lent.contact.id)
        case "Employee" | "Project" | "Account":
            return row_id in (me.id, me.project_id, me.account_id)
        case "ContactProposal":
            return bool(row.proposed_by_id == me.id)
        case "Session":
            return bool(row.account_id == me.account_id)
    return False


@pytest.mark.parametrize("name", root_names())
async def test_case_59_and_60_whatever_he_asks_for_each_hop_ends_at_what_is_lent(
    lent: Lent, name: str
) -> None:
    """Contact → owner → other contacts, activity → contact → persons: every field, two relations deep."""
    asked = of_root(name, 2, set())

    answers = [(await ask(lent.client, asked, id=gid(each))).answer for each in lent.world.contacts]

    assert [await strays(answer.data, lent) for answer in answers] == [[], [], []]
    assert {code for answer in answers for code in answer.codes} <= {"FORBIDDEN", "BAD_USER_INPUT"}


@pytest.mark.parametrize("type_name", sorted(tables()))
async def test_case_60_no_row_of_any_type_opens_a_way_to_others(lent: Lent, type_name: str) -> None:
    rows = await TABLES[type_name].model.all().order_by("id").limit(20)
    document = of_row(type_name, 2, set())

    for row in rows:
        answer = (await ask(lent.client, document, id=gid(row))).answer
        assert set(answer.codes) <= {"FORBIDDEN"}
        assert await strays(answer.data, lent) == [], (type_name, answer.data)


def _names(listed: Listed) -> str:
    return f"{listed.before}{listed.place}"


@pytest.mark.parametrize("listed", connections(), ids=_names)
async def test_case_59_counts_equal_the_lists(lent: Lent, listed: Listed) -> None:
    answer = await lent.client.run(listed.document("", "", "totalCount nodes { id }"))

    for page in _pages(answer.data, listed.place):
        assert page["totalCount"] == len(page["nodes"])
        assert await strays(page, lent) == []


def _pages(data: Any, place: str) -> Iterator[Any]:
    """Every answer to the connection `place`, wherever it stands."""
    if isinstance(data, list):
        for each in data:
            yield from _pages(each, place)
    elif isinstance(data, dict):
        for key, below in data.items():
            if key == place and isinstance(below, dict) and "totalCount" in below:
                yield below
            else:
                yield from _pages(below, place)


async def test_case_59_a_search_finds_what_is_lent_and_counts_no_more(lent: Lent) -> None:
    found = [
        await lent.client.run(
            "query ($s: String) { contacts(search: $s) { totalCount nodes { id } } }", s=word
        )
        for word in ("Alfa", "Beta", "Gama")
    ]

    assert [answer.data["contacts"]["totalCount"] for answer in found] == [0, 1, 0]
    assert found[1].data["contacts"]["nodes"] == [{"id": gid(lent.contact)}]


async def test_case_61_of_a_lent_contact_neither_notes_of_others_nor_mail_are_shown(lent: Lent) -> None:
    document = """query ($id: ID!) { contact(id: $id) { name vatId
      activities { totalCount nodes { area author { id } } } emails { totalCount nodes { text } }
      lastSalesActivityAt } }"""

    answer = await lent.client.run(document, id=lent.contact)

    contact, me = answer.data["contact"], gid(lent.world.me)
    assert contact["name"] == "Beta" and contact["vatId"] is None
    assert contact["activities"]["nodes"] == [{"area": "SALES", "author": {"id": me}}]
    assert contact["emails"] in (None, {"totalCount": 0, "nodes": []})
    assert "FORBIDDEN" in answer.codes


async def test_case_62_reporting_a_contact_that_exists_is_answered_as_one_that_nobody_knows(
    lent: Lent,
) -> None:
    known = await make_contact(
        lent.world.project, name="Mlýn", ico="27082440", email="mlyn@example.cz", phone="+420605123456"
    )
    reported = {"name": "Mlýn", "ico": "27082440", "email": "mlyn@example.cz", "phone": "+420605123456"}
    unknown = {"name": "Voda", "ico": "25596641", "email": "voda@example.cz", "phone": "+420605123457"}

    answers = [await lent.client.run(PROPOSE, input=each) for each in (reported, unknown)]
    created = await lent.client.run(CREATE_BASIC, input={"name": "Mlýn"})

    shown = [answer.data["contactPropose"] for answer in answers]
    for each, sent in zip(shown, (reported, unknown), strict=True):
        assert each["errors"] == []
        assert {key: each["proposal"][key] for key in sent} == sent
        assert (each["proposal"]["handled"], each["proposal"]["version"]) == (False, 1)
    assert created.codes == ["FORBIDDEN"]
    assert await Contact.filter(name="Mlýn").count() == 1 and (await Contact.get(id=known.id)).version == 1


@pytest.mark.parametrize("asked", list(beyond()), ids=lambda asked: asked.name)
async def test_case_63_and_64_and_67_nothing_beyond_the_ceiling_is_done_whatever_his_roles(
    lent: Lent, asked: Operation, sent_jobs: list[Any], rings: list[str]
) -> None:
    """Owner, division and shares of a contact, colleagues, mail, settings: each operation above the ceiling, once."""
    await lent.client.sign_in()
    before = await dump()

    if asked.kind == "subscription":
        answer = await anext(lent.client.subscribe(asked.document, **asked.variables))
    else:
        answer = await lent.client.run(asked.document, **asked.variables)

    assert answer.codes == ["FORBIDDEN"] and not (answer.data or {}).get(asked.name)
    assert await dump() == before and (sent_jobs, rings) == ([], [])


async def test_case_67_his_permissions_are_the_ceiling(lent: Lent) -> None:
    answer = await lent.client.run("{ viewer { roles permissions } }")

    assert set(answer.data["viewer"]["permissions"]) == CEILING
    assert len(answer.data["viewer"]["roles"]) == len(Role)


async def test_case_65_a_harvest_is_refused_told_to_the_director_and_harms_no_ordinary_day(
    lent: Lent,
) -> None:
    world, limit = lent.world, 5
    await ExternalRead.all().delete()
    await world.project.filter(id=world.project.id).update(external_read_limit=limit)
    more = [await make_contact(world.project, name=f"Kontakt {number}") for number in range(9)]
    await share(world, *more)
    director = as_role(Role.DIRECTOR, project=world.project)
    page = "query ($first: Int) { contacts(first: $first) { nodes { name } } }"

    ordinary = [await lent.client.run(page, first=limit) for _ in range(20)]
    harvest = await lent.client.run(page, first=limit + 1)
    entries = await director.run(
        '{ auditEntries(where: {action: {eq: "externalReadLimit"}}) { nodes { employee { id } } } }'
    )

    assert {(len(answer.data["contacts"]["nodes"]), answer.codes == []) for answer in ordinary} == {
        (limit, True)
    }
    assert harvest.data is None and harvest.codes == ["RATE_LIMITED"]
    assert entries.data["auditEntries"]["nodes"] == [{"employee": {"id": gid(world.me)}}]


async def test_case_65_a_number_is_not_read_digit_by_digit(lent: Lent) -> None:
    """A list that shows nothing says whether somebody's number begins so: he may ask a limited number of times."""
    world, limit = lent.world, 5
    await world.project.filter(id=world.project.id).update(external_read_limit=limit)
    search = "query ($digits: String) { contacts(search: $digits) { totalCount } }"

    answers = [await lent.client.run(search, digits=f"60{digit}") for digit in range(10)]

    assert [answer.codes for answer in answers] == [[]] * limit + [["RATE_LIMITED"]] * (10 - limit)
    assert all(answer.data is None for answer in answers[limit:])


@pytest.mark.parametrize("ending", ["time", "recall"])
async def test_case_66_a_share_that_ends_during_a_page_walk_is_gone_on_the_next_page(
    lent: Lent, ending: str
) -> None:
    world = lent.world
    more = [await make_contact(world.project, name=f"Kontakt {number}") for number in range(4)]
    lease = await make_lead_share(world.project, world.partner, more, created_by=world.colleague)
    walk = "query ($after: String) { contacts(first: 2, after: $after) { totalCount nodes { name } pageInfo { endCursor } } }"
    first = await lent.client.run(walk)

    if ending == "recall":
        answer = await as_employee(world.colleague).run(RECALL, input={"id": lease})
        assert answer.faults("leadShareRecall") == []
    else:
        await LeadShare.filter(id=lease.id).update(valid_until=await db.now() - timedelta(seconds=1))
    rest = await lent.client.run(walk, after=first.data["contacts"]["pageInfo"]["endCursor"])

    assert first.data["contacts"]["totalCount"] == 5
    assert [node["name"] for node in first.data["contacts"]["nodes"]] == ["Beta", "Kontakt 0"]
    assert rest.data["contacts"] == {"totalCount": 1, "nodes": [], "pageInfo": {"endCursor": None}}


async def test_case_68_becoming_internal_and_external_again_counts_from_the_next_request(
    lent: Lent,
) -> None:
    """The employee's session, plans and cursors stay as they are: what they give is worked out anew."""
    world, admin = lent.world, as_role(Role.ADMIN, project=lent.world.project)
    change = "mutation ($i: EmployeeUpdateInput!) { employeeUpdate(input: $i) { errors { code } } }"
    listed = (
        "query ($after: String) { contacts(first: 1, after: $after) { totalCount pageInfo { endCursor } } }"
    )
    before = await lent.client.run(listed)
    cursor = before.data["contacts"]["pageInfo"]["endCursor"]
    await Employee.filter(id=world.me.id).update(roles=[Role.SALES_REP])
    inner = {"id": world.me, "partnerId": None}

    into = await admin.run(change, i=inner)
    inside = await lent.client.run(listed, after=cursor)
    back = await admin.run(
        change, i={**inner, "partnerId": world.partner, "reassignRemindersTo": admin.employee}
    )
    after = await lent.client.run(listed, after=cursor)

    assert into.faults("employeeUpdate") == back.faults("employeeUpdate") == []
    counts = [answer.data["contacts"]["totalCount"] for answer in (before, inside, after)]
    assert counts == [1, 3, 1]
    assert told(after)[0]["contacts"]["pageInfo"]["endCursor"] is None
