"""Deleting a project: password and name, 30 days of grace, restoring, purging."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from app.models import (
    PURGE_ORDER,
    Account,
    AuditEntry,
    Employee,
    EmployeeStatus,
    Project,
    Reminder,
    Session,
    SignInAttempt,
    Table,
)
from app.policy import Role
from app.services import project_purging
from app.services.project_deletion import GRACE
from app.workers import projects as worker
from tests.conftest import Clock
from tests.factories import make_audit_entry, make_employee, make_project, make_reminder
from tests.graphql import (
    PASSWORD,
    as_account,
    as_employee,
    code_of_id,
    gid,
    make_account_with_password,
)
from tests.models.world import World, all_models, in_a_project, make_world

DELETE = """
mutation DeleteProject($input: ProjectDeleteInput!) {
  projectDelete(input: $input) { restorableUntil errors { code message path } }
}
"""
RESTORE = """
mutation RestoreProject($input: ProjectRestoreInput!) {
  projectRestore(input: $input) { project { id name } errors { code message path } }
}
"""
RESTORABLE = "{ restorableProjects { projectId name restorableUntil } }"
PROOFS = {"password": PASSWORD, "name": "Pekárna Šťastný"}


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project(name="Pekárna Šťastný")


@pytest.fixture
async def admin(project: Project) -> Employee:
    return await make_employee(project, [Role.ADMIN], account=await make_account_with_password())


@pytest.fixture
async def deleted(project: Project, admin: Employee) -> Project:
    answer = await as_employee(admin).run(DELETE, input=PROOFS)
    assert answer.faults("projectDelete") == []
    return await Project.get(id=project.id)


async def account_of(employee: Employee) -> Account:
    return await Account.get(id=employee.account_id)


async def test_an_admin_deletes_the_project_with_his_password_and_its_name(
    project: Project, admin: Employee, clock: Clock, rings: list[str]
) -> None:
    colleague = await make_employee(project, [Role.TELEPHONIST], reminder_interval_minutes=5)
    await make_reminder(colleague)
    await Employee.filter(id=colleague.id).update(next_popup_at=clock.at)
    client = await as_employee(colleague).sign_in()

    answer = await as_employee(admin).run(DELETE, input=PROOFS)

    assert answer.data == {"projectDelete": {"restorableUntil": "2026-04-01T09:00:00.000Z", "errors": []}}
    assert (await client.run("{ viewer { roles } }")).codes == ["UNAUTHENTICATED"]
    assert await Session.filter(project_id=project.id, revoked_at=None).count() == 0
    assert (await Employee.get(id=colleague.id)).next_popup_at is None
    assert {f"viewers:{each.account_id}" for each in (admin, colleague)} <= set(rings)
    entries = await AuditEntry.filter(action="projectDelete")
    assert {(entry.project_id, entry.employee_id) for entry in entries} == {(project.id, admin.id)}
    assert sorted(entry.subject for entry in entries) == ["Project", "Session", "Session"]
    assert (await SignInAttempt.get()).succeeded


async def test_a_session_elsewhere_goes_on(project: Project, admin: Employee) -> None:
    elsewhere = await make_employee(await make_project(), [Role.TELEPHONIST], account=await account_of(admin))
    client = await as_employee(elsewhere).sign_in()

    await as_employee(admin).run(DELETE, input=PROOFS)

    assert (await client.run("{ viewer { roles } }")).data == {"viewer": {"roles": ["TELEPHONIST"]}}


@pytest.mark.parametrize(
    ("proofs", "fault"),
    [
        ({"password": "spatne heslo"}, ("input.password", "WRONG_PASSWORD")),
        ({"password": ""}, ("input.password", "WRONG_PASSWORD")),
        ({"password": "x" * 10_000}, ("input.password", "WRONG_PASSWORD")),
        ({"password": "nul\x00heslo"}, ("input.password", "WRONG_PASSWORD")),
        ({"name": "Pekárna šťastný"}, ("input.name", "INVALID")),
        ({"name": "Pekárna Šťastný "}, ("input.name", "INVALID")),
        ({"name": ""}, ("input.name", "INVALID")),
        ({"name": "x" * 10_000}, ("input.name", "INVALID")),
        ({"name": "nul\x00"}, ("input.name", "INVALID")),
    ],
)
async def test_without_both_proofs_nothing_is_deleted(
    project: Project, admin: Employee, proofs: dict[str, str], fault: tuple[str, str]
) -> None:
    client = await as_employee(admin).sign_in()

    answer = await client.run(DELETE, input={**PROOFS, **proofs})

    assert answer.faults("projectDelete") == [fault]
    assert (await Project.get(id=project.id)).deletion_requested_at is None
    assert await Session.filter(revoked_at=None).count() == 1


@pytest.mark.parametrize("given", [{}, {"name": "x"}, {"password": PASSWORD}, {**PROOFS, "force": True}])
async def test_a_malformed_request_deletes_nothing(
    project: Project, admin: Employee, given: dict[str, str]
) -> None:
    answer = await as_employee(admin).run(DELETE, input=given)

    assert set(answer.codes) == {"BAD_USER_INPUT"}
    assert (await Project.get(id=project.id)).deletion_requested_at is None


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN}))
async def test_nobody_but_an_admin_deletes_it(project: Project, role: Role) -> None:
    employee = await make_employee(project, [role], account=await make_account_with_password())

    answer = await as_employee(employee).run(DELETE, input=PROOFS)

    assert answer.codes == ["FORBIDDEN"]
    assert (await Project.get(id=project.id)).deletion_requested_at is None


async def test_an_admin_whom_the_ceiling_of_externals_cuts_does_not_delete_it(project: Project) -> None:
    roles = [Role.ADMIN, Role.EXTERNAL_TELEPHONIST]
    employee = await make_employee(project, roles, account=await make_account_with_password())

    answer = await as_employee(employee).run(DELETE, input=PROOFS)

    assert answer.codes == ["FORBIDDEN"]


async def test_an_admin_restores_it_within_the_grace(deleted: Project, admin: Employee, clock: Clock) -> None:
    colleague = await make_employee(deleted, [Role.TELEPHONIST], reminder_interval_minutes=5)
    await make_reminder(colleague, due_at=clock.at + timedelta(days=2))
    clock.advance(GRACE - timedelta(seconds=1))
    client = as_account(await account_of(admin))

    listed = await client.run(RESTORABLE)
    answer = await client.run(RESTORE, input={"projectId": deleted, "password": PASSWORD})

    assert listed.data["restorableProjects"] == [
        {
            "projectId": gid(deleted),
            "name": "Pekárna Šťastný",
            "restorableUntil": "2026-04-01T09:00:00.000Z",
        }
    ]
    assert answer.errors == []
    assert answer.data == {
        "projectRestore": {"project": {"id": gid(deleted), "name": "Pekárna Šťastný"}, "errors": []}
    }
    restored = await Project.get(id=deleted.id)
    assert restored.deletion_requested_at is None and restored.purge_after is None
    assert (await Employee.get(id=colleague.id)).next_popup_at is not None
    assert (await as_employee(colleague).run("{ project { name } }")).data["project"] is not None


async def test_it_is_restored_from_inside_another_project_too(deleted: Project, admin: Employee) -> None:
    account = await account_of(admin)
    elsewhere = await make_employee(await make_project(), [Role.TELEPHONIST], account=account)

    answer = await as_employee(elsewhere).run(RESTORE, input={"projectId": deleted, "password": PASSWORD})

    assert answer.data["projectRestore"]["project"]["id"] == gid(deleted)


async def test_a_wrong_password_restores_nothing(deleted: Project, admin: Employee) -> None:
    answer = await as_account(await account_of(admin)).run(
        RESTORE, input={"projectId": deleted, "password": "spatne heslo"}
    )

    assert answer.faults("projectRestore") == [("input.password", "WRONG_PASSWORD")]
    assert (await Project.get(id=deleted.id)).deletion_requested_at is not None


async def test_nothing_is_restored_after_the_grace(deleted: Project, admin: Employee, clock: Clock) -> None:
    clock.advance(GRACE)
    client = as_account(await account_of(admin))

    answer = await client.run(RESTORE, input={"projectId": deleted, "password": PASSWORD})

    assert answer.codes == ["NOT_FOUND"]
    assert answer.errors[0]["extensions"]["inputPath"] == ["input", "projectId"]
    assert (await client.run(RESTORABLE)).data == {"restorableProjects": []}


@pytest.mark.parametrize(
    "values",
    [
        {"roles": [Role.DIRECTOR]},
        {"roles": [Role.ADMIN, Role.EXTERNAL_TELEPHONIST]},
        {"roles": [Role.ADMIN], "status": EmployeeStatus.DEACTIVATED},
    ],
)
async def test_for_whoever_is_no_admin_of_it_there_is_nothing_to_restore(
    deleted: Project, values: dict[str, object]
) -> None:
    account = await make_account_with_password()
    await make_employee(deleted, account=account, **values)  # type: ignore[arg-type]
    client = as_account(account)

    answer = await client.run(RESTORE, input={"projectId": deleted, "password": PASSWORD})

    assert answer.codes == ["NOT_FOUND"]
    assert (await client.run(RESTORABLE)).data == {"restorableProjects": []}
    assert (await Project.get(id=deleted.id)).deletion_requested_at is not None


async def test_an_id_that_names_no_deleted_project_is_not_found(project: Project, admin: Employee) -> None:
    client = as_account(await account_of(admin))
    ids = [gid(project), gid(await make_project()), gid(admin), "nonsense", "", "UHJvamVjdDpkZWxldGU="]

    answers = [await client.run(RESTORE, input={"projectId": each, "password": PASSWORD}) for each in ids]

    assert [answer.codes for answer in answers] == [[code_of_id(each, "Project")] for each in ids]
    assert len({answer.errors[0]["message"] for answer in answers[:2]}) == 1


async def test_an_invitation_to_a_deleted_project_is_not_accepted_and_nobody_enters_it(
    deleted: Project, admin: Employee
) -> None:
    client = as_account(await account_of(admin))

    entered = await client.run(
        "mutation($input: ProjectEnterInput!) { projectEnter(input: $input) { session { token } } }",
        input={"projectId": deleted},
    )

    assert entered.codes == ["NOT_FOUND"]
    assert (await client.run("{ projects { nodes { name } } }")).data == {"projects": {"nodes": []}}


async def deleted_world(clock: Clock) -> World:
    world = await make_world([Role.ADMIN])
    await Project.filter(id=world.project.id).update(
        deletion_requested_at=clock.at, purge_after=clock.at + GRACE
    )
    clock.advance(GRACE)
    return world


async def rows_of(model: type[Table], project: Project) -> int:
    return await model.filter(project_id=project.id).count()


async def test_after_the_grace_the_worker_purges_everything_but_the_audit_log(clock: Clock) -> None:
    survivor = await make_world([Role.ADMIN])
    kept = {model: await rows_of(model, survivor.project) for model in all_models() if in_a_project(model)}
    world = await deleted_world(clock)
    assert all([await rows_of(model, world.project) for model in PURGE_ORDER])

    await worker.purge_due()

    left = {model.__name__ for model in PURGE_ORDER if await rows_of(model, world.project)}
    assert left == set() and not await Project.exists(id=world.project.id)
    assert {model: await rows_of(model, survivor.project) for model in kept} == kept
    purged = await AuditEntry.get(action="projectPurge")
    assert (purged.project_id, purged.subject_id) == (world.project.id, world.project.id)


async def test_purging_leaves_of_the_audit_log_who_did_what_and_nothing_of_what_records_said(
    clock: Clock,
) -> None:
    world = await deleted_world(clock)
    values = {"changes": {"name": [None, "Novák"]}, "client_ip": "192.0.2.9", "action": "contactCreate"}
    mine = await make_audit_entry(world.project, **values)
    theirs = await make_audit_entry(await make_project(), **values)

    await worker.purge_due()

    entries = {entry.id: entry for entry in await AuditEntry.all()}
    left = entries[mine.id]
    assert (left.action, left.created_at, left.changes, left.client_ip) == (
        "contactCreate",
        mine.created_at,
        {},
        "",
    )
    assert (entries[theirs.id].changes, entries[theirs.id].client_ip) == (values["changes"], "192.0.2.9")


async def test_every_table_of_a_project_is_purged(clock: Clock) -> None:
    assert set(PURGE_ORDER) == {model for model in all_models() if in_a_project(model)}


async def test_nothing_is_purged_before_its_time_or_after_it_was_restored(
    project: Project, clock: Clock
) -> None:
    waiting = await make_project(
        deletion_requested_at=clock.at, purge_after=clock.at + timedelta(microseconds=1000)
    )

    await worker.purge_due()

    assert {each.id for each in await Project.all()} >= {project.id, waiting.id}


async def test_one_project_that_cannot_be_purged_does_not_stop_the_others(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await make_project(deletion_requested_at=clock.at, purge_after=clock.at)
    second = await make_project(deletion_requested_at=clock.at, purge_after=clock.at)
    finish = project_purging.finish

    async def failing(project_id: UUID) -> bool:
        if project_id == first.id:
            raise RuntimeError("broken")
        return await finish(project_id)

    monkeypatch.setattr(project_purging, "finish", failing)
    await worker.purge_due()

    assert await Project.exists(id=first.id) and not await Project.exists(id=second.id)


async def test_a_purge_that_was_begun_cannot_be_taken_back_and_is_gone_on_with(
    deleted: Project, admin: Employee, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = as_account(await account_of(admin))
    await make_reminder(admin)
    clock.advance(GRACE)
    purge = project_purging.delete_rows

    async def killed(project_id: UUID, table: type[Table], *, limit: int) -> int:
        if table is Employee:
            raise RuntimeError("killed")
        return await purge(project_id, table, limit=limit)

    monkeypatch.setattr(project_purging, "delete_rows", killed)
    await worker.purge_due()
    clock.advance(-GRACE)  # as after a correction of the clock: the grace is not over by it

    listed = await client.run(RESTORABLE)
    restored = await client.run(RESTORE, input={"projectId": deleted, "password": PASSWORD})
    assert listed.data == {"restorableProjects": []} and restored.codes == ["NOT_FOUND"]
    assert await Reminder.all().count() == 0 and await Employee.exists(id=admin.id)
    monkeypatch.setattr(project_purging, "delete_rows", purge)
    await worker.purge_due()

    assert not await Project.exists(id=deleted.id) and not await Employee.exists(id=admin.id)
    assert await AuditEntry.filter(action="projectPurge").count() == 1


async def test_several_workers_that_purge_at_once_do_no_harm(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await deleted_world(clock)
    monkeypatch.setattr(worker, "AT_ONCE", 1)

    await asyncio.gather(*(worker.purge_due() for _ in range(4)))

    assert not await Project.exists(id=world.project.id)
    assert await AuditEntry.filter(action="projectPurge").count() == 1
