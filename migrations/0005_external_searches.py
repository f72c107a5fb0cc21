"""How often externals search."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from app.ids import uuid7
from app.migration_ops import CompositeForeignKey


class Migration(migrations.Migration):
    dependencies = [("models", "0004_audit")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ExternalSearches",
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
                ("began_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("searches", fields.IntField()),
            ],
            options={
                "table": "external_searches",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("employee_id", "project_id"), name="uq_external_searches")
                ],
                "pk_attr": "id",
                "table_description": "How often an external employee searched the contacts in the day that began with the first of them.",
            },
            bases=["Table"],
        ),
        CompositeForeignKey("external_searches", ("project_id", "employee_id"), "employees"),
    ]
