"""C. A foreign id, wherever the schema takes one, for every type: the same answer as for an id of nobody."""

from base64 import b64decode, b64encode

import pytest

from app.engine.ids import global_id, type_and_id
from tests.abuse.serving import Divize
from tests.abuse.tenants import (
    Tenants,
    answer_to,
    connections,
    id_filters,
    id_of,
    ids_of,
    nobodys,
    places_of_ids,
    tables,
    told,
    two_tenants,
)
from tests.engine.asking import Statement, ask

NODE = "query ($id: ID!) { node(id: $id) { id __typename } }"
COUNTED = "totalCount nodes { id }"


@pytest.fixture
async def tenants(inside: None) -> Tenants:
    return await two_tenants()


async def test_case_23_a_foreign_id_is_answered_like_one_of_nobody_at_every_argument(
    tenants: Tenants,
) -> None:
    """Of whatever type the argument is: all are tried at each."""
    for type_name in tables():
        foreign, random = await id_of(tenants.theirs, type_name), nobodys(type_name)
        for place in places_of_ids():
            answers = [await answer_to(tenants.client, place, each) for each in (foreign, random)]
            assert told(answers[0]) == told(answers[1]), (place.field, place.argument, type_name)
            shown = (answers[0].data or {}).get(place.field)
            assert place.field == "senderPreview" or shown in (None, [None]), (place, shown)


async def test_case_23_an_own_id_is_found_so_that_the_test_tests_something(tenants: Tenants) -> None:
    hidden = {"Account", "Session", "ReminderEvent"}  # of the viewer alone, not of all his colleagues
    for type_name in set(tables()) - hidden:
        found = [
            (await tenants.client.run(NODE, id=each)).data["node"]
            for each in await ids_of(tenants.mine, type_name)
        ]
        assert {"__typename": type_name} in [{"__typename": each["__typename"]} for each in found if each]


async def test_case_23_not_found_is_the_same_to_the_byte(divize: Divize) -> None:
    tenants = await two_tenants()
    device = await divize.device(tenants.mine.me)
    headers = {"authorization": f"Bearer {device.token}", "x-request-id": "the-same-for-all"}

    for type_name in tables():
        answers = []
        for id_ in (await id_of(tenants.theirs, type_name), nobodys(type_name)):
            sent = {"query": NODE, "variables": {"id": id_}}
            answer = await divize.post(sent, **headers)
            answers.append((answer.status_code, answer.content))
        assert answers[0] == answers[1] == (200, b'{"data":{"node":null}}'), type_name


async def test_case_24_an_id_under_another_types_name_names_no_row(tenants: Tenants) -> None:
    """Two types over one table would be found out here too."""
    for type_name in tables():
        _, local = type_and_id(await id_of(tenants.mine, type_name))
        for other in set(tables()) - {type_name}:
            answer = await tenants.client.run(NODE, id=global_id(other, local))
            assert told(answer) == ({"node": None}, []), (type_name, other)


async def test_case_24_an_id_of_one_type_is_no_id_of_another_at_its_root_field(tenants: Tenants) -> None:
    one_type = [place for place in places_of_ids() if place.type_name]
    for type_name in tables():
        id_ = await id_of(tenants.mine, type_name)
        for place in one_type:
            answer = await tenants.client.run(place.document, id=id_)
            assert place.type_name == type_name or told(answer) == ({place.field: None}, []), (
                place,
                type_name,
            )


async def test_case_24_forged_base64_names_no_row_and_is_no_failure(tenants: Tenants) -> None:
    good = await id_of(tenants.mine, "Contact")
    plain = b64decode(good).decode()
    forged = [
        "",
        "%",
        "Contact:",
        plain,
        good + "=",
        good.rstrip("=") + "\n",
        " " + good,
        good.swapcase(),
        b64encode(plain.upper().encode()).decode(),
        b64encode(plain.replace("-", "").encode()).decode(),
        b64encode(f"{plain}'--".encode()).decode(),
        b64encode(b"Contact:1").decode(),
        b64encode(b"Contact:\xff\xfe").decode(),
        b64encode(b"__Schema:" + plain.encode()).decode(),
        b64encode(b"Nothing:" + plain.partition(":")[2].encode()).decode(),
        b64encode(plain.encode() * 500).decode(),
        "\x00" * 40,
        "č" * 40,
    ]

    for id_ in forged:
        for document in (NODE, NODE.replace("node(", "node: contact(")):
            answer = await tenants.client.run(document, id=id_)
            assert told(answer) == ({"node": None}, []), (id_, document)
    assert (await tenants.client.run(NODE, id=good)).data["node"]["id"] == good


OPERATORS = {"eq": "ID!", "ne": "ID!", "in": "[ID!]!"}


async def test_case_25_a_filter_by_a_foreign_id_is_answered_like_one_by_nobodys(tenants: Tenants) -> None:
    """Of every connection, nested ones too (case 26): equal answers from equal statements, so equal time as well."""
    tried = 0
    for listed in connections():
        for field, type_name in id_filters(listed.table):
            for operator, type_ in OPERATORS.items():
                document = listed.document(
                    f"$id: {type_}", f"where: {{{field}: {{{operator}: $id}}}}", COUNTED
                )
                ids = [await id_of(tenants.theirs, type_name), nobodys(type_name)]
                sent = [[each] if operator == "in" else each for each in ids]
                foreign, random = [await ask(tenants.client, document, id=each) for each in sent]
                assert foreign.data == random.data, document
                assert shape(foreign.statements) == shape(random.statements), document
                assert operator == "ne" or "'totalCount': 0" in str(foreign.data), document
                assert operator == "ne" or "'id'" not in str(foreign.data), document
                tried += 1
    assert tried >= 30


def shape(statements: list[Statement]) -> list[str]:
    return [each.sql for each in statements]
