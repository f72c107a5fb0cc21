"""Mail that may have been delivered without our knowing. The defaults are the database's: the release before knows no such column."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0005_external_searches")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Email",
            name="crashes",
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name="Email",
            name="uncertain_attempts",
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name="EmailRecipient",
            name="uncertain_attempts",
            field=fields.IntField(default=0, db_default=0),
        ),
    ]
