"""The one statement that tells who a token stands for: the same as the models tell, on both engines."""

from datetime import timedelta
from typing import Any

import pytest

from app import db
from app.errors import Unauthenticated
from app.ids import uuid7
from app.models import Account, DivisionScope, Employee, EmployeeStatus, Session
from app.policy import AccountViewer, Member, Role
from app.security import token_hash
from app.services import members, session_rows
from tests.factories import (
    make_account,
    make_division,
    make_employee,
    make_partner,
    make_project,
    make_session,
)

pytestmark = pytest.mark.usefixtures("database")


async def open_session(employee: Employee) -> Session:
    account = await Account.get(id=employee.account_id)
    return await make_session(account, employee, token_hash=token_hash(str(uuid7())))


async def as_the_models_tell(employee: Employee, session: Session) -> Member:
    assert employee.account_id is not None
    return await members.member(
        {name: getattr(employee, name) for name in members.FACTS},
        employee_id=employee.id,
        project_id=employee.project_id,
        account_id=employee.account_id,
        session_id=session.id,
    )


async def test_each_token_stands_for_the_viewer_that_the_models_tell() -> None:
    project = await make_project()
    divisions = [await make_division(project) for _ in range(3)]
    people = [
        await make_employee(project, [Role.SALES_REP, Role.INVOICER]),
        await make_employee(project, [Role.ADMIN], can_delete_contacts=True, can_send_bulk_email=True),
        await make_employee(project, [Role.TELEPHONIST], divisions=divisions[:2]),
        await make_employee(project, [Role.TELEPHONIST], divisions=[]),
        await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=await make_partner(project)),
    ]
    sessions = [await open_session(each) for each in people]

    rows = await session_rows.alive([each.token_hash for each in sessions])

    told = [await as_the_models_tell(*each) for each in zip(people, sessions, strict=True)]
    assert [rows[each.token_hash].viewer for each in sessions] == told
    assert [each.division_ids and len(each.division_ids) for each in told] == [
        None,
        None,
        2,
        frozenset(),
        None,
    ]


async def test_divisions_chosen_once_do_not_count_for_who_works_with_all() -> None:
    project = await make_project()
    employee = await make_employee(project, [Role.SALES_REP], divisions=[await make_division(project)])
    await Employee.filter(id=employee.id).update(division_scope=DivisionScope.ALL)

    viewer, _ = await session_rows.viewer_of((await open_session(employee)).token_hash)

    assert isinstance(viewer, Member) and viewer.division_ids is None


async def test_a_session_before_any_project_stands_for_the_account() -> None:
    account = await make_account()
    session = await make_session(account)

    viewer, _ = await session_rows.viewer_of(session.token_hash)

    assert viewer == AccountViewer(account_id=account.id, session_id=session.id)


async def test_it_brings_the_database_s_clock_and_the_session_s_times() -> None:
    session = await make_session(await make_account())

    before = await db.now()
    row = (await session_rows.alive([session.token_hash]))[session.token_hash]

    assert before <= row.now <= await db.now()
    assert (row.last_used_at, row.absolute_expires_at) == (session.last_used_at, session.absolute_expires_at)


async def test_who_may_not_work_is_left_out() -> None:
    now = await db.now()
    ended: dict[str, dict[str, Any]] = {
        "revoked": {"revoked_at": now},
        "idle for long": {"expires_at": now},
        "at its end": {"absolute_expires_at": now - timedelta(seconds=1)},
    }
    hashes = [
        (await make_session(await make_account(), token_hash=token_hash(why), **values)).token_hash
        for why, values in ended.items()
    ]
    for status in (EmployeeStatus.DEACTIVATED, EmployeeStatus.INVITED):
        at = now if status is EmployeeStatus.DEACTIVATED else None
        employee = await make_employee(await make_project(), [Role.ADMIN])
        hashes.append((await open_session(employee)).token_hash)
        await Employee.filter(id=employee.id).update(status=status, deactivated_at=at)
    closing = await make_project(deletion_requested_at=now, purge_after=now)
    hashes.append((await open_session(await make_employee(closing, [Role.ADMIN]))).token_hash)

    assert await session_rows.alive([*hashes, token_hash("unknown")]) == {}
    for hashed in hashes:
        with pytest.raises(Unauthenticated):
            await session_rows.viewer_of(hashed)
    assert await session_rows.alive([]) == {}
