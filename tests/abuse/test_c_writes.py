"""C. Mutations and jobs that are given ids of another firm, alone or among own ones: nothing is found or written."""

import inspect
from functools import partial
from typing import Any

import pytest

from app.ids import uuid7
from app.models import Account, Email
from app.policy import Role
from app.security import hash_password
from app.workers import WORKER_FUNCTIONS, supervision
from tests.abuse.letters import letter_of
from tests.abuse.mutating import OWNERS_EMAIL, Place, document_of, input_with, places, places_of_filters
from tests.abuse.tenants import Tenants, connections, id_filters, id_of, nobodys, tables, told, two_tenants
from tests.factories import make_employee, make_project
from tests.graphql import PASSWORD, Answer, Bells, as_employee
from tests.models.world import all_models
from tests.schema.test_refusals import dump

#: A try to sign in is counted, whatever becomes of it.
COUNTED = {"sign_in_attempts"}
MOST_IDS = 250


@pytest.fixture
async def tenants(inside: None) -> Tenants:
    return await with_password(await two_tenants())


async def with_password(tenants: Tenants) -> Tenants:
    """The viewer's account can prove itself, where a mutation asks for that."""
    await Account.filter(id=tenants.mine.me.account_id).update(
        email=OWNERS_EMAIL, password_hash=await hash_password(PASSWORD)
    )
    return tenants


async def written() -> dict[str, list[Any]]:
    return {table: rows for table, rows in (await dump()).items() if table not in COUNTED}


async def send(tenants: Tenants, place: Place, value: Any) -> Answer:
    own = partial(id_of, tenants.mine)
    return await tenants.client.run(place.document, input=await input_with(place, value, own))


def is_not_found(answer: Answer, place: Place) -> bool:
    """NOT_FOUND, and at this very place of the input."""
    if answer.codes != ["NOT_FOUND"] or answer.data != {place.mutation: None}:
        return False
    path = answer.errors[0]["extensions"]["inputPath"]
    return bool(["input", *place.steps] == path[: len(place.steps) + 1])


async def test_case_31_a_foreign_id_anywhere_in_an_input_is_not_found_and_nothing_is_written(
    tenants: Tenants, bells: Bells
) -> None:
    await tenants.client.sign_in()
    before = await written()

    for place in places():
        ids = [await id_of(tenants.theirs, place.type_name), nobodys(place.type_name)]
        foreign, random = [await send(tenants, place, [id_] if place.is_many else id_) for id_ in ids]
        assert is_not_found(foreign, place), (str(place), foreign)
        assert told(foreign) == told(random), str(place)
    assert await written() == before
    assert (bells.jobs, bells.rings) == ([], [])


async def test_case_31_with_an_own_id_the_same_inputs_are_not_refused_for_it(tenants: Tenants) -> None:
    """Or the test above would test nothing. Only a project that waits for its deletion can be restored."""
    for place in places():
        if place.mutation == "projectRestore":
            continue
        answer = await send_own(tenants, place)
        if "NOT_FOUND" in answer.codes:  # perhaps an earlier one took it away
            tenants = await with_password_of_another(tenants)
            answer = await send_own(tenants, place)
        assert "NOT_FOUND" not in answer.codes, (str(place), answer)


async def send_own(tenants: Tenants, place: Place) -> Answer:
    own = await id_of(tenants.mine, place.type_name)
    return await send(tenants, place, [own] if place.is_many else own)


async def with_password_of_another(tenants: Tenants) -> Tenants:
    await Account.filter(email=OWNERS_EMAIL).update(email=f"{uuid7()}@firma.cz")
    return await with_password(await two_tenants())


async def test_case_25_a_filter_in_a_mutation_finds_as_little_by_a_foreign_id_as_by_nobodys(
    tenants: Tenants,
) -> None:
    for place in places_of_filters():
        for field, type_name in id_filters(tables()[place.type_name]):
            ids = [await id_of(tenants.theirs, type_name), nobodys(type_name)]
            foreign, random = [await send(tenants, place, {field: {"eq": each}}) for each in ids]
            assert told(foreign) == told(random), (str(place), field)


async def test_case_34_a_foreign_id_among_own_ones_refuses_all_of_them(tenants: Tenants) -> None:
    """Wherever a mutation takes a list of ids; there is no mass update yet."""
    lists = [place for place in places() if place.is_many]
    await tenants.client.sign_in()
    before = await written()

    for place in lists:
        own = await id_of(tenants.mine, place.type_name)
        foreign, random = await id_of(tenants.theirs, place.type_name), nobodys(place.type_name)
        for mixed in ([own, foreign], [foreign, own]):
            answer = await send(tenants, place, mixed)
            assert is_not_found(answer, place), (str(place), answer)
            twin = await send(tenants, place, [random if each == foreign else each for each in mixed])
            assert told(answer) == told(twin), str(place)
    assert lists and await written() == before


async def test_case_35_more_than_250_ids_in_a_mutation_are_refused(tenants: Tenants) -> None:
    await tenants.client.sign_in()
    before = await written()

    for place in places():
        if place.is_many:
            answer = await send(tenants, place, [nobodys(place.type_name) for _ in range(MOST_IDS + 1)])
            refused = answer.codes == ["BAD_USER_INPUT"] or (answer.codes == [] and has_faults(answer, place))
            assert refused, (str(place), answer)
    assert await written() == before


def has_faults(answer: Answer, place: Place) -> bool:
    return {code for _, code in answer.faults(place.mutation)} <= {"TOO_LONG", "OUT_OF_RANGE", "INVALID"}


async def test_case_35_more_than_250_ids_in_a_filter_and_100_at_nodes_are_refused(tenants: Tenants) -> None:
    for listed in connections():
        for field, type_name in id_filters(listed.table):
            document = listed.document("$ids: [ID!]", f"where: {{{field}: {{in: $ids}}}}", "totalCount")
            for many, codes in ((MOST_IDS, []), (MOST_IDS + 1, ["BAD_USER_INPUT"])):
                answer = await tenants.client.run(document, ids=[nobodys(type_name)] * many)
                assert answer.codes == codes, (listed.place, field, many)
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await tenants.client.run(nodes, ids=[nobodys("Contact")] * 101)).codes == ["BAD_USER_INPUT"]


async def test_case_35_ten_thousand_are_refused_whatever_takes_them(tenants: Tenants) -> None:
    ten_thousand = [nobodys("Contact")] * 10_000
    documents = (
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
        "query ($ids: [ID!]!) { contacts(where: {ownerId: {in: $ids}}) { totalCount } }",
    )

    assert [(await tenants.client.run(each, ids=ten_thousand)).codes for each in documents] == [
        ["BAD_USER_INPUT"]
    ] * 2


async def test_case_38_a_key_against_repeats_is_its_employees_own(tenants: Tenants) -> None:
    """Sent by a colleague or by another firm, with the same input: an effect of its own, and no id of the first."""
    colleague = as_employee(tenants.mine.colleague)
    stranger = as_employee(tenants.theirs.me)
    document = "mutation ($input: ContactCreateInput!) { contactCreate(input: $input) { contact { id } errors { code path } } }"
    sent = {"name": "Stejný", "idempotencyKey": "stejný"}

    answers = [await client.run(document, input=sent) for client in (tenants.client, colleague, stranger)]
    again = [await client.run(document, input=sent) for client in (tenants.client, colleague, stranger)]

    ids = [answer.data["contactCreate"]["contact"]["id"] for answer in answers]
    assert len(set(ids)) == 3
    assert [answer.data["contactCreate"]["contact"]["id"] for answer in again] == ids


#: What a project of this name would get into its letters, were names read as templates.
TRICKS = "$inviter ${link} {{firm}} {% for x in y %} %(name)s <b>{0.__class__}</b>"


async def test_case_36_a_letter_is_made_of_its_own_project_alone(inside: None) -> None:
    """Two firms invite the same address at once; one of them calls itself like a template."""
    letters = []
    for firm, boss in (("První", "Adam První"), (f"Druhá {TRICKS}", "Dana Druhá")):
        admin = await make_employee(await make_project(name=firm), [Role.ADMIN], name=boss)
        sent = {"name": "Jana", "email": "jana@firma.cz", "roles": ["TELEPHONIST"]}
        await as_employee(admin).run(document_of("employeeInvite"), input=sent)
        letters.append(await letter_of(await Email.get(project_id=admin.project_id)))

    assert "První" in letters[0] and "Adam První" in letters[0] and "Druhá" not in letters[0]
    assert "Dana Druhá" in letters[1] and TRICKS in letters[1] and "První" not in letters[1]
    assert letters[1].count("#token=") == letters[0].count("#token=")


def test_case_37_a_job_is_given_one_id_and_no_project_that_could_contradict_it() -> None:
    """What project a row is of is read from the row, when the job runs."""
    assert len(WORKER_FUNCTIONS) >= 2 and supervision
    for function in WORKER_FUNCTIONS:
        parameters = list(inspect.signature(function.coroutine).parameters)
        assert parameters[0] == "ctx" and len(parameters) == 2 and "project" not in parameters[1], function


async def test_case_37_a_job_with_the_id_of_something_else_does_nothing(tenants: Tenants) -> None:
    before = await dump()

    for function in WORKER_FUNCTIONS:
        takes = list(inspect.signature(function.coroutine).parameters)[1].removesuffix("_id")
        for model in all_models():
            row = await model.all().first()
            assert row is not None, model
            if takes not in model.__name__.lower():
                await function.coroutine({}, str(row.id))
        await function.coroutine({}, str(uuid7()))

    assert await dump() == before


def test_case_40_ids_tell_the_moment_of_a_row_which_is_no_secret_and_not_how_many_there_are() -> None:
    """Version 7: whoever sees a row sees `createdAt`. The rest of an id is random, so neither counted nor guessed."""
    ids = [uuid7() for _ in range(2_000)]

    assert {each.version for each in ids} == {7}
    random_parts = {each.int & ((1 << 62) - 1) for each in ids}
    assert len(random_parts) == len(ids)
    assert all(sum(part >> bit & 1 for part in random_parts) in range(800, 1_200) for bit in range(62))


def test_case_40_every_type_has_such_ids() -> None:
    defaults = {name: table.model._meta.fields_map["id"].default for name, table in tables().items()}

    assert {name for name, default in defaults.items() if default is not uuid7} == set()
