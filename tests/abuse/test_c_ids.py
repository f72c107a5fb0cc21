"""C. A foreign id, wherever the schema takes one, for every type: the same answer as for an id of nobody."""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import orjson
import pytest

from app.engine.declare import TABLES
from app.engine.ids import ANY_NODE, global_id, type_and_id
from tests.abuse import mutating
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
            if place.takes not in (type_name, ANY_NODE):
                assert [answer.codes for answer in answers] == [["BAD_USER_INPUT"]] * 2, (place, type_name)
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


async def test_case_24_an_id_of_another_type_is_refused_with_both_named_wherever_one_is_taken(
    tenants: Tenants,
) -> None:
    """By-id fields, subscriptions, filters and mutations alike, and no database is asked."""
    ids = {type_name: await id_of(tenants.mine, type_name) for type_name in tables()}
    client = await tenants.client.sign_in()
    tried = 0
    for document, variables, expected in [place async for place in takers(tenants)]:
        others = [(name, ids[name]) for name in ("Contact", "Reminder") if name != expected]
        for got, wrong in (*others, ("no global id", "nonsense"), ("no global id", "")):
            asked = await ask(client, document, **variables(wrong))

            (error,) = asked.answer.errors
            assert error["extensions"]["code"] == "BAD_USER_INPUT", (document, error)
            assert f"expected {expected}, got {got}." in error["message"], (document, error)
            assert error["extensions"]["inputPath"] and asked.answer.data is None
            assert asked.statements == [], (document, asked.statements)
            tried += 1
    assert tried >= 200


async def takers(tenants: Tenants) -> AsyncIterator[tuple[str, Callable[[str], dict[str, Any]], str]]:
    """What takes the id of one type: its document, its variables around an id, and the type."""

    async def own(type_name: str) -> str:
        return await id_of(tenants.mine, type_name)

    for place in places_of_ids():
        if place.kind == "query" and place.takes not in (None, ANY_NODE):
            yield place.document, place.variables, place.takes
    for listed in connections():
        filters = id_filters(listed.table)
        for field, type_name in filters:
            if [name for name, _ in filters].count(field) == 1:  # else it takes ids of all types
                document = listed.document("$id: ID!", f"where: {{not: {{{field}: {{eq: $id}}}}}}", COUNTED)
                yield document, lambda id_: {"id": id_}, type_name
    for at in mutating.places():
        filled = await mutating.input_with(at, [HERE] if at.is_many else HERE, own)
        yield at.document, partial(_with_id, filled), at.type_name
    for at in mutating.places_of_filters():
        for field, type_name in id_filters(TABLES[at.type_name]):
            filled = await mutating.input_with(at, {"not": {field: {"in": [HERE]}}}, own)
            yield at.document, partial(_with_id, filled), type_name


HERE = "the id comes here"


def _with_id(filled: dict[str, Any], id_: str) -> dict[str, Any]:
    return {"input": orjson.loads(orjson.dumps(filled).replace(orjson.dumps(HERE), orjson.dumps(id_)))}


async def test_case_24_forged_base64_is_no_id_and_no_failure(tenants: Tenants) -> None:
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
            assert (answer.data, answer.codes) == (None, ["BAD_USER_INPUT"]), (id_, document)
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
