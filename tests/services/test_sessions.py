"""Whom a token stands for, how long that is believed, and how quickly it ends."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app import db, jobs
from app.errors import Unauthenticated
from app.jobs import unit_of_work
from app.models import Account, Employee, EmployeeStatus, Session
from app.policy import AccountViewer, Member, Permission, Reach, Role, Viewer
from app.schema.context import ClientInfo
from app.security import new_token, token_hash
from app.services import beliefs, sessions
from app.services.beliefs import Beliefs
from tests.conftest import Clock
from tests.factories import (
    make_account,
    make_division,
    make_employee,
    make_partner,
    make_project,
    make_session,
    viewer_of,
)
from tests.graphql import settings

__all__ = ["settings"]

pytestmark = pytest.mark.usefixtures("database", "settings")

CLIENT = ClientInfo("198.51.100.1", "pytest")


@pytest.fixture(autouse=True)
def _without_redis() -> Iterator[None]:
    """No bell leaves this process."""
    jobs.bind(None, None)
    yield
    sessions.BELIEVED.clear()


class Stopwatch:
    """What `time.monotonic` says to the beliefs."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    watch = Stopwatch()
    monkeypatch.setattr(beliefs, "time", watch)
    monkeypatch.setattr(sessions, "time", watch)
    return watch


async def open_session(employee: Employee) -> str:
    token = new_token()
    account = await Account.get(id=employee.account_id)
    await make_session(account, employee, token_hash=token_hash(token))
    return token


async def make_worker(*roles: Role, **values: Any) -> Employee:
    return await make_employee(await make_project(), roles or [Role.SALES_REP], **values)


async def ask(token: str | None) -> Viewer:
    return await sessions.authenticate(token, CLIENT)


async def is_alive(token: str) -> bool:
    try:
        await ask(token)
    except Unauthenticated:
        return False
    return True


async def revoke(account_id: UUID | None, then: Exception | None = None) -> None:
    assert account_id is not None
    async with unit_of_work() as work:
        await sessions.revoke_all(account_id, now=work.now)
        if then is not None:
            raise then


async def test_nobody_is_anonymous() -> None:
    assert type(await ask(None)) is Viewer


async def test_a_member_has_what_his_roles_flags_divisions_and_partner_make_of_him() -> None:
    project = await make_project()
    division, partner = await make_division(project), await make_partner(project)
    cases: tuple[dict[str, Any], ...] = (
        {},
        {"divisions": [division]},
        {"divisions": []},
        {"can_delete_contacts": True},
        {"partner": partner, "can_send_bulk_email": True},
    )
    for values in cases:
        employee = await make_employee(project, [Role.SALES_REP, Role.TELEPHONIST], **values)

        viewer = await ask(await open_session(employee))

        assert isinstance(viewer, Member)
        assert viewer == await viewer_of(employee, session_id=viewer.session_id)
        assert dict(viewer.grants) == dict((await viewer_of(employee)).grants)


async def test_the_flag_gives_the_right_to_delete() -> None:
    without, having = await make_worker(), await make_worker(can_delete_contacts=True)

    reaches = [
        (await ask(await open_session(employee))).reach(Permission.CONTACT_DELETE)
        for employee in (without, having)
    ]

    assert reaches == [None, Reach.ALL]


async def test_a_revocation_bites_at_the_next_request_of_the_process_that_did_it() -> None:
    employee = await make_worker()
    token = await open_session(employee)
    assert await is_alive(token)

    await revoke(employee.account_id)

    assert not await is_alive(token)


async def test_a_revocation_that_was_rolled_back_ends_nothing() -> None:
    employee = await make_worker()
    token = await open_session(employee)

    with pytest.raises(Unauthenticated):
        await revoke(employee.account_id, then=Unauthenticated("too late"))

    assert await is_alive(token)


async def test_a_revocation_bites_within_a_second_in_another_process_without_any_bell(
    stopwatch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    employee = await make_worker()
    token = await open_session(employee)
    here, there = sessions.BELIEVED, Beliefs()
    monkeypatch.setattr(sessions, "BELIEVED", there)
    assert await is_alive(token)

    monkeypatch.setattr(sessions, "BELIEVED", here)
    await revoke(employee.account_id)
    monkeypatch.setattr(sessions, "BELIEVED", there)

    stopwatch.at += 0.999
    assert await is_alive(token)
    stopwatch.at += 0.001
    assert not await is_alive(token)


async def test_a_revocation_bites_at_once_in_another_process_that_hears_the_bell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    employee = await make_worker()
    token = await open_session(employee)
    here, there = sessions.BELIEVED, Beliefs()
    monkeypatch.setattr(sessions, "BELIEVED", there)
    assert await is_alive(token)
    monkeypatch.setattr(sessions, "BELIEVED", here)
    await revoke(employee.account_id)

    monkeypatch.setattr(sessions, "BELIEVED", there)
    sessions.forget(str(employee.account_id))

    assert not await is_alive(token)


async def test_what_was_read_before_a_revocation_is_not_believed_after_it() -> None:
    account_id = (await make_account()).id
    viewer = AccountViewer(account_id=account_id, session_id=account_id)
    believed = Beliefs()
    generation = believed.generation

    believed.forget(account_id)
    believed.put("hash", viewer, 0.0, generation)

    assert believed.get("hash") is None


async def test_the_beliefs_are_bounded(monkeypatch: pytest.MonkeyPatch, stopwatch: Stopwatch) -> None:
    monkeypatch.setattr(beliefs, "MOST_BELIEVED", 2)
    viewer = AccountViewer(account_id=UUID(int=1), session_id=UUID(int=2))
    believed = Beliefs()

    for name in ("a", "b", "c"):
        believed.put(name, viewer, stopwatch.at, 0)

    assert [believed.get(name) is None for name in ("a", "b", "c")] == [True, False, False]


async def test_within_a_second_the_database_is_not_asked_again(
    stopwatch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await open_session(await make_worker())
    first = await ask(token)
    monkeypatch.setattr(sessions, "_look_up", None)

    assert await ask(token) is first


async def test_those_who_ask_in_one_moment_are_looked_up_together_and_one_refused_hurts_nobody(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    employees = [await make_worker() for _ in range(3)]
    tokens = [await open_session(each) for each in employees]
    await revoke(employees[1].account_id)
    await Session.all().update(last_used_at=clock.at)
    statements = []

    def counting(how: Any) -> Any:
        async def counted(sql: str, params: Any = (), **options: Any) -> Any:
            statements.append(sql.split()[0])
            return await how(sql, params, **options)

        return counted

    monkeypatch.setattr(db, "fetch", counting(db.fetch))
    if db.dialect() == "postgres":  # on SQLite it is a `fetch`
        monkeypatch.setattr(db, "read", counting(db.read))
    clock.advance(timedelta(minutes=2))
    answers = await asyncio.gather(
        *(ask(each) for each in [*tokens, tokens[0], new_token()]), return_exceptions=True
    )

    ids = [each.employee_id if isinstance(each, Member) else type(each) for each in answers]
    assert ids == [employees[0].id, Unauthenticated, employees[2].id, employees[0].id, Unauthenticated]
    assert statements == ["SELECT", "UPDATE"]
    used = {each.employee_id: each.last_used_at for each in await Session.all()}
    assert [used[each.id] == clock.at for each in employees] == [True, False, True]


async def test_a_mutation_reads_the_session_from_the_database_whatever_is_believed() -> None:
    employee = await make_worker()
    token = await open_session(employee)
    assert await is_alive(token)
    await Session.all().update(revoked_at=employee.created_at)

    assert await is_alive(token)
    with pytest.raises(Unauthenticated):
        await sessions.read(token)


async def test_using_a_session_prolongs_it_once_a_minute(clock: Clock, stopwatch: Stopwatch) -> None:
    account = await make_account()
    async with unit_of_work() as work:
        token, begun = await sessions.start(
            account.id, employee=None, client_ip="", user_agent="", now=work.now
        )

    used = []
    for wait in (timedelta(seconds=59), timedelta(seconds=1), timedelta(seconds=30)):
        clock.advance(wait)
        stopwatch.at += 1
        await ask(token)
        session = await Session.get(id=begun.id)
        used.append((session.last_used_at - begun.created_at, session.expires_at - begun.expires_at))

    minute = timedelta(minutes=1)
    assert used == [(timedelta(0), timedelta(0)), (minute, minute), (minute, minute)]
    assert (await Session.get(id=begun.id)).client_ip == CLIENT.ip


async def test_an_unused_session_ends_and_no_use_prolongs_it_beyond_its_last_day(
    clock: Clock, stopwatch: Stopwatch
) -> None:
    account = await make_account()
    async with unit_of_work() as work:
        used, _ = await sessions.start(account.id, employee=None, client_ip="", user_agent="", now=work.now)
        unused, _ = await sessions.start(account.id, employee=None, client_ip="", user_agent="", now=work.now)

    alive = {}
    for day in (13, 14, 26, 39, 52, 65, 78, 89, 90):
        clock.at = work.now + timedelta(days=day)
        stopwatch.at += 1
        alive[day] = await is_alive(used), day == 14 and await is_alive(unused)

    assert [day for day, (is_used_alive, _) in alive.items() if not is_used_alive] == [90]
    assert alive[14][1] is False


async def test_an_employees_sessions_end_for_good_and_those_elsewhere_go_on() -> None:
    employee = await make_worker()
    account = await Account.get(id=employee.account_id)
    elsewhere = await make_employee(await make_project(), account=account)
    here, there = await open_session(employee), await open_session(elsewhere)
    assert await is_alive(here) and await is_alive(there)

    async with unit_of_work() as work:
        ended = await sessions.revoke_of_employee(employee, now=work.now)

    assert ended == 1
    assert not await is_alive(here) and await is_alive(there)
    await Employee.filter(id=employee.id).update(status=EmployeeStatus.ACTIVE)
    assert not await is_alive(here)
