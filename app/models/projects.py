"""Projects (the tenants) and their divisions."""

from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q, Subquery
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint

from app.models.base import NOBODY, Table
from app.models.employees import Employee
from app.policy import AccountViewer, Member, Permission, Viewer

if TYPE_CHECKING:
    from app.models.accounts import Account


class BaseData(Table):
    """What stands on documents and letters: the firm's numbers and seat."""

    ico = fields.CharField(max_length=8, null=True)
    vat_id = fields.CharField(max_length=20, null=True)
    tax_number = fields.CharField(max_length=50, null=True)
    registration_number = fields.CharField(max_length=50, null=True)
    registration_country = fields.CharField(max_length=2, null=True)
    legal_form = fields.CharField(max_length=100, null=True)
    street = fields.CharField(max_length=200, null=True)
    city = fields.CharField(max_length=100, null=True)
    postal_code = fields.CharField(max_length=16, null=True)
    country = fields.CharField(max_length=2, null=True)

    class Meta:
        abstract = True


class Project(BaseData):
    """A firm that uses Divize: the tenant. Everything below it belongs to exactly one project."""

    name = fields.CharField(max_length=200)
    sort_key = fields.CharField(max_length=500)
    email = fields.CharField(max_length=254, null=True)
    email_verified_at = fields.DatetimeField(null=True)
    time_zone = fields.CharField(max_length=64, default="Europe/Prague")
    daily_delete_limit = fields.IntField(default=100)
    external_read_limit = fields.IntField(default=300)
    default_reminder_interval_minutes = fields.IntField(null=True, default=10, db_default=10)
    reminder_interval_max_minutes = fields.IntField(default=60, db_default=60)
    created_by: fields.ForeignKeyRelation["Account"] = fields.ForeignKeyField(
        "models.Account", on_delete=OnDelete.RESTRICT, related_name=False
    )
    created_by_id: UUID
    deletion_requested_at = fields.DatetimeField(null=True)
    purge_after = fields.DatetimeField(null=True)
    purge_began_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "projects"
        indexes = (("created_by_id",), ("purge_after",))
        constraints = (
            CheckConstraint(check="name <> ''", name="ck_projects_name"),
            CheckConstraint(check="daily_delete_limit >= 0", name="ck_projects_daily_delete_limit"),
            CheckConstraint(check="external_read_limit >= 0", name="ck_projects_external_read_limit"),
            CheckConstraint(
                check="default_reminder_interval_minutes IS NULL OR default_reminder_interval_minutes BETWEEN 1 AND 1440",
                name="ck_projects_default_reminder_interval",
            ),
            CheckConstraint(
                check="reminder_interval_max_minutes BETWEEN 1 AND 1440",
                name="ck_projects_reminder_interval_max",
            ),
            CheckConstraint(
                check="(deletion_requested_at IS NULL) = (purge_after IS NULL)", name="ck_projects_deletion"
            ),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """A member's own project; before one is entered, those that the account may enter."""
        if isinstance(viewer, Member):
            return Q(id=viewer.project_id)
        if isinstance(viewer, AccountViewer):
            return cls.enterable_q(viewer)
        return NOBODY

    @classmethod
    def enterable_q(cls, viewer: AccountViewer) -> Q:
        """Where the account is an active employee, unless the project waits to be deleted."""
        return cls._worked_in_by(viewer) & Q(deletion_requested_at__isnull=True)

    @classmethod
    def restorable_q(cls, viewer: AccountViewer) -> Q:
        """Where the account is an active employee and the project waits to be deleted, whole as it was."""
        waits = Q(deletion_requested_at__isnull=False, purge_began_at__isnull=True)
        return cls._worked_in_by(viewer) & waits

    @classmethod
    def _worked_in_by(cls, viewer: AccountViewer) -> Q:
        return Q(
            id__in=Subquery(Employee.filter(Employee.of_account_q(viewer.account_id)).values("project_id"))
        )


class Division(BaseData):
    """A part of a project. Base data it does not set are the project's; it is archived, never deleted."""

    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    name = fields.CharField(max_length=200)
    sort_key = fields.CharField(max_length=500)
    email = fields.CharField(max_length=254, null=True)
    email_verified_at = fields.DatetimeField(null=True)
    archived_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "divisions"
        indexes = (("project_id", "sort_key", "id"), ("project_id", "created_at", "id"))
        constraints = (CheckConstraint(check="name <> ''", name="ck_divisions_name"),)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """All of the project, the archived too, for PROJECT_READ."""
        if isinstance(viewer, Member) and viewer.may(Permission.PROJECT_READ):
            return Q(project_id=viewer.project_id)
        return NOBODY
