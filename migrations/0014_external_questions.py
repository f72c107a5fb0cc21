"""What externals asked in their searches, so that the same question within an hour counts once."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from app.ids import uuid7
from app.migration_ops import CompositeForeignKey


class Migration(migrations.Migration):
    dependencies = [("models", "0013_times_in_milliseconds")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ExternalQuestion",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                (
                    "project",
                    fields.ForeignKeyField(
                        "models.Project",
                        source_field="project_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "employee",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="employee_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("question_hash", fields.CharField(max_length=64)),
                ("asked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "external_questions",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("employee_id", "question_hash"), name="uq_external_questions")
                ],
                "indexes": [Index(fields=["project_id"]), Index(fields=["asked_at"])],
                "pk_attr": "id",
                "table_description": "What an external employee asked in a search, hashed under a key of their own, and when it was counted last.",
            },
            bases=["Table"],
        ),
        CompositeForeignKey("external_questions", ("project_id", "employee_id"), "employees"),
    ]
