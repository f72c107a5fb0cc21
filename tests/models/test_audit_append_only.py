"""Nobody changes or loses an entry of the audit log: no statement, and on PostgreSQL not the application's own role."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from tortoise.exceptions import BaseORMException
from tortoise.transactions import in_transaction

from app import db
from app.models import AuditEntry, Employee, Project
from app.services import audit_retention, audit_rights
from app.services.audit_rights import CannotGrant
from tests import factories as make
from tests.application_role import ROLE, as_application
from tests.databases import Databases

migration = import_module("migrations.0004_audit")
YOUNG, OLD = timedelta(days=29), timedelta(days=31)

ATTEMPTS = (
    "UPDATE audit_entries SET action = 'nothing'",
    "UPDATE audit_entries SET changes = '{}' WHERE id = id",
    "UPDATE audit_entries SET changes = '{}', client_ip = ''",
    "DELETE FROM audit_entries",
    "INSERT INTO audit_entries (id, action, subject, changes, request_id, client_ip, created_at) "
    "SELECT id, 'nothing', '', '{}', '', '', created_at FROM audit_entries WHERE true "
    "ON CONFLICT (id) DO UPDATE SET action = 'nothing'",
)
ONLY_SQLITE = (
    "INSERT OR REPLACE INTO audit_entries (rowid, id, action, subject, changes, request_id, client_ip, created_at) "
    "SELECT rowid, 'another', 'nothing', '', '{}', '', '', created_at FROM audit_entries",
    "REPLACE INTO audit_entries (id, action, subject, changes, request_id, client_ip, created_at) "
    "SELECT id, 'nothing', '', '{}', '', '', created_at FROM audit_entries",
)
ONLY_POSTGRES = (
    "TRUNCATE audit_entries",
    "TRUNCATE audit_entries CASCADE",
    "SET LOCAL divize.audit_purge = 'on'; DELETE FROM audit_entries",
    "SELECT audit_purge(clock_timestamp(), 10)",
    "SELECT audit_purge(clock_timestamp() - interval '29 days', 10)",
    "SELECT audit_purge(NULL, 10)",
    "SELECT audit_forget(ARRAY(SELECT id FROM audit_entries))",
    "SET LOCAL divize.audit_forget = 'on'; UPDATE audit_entries SET action = 'nothing'",
    "SET LOCAL divize.audit_forget = 'on'; UPDATE audit_entries SET changes = '{}', client_ip = ''",
)
AS_THE_APPLICATION = (
    *ATTEMPTS,
    *ONLY_POSTGRES,
    "DROP TABLE audit_entries",
    "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
    "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_rows",
    "DROP TRIGGER audit_entries_rows ON audit_entries",
    "ALTER TABLE audit_entries RENAME TO hidden",
    "CREATE OR REPLACE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "CREATE OR REPLACE FUNCTION audit_purge(before timestamptz, at_most integer) RETURNS bigint "
    "LANGUAGE sql AS 'SELECT 1::bigint'",
    "ALTER FUNCTION audit_purge(timestamptz, integer) OWNER TO divize_app",
    "CREATE RULE swallow AS ON INSERT TO audit_entries DO INSTEAD NOTHING",
    "CREATE TRIGGER swallow BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_guard()",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SET session_replication_role = replica",
    "DELETE FROM tortoise_migrations",
    "SELECT pg_read_file('PG_VERSION')",
)


async def attempt(sql: str) -> None:
    async with in_transaction() as transaction:
        await transaction.execute_script(sql)


async def make_entry(age: timedelta = timedelta()) -> AuditEntry:
    return await make.make_audit_entry(created_at=datetime.now(UTC) - age, changes={"name": ["A", "B"]})


@pytest.mark.parametrize("age", [timedelta(), YOUNG])
async def test_no_statement_changes_or_loses_an_entry(database: str, age: timedelta) -> None:
    await make_entry(age)
    before = await AuditEntry.all().values()

    for sql in (*ATTEMPTS, *(ONLY_SQLITE if database == "sqlite" else ONLY_POSTGRES)):
        with pytest.raises(BaseORMException, match=r"append-only|30 days at least"):
            await attempt(sql)

    assert await AuditEntry.all().values() == before


async def test_entries_from_before_learn_where_they_belong(engine: str, databases: Databases) -> None:
    url = await databases.fresh("sqlite" if engine == "sqlite" else "postgres")
    await db.connect(url)
    try:
        project = await make.make_project()
        division = await make.make_division(project)
        contact = await make.make_contact(project, division=division)
        activity = await make.make_activity(contact)
        subjects = [
            ("Contact", contact.id),
            ("Activity", activity.id),
            ("Contact", project.id),
            ("Project", project.id),
        ]
        made = [
            await make.make_audit_entry(project, subject=subject, subject_id=id_, action=f"{place}")
            for place, (subject, id_) in enumerate(subjects)
        ]
        assert {entry.contact_id for entry in made} == {None}

        await attempt("; ".join((*_undone(engine), *migration.PLACES)))

        assert [
            (each.contact_id, each.division_id) for each in await AuditEntry.all().order_by("action")
        ] == [
            (contact.id, division.id),
            (contact.id, division.id),
            (project.id, None),
            (None, None),
        ]
    finally:
        await db.close()
        await databases.drop(url)


def _undone(engine: str) -> tuple[str, ...]:
    """What takes the triggers off again."""
    undo: tuple[str, ...] = migration.UNDO_ON_SQLITE if engine == "sqlite" else migration.UNDO_ON_POSTGRES
    return undo


async def test_an_old_entry_is_not_changed_either(database: str) -> None:
    entry = await make_entry(OLD)

    with pytest.raises(BaseORMException, match="append-only"):
        await AuditEntry.filter(id=entry.id).update(action="nothing")

    assert (await AuditEntry.get()).action == entry.action


async def test_an_old_entry_goes_on_postgres_by_the_function_alone(databases: Databases) -> None:
    await databases.connect_shared()
    await make_entry(OLD)

    with pytest.raises(BaseORMException, match="append-only"):
        await AuditEntry.all().delete()
    [row] = await db.fetch("SELECT audit_purge(clock_timestamp() - interval '30 days', 10) AS gone")
    left = await AuditEntry.all().count()
    await db.close()

    assert (row["gone"], left) == (1, 0)


async def test_after_a_purge_the_next_delete_is_refused_in_the_same_transaction(databases: Databases) -> None:
    await databases.connect_shared()
    for _ in range(2):
        await make_entry(OLD)

    with pytest.raises(BaseORMException, match="append-only"):
        await attempt(
            "SELECT audit_purge(clock_timestamp() - interval '30 days', 1); DELETE FROM audit_entries"
        )
    left = await AuditEntry.all().count()
    await db.close()

    assert left == 2


async def test_the_application_s_role_can_do_nothing_to_the_log(databases: Databases) -> None:
    url = await databases.fresh("postgres")
    async with as_application(url):
        await make_entry()
        before = await AuditEntry.all().values()

        for sql in AS_THE_APPLICATION:
            with pytest.raises(BaseORMException):
                await attempt(sql)

        await attempt(f"GRANT UPDATE ON audit_entries TO {ROLE}")  # only a warning: nothing is granted
        assert await AuditEntry.all().values() == before
        assert await audit_rights.power_over_log() is None
    await databases.drop(url)


async def test_the_application_s_role_purges_what_is_old_enough_and_writes_all_the_rest(
    databases: Databases,
) -> None:
    url = await databases.fresh("postgres")
    async with as_application(url):
        await make_entry(YOUNG)
        await make_entry(OLD)
        project = await make.make_project()

        [row] = await db.fetch("SELECT audit_purge(clock_timestamp() - interval '30 days', 10) AS gone")
        await Project.filter(id=project.id).update(name="Jinak")
        await Project.filter(id=project.id).delete()

        assert row["gone"] == 1
        assert await AuditEntry.all().count() == 1
        assert await db.pending() == []
    await databases.drop(url)


async def test_a_temporary_table_of_that_name_does_not_mislead_the_purge(databases: Databases) -> None:
    url = await databases.fresh("postgres")
    async with as_application(url), in_transaction() as transaction:
        await make_entry(OLD)
        await transaction.execute_script(
            "CREATE TEMP TABLE audit_entries (id uuid, created_at timestamptz); SET search_path = pg_temp, public"
        )
        rows = await transaction.execute_query_dict(
            "SELECT audit_purge(clock_timestamp() - interval '30 days', 10) AS gone"
        )

        assert rows[0]["gone"] == 1
    await databases.drop(url)


@pytest.mark.parametrize("is_granted_twice", [False, True])
async def test_whoever_may_alter_the_log_is_told_apart(databases: Databases, is_granted_twice: bool) -> None:
    url = await databases.fresh("postgres")
    await db.connect(url, pool_size=1)
    owner = await audit_rights.power_over_log()
    await db.fetch("SELECT 1")
    async with in_transaction() as transaction:
        await transaction.execute_script(
            "DROP ROLE IF EXISTS clerk; CREATE ROLE clerk; GRANT UPDATE (action) ON audit_entries TO clerk"
        )
    if is_granted_twice:
        await audit_rights.grant_to("clerk")
    clerk = await audit_rights.power_over_log("clerk")
    await db.close()
    await databases.drop(url)

    assert owner is not None and owner.startswith("is a superuser")
    assert (clerk is None) is is_granted_twice


async def test_a_member_of_the_owner_is_granted_nothing(databases: Databases) -> None:
    url = await databases.fresh("postgres")
    await db.connect(url, pool_size=1)
    await attempt("DROP ROLE IF EXISTS deputy; CREATE ROLE deputy IN ROLE postgres")

    with pytest.raises(CannotGrant, match="owns the tables"):
        await audit_rights.grant_to("deputy")
    with pytest.raises(CannotGrant, match="no role nobody_at_all"):
        await audit_rights.grant_to("nobody_at_all")

    assert not await db.fetch(
        "SELECT 1 FROM pg_class WHERE relname = 'contacts' AND relacl::text LIKE '%deputy%'"
    )
    await db.close()
    await databases.drop(url)


async def test_sqlite_has_no_roles(databases: Databases) -> None:
    url = await databases.fresh("sqlite")
    await db.connect(url)

    with pytest.raises(CannotGrant, match="SQLite has no roles"):
        await audit_rights.grant_to(ROLE)

    await db.close()
    await databases.drop(url)


@pytest.mark.parametrize("is_purging", [False, True])
async def test_what_the_entries_of_a_project_say_is_emptied_only_when_it_is_gone(
    database: str, is_purging: bool
) -> None:
    project = await make.make_project()
    if is_purging:
        await make.make_employee(project)
    await Project.filter(id=project.id).update(purge_began_at=make.NOON if is_purging else None)
    entry = await make.make_audit_entry(project, changes={"name": ["A", "B"]}, client_ip="192.0.2.9")

    with pytest.raises(BaseORMException, match="append-only"):
        await audit_retention.forget([entry.id])
    assert await AuditEntry.filter(client_ip="192.0.2.9", project_id=project.id).count() == 1
    # What is there no longer, or being purged and nobody's any more.
    await Employee.filter(project_id=project.id).delete()
    if not is_purging:
        await Project.filter(id=project.id).delete()
    await audit_retention.forget([entry.id])

    left = await AuditEntry.get(id=entry.id)
    assert (left.changes, left.client_ip, left.action) == ({}, "", entry.action)
