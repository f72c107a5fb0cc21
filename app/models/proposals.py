"""Contacts that people of outside firms report: staff decide what becomes of them. And how much they read and search."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.models.base import NOBODY, Table
from app.models.contacts import Contact
from app.policy import Member, Permission, Viewer

if TYPE_CHECKING:
    from app.models.employees import Employee
    from app.models.projects import Project


class ProposalDecision(StrEnum):
    """What staff made of a proposal."""

    ACCEPTED = "ACCEPTED"
    MERGED = "MERGED"
    REJECTED = "REJECTED"


class ContactProposal(Table):
    """A contact as somebody reported it, beside the contacts: nothing is compared, so nothing is given away."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    proposed_by: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.RESTRICT, related_name=False
    )
    proposed_by_id: UUID
    name = fields.CharField(max_length=200)
    ico = fields.CharField(max_length=8, null=True)
    registration_number = fields.CharField(max_length=50, null=True)
    registration_country = fields.CharField(max_length=2, null=True)
    email = fields.CharField(max_length=254, null=True)
    phone = fields.CharField(max_length=20, null=True)
    city = fields.CharField(max_length=100, null=True)
    country = fields.CharField(max_length=2, null=True)
    note = fields.TextField(null=True)
    decision = fields.CharEnumField(ProposalDecision, description="", max_length=20, null=True)
    decided_by: fields.ForeignKeyNullableRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    decided_by_id: UUID | None
    decided_at = fields.DatetimeField(null=True)
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", null=True, on_delete=OnDelete.CASCADE, related_name=False
    )
    contact_id: UUID | None
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()

    class Meta:
        table = "contact_proposals"
        indexes = (
            ("project_id", "created_at", "id"),
            ("proposed_by_id", "created_at"),
            ("decided_by_id",),
            ("contact_id",),
        )
        constraints = (
            CheckConstraint(check="name <> ''", name="ck_contact_proposals_name"),
            CheckConstraint(
                check="(decision IS NULL) = (decided_at IS NULL)", name="ck_contact_proposals_decision"
            ),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """All of the project for who decides (CONTACT_IMPORT), but for what became a contact out of his sight; else one's own."""
        if not isinstance(viewer, Member):
            return NOBODY
        in_project = Q(project_id=viewer.project_id)
        if viewer.may(Permission.CONTACT_IMPORT):
            return in_project & Contact.linked_if_at_all_q(viewer)
        if viewer.may(Permission.CONTACT_PROPOSE):
            return in_project & Q(proposed_by_id=viewer.employee_id)
        return NOBODY


class ExternalRead(Table):
    """That an external employee was shown a contact, and when last: what his daily budget counts."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    employee: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.CASCADE, related_name=False
    )
    employee_id: UUID
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", on_delete=OnDelete.CASCADE, related_name=False
    )
    contact_id: UUID
    read_at = fields.DatetimeField()

    class Meta:
        table = "external_reads"
        indexes = (("employee_id", "read_at"), ("project_id",), ("contact_id",), ("read_at",))
        constraints = (UniqueConstraint(fields=("employee_id", "contact_id"), name="uq_external_reads"),)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Nobody's: it is only counted."""
        return NOBODY


class ExternalQuestion(Table):
    """What an external employee asked in a search, hashed under a key of their own, and when it was counted last."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    employee: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.CASCADE, related_name=False
    )
    employee_id: UUID
    question_hash = fields.CharField(max_length=64)
    asked_at = fields.DatetimeField()

    class Meta:
        table = "external_questions"
        indexes = (("project_id",), ("asked_at",))
        constraints = (
            UniqueConstraint(fields=("employee_id", "question_hash"), name="uq_external_questions"),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Nobody's: it is only compared."""
        return NOBODY


class ExternalSearches(Table):
    """How often an external employee searched the contacts in the day that began with the first of them."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    employee: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.CASCADE, related_name=False
    )
    employee_id: UUID
    began_at = fields.DatetimeField()
    searches = fields.IntField()

    class Meta:
        table = "external_searches"
        indexes = (("project_id",), ("began_at",))
        constraints = (UniqueConstraint(fields=("employee_id", "project_id"), name="uq_external_searches"),)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Nobody's: it is only counted."""
        return NOBODY
