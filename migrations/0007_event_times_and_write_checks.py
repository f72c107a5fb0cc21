"""When windows were due and when their events were written; proofs that the database takes writes."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from app.ids import uuid7


class Migration(migrations.Migration):
    dependencies = [("models", "0006_uncertain_mail")]

    initial = False

    operations = [
        ops.CreateModel(
            name="WriteCheck",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("written_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "write_checks",
                "app": "models",
                "pk_attr": "id",
                "table_description": "When a process wrote last to see whether it can. A row for each, so that none waits for another's lock.",
            },
            bases=["Table"],
        ),
        ops.AddField(
            model_name="ReminderEvent",
            name="due_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="ReminderEvent",
            name="written_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
