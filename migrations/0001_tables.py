from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.ids import uuid7
from app.models.accounts import AccountTokenPurpose
from app.models.activities import ActivityKind, Area
from app.models.base import JsonText
from app.models.contacts import ContactStatus
from app.models.emails import EmailPurpose, EmailState, EmailVia, MailboxLevel, RecipientState
from app.models.employees import DivisionScope, EmployeeStatus, RolesField
from app.models.reminders import ReminderClosedReason, ReminderEventKind, ReminderKind, ReminderState


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Account",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("email", fields.CharField(unique=True, max_length=254)),
                ("name", fields.CharField(max_length=200)),
                ("password_hash", fields.CharField(null=True, max_length=200)),
                ("email_verified_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("password_changed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "accounts",
                "app": "models",
                "constraints": [
                    CheckConstraint(check="email = lower(email) AND email <> ''", name="ck_accounts_email"),
                    CheckConstraint(check="name <> ''", name="ck_accounts_name"),
                ],
                "pk_attr": "id",
                "table_description": "A login of one person, who may be an employee of several projects.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("project_id", fields.UUIDField(null=True)),
                ("account_id", fields.UUIDField(null=True)),
                ("employee_id", fields.UUIDField(null=True)),
                ("action", fields.CharField(max_length=100)),
                ("subject", fields.CharField(default="", max_length=100)),
                ("subject_id", fields.UUIDField(null=True)),
                ("changes", JsonText(default=dict, unique=False)),
                ("request_id", fields.CharField(default="", max_length=100)),
                ("client_ip", fields.CharField(default="", max_length=45)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "audit_entries",
                "app": "models",
                "indexes": [
                    Index(fields=["project_id", "created_at", "id"]),
                    Index(fields=["project_id", "action", "employee_id", "created_at"]),
                    Index(fields=["subject_id", "created_at"]),
                ],
                "pk_attr": "id",
                "table_description": "What was done, by whom, to what. Its ids are plain: an entry outlives every row it names, the project too.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Project",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("ico", fields.CharField(null=True, max_length=8)),
                ("vat_id", fields.CharField(null=True, max_length=14)),
                ("legal_form", fields.CharField(null=True, max_length=100)),
                ("street", fields.CharField(null=True, max_length=200)),
                ("city", fields.CharField(null=True, max_length=100)),
                ("postal_code", fields.CharField(null=True, max_length=16)),
                ("country", fields.CharField(null=True, max_length=2)),
                ("name", fields.CharField(max_length=200)),
                ("sort_key", fields.CharField(max_length=500)),
                ("email", fields.CharField(null=True, max_length=254)),
                ("email_verified_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("time_zone", fields.CharField(default="Europe/Prague", max_length=64)),
                ("daily_delete_limit", fields.IntField(default=100)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="created_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "deletion_requested_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("purge_after", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "projects",
                "app": "models",
                "constraints": [
                    CheckConstraint(check="name <> ''", name="ck_projects_name"),
                    CheckConstraint(check="daily_delete_limit >= 0", name="ck_projects_daily_delete_limit"),
                    CheckConstraint(
                        check="(deletion_requested_at IS NULL) = (purge_after IS NULL)",
                        name="ck_projects_deletion",
                    ),
                ],
                "indexes": [Index(fields=["created_by_id"]), Index(fields=["purge_after"])],
                "pk_attr": "id",
                "table_description": "A firm that uses Divize: the tenant. Everything below it belongs to exactly one project.",
            },
            bases=["BaseData"],
        ),
        ops.CreateModel(
            name="Division",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("ico", fields.CharField(null=True, max_length=8)),
                ("vat_id", fields.CharField(null=True, max_length=14)),
                ("legal_form", fields.CharField(null=True, max_length=100)),
                ("street", fields.CharField(null=True, max_length=200)),
                ("city", fields.CharField(null=True, max_length=100)),
                ("postal_code", fields.CharField(null=True, max_length=16)),
                ("country", fields.CharField(null=True, max_length=2)),
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
                ("name", fields.CharField(max_length=200)),
                ("sort_key", fields.CharField(max_length=500)),
                ("email", fields.CharField(null=True, max_length=254)),
                ("email_verified_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "divisions",
                "app": "models",
                "constraints": [CheckConstraint(check="name <> ''", name="ck_divisions_name")],
                "indexes": [Index(fields=["project_id", "sort_key", "id"])],
                "pk_attr": "id",
                "table_description": "A part of a project. Base data it does not set are the project's; it is archived, never deleted.",
            },
            bases=["BaseData"],
        ),
        ops.CreateModel(
            name="AccountToken",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "purpose",
                    fields.CharEnumField(description="", enum_type=AccountTokenPurpose, max_length=30),
                ),
                ("token_hash", fields.CharField(null=True, unique=True, max_length=64)),
                ("email", fields.CharField(null=True, max_length=254)),
                (
                    "project",
                    fields.ForeignKeyField(
                        "models.Project",
                        source_field="project_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "division",
                    fields.ForeignKeyField(
                        "models.Division",
                        source_field="division_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "account_tokens",
                "app": "models",
                "constraints": [
                    CheckConstraint(
                        check="division_id IS NULL OR project_id IS NOT NULL",
                        name="ck_account_tokens_division",
                    )
                ],
                "indexes": [
                    Index(fields=["account_id", "purpose"]),
                    Index(fields=["division_id"]),
                    Index(fields=["expires_at"]),
                ],
                "pk_attr": "id",
                "table_description": "A link mailed to prove an address or to reset a password.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="IdempotencyRecord",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                (
                    "project",
                    fields.ForeignKeyField(
                        "models.Project",
                        source_field="project_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("scope_id", fields.UUIDField()),
                ("mutation", fields.CharField(max_length=100)),
                ("key", fields.CharField(max_length=200)),
                ("input_hash", fields.CharField(max_length=64)),
                ("result", JsonText(default=dict, unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "idempotency_records",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("scope_id", "key"), name="uq_idempotency_records_key"),
                    CheckConstraint(check="key <> ''", name="ck_idempotency_records_key"),
                ],
                "indexes": [Index(fields=["project_id"]), Index(fields=["created_at"])],
                "pk_attr": "id",
                "table_description": "The hash of a mutation's input and the ids it made, never its answer: a repeat selects anew.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Partner",
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
                ("name", fields.CharField(max_length=200)),
                ("sort_key", fields.CharField(max_length=500)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "partners",
                "app": "models",
                "constraints": [CheckConstraint(check="name <> ''", name="ck_partners_name")],
                "indexes": [Index(fields=["project_id", "sort_key", "id"])],
                "pk_attr": "id",
                "table_description": "An outside firm (a call centre) whose people work here as external employees.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Employee",
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
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("sort_key", fields.CharField(max_length=500)),
                ("search_text", fields.TextField(unique=False)),
                ("email", fields.CharField(max_length=254)),
                ("roles", RolesField(default=(), max_length=120)),
                (
                    "division_scope",
                    fields.CharEnumField(
                        default=DivisionScope.ALL, description="", enum_type=DivisionScope, max_length=10
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "models.Partner",
                        source_field="partner_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("reminder_interval_minutes", fields.IntField(null=True)),
                ("can_delete_contacts", fields.BooleanField(default=False)),
                ("can_send_bulk_email", fields.BooleanField(default=False)),
                (
                    "status",
                    fields.CharEnumField(
                        default=EmployeeStatus.INVITED,
                        description="",
                        enum_type=EmployeeStatus,
                        max_length=20,
                    ),
                ),
                ("time_zone", fields.CharField(null=True, max_length=64)),
                ("next_popup_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_popup_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("feed_number", fields.BigIntField(default=0)),
                ("deactivated_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "employees",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("project_id", "account_id"), name="uq_employees_account"),
                    UniqueConstraint(fields=("project_id", "email"), name="uq_employees_email"),
                    CheckConstraint(check="name <> ''", name="ck_employees_name"),
                    CheckConstraint(check="email = lower(email) AND email <> ''", name="ck_employees_email"),
                    CheckConstraint(
                        check="reminder_interval_minutes IS NULL OR reminder_interval_minutes BETWEEN 1 AND 1440",
                        name="ck_employees_reminder_interval",
                    ),
                    CheckConstraint(
                        check="status <> 'ACTIVE' OR account_id IS NOT NULL",
                        name="ck_employees_active_account",
                    ),
                    CheckConstraint(
                        check="(status = 'DEACTIVATED') = (deactivated_at IS NOT NULL)",
                        name="ck_employees_deactivated",
                    ),
                    CheckConstraint(
                        check="next_popup_at IS NULL OR (status = 'ACTIVE' AND reminder_interval_minutes IS NOT NULL)",
                        name="ck_employees_next_popup",
                    ),
                ],
                "indexes": [
                    Index(fields=["project_id", "sort_key", "id"]),
                    Index(fields=["partner_id"]),
                    Index(fields=["account_id", "status"]),
                ],
                "pk_attr": "id",
                "table_description": "An account's membership of one project; `account` is null until the invitation is accepted.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Contact",
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
                    "division",
                    fields.ForeignKeyField(
                        "models.Division",
                        source_field="division_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="owner_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("sort_key", fields.CharField(max_length=500)),
                ("search_text", fields.TextField(unique=False)),
                ("ico", fields.CharField(null=True, max_length=8)),
                ("vat_id", fields.CharField(null=True, max_length=14)),
                ("email", fields.CharField(null=True, max_length=254)),
                ("phone", fields.CharField(null=True, max_length=20)),
                ("web", fields.CharField(null=True, max_length=500)),
                ("street", fields.CharField(null=True, max_length=200)),
                ("city", fields.CharField(null=True, max_length=100)),
                ("postal_code", fields.CharField(null=True, max_length=16)),
                ("country", fields.CharField(null=True, max_length=2)),
                (
                    "status",
                    fields.CharEnumField(
                        default=ContactStatus.LEAD, description="", enum_type=ContactStatus, max_length=20
                    ),
                ),
                ("bank_account", fields.CharField(null=True, max_length=40)),
                ("credit_limit_minor", fields.BigIntField(null=True)),
                ("price_level", fields.CharField(null=True, max_length=50)),
                ("internal_rating", fields.SmallIntField(null=True)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="created_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "contacts",
                "app": "models",
                "constraints": [
                    CheckConstraint(check="name <> ''", name="ck_contacts_name"),
                    CheckConstraint(
                        check="credit_limit_minor IS NULL OR credit_limit_minor >= 0",
                        name="ck_contacts_credit_limit",
                    ),
                    CheckConstraint(
                        check="internal_rating IS NULL OR internal_rating BETWEEN 1 AND 5",
                        name="ck_contacts_rating",
                    ),
                ],
                "indexes": [
                    Index(fields=["project_id", "sort_key", "id"]),
                    Index(fields=["project_id", "created_at", "id"]),
                    Index(fields=["project_id", "updated_at", "id"]),
                    Index(fields=["division_id", "sort_key", "id"]),
                    Index(fields=["owner_id", "sort_key", "id"]),
                    Index(fields=["created_by_id"]),
                    Index(fields=["project_id", "status"]),
                    Index(fields=["project_id", "ico"]),
                ],
                "pk_attr": "id",
                "table_description": "A customer firm or person. Without a division it is seen by everyone inside the project.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Activity",
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
                (
                    "author",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="author_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.CharEnumField(description="", enum_type=ActivityKind, max_length=20)),
                ("area", fields.CharEnumField(description="", enum_type=Area, max_length=20)),
                ("summary", fields.CharField(max_length=500)),
                ("detail", fields.TextField(null=True, unique=False)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "activities",
                "app": "models",
                "constraints": [CheckConstraint(check="summary <> ''", name="ck_activities_summary")],
                "indexes": [
                    Index(fields=["contact_id", "occurred_at", "id"]),
                    Index(fields=["project_id", "occurred_at", "id"]),
                    Index(fields=["author_id"]),
                ],
                "pk_attr": "id",
                "table_description": "A call, a meeting, an e-mail or a note about a contact.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="EmployeeDivision",
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
                    "division",
                    fields.ForeignKeyField(
                        "models.Division",
                        source_field="division_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "employee_divisions",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("employee_id", "division_id"), name="uq_employee_divisions")
                ],
                "indexes": [Index(fields=["division_id"])],
                "pk_attr": "id",
                "table_description": "A division chosen for an employee whose scope is CHOSEN.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Invitation",
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
                ("token_hash", fields.CharField(null=True, unique=True, max_length=64)),
                (
                    "invited_by",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="invited_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("accepted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "invitations",
                "app": "models",
                "indexes": [Index(fields=["employee_id"]), Index(fields=["invited_by_id"])],
                "pk_attr": "id",
                "table_description": "An invitation mailed to an employee. The worker makes the token when it sends, so `token_hash` is null before.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="LeadShare",
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
                    "partner",
                    fields.ForeignKeyField(
                        "models.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("campaign", fields.CharField(max_length=200)),
                ("valid_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("valid_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("recalled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="created_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "lead_shares",
                "app": "models",
                "constraints": [
                    CheckConstraint(check="campaign <> ''", name="ck_lead_shares_campaign"),
                    CheckConstraint(
                        check="valid_until IS NULL OR valid_until > valid_from",
                        name="ck_lead_shares_validity",
                    ),
                ],
                "indexes": [
                    Index(fields=["project_id", "created_at", "id"]),
                    Index(fields=["partner_id"]),
                    Index(fields=["created_by_id"]),
                ],
                "pk_attr": "id",
                "table_description": "Contacts lent to a partner for a campaign, from a moment, and until another unless it is null.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="LeadShareContact",
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
                    "share",
                    fields.ForeignKeyField(
                        "models.LeadShare",
                        source_field="share_id",
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
            ],
            options={
                "table": "lead_share_contacts",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("share_id", "contact_id"), name="uq_lead_share_contacts")
                ],
                "indexes": [Index(fields=["contact_id"])],
                "pk_attr": "id",
                "table_description": "One contact of a lead share.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Mailbox",
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
                ("level", fields.CharEnumField(description="", enum_type=MailboxLevel, max_length=20)),
                (
                    "division",
                    fields.ForeignKeyField(
                        "models.Division",
                        source_field="division_id",
                        null=True,
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
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("host", fields.CharField(max_length=255)),
                ("port", fields.IntField()),
                ("username", fields.CharField(max_length=254)),
                ("secret", fields.TextField(unique=False)),
                ("address", fields.CharField(max_length=254)),
                ("display_name", fields.CharField(max_length=200)),
                ("verified_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "mailboxes",
                "app": "models",
                "constraints": [
                    CheckConstraint(
                        check="(level = 'DIVISION') = (division_id IS NOT NULL)", name="ck_mailboxes_division"
                    ),
                    CheckConstraint(
                        check="(level = 'EMPLOYEE') = (employee_id IS NOT NULL)", name="ck_mailboxes_employee"
                    ),
                    CheckConstraint(check="port BETWEEN 1 AND 65535", name="ck_mailboxes_port"),
                ],
                "indexes": [
                    Index(fields=["project_id"]),
                    Index(fields=["division_id"]),
                    Index(fields=["employee_id"]),
                ],
                "pk_attr": "id",
                "table_description": "SMTP credentials of the firm; `secret` is the sealed password.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Email",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                (
                    "project",
                    fields.ForeignKeyField(
                        "models.Project",
                        source_field="project_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "contact",
                    fields.ForeignKeyField(
                        "models.Contact",
                        source_field="contact_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "author",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="author_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "division",
                    fields.ForeignKeyField(
                        "models.Division",
                        source_field="division_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("area", fields.CharEnumField(null=True, description="", enum_type=Area, max_length=20)),
                ("purpose", fields.CharEnumField(description="", enum_type=EmailPurpose, max_length=30)),
                ("message_id", fields.CharField(unique=True, max_length=320)),
                ("template", fields.CharField(null=True, max_length=50)),
                ("template_ref", fields.UUIDField(null=True)),
                ("from_address", fields.CharField(max_length=254)),
                ("from_name", fields.CharField(max_length=200)),
                ("reply_to", fields.CharField(null=True, max_length=254)),
                ("via", fields.CharEnumField(description="", enum_type=EmailVia, max_length=20)),
                (
                    "mailbox",
                    fields.ForeignKeyField(
                        "models.Mailbox",
                        source_field="mailbox_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("subject", fields.CharField(max_length=500)),
                ("text", fields.TextField(null=True, unique=False)),
                ("html", fields.TextField(null=True, unique=False)),
                (
                    "state",
                    fields.CharEnumField(
                        default=EmailState.QUEUED, description="", enum_type=EmailState, max_length=20
                    ),
                ),
                ("attempt", fields.IntField(default=0)),
                ("next_attempt_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("sent_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "emails",
                "app": "models",
                "constraints": [
                    CheckConstraint(
                        check="project_id IS NOT NULL OR (contact_id IS NULL AND author_id IS NULL AND division_id IS NULL AND mailbox_id IS NULL)",
                        name="ck_emails_project",
                    ),
                    CheckConstraint(
                        check="(via = 'MAILBOX') = (mailbox_id IS NOT NULL)", name="ck_emails_mailbox"
                    ),
                    CheckConstraint(
                        check="template IS NULL OR (text IS NULL AND html IS NULL)",
                        name="ck_emails_no_secret",
                    ),
                    CheckConstraint(
                        check="(state = 'SENDING') = (lease_until IS NOT NULL)", name="ck_emails_lease"
                    ),
                    CheckConstraint(
                        check="(state IN ('QUEUED', 'DEFERRED')) = (next_attempt_at IS NOT NULL)",
                        name="ck_emails_next_attempt",
                    ),
                ],
                "indexes": [
                    Index(fields=["project_id", "created_at", "id"]),
                    Index(fields=["contact_id", "created_at", "id"]),
                    Index(fields=["author_id"]),
                    Index(fields=["division_id"]),
                    Index(fields=["mailbox_id"]),
                    Index(fields=["template_ref"]),
                ],
                "pk_attr": "id",
                "table_description": "A mail: outbox and log. Redis only wakes the worker.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="EmailRecipient",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                (
                    "project",
                    fields.ForeignKeyField(
                        "models.Project",
                        source_field="project_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "email",
                    fields.ForeignKeyField(
                        "models.Email",
                        source_field="email_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("address", fields.CharField(max_length=254)),
                (
                    "state",
                    fields.CharEnumField(
                        default=RecipientState.QUEUED, description="", enum_type=RecipientState, max_length=20
                    ),
                ),
                ("response", fields.CharField(null=True, max_length=500)),
                ("attempts", fields.IntField(default=0)),
            ],
            options={
                "table": "email_recipients",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("email_id", "address"), name="uq_email_recipients_address")
                ],
                "pk_attr": "id",
                "table_description": "One address that a mail goes to, and what its server answered.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Person",
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
                ("name", fields.CharField(max_length=200)),
                ("sort_key", fields.CharField(max_length=500)),
                ("search_text", fields.TextField(unique=False)),
                ("position", fields.CharField(null=True, max_length=200)),
                ("email", fields.CharField(null=True, max_length=254)),
                ("phone", fields.CharField(null=True, max_length=20)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "persons",
                "app": "models",
                "constraints": [CheckConstraint(check="name <> ''", name="ck_persons_name")],
                "indexes": [
                    Index(fields=["contact_id", "sort_key", "id"]),
                    Index(fields=["project_id", "sort_key", "id"]),
                ],
                "pk_attr": "id",
                "table_description": "A human at a contact.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Reminder",
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
                    "assignee",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="assignee_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
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
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="created_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        default=ReminderKind.TASK, description="", enum_type=ReminderKind, max_length=20
                    ),
                ),
                ("title", fields.CharField(max_length=300)),
                ("note", fields.TextField(null=True, unique=False)),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("snoozed_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("alert_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "state",
                    fields.CharEnumField(
                        default=ReminderState.OPEN, description="", enum_type=ReminderState, max_length=20
                    ),
                ),
                ("resolved_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "resolved_by",
                    fields.ForeignKeyField(
                        "models.Employee",
                        source_field="resolved_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "reminders",
                "app": "models",
                "constraints": [
                    CheckConstraint(check="title <> ''", name="ck_reminders_title"),
                    CheckConstraint(
                        check="alert_at = COALESCE(snoozed_until, due_at)", name="ck_reminders_alert_at"
                    ),
                    CheckConstraint(
                        check="(state = 'RESOLVED') = (resolved_at IS NOT NULL)",
                        name="ck_reminders_resolved_at",
                    ),
                    CheckConstraint(
                        check="resolved_by_id IS NULL OR state = 'RESOLVED'", name="ck_reminders_resolved_by"
                    ),
                ],
                "indexes": [
                    Index(fields=["project_id", "due_at", "id"]),
                    Index(fields=["assignee_id", "due_at", "id"]),
                    Index(fields=["contact_id", "due_at", "id"]),
                    Index(fields=["created_by_id"]),
                    Index(fields=["resolved_by_id"]),
                ],
                "pk_attr": "id",
                "table_description": "What an employee must handle, due at a time.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="ReminderEvent",
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
                ("number", fields.BigIntField()),
                ("kind", fields.CharEnumField(description="", enum_type=ReminderEventKind, max_length=20)),
                ("reminder_ids", JsonText(default=list, unique=False)),
                ("reminder_id", fields.UUIDField(null=True)),
                (
                    "closed_reason",
                    fields.CharEnumField(
                        null=True, description="", enum_type=ReminderClosedReason, max_length=20
                    ),
                ),
                ("snoozed_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("repeat_minutes", fields.IntField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "reminder_events",
                "app": "models",
                "constraints": [
                    UniqueConstraint(fields=("employee_id", "number"), name="uq_reminder_events_number"),
                    CheckConstraint(
                        check="(kind = 'CLOSED') = (reminder_id IS NOT NULL AND closed_reason IS NOT NULL)",
                        name="ck_reminder_events_closed",
                    ),
                ],
                "indexes": [Index(fields=["created_at"])],
                "pk_attr": "id",
                "table_description": "One line of an employee's feed. `number` grows per employee under a lock on his row, and may skip.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "project",
                    fields.ForeignKeyField(
                        "models.Project",
                        source_field="project_id",
                        null=True,
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
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("absolute_expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("user_agent", fields.CharField(default="", max_length=300)),
                ("client_ip", fields.CharField(default="", max_length=45)),
            ],
            options={
                "table": "sessions",
                "app": "models",
                "constraints": [
                    CheckConstraint(
                        check="(employee_id IS NULL) = (project_id IS NULL)",
                        name="ck_sessions_employee_and_project",
                    )
                ],
                "indexes": [
                    Index(fields=["account_id", "created_at"]),
                    Index(fields=["employee_id"]),
                    Index(fields=["expires_at"]),
                ],
                "pk_attr": "id",
                "table_description": "A signed-in device. It acts as one employee of one project, or as the account alone before it enters one.",
            },
            bases=["Table"],
        ),
        ops.CreateModel(
            name="SignInAttempt",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("email_hash", fields.CharField(max_length=64)),
                ("client_ip", fields.CharField(max_length=45)),
                ("succeeded", fields.BooleanField()),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sign_in_attempts",
                "app": "models",
                "indexes": [
                    Index(fields=["email_hash", "at"]),
                    Index(fields=["client_ip", "at"]),
                    Index(fields=["at"]),
                ],
                "pk_attr": "id",
                "table_description": "One try to sign in, kept to slow down guessing. `email_hash` also stands for addresses nobody has.",
            },
            bases=["Table"],
        ),
    ]
