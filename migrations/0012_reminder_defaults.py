"""What reminder interval new employees get, and how long the one may be that they set themselves.

Projects that are there get both; their employees keep what they have, also those who have none.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint


class Migration(migrations.Migration):
    dependencies = [("models", "0011_unassigned_reminders")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Project",
            name="default_reminder_interval_minutes",
            field=fields.IntField(null=True, default=10, db_default=10),
        ),
        ops.AddField(
            model_name="Project",
            name="reminder_interval_max_minutes",
            field=fields.IntField(default=60, db_default=60),
        ),
        ops.AddConstraint(
            model_name="Project",
            constraint=CheckConstraint(
                check="default_reminder_interval_minutes IS NULL OR default_reminder_interval_minutes BETWEEN 1 AND 1440",
                name="ck_projects_default_reminder_interval",
            ),
        ),
        ops.AddConstraint(
            model_name="Project",
            constraint=CheckConstraint(
                check="reminder_interval_max_minutes BETWEEN 1 AND 1440",
                name="ck_projects_reminder_interval_max",
            ),
        ),
    ]
