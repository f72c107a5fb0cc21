"""Projects of thousands of people: deleting and restoring takes a few statements."""

from app.jobs import Job
from app.models import Account, AuditEntry, Employee, Project, Session
from app.policy import Role
from tests.bounds.measure import measured
from tests.bounds.rows import after_filling, colleagues, copies, id_of
from tests.conftest import Clock
from tests.factories import make_employee, make_project, make_reminder, make_session
from tests.graphql import PASSWORD, SentJob, as_account, as_employee, make_account_with_password
from tests.schema.test_project_deletion import DELETE, PROOFS, RESTORE

PEOPLE = 3_000


async def make_large_project(clock: Clock) -> tuple[Project, Employee]:
    """Three thousand people, each signed in and with a reminder that is due."""
    project = await make_project(name=PROOFS["name"])
    admin = await make_employee(project, [Role.ADMIN], account=await make_account_with_password())
    model = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=5)
    account = await Account.get(id=model.account_id)
    reminder, session = await make_reminder(model, due_at=clock.at), await make_session(account, model)
    await colleagues(model, PEOPLE)
    mine = id_of("n")
    await copies(reminder, PEOPLE, assignee_id=mine)
    await copies(session, PEOPLE, account_id=mine, employee_id=mine, token_hash="'hash' || n")
    await after_filling()
    return project, admin


async def test_a_project_of_three_thousand_is_deleted_and_restored_by_a_few_statements(
    clock: Clock, sent_jobs: list[SentJob]
) -> None:
    project, admin = await make_large_project(clock)
    client = await as_employee(admin).sign_in()

    with measured(f"projectDelete, {PEOPLE} people") as deleting:
        deleted = await client.run(DELETE, input=PROOFS)
    account = await Account.get(id=admin.account_id)
    with measured(f"projectRestore, {PEOPLE} people") as restoring:
        restored = await as_account(account).run(RESTORE, input={"projectId": project, "password": PASSWORD})

    assert deleted.faults("projectDelete") == restored.faults("projectRestore") == []
    assert await Session.filter(project_id=project.id, revoked_at=None).count() == 0
    assert await AuditEntry.filter(action="projectDelete", subject="Session").count() == PEOPLE + 2
    assert await Employee.filter(project_id=project.id, next_popup_at__lte=clock.at).count() == PEOPLE + 1
    assert deleting.statements <= 40 and restoring.statements <= 40
    assert deleting.peak_mb <= 20 and restoring.peak_mb <= 20
    assert len([each for each in sent_jobs if each.job is Job.FIRE_POPUP]) <= 100
