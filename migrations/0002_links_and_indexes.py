"""What the models cannot say: links that cannot leave their project, partial and trigram indexes, Czech order."""

from tortoise import migrations

from app.migration_ops import CompositeForeignKey, RunSQLOn, partial_index, trigram_index

LINKS = {
    "account_tokens": {"division_id": "divisions"},
    "activities": {"contact_id": "contacts", "author_id": "employees"},
    "contacts": {"division_id": "divisions", "owner_id": "employees", "created_by_id": "employees"},
    "email_recipients": {"email_id": "emails"},
    "emails": {
        "contact_id": "contacts",
        "author_id": "employees",
        "division_id": "divisions",
        "mailbox_id": "mailboxes",
    },
    "employee_divisions": {"employee_id": "employees", "division_id": "divisions"},
    "employees": {"partner_id": "partners"},
    "invitations": {"employee_id": "employees", "invited_by_id": "employees"},
    "lead_share_contacts": {"share_id": "lead_shares", "contact_id": "contacts"},
    "lead_shares": {"partner_id": "partners", "created_by_id": "employees"},
    "mailboxes": {"division_id": "divisions", "employee_id": "employees"},
    "persons": {"contact_id": "contacts"},
    "reminder_events": {"employee_id": "employees"},
    "reminders": {
        "contact_id": "contacts",
        "assignee_id": "employees",
        "created_by_id": "employees",
        "resolved_by_id": "employees",
    },
    "sessions": {"employee_id": "employees"},
}

# Binary order is the Czech order of these keys, and a locale of the database must not meddle.
SORTED = ("contacts", "divisions", "employees", "partners", "persons", "projects")


class Migration(migrations.Migration):
    dependencies = [("models", "0001_tables")]

    operations = [
        *(
            CompositeForeignKey(table, ("project_id", column), target)
            for table, columns in LINKS.items()
            for column, target in columns.items()
        ),
        *(
            RunSQLOn(
                "postgres", f'ALTER TABLE {table} ALTER COLUMN sort_key TYPE varchar(500) COLLATE "C"', ""
            )
            for table in SORTED
        ),
        trigram_index("contacts", "search_text"),
        trigram_index("persons", "search_text"),
        partial_index("employees", ("next_popup_at",), "next_popup_at IS NOT NULL"),
        partial_index("reminders", ("assignee_id", "alert_at"), "state = 'OPEN'"),
        partial_index("emails", ("next_attempt_at",), "next_attempt_at IS NOT NULL"),
        partial_index("emails", ("lease_until",), "lease_until IS NOT NULL"),
    ]
