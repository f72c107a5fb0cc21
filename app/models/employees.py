"""Employees: an account's membership of a project, its divisions, and the invitations to it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model
from tortoise.queryset import QuerySet

from app.models.base import NOBODY, Table
from app.policy import Member, Permission, Reach, Role, Viewer

if TYPE_CHECKING:
    from app.models.accounts import Account
    from app.models.partners import Partner
    from app.models.projects import Division, Project

ROLES_LENGTH = 120


class RolesField(fields.CharField[str]):
    """Roles, stored as `SALES_REP,ADMIN` in the policy's order; any iterable of roles goes in, a tuple comes out."""

    field_type = tuple  # type: ignore[assignment]

    def __init__(self, max_length: int = ROLES_LENGTH, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> str | None:
        return None if value is None else ",".join(self.to_python_value(value))

    def to_python_value(self, value: Any) -> Any:
        if value is None:
            return None
        names: Iterable[str] = filter(None, value.split(",")) if isinstance(value, str) else value
        held = {Role(name) for name in names}
        return tuple(role for role in Role if role in held)


class DivisionScope(StrEnum):
    """Whose contacts an employee works with."""

    ALL = "ALL"
    CHOSEN = "CHOSEN"


class EmployeeStatus(StrEnum):
    """Where an employee stands."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    DEACTIVATED = "DEACTIVATED"


class Employee(Table):
    """An account's membership of one project; `account` is null until the invitation is accepted."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    account: fields.ForeignKeyNullableRelation["Account"] = fields.ForeignKeyField(
        "models.Account", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    account_id: UUID | None
    name = fields.CharField(max_length=200)
    sort_key = fields.CharField(max_length=500)
    search_text = fields.TextField()
    email = fields.CharField(max_length=254)  # lower case
    roles: tuple[Role, ...] = RolesField(default=())  # type: ignore[assignment]
    division_scope = fields.CharEnumField(
        DivisionScope, description="", max_length=10, default=DivisionScope.ALL
    )
    partner: fields.ForeignKeyNullableRelation["Partner"] = fields.ForeignKeyField(
        "models.Partner", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    partner_id: UUID | None
    reminder_interval_minutes = fields.IntField(null=True)
    can_delete_contacts = fields.BooleanField(default=False)
    can_send_bulk_email = fields.BooleanField(default=False)
    status = fields.CharEnumField(
        EmployeeStatus, description="", max_length=20, default=EmployeeStatus.INVITED
    )
    time_zone = fields.CharField(max_length=64, null=True)
    next_popup_at = fields.DatetimeField(null=True)
    last_popup_at = fields.DatetimeField(null=True)
    feed_number = fields.BigIntField(default=0)
    deactivated_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "employees"
        indexes = (
            ("project_id", "sort_key", "id"),
            ("project_id", "created_at", "id"),
            ("partner_id",),
            ("account_id", "status"),
        )
        constraints = (
            UniqueConstraint(fields=("project_id", "account_id"), name="uq_employees_account"),
            UniqueConstraint(fields=("project_id", "email"), name="uq_employees_email"),
            CheckConstraint(check="name <> ''", name="ck_employees_name"),
            CheckConstraint(check="email = lower(email) AND email <> ''", name="ck_employees_email"),
            CheckConstraint(
                check="reminder_interval_minutes IS NULL OR reminder_interval_minutes BETWEEN 1 AND 1440",
                name="ck_employees_reminder_interval",
            ),
            CheckConstraint(
                check="status <> 'ACTIVE' OR account_id IS NOT NULL", name="ck_employees_active_account"
            ),
            CheckConstraint(
                check="(status = 'DEACTIVATED') = (deactivated_at IS NOT NULL)",
                name="ck_employees_deactivated",
            ),
            CheckConstraint(
                check="next_popup_at IS NULL OR (status = 'ACTIVE' AND reminder_interval_minutes IS NOT NULL)",
                name="ck_employees_next_popup",
            ),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Everybody in the project for EMPLOYEE_READ; oneself always."""
        if not isinstance(viewer, Member):
            return NOBODY
        everybody = Q(project_id=viewer.project_id)
        return everybody if sees_all_employees(viewer) else everybody & Q(id=viewer.employee_id)

    @classmethod
    def of_account_q(cls, account_id: UUID) -> Q:
        """The account's active memberships, whatever the project."""
        return Q(account_id=account_id, status=EmployeeStatus.ACTIVE)

    @classmethod
    def active_admins(cls, project_id: UUID) -> QuerySet["Employee"]:
        """Those of whom a project always has one."""
        return cls.filter(project_id=project_id, status=EmployeeStatus.ACTIVE, roles__contains=Role.ADMIN)


def sees_all_employees(viewer: Member) -> bool:
    """Whether `viewer` sees colleagues, not only himself."""
    return viewer.reach(Permission.EMPLOYEE_READ) is Reach.ALL


class EmployeeDivision(Table):
    """A division chosen for an employee whose scope is CHOSEN."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    employee: fields.ForeignKeyRelation[Employee] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.CASCADE, related_name=False
    )
    employee_id: UUID
    division: fields.ForeignKeyRelation["Division"] = fields.ForeignKeyField(
        "models.Division", on_delete=OnDelete.CASCADE, related_name=False
    )
    division_id: UUID

    class Meta:
        table = "employee_divisions"
        indexes = (("project_id",), ("division_id",))
        constraints = (UniqueConstraint(fields=("employee_id", "division_id"), name="uq_employee_divisions"),)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Follows the employee."""
        if not isinstance(viewer, Member):
            return NOBODY
        everybody = Q(project_id=viewer.project_id)
        return everybody if sees_all_employees(viewer) else everybody & Q(employee_id=viewer.employee_id)


class Invitation(Table):
    """An invitation mailed to an employee. The worker makes the token when it sends, so `token_hash` is null before."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    employee: fields.ForeignKeyRelation[Employee] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.CASCADE, related_name=False
    )
    employee_id: UUID
    token_hash = fields.CharField(max_length=64, null=True, unique=True)
    invited_by: fields.ForeignKeyRelation[Employee] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.RESTRICT, related_name=False
    )
    invited_by_id: UUID
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    accepted_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "invitations"
        indexes = (("project_id",), ("employee_id",), ("invited_by_id",))

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """The project's, for EMPLOYEE_MANAGE."""
        if isinstance(viewer, Member) and viewer.may(Permission.EMPLOYEE_MANAGE):
            return Q(project_id=viewer.project_id)
        return NOBODY
