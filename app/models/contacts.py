"""Contacts: the customer firms and people that a project talks to."""

from collections.abc import Mapping
from enum import StrEnum
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q, Subquery
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint

from app.models.base import EVERYBODY, NOBODY, Table
from app.models.partners import LeadShareContact
from app.policy import Member, Permission, Reach, Viewer

if TYPE_CHECKING:
    from app.models.employees import Employee
    from app.models.projects import Division, Project


class ContactStatus(StrEnum):
    """How far a contact has come with the firm."""

    LEAD = "LEAD"
    PROSPECT = "PROSPECT"
    CUSTOMER = "CUSTOMER"
    FORMER = "FORMER"
    BLOCKED = "BLOCKED"


class Contact(Table):
    """A customer firm or person. Without a division it is seen by everyone inside the project."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    division: fields.ForeignKeyNullableRelation["Division"] = fields.ForeignKeyField(
        "models.Division", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    division_id: UUID | None
    owner: fields.ForeignKeyNullableRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    owner_id: UUID | None
    name = fields.CharField(max_length=200)
    sort_key = fields.CharField(max_length=500)
    search_text = fields.TextField()
    ico = fields.CharField(max_length=8, null=True)
    vat_id = fields.CharField(max_length=20, null=True)
    tax_number = fields.CharField(max_length=50, null=True)
    registration_number = fields.CharField(max_length=50, null=True)
    registration_country = fields.CharField(max_length=2, null=True)
    email = fields.CharField(max_length=254, null=True)
    phone = fields.CharField(max_length=20, null=True)
    web = fields.CharField(max_length=500, null=True)
    street = fields.CharField(max_length=200, null=True)
    city = fields.CharField(max_length=100, null=True)
    postal_code = fields.CharField(max_length=16, null=True)
    country = fields.CharField(max_length=2, null=True)
    status = fields.CharEnumField(ContactStatus, description="", max_length=20, default=ContactStatus.LEAD)
    bank_account = fields.CharField(max_length=40, null=True)
    credit_limit_minor = fields.BigIntField(null=True)
    price_level = fields.CharField(max_length=50, null=True)
    internal_rating = fields.SmallIntField(null=True)
    created_by: fields.ForeignKeyNullableRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    created_by_id: UUID | None
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "contacts"
        indexes = (
            ("project_id", "sort_key", "id"),
            ("project_id", "created_at", "id"),
            ("project_id", "updated_at", "id"),
            ("division_id", "sort_key", "id"),
            ("owner_id", "sort_key", "id"),
            ("created_by_id",),
            ("project_id", "status", "id"),
            ("project_id", "city", "id"),
            ("project_id", "ico"),
            ("project_id", "registration_number"),
            ("project_id", "email"),
            ("project_id", "phone"),
        )
        constraints = (
            CheckConstraint(check="name <> ''", name="ck_contacts_name"),
            CheckConstraint(
                check="credit_limit_minor IS NULL OR credit_limit_minor >= 0", name="ck_contacts_credit_limit"
            ),
            CheckConstraint(
                check="internal_rating IS NULL OR internal_rating BETWEEN 1 AND 5", name="ck_contacts_rating"
            ),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """The project's, within the viewer's divisions; for an external only what is shared with his partner now."""
        if not isinstance(viewer, Member) or not viewer.may(Permission.CONTACT_READ):
            return NOBODY
        return Q(project_id=viewer.project_id) & cls._within_reach(viewer)

    @classmethod
    def linked_q(cls, viewer: Viewer) -> Q:
        """For a table with `project_id` and `contact_id`: rows whose contact the viewer may see."""
        if not isinstance(viewer, Member) or not viewer.may(Permission.CONTACT_READ):
            return NOBODY
        in_project = Q(project_id=viewer.project_id)
        if not cls._within_reach(viewer):
            return in_project & Q(contact_id__isnull=False)
        return in_project & Q(contact_id__in=Subquery(cls.visible_to(viewer).values("id")))

    @classmethod
    def linked_if_at_all_q(cls, viewer: Member) -> Q:
        """Rows without a contact too; for a condition that names the project already.

        Naming it twice would make a planner believe that hardly any row is left, and sort them all.
        """
        if cls.sees_all_of_project(viewer):
            return Q()
        if not viewer.may(Permission.CONTACT_READ):
            return Q(contact_id__isnull=True)
        return Q(contact_id__isnull=True) | Q(contact_id__in=Subquery(cls.visible_to(viewer).values("id")))

    @classmethod
    def conditions(cls, viewer: Member) -> Mapping[str, Q]:
        """What narrows the project's contacts for this viewer, each with the sentence that says so. All must hold."""
        asked: dict[str, Q] = {}
        if viewer.reach(Permission.CONTACT_READ) is Reach.OWN:
            asked["he looks after it himself"] = Q(owner_id=viewer.employee_id)
        if viewer.division_ids is not None:
            chosen = Q(division_id__isnull=True) | Q(division_id__in=sorted(viewer.division_ids))
            asked["it is in one of his divisions, or in none"] = chosen
        if viewer.is_external:
            shared = cls._shared_with_partner_of(viewer)
            asked["it is in a lead share of his partner that is valid now"] = shared
        return asked

    @classmethod
    def sees_all_of_project(cls, viewer: Member) -> bool:
        """Whether nothing but the project narrows the contacts that the viewer sees."""
        return viewer.may(Permission.CONTACT_READ) and not cls._within_reach(viewer)

    @classmethod
    def sees_all_of_divisions(cls, viewer: Member) -> bool:
        """Whether his divisions alone narrow them."""
        reach = viewer.reach(Permission.CONTACT_READ)
        return reach is Reach.ALL and viewer.division_ids is not None and not viewer.is_external

    @classmethod
    def _within_reach(cls, viewer: Member) -> Q:
        """All of the conditions; an empty Q if there are none."""
        return reduce(and_, cls.conditions(viewer).values(), EVERYBODY)

    @classmethod
    def _shared_with_partner_of(cls, viewer: Member) -> Q:
        if viewer.partner_id is None:
            return NOBODY
        return Q(id__in=LeadShareContact.shared_with(viewer.project_id, viewer.partner_id))
