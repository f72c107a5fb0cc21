"""Old entries of the audit log are removed by their keys: planned once for all limits, the whole log was read for each batch."""

from importlib import import_module

from tortoise import migrations

from app.migration_ops import RunSQLOn

FIRST: str = import_module("migrations.0004_audit").PURGE

_CHOSEN = """id IN (
                SELECT id FROM %1$I.audit_entries WHERE created_at < before ORDER BY created_at LIMIT at_most
            )"""
_ONE_BY_ONE = """id = ANY (ARRAY (
                SELECT id FROM %1$I.audit_entries WHERE created_at < before ORDER BY created_at LIMIT at_most
            ))"""
PURGE = FIRST.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(_CHOSEN, _ONE_BY_ONE)


class Migration(migrations.Migration):
    dependencies = [("models", "0009_purging")]

    operations = [RunSQLOn("postgres", PURGE, FIRST.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))]
