"""For every sort that the API offers, and for every statement of the sweeps; made while the application writes."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from app.migration_ops import no_partial_index, partial_index

ADDED = {
    # Sorts that the API offers.
    "Activity": [("project_id", "created_at", "id")],
    "Contact": [("project_id", "status", "id"), ("project_id", "city", "id")],
    "Division": [("project_id", "created_at", "id")],
    "Employee": [("project_id", "created_at", "id")],
    "LeadShare": [("project_id", "valid_from", "id"), ("project_id", "valid_until", "id")],
    "Person": [("project_id", "created_at", "id"), ("project_id", "updated_at", "id")],
    "Reminder": [
        ("project_id", "resolved_at", "id"),
        ("project_id", "created_at", "id"),
        ("project_id", "updated_at", "id"),
    ],
}
LOOKED_FOR = {
    "Contact": [("project_id", "email"), ("project_id", "phone")],
    "Email": [("author_id", "created_at")],
    "ExternalRead": [("read_at",)],
    "ExternalSearches": [("began_at",)],
    "Session": [("absolute_expires_at",)],
}
# Tables that nothing else finds by their project when it is purged.
PURGED = (
    "AccountToken",
    "EmailRecipient",
    "EmployeeDivision",
    "ExternalRead",
    "ExternalSearches",
    "Invitation",
    "LeadShareContact",
    "ReminderEvent",
    "Session",
)


class Migration(migrations.Migration):
    dependencies = [("models", "0007_event_times_and_write_checks")]

    atomic = False

    operations = [
        *(
            ops.AddIndex(model_name=model, index=Index(fields=list(fields)))
            for group in (ADDED, LOOKED_FOR, {model: [("project_id",)] for model in PURGED})
            for model, indexes in group.items()
            for fields in indexes
        ),
        partial_index("lead_shares", ("valid_until", "id"), "closed_at IS NULL"),
        partial_index("lead_shares", ("recalled_at",), "closed_at IS NULL AND recalled_at IS NOT NULL"),
        # With the id, by which equal moments stand in a window: else all that somebody has due is read and sorted.
        partial_index("reminders", ("assignee_id", "alert_at", "id"), "state = 'OPEN'"),
        no_partial_index("reminders", ("assignee_id", "alert_at"), "state = 'OPEN'"),
        partial_index("sessions", ("revoked_at",), "revoked_at IS NOT NULL"),
        ops.RemoveIndex(model_name="Contact", fields=["project_id", "status"]),
        ops.RemoveIndex(model_name="Email", fields=["author_id"]),
    ]
