"""What repeated mutations did the first time."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.models.base import NOBODY, JsonText, Table
from app.policy import AccountViewer, Member, Viewer

if TYPE_CHECKING:
    from app.models.projects import Project


class IdempotencyRecord(Table):
    """The hash of a mutation's input and the ids it made, never its answer: a repeat selects anew.

    `scope_id` is whose key it is: the employee, or the account before it enters a project (then `project` is null).
    """

    project: fields.ForeignKeyNullableRelation["Project"] = fields.ForeignKeyField(
        "models.Project", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID | None
    scope_id = fields.UUIDField()
    mutation = fields.CharField(max_length=100)
    key = fields.CharField(max_length=200)
    input_hash = fields.CharField(max_length=64)
    result: Any = JsonText(default=dict)
    created_at = fields.DatetimeField()

    class Meta:
        table = "idempotency_records"
        indexes = (("project_id",), ("created_at",))
        constraints = (
            UniqueConstraint(fields=("scope_id", "key"), name="uq_idempotency_records_key"),
            CheckConstraint(check="key <> ''", name="ck_idempotency_records_key"),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """One's own, in the project that one is in."""
        if isinstance(viewer, Member):
            return Q(project_id=viewer.project_id, scope_id=viewer.employee_id)
        if isinstance(viewer, AccountViewer):
            return Q(project_id=None, scope_id=viewer.account_id)
        return NOBODY
