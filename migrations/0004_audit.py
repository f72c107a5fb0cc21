"""The audit log is append-only: triggers refuse whatever would change or lose an entry that is not old enough.

On PostgreSQL entries go by `audit_purge` alone, which belongs to the migrating role; the application's own role is
given neither UPDATE nor DELETE (`python -m app migrate --grant-to`). Of a project that is no longer there `audit_forget`
empties what its entries say of rows and addresses; who did what, and when, stays. SQLite has no roles: its triggers let go of what is
older than the floor.
"""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from app.migration_ops import RunSQLOn

#: Days that an entry is kept whatever the settings say; `app.config` asks for no fewer.
FLOOR = 30

CHANGED = "The audit log is append-only: its entries are never changed."
REMOVED = (
    f"The audit log is append-only: only audit_purge removes entries, and none younger than {FLOOR} days."
)

# Entries from before say no contact: what is still there tells. It is the last change of an entry.
PLACES = (
    "UPDATE audit_entries SET contact_id = subject_id WHERE subject = 'Contact' AND contact_id IS NULL",
    *(
        f"UPDATE audit_entries SET contact_id = (SELECT contact_id FROM {table} WHERE id = subject_id)"  # noqa: S608
        f" WHERE subject = '{subject}' AND contact_id IS NULL"
        for subject, table in (
            ("Person", "persons"),
            ("Activity", "activities"),
            ("Reminder", "reminders"),
            ("Email", "emails"),
        )
    ),
    "UPDATE audit_entries SET division_id = (SELECT division_id FROM contacts WHERE id = contact_id)"
    " WHERE contact_id IS NOT NULL AND division_id IS NULL",
)

GUARD = f"""
CREATE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
    is_there boolean;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF current_setting('divize.audit_forget', true) = 'on' AND OLD.project_id IS NOT NULL
            AND (NEW.changes, NEW.client_ip) = ('{{}}', '')
            AND to_jsonb(NEW) - '{{changes,client_ip}}'::text[] = to_jsonb(OLD) - '{{changes,client_ip}}'::text[]
        THEN
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.projects WHERE id = $1)', TG_TABLE_SCHEMA)
                INTO is_there USING OLD.project_id;
            IF NOT is_there THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION '{CHANGED}' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'DELETE' AND current_setting('divize.audit_purge', true) = 'on' THEN
        IF OLD.created_at <= clock_timestamp() - interval '{FLOOR} days' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '{REMOVED}' USING ERRCODE = 'insufficient_privilege';
END
$guard$
"""  # noqa: S608  Nothing of it comes from outside.

# It runs with the rights of its owner, so it must find our table and no other, whatever the caller's search path is.
PURGE = f"""
DO $migration$
BEGIN
    EXECUTE format($definition$
        CREATE FUNCTION audit_purge(before timestamptz, at_most integer) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $purge$
        DECLARE
            gone bigint;
        BEGIN
            IF before IS NULL OR before > clock_timestamp() - interval '{FLOOR} days' THEN
                RAISE EXCEPTION 'Entries of the audit log are kept for {FLOOR} days at least.'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            PERFORM set_config('divize.audit_purge', 'on', true);
            DELETE FROM %1$I.audit_entries WHERE id IN (
                SELECT id FROM %1$I.audit_entries WHERE created_at < before ORDER BY created_at LIMIT at_most
            );
            GET DIAGNOSTICS gone = ROW_COUNT;
            PERFORM set_config('divize.audit_purge', 'off', true);
            RETURN gone;
        END
        $purge$
    $definition$, current_schema());
    EXECUTE 'REVOKE ALL ON FUNCTION audit_purge(timestamptz, integer) FROM PUBLIC';
END
$migration$
"""  # noqa: S608  Nothing of it comes from outside.

FORGET = """
DO $migration$
BEGIN
    EXECUTE format($definition$
        CREATE FUNCTION audit_forget(purged uuid) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $forget$
        DECLARE
            emptied bigint;
        BEGIN
            PERFORM set_config('divize.audit_forget', 'on', true);
            UPDATE %1$I.audit_entries SET changes = '{}', client_ip = '' WHERE project_id = purged;
            GET DIAGNOSTICS emptied = ROW_COUNT;
            PERFORM set_config('divize.audit_forget', 'off', true);
            RETURN emptied;
        END
        $forget$
    $definition$, current_schema());
    EXECUTE 'REVOKE ALL ON FUNCTION audit_forget(uuid) FROM PUBLIC';
END
$migration$
"""

ON_POSTGRES = (
    GUARD,
    "CREATE TRIGGER audit_entries_rows BEFORE UPDATE OR DELETE ON audit_entries"
    " FOR EACH ROW EXECUTE FUNCTION audit_guard()",
    "CREATE TRIGGER audit_entries_whole BEFORE TRUNCATE ON audit_entries"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_guard()",
    PURGE,
    FORGET,
)

#: What stays of an entry when its project is purged: who did what to which row, and when.
UNCHANGED = (
    *("id", "project_id", "account_id", "employee_id", "action", "subject", "subject_id"),
    *("contact_id", "division_id", "request_id", "created_at"),
)

# REPLACE removes a row without asking the triggers for DELETE: an id or place that is there already is refused before.
ON_SQLITE = (
    f"""CREATE TRIGGER audit_entries_update BEFORE UPDATE ON audit_entries
    WHEN NEW.changes <> '{{}}' OR NEW.client_ip <> '' OR OLD.project_id IS NULL
        OR EXISTS (SELECT 1 FROM projects WHERE id = OLD.project_id)
        OR {" OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in UNCHANGED)}
    BEGIN SELECT RAISE(ABORT, '{CHANGED}'); END""",  # noqa: S608
    f"""CREATE TRIGGER audit_entries_delete BEFORE DELETE ON audit_entries
    WHEN julianday(OLD.created_at) > julianday('now') - {FLOOR} OR julianday(OLD.created_at) IS NULL
    BEGIN SELECT RAISE(ABORT, '{REMOVED}'); END""",
    f"""CREATE TRIGGER audit_entries_replace BEFORE INSERT ON audit_entries
    WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id OR rowid = NEW.rowid)
    BEGIN SELECT RAISE(ABORT, '{CHANGED}'); END""",  # noqa: S608
)

UNDO_ON_POSTGRES = (
    "DROP FUNCTION audit_forget(uuid)",
    "DROP FUNCTION audit_purge(timestamptz, integer)",
    "DROP TRIGGER audit_entries_rows ON audit_entries",
    "DROP TRIGGER audit_entries_whole ON audit_entries",
    "DROP FUNCTION audit_guard()",
)
UNDO_ON_SQLITE = tuple(f"DROP TRIGGER audit_entries_{each}" for each in ("update", "delete", "replace"))


class Migration(migrations.Migration):
    dependencies = [("models", "0003_proposals_and_reads")]

    initial = False

    operations = [
        ops.RemoveIndex(
            model_name="AuditEntry", fields=["project_id", "action", "employee_id", "created_at"]
        ),
        ops.AddIndex(model_name="AuditEntry", index=Index(fields=["project_id", "action", "created_at"])),
        ops.AddIndex(model_name="AuditEntry", index=Index(fields=["employee_id", "created_at"])),
        ops.AddIndex(model_name="AuditEntry", index=Index(fields=["created_at"])),
        ops.RunSQL(PLACES, ops.RunSQL.noop),
        RunSQLOn("postgres", ON_POSTGRES, UNDO_ON_POSTGRES),
        RunSQLOn("sqlite", ON_SQLITE, UNDO_ON_SQLITE),
    ]
