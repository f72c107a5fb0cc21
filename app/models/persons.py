"""Persons: the humans at a contact."""

from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint

from app.models.base import Table
from app.models.contacts import Contact
from app.policy import Viewer

if TYPE_CHECKING:
    from app.models.projects import Project


class Person(Table):
    """A human at a contact."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", on_delete=OnDelete.CASCADE, related_name=False
    )
    contact_id: UUID
    name = fields.CharField(max_length=200)
    sort_key = fields.CharField(max_length=500)
    search_text = fields.TextField()
    position = fields.CharField(max_length=200, null=True)
    email = fields.CharField(max_length=254, null=True)
    phone = fields.CharField(max_length=20, null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "persons"
        indexes = (
            ("contact_id", "sort_key", "id"),
            ("project_id", "sort_key", "id"),
            ("project_id", "created_at", "id"),
            ("project_id", "updated_at", "id"),
        )
        constraints = (CheckConstraint(check="name <> ''", name="ck_persons_name"),)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Follows the contact."""
        return Contact.linked_q(viewer)
