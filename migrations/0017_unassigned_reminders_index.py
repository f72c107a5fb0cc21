"""Open reminders that are nobody's, by project and the moment at which they ask for attention."""

from tortoise import migrations

from app.migration_ops import partial_index


class Migration(migrations.Migration):
    dependencies = [("models", "0016_registration_number_index")]

    atomic = False

    operations = [
        partial_index(
            "reminders", ("project_id", "alert_at", "id"), "assignee_id IS NULL AND state = 'OPEN'"
        ),
    ]
