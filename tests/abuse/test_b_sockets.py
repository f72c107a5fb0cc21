"""B. Who may open a socket, and what a socket of a session that is over may still ask."""

from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from app import db
from app.models import Contact, Employee, Project, Session
from app.services import sessions
from tests.abuse.serving import Divize
from tests.abuse.sockets import codes_in, live, token_of
from tests.factories import make_employee, make_project
from tests.graphql import PASSWORD, gid, make_account_with_password
from tests.http.socket_client import opened, signed_in
from tests.schema.feed_cases import FEED

CREATE = 'mutation { contactCreate(input: {name: "Nesmí vzniknout"}) { contact { id } errors { code } } }'
EVIL = "https://evil.example"


@pytest.fixture
async def rep(divize: Divize) -> Employee:
    return await make_employee(await make_project(), ["SALES_REP"], reminder_interval_minutes=10)


async def test_case_19_to_subscribe_before_saying_who_one_is_closes_with_4401(divize: Divize) -> None:
    async with opened(divize) as socket:
        await socket.subscribe(FEED)

        assert (await socket.closed())[0] == 4401


async def test_case_19_to_say_it_twice_closes_with_4429(divize: Divize, rep: Employee) -> None:
    async with signed_in(divize, await token_of(divize, rep)) as socket:
        await socket.send(type="connection_init", payload={"token": await token_of(divize, rep)})

        assert (await socket.closed())[0] == 4429


@pytest.mark.parametrize("protocols", [["graphql-ws"], None], ids=["legacy", "none"])
async def test_case_19_the_legacy_protocol_closes_with_4406(divize: Divize, protocols: Any) -> None:
    async with opened(divize, subprotocols=protocols) as socket:
        assert (await socket.closed())[0] == 4406


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "https://crm.example.com.evil.example", "http://crm.example.com"]
)
async def test_case_20_a_foreign_page_opens_no_socket(divize: Divize, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(divize, origin=origin):
            pass

    assert refused.value.response.status_code == 403


async def test_case_20_a_foreign_page_is_not_told_that_it_may_read_an_answer(divize: Divize) -> None:
    asked = await divize.post({"query": "{ __typename }"}, origin=EVIL)
    preflight = await divize.http.options(
        divize.url, headers={"origin": EVIL, "access-control-request-method": "POST"}
    )

    assert preflight.status_code == 400
    assert not {"access-control-allow-origin"} & (set(asked.headers) | set(preflight.headers))


async def test_case_20_there_is_no_stream_of_events_over_http(divize: Divize, rep: Employee) -> None:
    """Until server-sent events are built: by GET they never will be."""
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {await token_of(divize, rep)}"}

    got = await divize.http.get(divize.url, params={"query": FEED}, headers=headers)
    posted = await divize.post({"query": FEED}, **headers)

    assert [got.status_code, posted.status_code] == [406, 406]
    assert "text/event-stream" not in {got.headers["content-type"], posted.headers["content-type"]}


async def test_case_21_a_mutation_on_the_socket_of_a_revoked_session_is_refused(
    divize: Divize, rep: Employee
) -> None:
    """Revoked by another process whose bell is still on its way: the mutation reads the session itself."""
    token = await token_of(divize, rep)
    async with signed_in(divize, token) as socket:
        await socket.subscribe("{ viewer { roles } }")
        await socket.receive_until_complete()
        await Session.all().update(revoked_at=await db.now())
        await socket.subscribe(CREATE, "2")
        refused = await socket.receive()

    assert codes_in(refused) == ["UNAUTHENTICATED"] and await Contact.all().count() == 0


async def test_case_21_a_query_is_refused_too_as_soon_as_the_second_is_over(
    divize: Divize, rep: Employee
) -> None:
    async with signed_in(divize, await token_of(divize, rep)) as socket:
        await Session.all().update(revoked_at=await db.now())
        sessions.BELIEVED.clear()
        await socket.subscribe("{ viewer { roles } }")

        assert (await socket.closed())[0] == 4403


async def test_case_21_a_role_that_was_taken_is_missed_by_the_next_mutation_on_the_same_socket(
    divize: Divize, rep: Employee
) -> None:
    async with signed_in(divize, await token_of(divize, rep)) as socket:
        await Employee.filter(id=rep.id).update(roles=["SERVICE_TECHNICIAN"])
        await socket.subscribe(CREATE)
        refused = await socket.receive()

    assert codes_in(refused) == ["FORBIDDEN"]
    assert await Contact.all().count() == 0


async def test_case_22_a_deleted_projects_sockets_and_tokens_die(divize: Divize, rep: Employee) -> None:
    project = await Project.get(id=rep.project_id)
    account = await make_account_with_password()
    admin = await make_employee(project, ["ADMIN"], account=account, reminder_interval_minutes=10)
    stranger = await make_employee(await make_project(), ["ADMIN"], reminder_interval_minutes=10)
    elsewhere = await make_employee(await make_project(), ["ADMIN"], account=account)
    tokens = [await token_of(divize, each) for each in (rep, admin)]
    alive = [await token_of(divize, each) for each in (stranger, elsewhere)]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(live(divize, token)) for token in tokens]
        others = [await stack.enter_async_context(live(divize, token)) for token in alive]

        await (await divize.device(admin)).do("DeleteProject", password=PASSWORD, name=project.name)

        assert [(await socket.closed())[0] for socket in sockets] == [4403] * 2
        for other in others:
            await other.send(type="ping")
            assert await other.receive() == {"type": "pong"}
    assert [await divize.client(token).is_refused() for token in (*tokens, *alive)] == [True] * 2 + [
        False
    ] * 2


async def test_case_22_nobody_enters_it_again(divize: Divize, rep: Employee) -> None:
    project = await Project.get(id=rep.project_id)
    account = await make_account_with_password()
    admin = await make_employee(project, ["ADMIN"], account=account)
    await (await divize.device(admin)).do("DeleteProject", password=PASSWORD, name=project.name)

    entered = await (await divize.device(account)).run("EnterProject", input={"projectId": gid(project)})
    signed = await divize.client().run(
        "SignIn", input={"email": account.email, "password": PASSWORD, "projectId": gid(project)}
    )

    assert (entered.codes, signed.codes) == (["NOT_FOUND"], ["NOT_FOUND"])
