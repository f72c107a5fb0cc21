"""B. What is open when a right ends: sockets close, and nothing that comes after the commit is delivered."""

import json
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from websockets.exceptions import ConnectionClosedError

from app import db
from app.http.sockets import RECHECK_EVERY_S
from app.models import Employee, EmployeeStatus, Project, Session
from app.policy import Role
from app.services.beliefs import BELIEVED_FOR_S
from tests.abuse.mutating import document_of
from tests.abuse.serving import NOWHERE, Divize, serving
from tests.abuse.sockets import (
    BILLING_FEED,
    codes_in,
    happen,
    listening,
    live,
    next_event,
    token_of,
    until_live,
)
from tests.factories import (
    NOON,
    make_contact,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
    make_reminder,
)
from tests.graphql import OTHER_PASSWORD, PASSWORD, gid, make_account_with_password
from tests.http.socket_client import SocketClient
from tests.schema.feed_cases import brief, open_window

AT_ONCE_S = 5
QUICK_ROUND_S = 0.1


async def make_rep(project: Project, *roles: Role) -> Employee:
    return await make_employee(project, roles or [Role.SALES_REP], reminder_interval_minutes=10)


async def closed_and_silent(socket: SocketClient) -> int | None:
    """The close code; fails if anything comes before."""
    with pytest.raises(ConnectionClosedError, match="4403"):
        await socket.receive()
    return socket.connection.close_code


async def test_case_12_a_dismissed_employees_sockets_close_and_bring_nothing_more(divize: Divize) -> None:
    project = await make_project()
    boss, rep, colleague = (
        await make_employee(project, ["ADMIN"]),
        await make_rep(project),
        await make_rep(project),
    )
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(live(divize, await token_of(divize, rep))) for _ in range(3)
        ]
        other = await stack.enter_async_context(live(divize, await token_of(divize, colleague)))

        await (await divize.device(boss)).do("Deactivate", id=gid(rep))
        await happen(divize, rep)
        await happen(divize, colleague)

        assert [await closed_and_silent(socket) for socket in sockets] == [4403] * 3
        assert (await next_event(other))["__typename"] == "ReminderPopup"


async def test_case_13_with_redis_down_they_close_by_a_look_into_the_database(
    database_url: str, quick_passwords: None
) -> None:
    """Dismissed by another process, whose bell nobody hears."""
    async with serving(database_url, NOWHERE, recheck_every_s=QUICK_ROUND_S) as divize:
        rep = await make_rep(await make_project())
        async with live(divize, await token_of(divize, rep)) as socket:
            await Employee.filter(id=rep.id).update(status=EmployeeStatus.DEACTIVATED, deactivated_at=NOON)

            assert (await socket.closed(within_s=AT_ONCE_S))[0] == 4403


def test_case_13_that_look_comes_well_within_half_a_minute() -> None:
    assert RECHECK_EVERY_S + BELIEVED_FOR_S <= 30


async def test_case_14_the_next_event_comes_without_what_a_lost_role_showed(divize: Divize) -> None:
    project = await make_project()
    admin, rep = await make_employee(project, ["ADMIN"]), await make_rep(project)
    boss = await divize.device(admin)
    contact = await make_contact(project, vat_id="CZ27082440")
    await make_reminder(rep, contact=contact)
    async with listening(divize, await token_of(divize, rep), document=BILLING_FEED) as socket:
        before = (await until_live(socket))[0]

        await boss.do("UpdateEmployee", id=gid(rep), roles=["TELEPHONIST"])
        await open_window(rep, await db.now())
        message = await socket.receive()

        await boss.do("UpdateEmployee", id=gid(rep), roles=[], reassignRemindersTo=gid(admin))
        await happen(divize, rep)
        refused = await socket.receive()

    assert before["reminders"][0]["contact"]["vatId"] == "CZ27082440"
    assert "CZ27082440" not in json.dumps(message)
    assert message["payload"]["errors"][0]["extensions"]["coordinate"] == "Contact.vatId"
    assert (refused["type"], codes_in(refused)) == ("error", ["FORBIDDEN"])


async def test_case_15_a_lead_that_is_shared_no_more_leaves_by_its_id_alone(divize: Divize) -> None:
    project = await make_project()
    partner, boss = await make_partner(project), await make_employee(project, ["DIRECTOR"])
    contact = await make_contact(project, name="Tajná firma")
    share = await make_lead_share(project, partner, [contact])
    external = await make_employee(
        project, [Role.EXTERNAL_TELEPHONIST], partner=partner, reminder_interval_minutes=5
    )
    reminder = await make_reminder(external, contact=contact, title="Zavolat do Tajné firmy")
    async with listening(divize, await token_of(divize, external)) as socket:
        shown = await until_live(socket)

        recalled = await (await divize.device(boss)).query(
            document_of("leadShareRecall"), input={"id": gid(share)}
        )
        assert recalled.faults("leadShareRecall") == []
        gone = await next_event(socket)
        await open_window(external, await db.now())
        await make_reminder(external, title="Jiný úkol")
        await open_window(external, await db.now())
        later = await next_event(socket)

    assert "Tajná firma" in json.dumps(shown, ensure_ascii=False)
    assert brief(gone) == ("closed", "GIVEN_AWAY", gid(reminder))
    assert [each["title"] for each in later["reminders"]] == ["Jiný úkol"]
    assert "Tajn" not in json.dumps([gone, later], ensure_ascii=False)


@pytest.mark.parametrize("how", ["ChangePassword", "RevokeSession"])
async def test_case_16_a_new_password_or_leaving_everywhere_closes_the_other_sockets(
    divize: Divize, how: str
) -> None:
    account = await make_account_with_password()
    projects = [await make_project(), await make_project()]
    places = [await make_employee(each, ["SALES_REP"], account=account) for each in projects]
    here = await divize.device(places[0])
    sent = {"current": PASSWORD, "new": OTHER_PASSWORD} if how == "ChangePassword" else {"all": True}
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(live(divize, str(here.token)))
        others = [
            await stack.enter_async_context(live(divize, await token_of(divize, each))) for each in places
        ]

        await here.do(how, **sent)

        assert [(await socket.closed(within_s=AT_ONCE_S))[0] for socket in others] == [4403] * 2
        await happen(divize, places[0])
        assert (await next_event(own))["__typename"] == "ReminderPopup"


async def test_case_17_a_session_that_expires_closes_its_socket_and_a_fresh_one_goes_on_from_the_cursor(
    database_url: str, redis_url: str, quick_passwords: None
) -> None:
    """With 4403, which is our code for a session that is over (api.md), by the same look as in case 13."""
    async with serving(database_url, redis_url, recheck_every_s=QUICK_ROUND_S) as divize:
        rep = await make_rep(await make_project())
        async with live(divize, await token_of(divize, rep)) as socket:
            await happen(divize, rep, "Před koncem")
            cursor = (await next_event(socket))["cursor"]
            await Session.all().update(expires_at=await db.now() - timedelta(seconds=1))
            code, _ = await socket.closed(within_s=AT_ONCE_S)
        await happen(divize, rep, "Po konci")

        async with listening(divize, await token_of(divize, rep), after=cursor) as socket:
            missed = await until_live(socket)

    assert code == 4403
    assert [[each["title"] for each in event.get("reminders", [])] for event in missed] == [["Po konci"], []]


async def test_case_18_with_anothers_cursor_one_gets_ones_own_events_from_the_beginning(
    divize: Divize,
) -> None:
    project = await make_project()
    rep, colleague = await make_rep(project), await make_rep(project)
    await make_reminder(colleague, title="Kolegův úkol")
    await make_reminder(rep, title="Můj úkol")
    async with listening(divize, await token_of(divize, colleague)) as socket:
        theirs = (await until_live(socket))[-1]["cursor"]

    async with listening(divize, await token_of(divize, rep), after=theirs) as socket:
        events = await until_live(socket)

    assert brief(events[0]) == ("reset", "CURSOR_UNKNOWN")
    assert [each["title"] for each in events[1]["reminders"]] == ["Můj úkol"]
    assert "Kolegův" not in json.dumps(events, ensure_ascii=False)
