"""What repeated mutations did the first time."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.models.base import NOBODY, JsonText, MomentField, Table
from app.policy import Member, Viewer

if TYPE_CHECKING:
    from app.models.employees import Employee
    from app.models.projects import Project


class IdempotencyRecord(Table):
    """The hash of a mutation's input and the ids it made, never its answer: a repeat selects anew."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    employee: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.CASCADE, related_name=False
    )
    employee_id: UUID
    mutation = fields.CharField(max_length=100)
    key = fields.CharField(max_length=200)
    input_hash = fields.CharField(max_length=64)
    result: Any = JsonText(default=dict)
    created_at = MomentField()

    class Meta:
        table = "idempotency_records"
        indexes = (("project_id", "employee_id"), ("created_at",))
        constraints = (
            UniqueConstraint(fields=("employee_id", "key"), name="uq_idempotency_records_key"),
            CheckConstraint(check="key <> ''", name="ck_idempotency_records_key"),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """One's own."""
        if isinstance(viewer, Member):
            return Q(project_id=viewer.project_id, employee_id=viewer.employee_id)
        return NOBODY
