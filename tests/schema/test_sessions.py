"""Entering a project, signing out, ending sessions elsewhere."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.models import Project, Session
from app.security import token_hash
from tests.factories import LONG_AGO, NOON, make_account, make_employee, make_project, make_session
from tests.graphql import (
    anonymous,
    as_account,
    as_employee,
    as_role,
    gid,
    make_account_with_password,
    with_token,
)
from tests.schema.sign_in_cases import WHO, make_worker, sign_in

ENTER = """
mutation EnterProject($input: ProjectEnterInput!) {
  projectEnter(input: $input) { session { token employee { id project { id name } } } errors { code message path } }
}
"""
SIGN_OUT = "mutation SignOut { signOut { errors { code message path } } }"
SESSIONS = "query Sessions { viewer { sessions { id createdAt lastUsedAt userAgent current } } }"
REVOKE = """
mutation RevokeSession($input: SessionRevokeInput!) {
  sessionRevoke(input: $input) { revokedSessionId revokedSessionIds errors { code message path } }
}
"""


async def is_alive(token: str) -> bool:
    return (await with_token(token).run(WHO)).codes == []


async def test_entering_a_project_replaces_the_token() -> None:
    account = await make_account_with_password()
    await make_worker(account)
    employee = await make_worker(account)
    token = (await sign_in(account)).data["signIn"]["session"]["token"]

    answer = await with_token(token).run(ENTER, input={"projectId": gid(await employee.project)})

    session = answer.data["projectEnter"]["session"]
    assert session["employee"]["id"] == gid(employee)
    assert not await is_alive(token)
    assert await is_alive(session["token"])


async def test_entering_projects_over_and_over_does_not_make_a_session_last_longer() -> None:
    account = await make_account()
    employee = await make_worker(account)
    client = await as_account(account).sign_in()
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    await Session.all().update(absolute_expires_at=ends_at, expires_at=ends_at)

    await client.run(ENTER, input={"projectId": gid(await employee.project)})

    entered = await Session.get(revoked_at=None)
    assert (entered.absolute_expires_at, entered.expires_at) == (ends_at, ends_at)


async def test_a_foreign_project_is_not_entered_and_the_token_stays() -> None:
    client = as_account(await make_account())
    foreign = (await make_employee(await make_project(), ["ADMIN"])).project_id

    answer = await client.run(ENTER, input={"projectId": gid(await Project.get(id=foreign))})

    assert answer.codes == ["NOT_FOUND"] and answer.data == {"projectEnter": None}
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", "projectId"]
    assert client.token is not None and await is_alive(client.token)


async def test_nobody_enters_without_a_session() -> None:
    answer = await anonymous().run(ENTER, input={"projectId": gid(await make_project())})

    assert answer.codes == ["UNAUTHENTICATED"]


async def test_signing_out_ends_this_session_alone() -> None:
    account = await make_account()
    here, elsewhere = as_account(account), await as_account(account).sign_in()

    answer = await here.run(SIGN_OUT)

    assert answer.faults("signOut") == []
    assert here.token and not await is_alive(here.token)
    assert elsewhere.token and await is_alive(elsewhere.token)
    assert (await here.run(SIGN_OUT)).codes == ["UNAUTHENTICATED"]


async def test_one_sees_the_living_sessions_of_ones_account() -> None:
    account = await make_account()
    client = await as_account(account).sign_in()
    other = await make_session(account, await make_worker(account), user_agent="Firefox")
    await make_session(account, revoked_at=NOON)
    await make_session(account, expires_at=LONG_AGO)
    await make_session(await make_account())

    answer = await client.run(SESSIONS)

    shown = {each["id"]: each for each in answer.data["viewer"]["sessions"]}
    assert set(shown) == {
        gid(other),
        *(gid(each) for each in await Session.filter(token_hash=token_hash(client.token or ""))),
    }
    assert shown[gid(other)]["userAgent"] == "Firefox"
    assert [each["current"] for each in shown.values() if each["id"] != gid(other)] == [True]
    assert shown[gid(other)]["current"] is False


async def test_a_session_elsewhere_is_ended_by_its_id(rings: list[str]) -> None:
    account = await make_account()
    client, elsewhere = as_account(account), await as_account(account).sign_in()
    assert elsewhere.token and await is_alive(elsewhere.token)
    other = await Session.get()

    answer = await client.run(REVOKE, input={"id": other})

    assert answer.data["sessionRevoke"] == {
        "revokedSessionId": gid(other),
        "revokedSessionIds": [gid(other)],
        "errors": [],
    }
    assert not await is_alive(elsewhere.token)
    assert rings == [f"viewers:{account.id}"]


async def test_all_other_sessions_end_at_once() -> None:
    account = await make_account()
    client = await as_account(account).sign_in()
    others = [await as_account(account).sign_in(), await as_employee(await make_worker(account)).sign_in()]
    stranger = await as_role("SALES_REP").sign_in()

    answer = await client.run(REVOKE, input={"all": True})

    ended = await Session.filter(revoked_at__isnull=False)
    assert sorted(answer.data["sessionRevoke"]["revokedSessionIds"]) == sorted(gid(each) for each in ended)
    assert [await is_alive(each.token or "") for each in others] == [False, False]
    assert await is_alive(client.token or "") and await is_alive(stranger.token or "")


@pytest.mark.parametrize("sent", [{}, {"all": False}, {"id": None}, {"id": None, "all": None}])
async def test_what_names_no_session_ends_none(sent: dict[str, Any]) -> None:
    client = await as_account(await make_account()).sign_in()

    answer = await client.run(REVOKE, input=sent)

    assert answer.faults("sessionRevoke") == [("input.id", "INVALID")]
    assert await Session.filter(revoked_at=None).count() == 1


async def test_one_and_all_together_end_none() -> None:
    client = await as_account(await make_account()).sign_in()

    answer = await client.run(REVOKE, input={"all": True, "id": await Session.get()})

    assert answer.faults("sessionRevoke") == [("input.id", "INVALID")]
    assert await Session.filter(revoked_at=None).count() == 1


async def test_somebody_elses_session_is_not_found_and_goes_on(rings: list[str]) -> None:
    stranger = await make_session(await make_account())
    client = as_role("ADMIN")

    answer = await client.run(REVOKE, input={"id": stranger})

    assert answer.codes == ["NOT_FOUND"]
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", "id"]
    assert (await Session.get(id=stranger.id)).revoked_at is None and rings == []
