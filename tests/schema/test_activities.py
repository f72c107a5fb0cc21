"""Recording what happened with contacts, and who sees it."""

from datetime import timedelta
from typing import Any

import pytest

from app.models import (
    READ_PERMISSION,
    WRITE_PERMISSION,
    Activity,
    Area,
    AuditEntry,
    Contact,
    Employee,
    Project,
)
from app.policy import Reach, Role, grants_of
from tests.conftest import Clock
from tests.factories import (
    NOON,
    make_activity,
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
)
from tests.graphql import (
    SentJob,
    as_employee,
    as_role,
    code_of_id,
    gid,
)
from tests.schema.contact_cases import LONG, NOT_ON_ONE_LINE, RECORD, everything

LIST = """query ($where: ActivityWhere, $orderBy: [ActivityOrderBy!]) {
  activities(where: $where, orderBy: $orderBy) { totalCount nodes { summary } } }"""
ONE = "query ($id: ID!) { activity(id: $id) { summary } node(id: $id) { id } }"


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def contact(project: Project) -> Contact:
    return await make_contact(project)


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


def call(contact: Any, **more: Any) -> dict[str, Any]:
    return {"contactId": contact, "kind": "CALL", "area": "SALES", "summary": "Volal jsem", **more}


def summaries(answer: Any) -> list[str]:
    assert answer.errors == [], answer.errors
    return [row["summary"] for row in answer.data["activities"]["nodes"]]


async def test_what_happened_is_recorded(rep: Employee, contact: Contact) -> None:
    sent = call(
        contact, kind="MEETING", detail="První řádek\r\nDruhý", occurredAt="2026-03-01T10:00:00+01:00"
    )

    answer = await as_employee(rep).run(RECORD, input=sent)

    assert answer.faults("activityRecord") == []
    row = await Activity.get()
    assert answer.data["activityRecord"]["activity"] == {
        "id": gid(row),
        "kind": "MEETING",
        "area": "SALES",
        "summary": "Volal jsem",
        "detail": "První řádek\nDruhý",
        "occurredAt": "2026-03-01T09:00:00.000Z",
        "createdAt": "2026-03-02T09:00:00.000Z",
        "author": {"id": gid(rep)},
        "contact": {"id": gid(contact)},
    }
    (entry,) = await AuditEntry.all()
    assert (entry.action, entry.subject, entry.subject_id) == ("activityRecord", "Activity", row.id)


@pytest.mark.parametrize("more", [{}, {"occurredAt": None, "detail": None}, {"detail": "  "}], ids=str)
async def test_it_happened_now_if_nothing_else_is_said(rep: Employee, contact: Contact, more: Any) -> None:
    answer = await as_employee(rep).run(RECORD, input=call(contact, **more))

    activity = answer.data["activityRecord"]["activity"]
    assert activity["occurredAt"] == activity["createdAt"] == "2026-03-02T09:00:00.000Z"
    assert activity["detail"] is None


async def test_the_contact_itself_does_not_change(rep: Employee, contact: Contact) -> None:
    before = await Contact.all().values()

    answer = await as_employee(rep).run(RECORD, input=call(contact))

    assert answer.faults("activityRecord") == []
    assert await Contact.all().values() == before


@pytest.mark.parametrize("role", list(Role))
async def test_each_area_has_its_own_permission(
    project: Project, contact: Contact, role: Role, sent_jobs: list[SentJob]
) -> None:
    external = role is Role.EXTERNAL_TELEPHONIST
    partner = await make_partner(project)
    await make_lead_share(project, partner, [contact])
    client = await as_role(role, project=project, partner=partner if external else None).sign_in()
    granted = grants_of([role], external=external)

    for area, permission in WRITE_PERMISSION.items():
        before = await everything()
        answer = await client.run(RECORD, input=call(contact, area=area.value))
        if permission in granted:
            assert answer.faults("activityRecord") == []
            assert answer.data["activityRecord"]["activity"]["area"] == area.value
        else:
            assert answer.codes == ["FORBIDDEN"]
            assert await everything() == before and sent_jobs == []
            lacked = permission if READ_PERMISSION[area] in granted else READ_PERMISSION[area]
            assert answer.errors[0]["extensions"]["requiredPermission"] == lacked.name


async def test_without_a_role_nothing_is_recorded(project: Project, contact: Contact) -> None:
    answer = await as_role(project=project).run(RECORD, input=call(contact))

    assert answer.codes == ["FORBIDDEN"] and await Activity.all().count() == 0


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_sees_the_areas_it_may_read(
    project: Project, contact: Contact, rep: Employee, role: Role
) -> None:
    external = role is Role.EXTERNAL_TELEPHONIST
    partner = await make_partner(project) if external else None
    if partner:
        await make_lead_share(project, partner, [contact])
    me = await make_employee(project, [role], partner=partner)
    for area in Area:
        for author, whose in ((me, "mine"), (rep, "theirs")):
            await make_activity(contact, author, area=area, summary=f"{area} {whose}")
    grants = grants_of([role], external=external)
    reaches = {area: grants.get(READ_PERMISSION[area]) for area in Area}
    expected = {f"{area} mine" for area in Area if reaches[area]} | {
        f"{area} theirs" for area in Area if reaches[area] is Reach.ALL
    }

    answer = await as_employee(me).run(LIST)
    of_contact = await as_employee(me).run(
        "query ($id: ID!) { contact(id: $id) { activities { totalCount nodes { summary } } } }", id=contact
    )

    assert set(summaries(answer)) == expected
    assert answer.data["activities"]["totalCount"] == len(expected)
    below = of_contact.data["contact"]["activities"]
    assert {row["summary"] for row in below["nodes"]} == expected and below["totalCount"] == len(expected)


async def test_what_one_may_not_read_is_not_there_by_its_id(project: Project, contact: Contact) -> None:
    sales = await make_activity(contact, area="SALES")
    technician = as_role(Role.SERVICE_TECHNICIAN, project=project)

    answer = await technician.run(ONE, id=sales)

    assert answer.data == {"activity": None, "node": None} and answer.errors == []


async def test_the_latest_comes_first_and_filters_hold(
    rep: Employee, project: Project, contact: Contact
) -> None:
    other = await make_contact(project)
    colleague = await make_employee(project, [Role.TELEPHONIST])
    await make_activity(contact, rep, summary="první", occurred_at=NOON - timedelta(days=3))
    await make_activity(contact, colleague, summary="druhá", occurred_at=NOON, kind="NOTE")
    await make_activity(other, rep, summary="třetí", occurred_at=NOON - timedelta(days=1), area="SERVICE")
    client = as_employee(rep)

    for where, expected in (
        (None, ["druhá", "třetí", "první"]),
        ({"kind": {"eq": "NOTE"}}, ["druhá"]),
        ({"area": {"in": ["SERVICE", "BILLING"]}}, ["třetí"]),
        ({"authorId": {"eq": gid(colleague)}}, ["druhá"]),
        ({"contactId": {"ne": gid(contact)}}, ["třetí"]),
        ({"occurredAt": {"gte": "2026-03-01T13:00:00+01:00"}}, ["druhá", "třetí"]),
    ):
        assert summaries(await client.run(LIST, where=where)) == expected
    up = await client.run(LIST, orderBy=[{"occurredAt": "ASC"}])
    assert summaries(up) == ["první", "třetí", "druhá"]


async def test_activities_follow_their_contact(rep: Employee, project: Project) -> None:
    hidden = await make_contact(project, division=await make_division(project))
    activity = await make_activity(hidden, rep)
    chooser = as_employee(await make_employee(project, [Role.DIRECTOR], divisions=[]))

    listed, one = await chooser.run(LIST), await chooser.run(ONE, id=activity)
    recorded = await chooser.run(RECORD, input=call(hidden))

    assert listed.data["activities"] == {"totalCount": 0, "nodes": []}
    assert one.data == {"activity": None, "node": None}
    assert recorded.codes == ["NOT_FOUND"] and await Activity.all().count() == 1


async def test_an_external_records_for_what_is_shared_only(project: Project, contact: Contact) -> None:
    partner, hidden = await make_partner(project), await make_contact(project)
    await make_lead_share(project, partner, [contact])
    client = as_role(Role.EXTERNAL_TELEPHONIST, project=project, partner=partner)

    shared = await client.run(RECORD, input=call(contact))
    not_shared = await client.run(RECORD, input=call(hidden))

    assert shared.faults("activityRecord") == []
    assert shared.data["activityRecord"]["activity"]["author"] is not None
    assert not_shared.codes == ["NOT_FOUND"] and await Activity.all().count() == 1


async def test_a_repeated_key_records_once(rep: Employee, contact: Contact) -> None:
    sent = call(contact, idempotencyKey="1")

    first, second = [await as_employee(rep).run(RECORD, input=sent) for _ in range(2)]
    other = await as_employee(rep).run(RECORD, input={**sent, "summary": "Jiný"})

    assert first.faults("activityRecord") == [] and first.data == second.data
    assert other.codes == ["IDEMPOTENCY_MISMATCH"] and await Activity.all().count() == 1


WRONG: list[tuple[str, Any, str]] = [
    ("summary", "", "REQUIRED"),
    ("summary", LONG, "TOO_LONG"),
    ("detail", LONG * 3, "TOO_LONG"),
    ("detail", "nul\x00", "INVALID"),
    ("detail", "čára\u2028dál", "INVALID"),
    ("occurredAt", "1999-12-31T23:59:59Z", "OUT_OF_RANGE"),
    ("occurredAt", "2026-03-02T09:05:01Z", "OUT_OF_RANGE"),
    ("occurredAt", "2026-03-03T09:00:00Z", "OUT_OF_RANGE"),
    ("occurredAt", "9999-12-31T23:59:59Z", "OUT_OF_RANGE"),
    *[("summary", value, "INVALID") for value in NOT_ON_ONE_LINE],
]


async def test_what_was_typed_wrong_is_told_with_its_place(
    rep: Employee, contact: Contact, sent_jobs: list[SentJob], rings: list[str]
) -> None:
    client, before = as_employee(rep), await everything()

    told = [await client.run(RECORD, input=call(contact, **{field: value})) for field, value, _ in WRONG]

    assert [answer.faults("activityRecord") for answer in told] == [
        [(f"input.{field}", code)] for field, _, code in WRONG
    ]
    assert await everything() == before and sent_jobs == [] and rings == []


async def test_the_ends_of_the_range_are_allowed(rep: Employee, contact: Contact) -> None:
    for moment in ("2000-01-01T00:00:00Z", "2026-03-02T09:05:00Z"):
        answer = await as_employee(rep).run(
            RECORD, input=call(contact, occurredAt=moment, detail="ž" * 20_000)
        )
        assert answer.faults("activityRecord") == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-03-02T09:05:00Z", "2026-03-02T09:00:00.000Z"),
        ("2026-03-02T10:00:01+01:00", "2026-03-02T09:00:00.000Z"),
        ("2026-03-02T08:59:59Z", "2026-03-02T08:59:59.000Z"),
    ],
)
async def test_what_happened_a_little_ahead_of_the_clock_happens_now(
    rep: Employee, contact: Contact, sent: str, kept: str
) -> None:
    answer = await as_employee(rep).run(RECORD, input=call(contact, occurredAt=sent))

    assert answer.data["activityRecord"]["activity"]["occurredAt"] == kept


async def test_what_is_still_to_come_is_told_so(rep: Employee, contact: Contact) -> None:
    answer = await as_employee(rep).run(RECORD, input=call(contact, occurredAt="2026-03-02T09:05:01Z"))

    (fault,) = answer.data["activityRecord"]["errors"]
    assert fault["message"].startswith("2026-03-02 09:05 UTC is still to come.")
    assert not await Activity.all().exists()


async def test_a_contact_that_is_none_is_not_found(rep: Employee, contact: Contact) -> None:
    foreign = await make_contact(await make_project())
    for each in (foreign, rep, str(contact.id), "", "%%%"):
        answer = await as_employee(rep).run(RECORD, input=call(each))
        assert answer.codes == [code_of_id(each, "Contact")]
        assert answer.errors[0]["extensions"]["inputPath"] == ["input", "contactId"]
    assert await Activity.all().count() == 0


MALFORMED: list[Any] = [
    None,
    {},
    *[{name: value for name, value in call("x").items() if name != left_out} for left_out in call("x")],
    call("x", kind="LUNCH"),
    call("x", area="sales"),
    call("x", summary=None),
    call("x", summary=["a"]),
    call("x", occurredAt="2026-03-01"),
    call("x", occurredAt="2026-03-01T10:00:00"),
    call("x", occurredAt="2026-02-30T10:00:00Z"),
    call("x", occurredAt=1_772_440_200),
    call("x", authorId="x"),
    call("x", createdAt="2026-03-01T10:00:00Z"),
]


async def test_a_malformed_request_is_a_coded_error(rep: Employee) -> None:
    answers = [await as_employee(rep).run(RECORD, input=sent) for sent in MALFORMED]

    assert [set(answer.codes) for answer in answers] == [{"BAD_USER_INPUT"}] * len(MALFORMED)
    assert await Activity.all().count() == 0
