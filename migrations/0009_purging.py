"""A project is purged in many short transactions: it says that this began, and its audit entries are emptied some at a time.

What entries say was emptied only after their project was gone, all at once. Now also while its purge is under way and
nobody works there any more: then there is nobody left who could read them.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from app.migration_ops import RunSQLOn

#: As in 0004, whose rule this widens.
FLOOR = 30
CHANGED = "The audit log is append-only: its entries are never changed."
REMOVED = (
    f"The audit log is append-only: only audit_purge removes entries, and none younger than {FLOOR} days."
)


def _guard(kept: str) -> str:
    """`kept`: SQL that finds the project `$1` in the schema `%1$I` if its entries must stay as they are."""
    return f"""
CREATE OR REPLACE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
    is_kept boolean;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF current_setting('divize.audit_forget', true) = 'on' AND OLD.project_id IS NOT NULL
            AND (NEW.changes, NEW.client_ip) = ('{{}}', '')
            AND to_jsonb(NEW) - '{{changes,client_ip}}'::text[] = to_jsonb(OLD) - '{{changes,client_ip}}'::text[]
        THEN
            EXECUTE format('SELECT EXISTS ({kept})', TG_TABLE_SCHEMA) INTO is_kept USING OLD.project_id;
            IF NOT is_kept THEN
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
"""


THERE = "SELECT 1 FROM %1$I.projects WHERE id = $1"
GUARD = _guard(
    THERE + " AND (purge_began_at IS NULL OR EXISTS (SELECT 1 FROM %1$I.employees WHERE project_id = $1))"  # noqa: S608
)

# Beside `audit_forget(uuid)`, which processes of before call until they are replaced.
FORGET = """
DO $migration$
BEGIN
    EXECUTE format($definition$
        CREATE FUNCTION audit_forget(entries uuid[]) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $forget$
        DECLARE
            emptied bigint;
        BEGIN
            PERFORM set_config('divize.audit_forget', 'on', true);
            UPDATE %1$I.audit_entries SET changes = '{}', client_ip = ''
                WHERE id = ANY(entries) AND (changes <> '{}' OR client_ip <> '');
            GET DIAGNOSTICS emptied = ROW_COUNT;
            PERFORM set_config('divize.audit_forget', 'off', true);
            RETURN emptied;
        END
        $forget$
    $definition$, current_schema());
    EXECUTE 'REVOKE ALL ON FUNCTION audit_forget(uuid[]) FROM PUBLIC';
END
$migration$
"""

UNCHANGED = (
    *("id", "project_id", "account_id", "employee_id", "action", "subject", "subject_id"),
    *("contact_id", "division_id", "request_id", "created_at"),
)


def _update_trigger(kept: str) -> str:
    """`kept`: SQL that finds the project OLD.project_id if its entries must stay as they are."""
    return f"""CREATE TRIGGER audit_entries_update BEFORE UPDATE ON audit_entries
    WHEN NEW.changes <> '{{}}' OR NEW.client_ip <> '' OR OLD.project_id IS NULL
        OR EXISTS ({kept})
        OR {" OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in UNCHANGED)}
    BEGIN SELECT RAISE(ABORT, '{CHANGED}'); END"""


THERE_ON_SQLITE = "SELECT 1 FROM projects WHERE id = OLD.project_id"
EMPLOYED = "SELECT 1 FROM employees WHERE project_id = OLD.project_id"
TRIGGER = _update_trigger(f"{THERE_ON_SQLITE} AND (purge_began_at IS NULL OR EXISTS ({EMPLOYED}))")


class Migration(migrations.Migration):
    dependencies = [("models", "0008_missing_indexes")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Project",
            name="purge_began_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        RunSQLOn("postgres", (GUARD, FORGET), ("DROP FUNCTION audit_forget(uuid[])", _guard(THERE))),
        RunSQLOn(
            "sqlite",
            ("DROP TRIGGER audit_entries_update", TRIGGER),
            ("DROP TRIGGER audit_entries_update", _update_trigger(THERE_ON_SQLITE)),
        ),
    ]
