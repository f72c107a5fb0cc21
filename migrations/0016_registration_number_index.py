"""Contacts are found by their registration number: one that is reported, and by the filter."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0015_registration_numbers")]

    initial = False

    atomic = False

    operations = [
        ops.AddIndex(
            model_name="Contact",
            index=Index(fields=["project_id", "registration_number"]),
        ),
    ]
