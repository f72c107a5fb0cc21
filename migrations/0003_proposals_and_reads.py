"""Contacts that are reported, what externals read, and where an audit entry belongs."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.ids import uuid7
from app.migration_ops import CompositeForeignKey
from app.models.proposals import ProposalDecision

LINKS = {
    "contact_proposals": {
        "proposed_by_id": "employees",
        "decided_by_id": "employees",
        "contact_id": "contacts",
    },
    "external_reads": {"employee_id": "employees", "contact_id": "contacts"},
}


class Migration(migrations.Migration):
    dependencies = [("models", "0002_links_and_indexes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ContactProposal",
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
                    "proposed_by",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="proposed_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("ico", fields.CharField(null=True, max_length=8)),
                ("email", fields.CharField(null=True, max_length=254)),
                ("phone", fields.CharField(null=True, max_length=20)),
                ("city", fields.CharField(null=True, max_length=100)),
                ("note", fields.TextField(null=True, unique=False)),
                (
                    "decision",
                    fields.CharEnumField(
                        null=True, description="", enum_type=ProposalDecision, max_length=20
                    ),
                ),
                (
                    "decided_by",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="decided_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "models.Contact",
                        source_field="contact_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "contact_proposals",
                "app": "models",
                "constraints": [
                    CheckConstraint(check="name <> ''", name="ck_contact_proposals_name"),
                    CheckConstraint(
                        check="(decision IS NULL) = (decided_at IS NULL)",
                        name="ck_contact_proposals_decision",
                    ),
                ],
                "indexes": [
                    Index(fields=["project_id", "created_at", "id"]),
                    Index(fields=["proposed_by_id", "created_at"]),
                    Index(fields=["decided_by_id"]),
                    Index(fields=["contact_id"]),
                ],
                "pk_attr": "id",
                "table_description": "A contact as somebody reported it, beside the contacts: nothing is compared, so nothing is given away.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="ExternalRead",
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
                (
                    "contact",
                    fields.ForeignKeyField(
                        "models.Contact",
                        source_field="contact_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("read_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "external_reads",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("employee_id", "contact_id"), name="uq_external_reads")
                ],
                "indexes": [Index(fields=["employee_id", "read_at"]), Index(fields=["contact_id"])],
                "pk_attr": "id",
                "table_description": "That an external employee was shown a contact, and when last: what his daily budget counts.",
            },
            bases=["Table"],
        ),
        ops.AddField(
            model_name="AuditEntry",
            name="contact_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="AuditEntry",
            name="division_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddIndex(
            model_name="AuditEntry",
            index=Index(fields=["contact_id", "created_at"]),
        ),
        ops.AddField(
            model_name="LeadShare",
            name="closed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="LeadShare",
            name="version",
            field=fields.IntField(default=1),
        ),
        ops.AddField(
            model_name="Project",
            name="external_read_limit",
            field=fields.IntField(default=300),
        ),
        ops.AddConstraint(
            model_name="Project",
            constraint=CheckConstraint(
                check="external_read_limit >= 0", name="ck_projects_external_read_limit"
            ),
        ),
        *(
            CompositeForeignKey(table, ("project_id", column), target)
            for table, columns in LINKS.items()
            for column, target in columns.items()
        ),
    ]
