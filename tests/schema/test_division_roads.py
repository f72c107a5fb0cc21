"""Divisions on every road: whoever works with chosen ones meets no row that hangs on a contact of another.

The roads are made of the schema: lists, relations, filters, searches, counts, cursors, ids, inputs of mutations. Hidden is
the contact Gama of the division B2C with all that hangs on it, whose texts all have that name in them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson
import pytest
from tortoise.transactions import in_transaction

from app.engine.declare import TABLES, ById
from app.engine.guards import SPEC, metadata_of
from app.engine.ids import global_id, type_and_id
from app.ids import uuid7
from app.integrations.pubsub import Hub
from app.models import Contact, Employee, ProposalDecision, Reminder, ReminderState
from app.policy import Role
from tests.factories import NOON, make_audit_entry, make_employee, make_proposal, viewer_of
from tests.graphql import Answer, Bells, Client, as_employee, gid
from tests.models.world import World, make_world
from tests.schema.employee_cases import UPDATE as UPDATE_EMPLOYEE
from tests.schema.feed_cases import feed, hub, until_live
from tests.schema.operations import operation
from tests.schema.road_cases import (
    LARGE,
    MIDDLE,
    SMALL,
    Taking,
    filters,
    hanging,
    id_fields,
    ids_of,
    listings,
    roads,
    schema,
    takings,
    with_value,
)
from tests.schema.test_refusals import dump

__all__ = ["hub"]

HIDDEN = "Gama"


class Scene(NamedTuple):
    """The world, and two directors in it: `one` works with B2B alone, `all_of` with everything."""

    world: World
    one: Client
    all_of: Client
    hidden: Mapping[str, list[str]]

    def leaks(self, answer: Answer) -> list[str]:
        """What of the hidden rows stands in an answer."""
        body = orjson.dumps([answer.data, answer.errors]).decode()
        ids = [each for many in self.hidden.values() for each in many]
        return [each for each in (HIDDEN, *ids) if each in body]


@pytest.fixture
async def scene() -> Scene:
    async with in_transaction():
        world = await make_world([Role.DIRECTOR], divisions="B2B")
        await Employee.filter(id=world.me.id).update(can_delete_contacts=True)
        boss = await make_employee(world.project, [Role.DIRECTOR])
        await make_proposal(
            world.me,
            name=f"Hlášená {HIDDEN}",
            contact=world.b2c_contact,
            decision=ProposalDecision.MERGED,
            decided_by=world.colleague,
            decided_at=NOON,
        )
        await make_audit_entry(
            world.project,
            subject="Contact",
            subject_id=world.b2c_contact.id,
            contact_id=world.b2c_contact.id,
            division_id=world.b2c.id,
            changes={"name": ["Stará", HIDDEN]},
        )
    one, all_of = await as_employee(world.me).sign_in(), await as_employee(boss).sign_in()
    return Scene(world, one, all_of, await ids_of(world.b2c_contact))


async def test_every_type_that_hangs_on_a_contact_is_among_what_is_hidden(scene: Scene) -> None:
    assert {"Contact", "Person", "Activity", "Reminder", "Email", "EmailRecipient"} <= scene.hidden.keys()
    assert all(scene.hidden.values()), scene.hidden


async def test_no_list_and_no_relation_leads_to_what_is_hidden(scene: Scene) -> None:
    met: list[str] = []
    for road in roads():
        answer = await scene.one.run(road.document)
        assert set(answer.codes) <= {"FORBIDDEN"} and answer.data is not None, (road, answer.errors)
        assert scene.leaks(answer) == [], road
        for total, shown in counts(answer.data):
            assert total == shown or shown in (LARGE, MIDDLE, SMALL), (road, total, shown)
        met += scene.leaks(await scene.all_of.run(road.document))
    assert {each for many in scene.hidden.values() for each in many} <= set(met), "the roads lead somewhere"


def counts(found: Any) -> Iterator[tuple[int, int]]:
    """Of every connection in an answer, what it counts and how many rows it shows."""
    if isinstance(found, list):
        for each in found:
            yield from counts(each)
    if isinstance(found, dict):
        if found.keys() >= {"totalCount", "nodes"}:
            yield found["totalCount"], len(found["nodes"])
        for each in found.values():
            yield from counts(each)


async def test_no_filter_finds_or_counts_what_is_hidden(scene: Scene) -> None:
    asked = 0
    for each in filters():
        rows = await TABLES[each.type_name].model.filter(id__in=_local(scene.hidden[each.type_name]))
        document = (
            f"query($where: {each.type_name}Where) {{ {each.listing}(where: $where, first: {LARGE}) "
            "{ totalCount nodes { id } } }"
        )
        for operand in {value for row in rows if (value := each.operand(row)) is not None}:
            wheres: list[Any] = [
                {each.field: {"eq": operand}},
                {"not": {"not": {each.field: {"eq": operand}}}},
            ]
            for where in wheres:
                answer = await scene.one.run(document, where=where)
                assert answer.errors == [] and scene.leaks(answer) == [], (each, where)
                ((total, shown),) = counts(answer.data)
                assert total == shown, (each, where)
                seen = await scene.all_of.run(document, where=where)
                assert scene.leaks(seen) or each.type_name == "AuditEntry", (each, where)
                asked += 1
    assert asked > 50


def _local(ids: list[str]) -> list[Any]:
    return [type_and_id(each)[1] for each in ids]


async def test_no_search_finds_what_is_hidden(scene: Scene) -> None:
    searched = [name for name, spec in listings() if spec.search]
    assert searched
    for name in searched:
        document = f'{{ {name}(search: "{HIDDEN}") {{ totalCount nodes {{ id }} }} }}'

        assert (await scene.one.run(document)).data == {name: {"totalCount": 0, "nodes": []}}
        assert (await scene.all_of.run(document)).data[name]["totalCount"] == 1


async def test_no_id_opens_what_is_hidden(scene: Scene) -> None:
    by_id = {
        spec.to: name
        for name, field in schema().query_type.fields.items()
        if isinstance(spec := metadata_of(field).get(SPEC), ById)
    }
    for type_name, ids in scene.hidden.items():
        for id_ in ids:
            read = {"node": "node(id: $id) { id }", "nodes": "nodes(ids: [$id]) { id }"}
            if type_name in by_id:
                read[by_id[type_name]] = f"{by_id[type_name]}(id: $id) {{ id }}"
            document = f"query($id: ID!) {{ {' '.join(read.values())} }}"

            answer = await scene.one.run(document, id=id_)

            assert answer.errors == []
            assert answer.data == {name: [None] if name == "nodes" else None for name in read}, type_name


async def test_a_walk_through_pages_meets_nothing_hidden_once_the_scope_shrank(scene: Scene) -> None:
    world, admin = scene.world, as_employee(await make_employee(scene.world.project, [Role.ADMIN]))
    await admin.run(UPDATE_EMPLOYEE, input={"id": world.me, "divisionScope": "ALL"})
    cursors = {name: await _cursors(scene, name) for name, _ in listings()}
    await admin.run(UPDATE_EMPLOYEE, input={"id": world.me, "divisionIds": [world.b2b]})

    for name, found in cursors.items():
        for way, size, cursor in [
            (way, size, each) for way, size in (("after", "first"), ("before", "last")) for each in found
        ]:
            answer = await scene.one.run(
                f"query($cursor: String) {{ {name}({way}: $cursor, {size}: {LARGE}) "
                "{ totalCount edges { cursor node { id } } pageInfo { startCursor endCursor hasNextPage } } }",
                cursor=cursor,
            )
            assert answer.errors == [] and scene.leaks(answer) == [], (name, way)
            assert answer.data[name]["totalCount"] >= len(answer.data[name]["edges"])


async def _cursors(scene: Scene, listing: str) -> list[str]:
    """The first, and those of what is to be hidden."""
    page = f"{{ {listing}(first: 100) {{ edges {{ cursor node {{ id }} }} }} }}"
    edges = (await scene.one.run(page)).data[listing]["edges"]
    hidden = {each for many in scene.hidden.values() for each in many}
    assert any(each["node"]["id"] in hidden for each in edges), listing
    return [each["cursor"] for each in edges if each is edges[0] or each["node"]["id"] in hidden]


def stripped(answer: Answer, *ids: str) -> str:
    """An answer without what is different for each request."""
    body = orjson.dumps([answer.data, answer.errors]).decode()
    for each in (
        *ids,
        *(error["extensions"]["requestId"] for error in answer.errors if "requestId" in error["extensions"]),
    ):
        body = body.replace(each, "…")
    return body


async def test_no_input_of_a_mutation_tells_what_is_hidden_from_what_is_not_there(
    scene: Scene, bells: Bells
) -> None:
    visible, places, absent = await _visible_ids(scene), list(takings()), 0
    before = await dump()
    for each in places:
        answers = []
        for id_ in (scene.hidden[each.type_name][0], global_id(each.type_name, uuid7())):
            asked = operation("mutation", each.mutation, schema().mutation_type.fields[each.mutation])
            sent = with_value(
                _with_visible_ids(asked.variables["input"], each.mutation, visible),
                each.path,
                [id_] if each.is_list else id_,
            )
            answer = await scene.one.run(asked.document, input=sent)
            assert (bells.jobs, bells.rings) == ([], []), each
            answers.append(stripped(answer, id_))
            absent += answer.codes == ["NOT_FOUND"]
        assert answers[0] == answers[1], each
    assert await dump() == before
    assert absent == 2 * len(places) and len(places) > 20


async def _visible_ids(scene: Scene) -> dict[str, str]:
    """A row in reach of each type, if there is one."""
    viewer = await viewer_of(scene.world.me)
    found = {}
    for name, table in TABLES.items():
        row = await table.model.visible_to(viewer).order_by("id").first()
        if row is not None:
            found[name] = gid(row)
    return found


def _with_visible_ids(sent: Mapping[str, Any], mutation: str, visible: Mapping[str, str]) -> dict[str, Any]:
    """The smallest input, whose ids name rows in reach, so that nothing else is refused."""
    found = dict(sent)
    for path, type_name in id_fields(mutation):
        if len(path) == 1 and path[0] in found and type_name in visible:
            found[path[0]] = [visible[type_name]] if isinstance(found[path[0]], list) else visible[type_name]
    return found


async def test_no_subscription_follows_what_is_hidden(scene: Scene, hub: Hub) -> None:
    document = "subscription($id: ID!) { emailStatus(emailId: $id) { id subject } }"
    scene.one.hub = hub
    answers = []
    for id_ in (scene.hidden["Email"][0], global_id("Email", uuid7())):
        events = scene.one.subscribe(document, id=id_)
        answers.append(stripped(await anext(events), id_))
        await events.aclose()

    assert answers[0] == answers[1] and "NOT_FOUND" in answers[0]


async def test_the_feed_neither_shows_nor_counts_what_is_hidden(scene: Scene, hub: Hub) -> None:
    """A reminder that its assignee had before his scope shrank, should nobody have taken it from him."""
    mine = Reminder.filter(assignee_id=scene.world.me.id, state=ReminderState.OPEN)
    await Employee.filter(id=scene.world.me.id).update(reminder_interval_minutes=5)
    visible = {gid(each) for each in await mine if gid(each) not in scene.hidden["Reminder"]}
    assert await mine.count() > len(visible) > 0

    async with feed(hub, scene.one) as events:
        popup, live = await until_live(events)

    nobodys = Reminder.filter(project_id=scene.world.project.id, assignee_id=None, state=ReminderState.OPEN)
    to_give = {gid(each) for each in await nobodys}.difference(scene.hidden["Reminder"])
    assert {each["id"] for each in popup["reminders"]} == visible
    assert live["openCount"] == len(visible) + len(to_give)


async def test_mail_goes_with_its_contact_into_another_division(scene: Scene) -> None:
    world, document = scene.world, "{ emails(first: 100) { nodes { id subject recipients { id } } } }"
    moved = await ids_of(world.b2b_contact)
    before = orjson.dumps((await scene.one.run(document)).data).decode()
    assert moved["Email"] and all(each in before for each in (*moved["Email"], *moved["EmailRecipient"]))

    await scene.all_of.run(
        "mutation($input: ContactUpdateInput!) { contactUpdate(input: $input) { errors { message } } }",
        input={"id": world.b2b_contact, "divisionId": world.b2c},
    )

    after = orjson.dumps((await scene.one.run(document)).data).decode()
    assert (await Contact.get(id=world.b2b_contact.id)).division_id == world.b2c.id
    assert not any(each in after for each in (*moved["Email"], *moved["EmailRecipient"]))


def test_what_hangs_on_a_contact_is_found_in_the_models() -> None:
    assert hanging()["EmailRecipient"] == "email_id" and hanging()["Contact"] == "id"
    assert not {"Division", "Employee", "Partner", "LeadShare", "Project"} & hanging().keys()
    assert any(isinstance(each, Taking) and each.mutation == "contactDelete" for each in takings())
