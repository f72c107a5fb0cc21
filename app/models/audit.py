"""The audit log."""

from typing import Any

from tortoise import fields
from tortoise.expressions import Q

from app.models.base import NOBODY, JsonText, Table
from app.policy import Member, Permission, Viewer


class AuditEntry(Table):
    """What was done, by whom, to what. Its ids are plain: an entry outlives every row it names, the project too."""

    project_id = fields.UUIDField(null=True)
    account_id = fields.UUIDField(null=True)
    employee_id = fields.UUIDField(null=True)
    action = fields.CharField(max_length=100)
    subject = fields.CharField(max_length=100, default="")
    subject_id = fields.UUIDField(null=True)
    contact_id = fields.UUIDField(null=True)
    division_id = fields.UUIDField(null=True)
    changes: Any = JsonText(default=dict)
    request_id = fields.CharField(max_length=100, default="")
    client_ip = fields.CharField(max_length=45, default="")
    created_at = fields.DatetimeField()

    class Meta:
        table = "audit_entries"
        indexes = (
            ("project_id", "created_at", "id"),
            ("project_id", "action", "employee_id", "created_at"),
            ("subject_id", "created_at"),
            ("contact_id", "created_at"),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """The project's, for AUDIT_READ."""
        if isinstance(viewer, Member) and viewer.may(Permission.AUDIT_READ):
            return Q(project_id=viewer.project_id)
        return NOBODY
