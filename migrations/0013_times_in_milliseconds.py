"""Times that were written in microseconds are cut to milliseconds, in which they are kept, compared and shown.

All of a row at once, so that what the table's checks compare stays as it is. On SQLite those of whole seconds that were
written with a fraction lose it: texts of one moment are one text.
"""

from collections.abc import Iterable

from tortoise import migrations
from tortoise.backends.base.client import BaseDBAsyncClient

from app.migration_batches import RowUpdate, UpdateInBatches

ON_POSTGRES = "date_trunc('milliseconds', {column})"
ON_SQLITE = """CASE WHEN substr({column}, 20, 1) <> '.' THEN {column}
    ELSE substr({column}, 1, 19) || CASE substr({column}, 20, 4)
        WHEN '.000' THEN '' ELSE substr({column}, 20, 4) || '000' END || '+00:00' END"""

#: The tables that there were, and their times. What others keep in the same database is theirs.
TIMES = {
    "account_tokens": ("created_at", "expires_at", "used_at"),
    "accounts": ("created_at", "email_verified_at", "password_changed_at", "updated_at"),
    "activities": ("created_at", "occurred_at"),
    "audit_entries": ("created_at",),
    "contact_proposals": ("created_at", "decided_at"),
    "contacts": ("created_at", "updated_at"),
    "divisions": ("archived_at", "created_at", "email_verified_at", "updated_at"),
    "emails": ("created_at", "lease_until", "next_attempt_at", "sent_at", "updated_at"),
    "employees": ("created_at", "deactivated_at", "last_popup_at", "next_popup_at", "updated_at"),
    "external_reads": ("read_at",),
    "external_searches": ("began_at",),
    "idempotency_records": ("created_at",),
    "invitations": ("accepted_at", "created_at", "expires_at", "revoked_at"),
    "lead_shares": ("closed_at", "created_at", "recalled_at", "valid_from", "valid_until"),
    "mailboxes": ("created_at", "verified_at"),
    "partners": ("archived_at", "created_at"),
    "persons": ("created_at", "updated_at"),
    "projects": (
        "created_at",
        "deletion_requested_at",
        "email_verified_at",
        "purge_after",
        "purge_began_at",
        "updated_at",
    ),
    "reminder_events": ("created_at", "due_at", "snoozed_until", "written_at"),
    "reminders": ("alert_at", "created_at", "due_at", "resolved_at", "snoozed_until", "updated_at"),
    "sessions": ("absolute_expires_at", "created_at", "expires_at", "last_used_at", "revoked_at"),
    "sign_in_attempts": ("at",),
    "write_checks": ("written_at",),
}

# A share that began and ended within a millisecond: its end stays after its beginning.
SHARES, BEGINNING, END = "lead_shares", "valid_from", "valid_until"
LATER_ON_POSTGRES = "{cut} + interval '1 millisecond'"
LATER_ON_SQLITE = "replace(strftime('%Y-%m-%d %H:%M:%f000+00:00', {cut}, '+0.001 seconds'), '.000000', '')"


async def times_of_all_tables(client: BaseDBAsyncClient) -> Iterable[RowUpdate]:
    is_sqlite = client.capabilities.dialect == "sqlite"
    cut = ON_SQLITE if is_sqlite else ON_POSTGRES
    found = {
        table: {name: cut.format(column=f'"{name}"') for name in names} for table, names in TIMES.items()
    }
    shares = found[SHARES]
    later = LATER_ON_SQLITE if is_sqlite else LATER_ON_POSTGRES
    shares[END] = _not_before(shares[END], shares[BEGINNING], later)
    return [RowUpdate(table, values) for table, values in found.items()]


def _not_before(end: str, beginning: str, later: str) -> str:
    return f"CASE WHEN {end} <= {beginning} THEN {later.format(cut=f'({beginning})')} ELSE {end} END"


class Migration(migrations.Migration):
    dependencies = [("models", "0012_reminder_defaults")]

    atomic = False

    operations = [UpdateInBatches(times_of_all_tables)]
