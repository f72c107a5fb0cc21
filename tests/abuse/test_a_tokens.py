"""A. Tokens of sessions: where they may stand, which are worth nothing, and that none comes back to life."""

import json
import logging
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
import structlog
from websockets.exceptions import InvalidStatus

from app import db, logs
from app.models import Account, Employee, Session
from app.security import new_token, token_hash
from app.services import sessions
from tests.abuse.serving import Divize
from tests.conftest import Clock
from tests.factories import make_account, make_contact, make_employee, make_project, make_session
from tests.graphql import as_employee, gid, make_account_with_password, with_token
from tests.http.socket_client import opened
from tests.schema.sign_in_cases import WHO
from tests.schema.test_refusals import dump

SECOND = timedelta(seconds=1)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """What has been logged so far, at the most talkative level there is."""
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # or they would be closed
    logs.configure("DEBUG", as_json=True)
    yield written.getvalue
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("name", ["token", "access_token", "Authorization", "session", "jwt", "apiKey"])
async def test_case_08_a_token_in_the_query_string_is_refused_and_not_logged(
    divize: Divize, log: Callable[[], str], name: str
) -> None:
    employee = await make_employee(await make_project(), ["ADMIN"])
    token = (await divize.device(employee)).token
    assert token is not None
    address = f"{divize.url}?{name}={token}"

    posted = await divize.http.post(address, json={"query": WHO})
    got = await divize.http.get(f"{address}&query={WHO}")
    with pytest.raises(InvalidStatus) as refused:
        async with opened(divize, path=f"?{name}={token}"):
            pass

    answers = [(posted.status_code, posted.text), (got.status_code, got.text)]
    answers.append((refused.value.response.status_code, (refused.value.response.body or b"").decode()))
    assert [status for status, _ in answers] == [400] * 3
    assert token not in "".join(text for _, text in answers) + log()


async def test_case_08_a_mutation_by_get_is_refused(divize: Divize) -> None:
    employee = await make_employee(await make_project(), ["ADMIN"])
    token = (await divize.device(employee)).token

    answer = await divize.http.get(
        divize.url,
        params={"query": "mutation { signOut { errors { code } } }"},
        headers={"authorization": f"Bearer {token}"},
    )

    assert answer.status_code == 405 and answer.headers["allow"] == "POST"
    assert not await divize.client(token).is_refused()


async def test_case_08_a_token_in_its_header_is_not_logged_either(
    divize: Divize, log: Callable[[], str]
) -> None:
    device = await divize.device(await make_employee(await make_project(), ["ADMIN"]))

    await device.query(WHO)
    await device.query("{ viewer { nothing } }")
    async with device.socket():
        pass
    await divize.client(f"{device.token}x").query(WHO)

    assert device.token is not None and device.token not in log()


async def test_case_08_the_log_of_a_failure_names_neither_token_nor_address(
    divize: Divize, log: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await divize.device(
        await make_employee(await make_project(), ["ADMIN"], email="kanarek@firma.cz")
    )

    async def fail(*_: object, **__: object) -> None:
        raise LookupError("broken on purpose")

    monkeypatch.setattr("app.services.contacts.create", fail)
    answer = await device.query('mutation { contactCreate(input: {name: "Kanár"}) { contact { id } } }')

    told = log()
    assert answer.codes == ["INTERNAL_SERVER_ERROR"] and "broken on purpose" in told
    assert str(device.token) not in told and "kanarek" not in told and "Kanár" not in told


def json_web_token(header: dict[str, Any], payload: dict[str, Any], signature: str = "") -> str:
    parts = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload))
    return f"{'.'.join(parts)}.{signature}"


async def forged(session: Session, token: str, account: Account) -> dict[str, str]:
    claims = {"sub": str(account.id), "sid": str(session.id), "exp": 4_102_444_800}
    return {
        "no algorithm": json_web_token({"alg": "none"}, claims),
        "an algorithm": json_web_token({"alg": "HS256"}, claims, "c2lnbmVk"),
        "the stored hash": session.token_hash,
        "the session's id": str(session.id),
        "its global id": gid(session),
        "one letter off": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "one letter more": f"{token}A",
        "another case": token.swapcase(),
        "random": new_token(),
        "a pattern": "%",
    }


async def test_case_10_a_forged_token_is_worth_nothing(divize: Divize) -> None:
    account = await make_account()
    device = await divize.device(account)
    assert device.token is not None
    session = await Session.get(token_hash=token_hash(device.token))

    for kind, token in (await forged(session, device.token, account)).items():
        assert await divize.client(token).is_refused(), kind
        async with opened(divize) as socket:
            await socket.send(type="connection_init", payload={"Authorization": f"Bearer {token}"})
            assert (await socket.closed())[0] == 4403, kind
    assert not await device.is_refused()


@pytest.mark.parametrize("ended", ["expires_at", "absolute_expires_at", "revoked_at"])
async def test_case_10_a_token_is_worth_nothing_one_second_after_its_end(
    inside: None, clock: Clock, ended: str
) -> None:
    account = await make_account()
    token = new_token()
    session = await make_session(account, token_hash=token_hash(token))
    await Session.filter(id=session.id).update(**{ended: clock.at + SECOND})
    alive = await with_token(token).run(WHO)

    clock.advance(SECOND)
    sessions.BELIEVED.clear()

    # One that was revoked is so whatever the clock says.
    assert alive.codes == ([] if ended != "revoked_at" else ["UNAUTHENTICATED"])
    assert (await with_token(token).run(WHO)).codes == ["UNAUTHENTICATED"]


async def test_case_10_a_token_of_one_project_opens_no_other(inside: None) -> None:
    """Neither by name, nor by a header, nor by entering: it stands for one employee of one project."""
    employee, elsewhere = await make_employee(await make_project(), ["ADMIN"]), await make_project()
    foreign = await make_contact(elsewhere)
    client = await as_employee(employee).sign_in()
    contact = "query ($id: ID!) { contact(id: $id) { name } project { id } }"
    enter = "mutation ($input: ProjectEnterInput!) { projectEnter(input: $input) { session { token } } }"

    read = await client.run(contact, id=foreign)
    entered = await client.run(enter, input={"projectId": elsewhere})

    assert read.data == {"contact": None, "project": {"id": gid(await employee.project)}}
    assert entered.codes == ["NOT_FOUND"]


async def replaced_by_entering(divize: Divize) -> tuple[str, str]:
    """A token before it entered a project, and the one it was exchanged for."""
    account = await make_account_with_password()
    employee = await make_employee(await make_project(), ["SALES_REP"], account=account)
    device = await divize.device(account)
    old = device.token
    await device.do("EnterProject", projectId=gid(await employee.project))
    assert old is not None and device.token not in (None, old)
    return old, str(device.token)


async def test_case_11_the_token_before_a_project_was_entered_is_dead(divize: Divize) -> None:
    """There are no refresh tokens: a session rotates when it enters a project, and what is replayed is refused."""
    old, new = await replaced_by_entering(divize)
    contacts = await db.fetch("SELECT count(*) AS n FROM contacts")

    replayed = divize.client(old)
    write = 'mutation { contactCreate(input: {name: "x"}) { contact { id } } }'

    assert await replayed.is_refused()
    assert (await replayed.query(write)).codes == ["UNAUTHENTICATED"]
    async with opened(divize) as socket:
        await socket.send(type="connection_init", payload={"token": old})
        assert (await socket.closed())[0] == 4403
    assert not await divize.client(new).is_refused()
    assert await db.fetch("SELECT count(*) AS n FROM contacts") == contacts


async def test_case_11_no_token_stands_in_the_database(divize: Divize) -> None:
    """Neither the one that was replaced nor the one that replaced it: not in the audit log either."""
    tokens = await replaced_by_entering(divize)

    kept = str(await dump())

    assert [token for token in tokens if token in kept] == []
    assert [token_hash(token) in kept for token in tokens] == [True, True]


@pytest.mark.parametrize("how", ["SignOut", "RevokeSession"])
async def test_case_11_a_token_that_was_given_up_is_dead_for_good(divize: Divize, how: str) -> None:
    employee = await make_employee(await make_project(), ["SALES_REP"])
    device, other = await divize.device(employee), await divize.device(employee)
    listed = (await device.ask("Sessions"))["sessions"]
    current = next(each["id"] for each in listed if each["current"])

    await device.do(how, **({"id": current} if how == "RevokeSession" else {}))

    assert await device.is_refused() and not await other.is_refused()
    assert await still_dead_after_another_sign_in(divize, employee, device.token)


async def still_dead_after_another_sign_in(divize: Divize, employee: Employee, token: str | None) -> bool:
    assert isinstance(employee.account_id, UUID)
    await divize.device(employee)
    return await divize.client(token).is_refused()
