"""Two roles on PostgreSQL: one that migrates and owns the tables, one that the application runs as.

Who owns a table can alter its triggers, so only for a role that does not is the audit log append-only. SQLite has no
roles: whoever may write the file may write it all.
"""

from collections.abc import Mapping
from typing import Any

from tortoise.transactions import in_transaction

from app import db

# One statement after the other in one transaction: at no moment may the role do more to the log than it should.
_GRANTS = """
    GRANT USAGE ON SCHEMA {schema} TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
    REVOKE ALL ON {schema}.audit_entries, {schema}.tortoise_migrations FROM {role};
    GRANT SELECT, INSERT ON {schema}.audit_entries TO {role};
    GRANT SELECT ON {schema}.tortoise_migrations TO {role};
    GRANT EXECUTE ON FUNCTION {schema}.audit_purge(timestamptz, integer) TO {role};
    GRANT EXECUTE ON FUNCTION {schema}.audit_forget(uuid) TO {role};
    GRANT EXECUTE ON FUNCTION {schema}.audit_forget(uuid[]) TO {role};
"""

_POWERS = """
    SELECT role.rolsuper AS is_superuser, pg_has_role(role.oid, log.relowner, 'MEMBER') AS owns_it,
        pg_has_role(role.oid, place.nspowner, 'MEMBER') AS owns_schema,
        has_table_privilege(role.oid, log.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
            OR has_any_column_privilege(role.oid, log.oid, 'UPDATE') AS may_change
    FROM pg_roles role, pg_class log JOIN pg_namespace place ON place.oid = log.relnamespace
    WHERE role.rolname = COALESCE($1::text, current_user::text) AND log.oid = to_regclass('audit_entries')
"""


class CannotGrant(Exception):
    """Says why in a sentence; nothing was granted."""


async def grant_to(role: str) -> None:
    """Gives the application's role what it needs of every table, and of the audit log no more than reading and adding.

    For the role that owns the tables, after each migration. Raises CannotGrant.
    """
    if db.dialect() != "postgres":
        raise CannotGrant("SQLite has no roles: --grant-to is for PostgreSQL.")
    async with in_transaction() as transaction:
        names = await _names(role)
        await transaction.execute_script(_GRANTS.format(**names))
        if power := await power_over_log(role):
            raise CannotGrant(f"The role {role} {power}. Make one of its own: CREATE ROLE {role}_app LOGIN.")


async def power_over_log(role: str | None = None) -> str | None:
    """What lets this role, or the one we are connected as, change or lose the audit log on PostgreSQL; None if nothing."""
    rows = await db.fetch(_POWERS, [role])
    if not rows:
        return None
    return next((sentence for name, sentence in _SENTENCES.items() if rows[0][name]), None)


_SENTENCES: Mapping[str, str] = {
    "is_superuser": "is a superuser, whom nothing is forbidden",
    "owns_it": "owns the tables, or is a member of the role that does",
    "owns_schema": "owns the schema, or is a member of the role that does",
    "may_change": "has been granted more on audit_entries than SELECT and INSERT",
}


async def _names(role: str) -> dict[str, Any]:
    """Quoted as identifiers."""
    sql = "SELECT quote_ident(rolname) AS role, quote_ident(current_schema()) AS schema FROM pg_roles WHERE rolname = $1"
    rows = await db.fetch(sql, [role])
    if not rows:
        raise CannotGrant(f"There is no role {role}. Make it first: CREATE ROLE {role} LOGIN PASSWORD '…'.")
    return rows[0]
