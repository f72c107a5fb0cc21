"""Activities: what happened with a contact."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint

from app.models.base import EVERYBODY, NOBODY, Table
from app.models.contacts import Contact
from app.policy import Member, Permission, Reach, Viewer

if TYPE_CHECKING:
    from app.models.employees import Employee
    from app.models.projects import Project


class ActivityKind(StrEnum):
    """What happened."""

    CALL = "CALL"
    MEETING = "MEETING"
    EMAIL = "EMAIL"
    NOTE = "NOTE"


class Area(StrEnum):
    """The part of the business it belongs to, which decides who sees it."""

    SALES = "SALES"
    SERVICE = "SERVICE"
    COMPLAINT = "COMPLAINT"
    BILLING = "BILLING"


READ_PERMISSION = {
    Area.SALES: Permission.ACTIVITY_SALES_READ,
    Area.SERVICE: Permission.ACTIVITY_SERVICE_READ,
    Area.COMPLAINT: Permission.ACTIVITY_SERVICE_READ,
    Area.BILLING: Permission.ACTIVITY_BILLING_READ,
}
WRITE_PERMISSION = {
    Area.SALES: Permission.ACTIVITY_SALES_WRITE,
    Area.SERVICE: Permission.ACTIVITY_SERVICE_WRITE,
    Area.COMPLAINT: Permission.ACTIVITY_SERVICE_WRITE,
    Area.BILLING: Permission.ACTIVITY_BILLING_WRITE,
}


def area_q(viewer: Member) -> Q:
    """For a table with `area` and `author_id`: rows of the areas that the viewer may read, his own where only those."""
    reach = {area: viewer.reach(permission) for area, permission in READ_PERMISSION.items()}
    whole = [area for area in Area if reach[area] is Reach.ALL]
    own = [area for area in Area if reach[area] is Reach.OWN]
    if len(whole) == len(Area):
        return EVERYBODY
    return Q(area__in=whole) | (Q(area__in=own) & Q(author_id=viewer.employee_id))


class Activity(Table):
    """A call, a meeting, an e-mail or a note about a contact."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", on_delete=OnDelete.CASCADE, related_name=False
    )
    contact_id: UUID
    author: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.RESTRICT, related_name=False
    )
    author_id: UUID
    kind = fields.CharEnumField(ActivityKind, description="", max_length=20)
    area = fields.CharEnumField(Area, description="", max_length=20)
    summary = fields.CharField(max_length=500)
    detail = fields.TextField(null=True)
    occurred_at = fields.DatetimeField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "activities"
        # Read from the end: the latest of a contact, of a project.
        indexes = (
            ("contact_id", "occurred_at", "id"),
            ("project_id", "occurred_at", "id"),
            ("project_id", "created_at", "id"),
            ("author_id",),
        )
        constraints = (CheckConstraint(check="summary <> ''", name="ck_activities_summary"),)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Follows the contact, and the permission to read the activity's area."""
        return Contact.linked_q(viewer) & area_q(viewer) if isinstance(viewer, Member) else NOBODY
