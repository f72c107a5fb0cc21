"""D. Reading what a role does not show: by any syntax, through payloads and events, by search, or by its effects."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLUnionType, get_introspection_query, get_named_type

from app.integrations.pubsub import Hub
from app.models import Activity, Contact, Employee, Reminder
from app.policy import Role
from app.schema import build
from tests.abuse.rights import GuardedField, People, guarded_fields, make_people, visible_id
from tests.conftest import Clock
from tests.engine.asking import ask
from tests.engine.whole import of_root, root_names
from tests.factories import (
    NOON,
    make_activity,
    make_contact,
    make_email,
    make_employee,
    make_project,
    make_reminder,
)
from tests.graphql import Client, anonymous, as_employee, as_role
from tests.models.world import World
from tests.schema.feed_cases import FEED, answers, hub, next_event

__all__ = ["hub"]


@pytest.fixture
async def people(inside: None) -> People:
    return await make_people()


#: Ways to ask for a field of a type `T` of the row `$id`; the answer's path to it.
SYNTAXES = {
    "plain": ("query ($id: ID!) { node(id: $id) { ... on T { FIELD BELOW } } }", ("node", "f")),
    "alias": (
        "query ($id: ID!) { node(id: $id) { ... on T { harmless: FIELD BELOW } } }",
        ("node", "harmless"),
    ),
    "named fragment": (
        "query ($id: ID!) { node(id: $id) { ...A } } fragment A on T { ...B } fragment B on T { FIELD BELOW }",
        ("node", "f"),
    ),
    "interface": (
        "query ($id: ID!) { node(id: $id) { ... on Node { ... on T { FIELD BELOW } } } }",
        ("node", "f"),
    ),
    "include": (
        "query ($id: ID!) { node(id: $id) { ... on T { FIELD @include(if: true) BELOW } } }",
        ("node", "f"),
    ),
    "include by a variable": (
        "query ($id: ID!, $yes: Boolean = true) { node(id: $id) { ... @include(if: $yes) { ... on T { FIELD BELOW } } } }",
        ("node", "f"),
    ),
    "beside a skipped one": (
        "query ($id: ID!) { node(id: $id) { ... on T { FIELD @skip(if: true) BELOW } ... on T { FIELD BELOW } } }",
        ("node", "f"),
    ),
    "in a list": ("query ($id: ID!) { nodes(ids: [$id]) { ... on T { FIELD BELOW } } }", ("nodes", 0, "f")),
    "twice": (
        "query ($id: ID!) { node(id: $id) { ... on T { FIELD BELOW again: FIELD BELOW } } }",
        ("node", "again"),
    ),
}


def written(syntax: str, guarded: GuardedField) -> str:
    shown = get_named_type(guarded.field.type)
    below = "{ __typename }" if isinstance(shown, GraphQLObjectType) else ""
    of_type = syntax.replace("on T ", f"on {guarded.type_name} ")
    return of_type.replace("FIELD", guarded.name).replace("BELOW", below)


def at(data: Any, path: tuple[str | int, ...], name: str) -> Any:
    for step in path:
        data = data[name if step == "f" else step]
    return data


async def test_case_46_a_guarded_field_is_refused_in_every_syntax(people: People) -> None:
    tried = set()
    for guarded in guarded_fields():
        for role in people.without(guarded.guard):
            id_ = await visible_id(people, role, guarded.type_name)
            if id_ is None:
                continue
            for way, (syntax, path) in SYNTAXES.items():
                answer = await people.clients[role].run(written(syntax, guarded), id=id_)
                assert answer.codes == ["FORBIDDEN"], (str(guarded), role, way, answer)
                assert answer.errors[0]["extensions"]["coordinate"] == str(guarded), (way, answer)
                assert at(answer.data, path, guarded.name) is None, (str(guarded), role, way)
            tried.add(str(guarded))
    assert {"Contact.vatId", "Contact.creditLimit", "Contact.lastSalesActivityAt", "Project.email"} <= tried


def test_case_46_there_is_no_union_by_which_to_ask() -> None:
    """When there is one, it is a syntax more for the test above."""
    assert [each for each in build()._schema.type_map.values() if isinstance(each, GraphQLUnionType)] == []


SECRETS = {"vatId": "CZ27082440", "bankAccount": "19-2000145399/0800", "priceLevel": "Velkoobchod zlatý"}
CREATE = """mutation ($input: ContactCreateInput!) { contactCreate(input: $input) {
  contact { name vatId } errors { code path } } }"""
UPDATE = """mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) {
  contact { name vatId bankAccount } errors { code path } } }"""


async def test_case_44_a_word_in_a_guarded_field_is_found_by_nobody(people: People) -> None:
    """What is searched is made of columns that everybody sees who sees the contact."""
    made = await people.clients[Role.ADMIN].run(
        CREATE, input={"name": "Řeznictví Alfa", "internalRating": 5, **SECRETS}
    )
    assert made.faults("contactCreate") == []
    search = "query ($search: String!) { contacts(search: $search) { totalCount } }"

    for role in (Role.ADMIN, Role.TELEPHONIST):
        words = [*SECRETS.values(), *" ".join(SECRETS.values()).split(), "27082440", "2000145399"]
        for word in words:
            answer = await people.clients[role].run(search, search=word)
            assert answer.data == {"contacts": {"totalCount": 0}}, (role, word)
        answer = await people.clients[role].run(search, search="řeznictví")
        assert answer.data == {"contacts": {"totalCount": 1}}


async def billing(world: World) -> None:
    await Contact.filter(project_id=world.project.id).update(
        vat_id="CZ27082440",
        price_level="ZLATÁ",
        internal_rating=1,
        credit_limit_minor=1,
        bank_account="1/0100",
    )


async def sales(world: World) -> None:
    await make_activity(world.contact, world.colleague, summary="Tajné", occurred_at=NOON + timedelta(days=1))
    await Activity.filter(contact_id=world.b2b_contact.id, area="SALES").delete()


async def others_reminders(world: World) -> None:
    await Reminder.filter(assignee_id=world.colleague.id).update(title="Tajné")
    await make_reminder(world.colleague, contact=world.contact)


async def unshared(world: World) -> None:
    await Contact.filter(id=world.b2b_contact.id).update(
        name="Tajné", email="tajne@firma.cz", status="CUSTOMER"
    )
    await make_contact(world.project, name="Aaa Tajný")


async def others_mail(world: World) -> None:
    await make_email(world.project, contact=world.contact, author=world.colleague, subject="Tajné")


async def hidden_area(world: World) -> None:
    await make_activity(world.contact, world.colleague, area="BILLING", summary="Tajné")
    await make_email(world.project, contact=world.contact, area="BILLING", subject="Tajné")


PAIRS: dict[str, tuple[Role, Callable[[World], Awaitable[None]]]] = {
    "billing data, for a telephonist": (Role.TELEPHONIST, billing),
    "sales, for a technician": (Role.SERVICE_TECHNICIAN, sales),
    "others' reminders, for a sales representative": (Role.SALES_REP, others_reminders),
    "contacts not shared, for an external": (Role.EXTERNAL_TELEPHONIST, unshared),
    "others' mail, for a telephonist": (Role.TELEPHONIST, others_mail),
    "billing activity, for a complaint handler": (Role.COMPLAINTS, hidden_area),
}


async def whole_view(client: Client, world: World) -> list[Any]:
    """What every root field tells, two rows deep."""
    found = []
    for name in root_names():
        document = of_root(name, 2, set())
        sent: dict[str, Any] = {"id": world.contact} if "$id" in document else {}
        asked = await ask(client, document, **sent)
        errors = [
            (each["message"], each.get("path"), each["extensions"]["code"]) for each in asked.answer.errors
        ]
        found.append((name, json.dumps(asked.answer.data), errors))
    return found


@pytest.mark.parametrize(("role", "change"), PAIRS.values(), ids=PAIRS)
async def test_case_45_two_worlds_that_differ_in_what_is_hidden_look_the_same(
    people: People, clock: Clock, role: Role, change: Callable[[World], Awaitable[None]]
) -> None:
    """A handful by hand; tests/proof/worlds draws them. To an admin the two do differ."""
    viewer, admin = people.clients[role], people.clients[Role.ADMIN]
    before, shown = await whole_view(viewer, people.world), await whole_view(admin, people.world)

    await change(people.world)

    assert await whole_view(viewer, people.world) == before
    assert await whole_view(admin, people.world) != shown


async def test_case_47_a_payload_shows_no_more_than_a_query(people: People) -> None:
    contact = people.world.contact
    await Contact.filter(id=contact.id).update(vat_id="CZ27082440", bank_account="1/0100")
    telephonist = people.clients[Role.TELEPHONIST]

    created = await telephonist.run(CREATE, input={"name": "Nový"})
    updated = await telephonist.run(UPDATE, input={"id": contact, "name": "Jiný"})

    assert created.data["contactCreate"]["contact"] == {"name": "Nový", "vatId": None}
    assert updated.data["contactUpdate"]["contact"] == {"name": "Jiný", "vatId": None, "bankAccount": None}
    assert created.codes == ["FORBIDDEN"] and updated.codes == ["FORBIDDEN"] * 2


async def test_case_47_a_repeat_by_its_key_shows_what_may_be_seen_now_not_then(people: People) -> None:
    """Only ids are kept of the first answer: who lost the right meanwhile gets the row without it, or no row."""
    client = people.clients[Role.SALES_REP]
    sent = {"name": "Nový", "divisionId": people.world.b2b, "idempotencyKey": "jednou"}
    first = await client.run(CREATE, input=sent)
    contact = await Contact.get(name="Nový")
    await Contact.filter(id=contact.id).update(vat_id="CZ27082440")
    assert client.employee is not None
    mine = Employee.filter(id=client.employee.id)

    await mine.update(roles=[Role.TELEPHONIST])
    poorer = await client.run(CREATE, input=sent)
    await mine.update(division_scope="CHOSEN")
    blind = await client.run(CREATE, input=sent)
    await mine.update(roles=[Role.SERVICE_TECHNICIAN])
    refused = await client.run(CREATE, input=sent)

    assert first.faults("contactCreate") == []
    assert poorer.data["contactCreate"]["contact"] == {"name": "Nový", "vatId": None}
    assert blind.data["contactCreate"]["contact"] is None and "NOT_FOUND" not in blind.codes
    assert (refused.data, refused.codes) == ({"contactCreate": None}, ["FORBIDDEN"])
    assert await Contact.filter(name="Nový").count() == 1


def test_case_47_nothing_is_echoed_for_the_asking() -> None:
    payloads = [each for name, each in build()._schema.type_map.items() if name.endswith("Payload")]

    assert payloads and [each for each in payloads if "clientMutationId" in each.fields] == []  # type: ignore[attr-defined]


async def test_case_48_an_event_shows_no_more_than_a_query(inside: None, hub: Hub, clock: Clock) -> None:
    project = await make_project()
    contact = await make_contact(project, vat_id="CZ27082440")
    employee = await make_employee(project, [Role.TELEPHONIST], reminder_interval_minutes=10)
    await make_reminder(employee, contact=contact, due_at=clock.at)
    document = FEED.replace("contact { id name }", "contact { name vatId }")

    async with answers(hub, Client(employee=employee), document=document) as results:
        popup = await next_event(results)

    assert popup.data["reminderFeed"]["reminders"][0]["contact"] == {"name": contact.name, "vatId": None}
    assert popup.codes == ["FORBIDDEN"]


LOG = "{ auditEntries(first: 100) { totalCount nodes { contact { name } changes { field old new } } } }"


async def test_case_48_the_audit_log_tells_of_a_row_what_its_reader_may_see_of_it(people: People) -> None:
    """A director of one division reads nothing of another's contact: no entry, no value, no higher count."""
    world = people.world
    director = as_employee(await make_employee(world.project, [Role.DIRECTOR], divisions=[world.b2b]))
    before = (await director.run(LOG)).data

    changed = await people.clients[Role.SALES_REP].run(
        UPDATE, input={"id": world.b2c_contact, "vatId": "CZ27082440"}
    )

    assert changed.faults("contactUpdate") == []
    assert (await director.run(LOG)).data == before
    assert "CZ27082440" in json.dumps((await people.clients[Role.ADMIN].run(LOG)).data)
    refused = await people.clients[Role.TELEPHONIST].run(LOG)
    assert (refused.codes, refused.data) == (["FORBIDDEN"], {"auditEntries": None})


async def test_case_52_introspection_tells_everybody_the_same_and_of_no_row(people: People) -> None:
    """The schema is published as schema.graphql, on purpose: it holds no secret, and rights do not rest on it."""
    query = get_introspection_query(descriptions=False)
    await as_role(Role.ADMIN).sign_in()

    answers = [
        (await client.run(query)).data
        for client in (people.clients[Role.ADMIN], people.clients[Role.EXTERNAL_TELEPHONIST], anonymous())
    ]

    assert answers[0] == answers[1] == answers[2]
    assert "Alfa" not in json.dumps(answers[0]) and people.world.project.name not in json.dumps(answers[0])
