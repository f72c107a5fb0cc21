"""Outside firms whose people work here, and the contacts shared with them."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q, Subquery
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.models.base import NOBODY, DatabaseNow, Table
from app.policy import Member, Permission, Viewer

if TYPE_CHECKING:
    from app.models.contacts import Contact
    from app.models.employees import Employee
    from app.models.projects import Project


def _for_sharers(viewer: Viewer) -> Q:
    if isinstance(viewer, Member) and viewer.may(Permission.LEAD_SHARE):
        return Q(project_id=viewer.project_id)
    return NOBODY


class Partner(Table):
    """An outside firm (a call centre) whose people work here as external employees."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    name = fields.CharField(max_length=200)
    sort_key = fields.CharField(max_length=500)
    archived_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()

    class Meta:
        table = "partners"
        indexes = (("project_id", "sort_key", "id"),)
        constraints = (CheckConstraint(check="name <> ''", name="ck_partners_name"),)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        return _for_sharers(viewer)


class LeadShareState(StrEnum):
    """Whether a share opens contacts now, will, or did."""

    PLANNED = "PLANNED"
    RUNNING = "RUNNING"
    ENDED = "ENDED"
    RECALLED = "RECALLED"


class LeadShare(Table):
    """Contacts lent to a partner for a campaign, from a moment, and until another unless it is null.

    `closed_at` says when its end, by time or by recall, was carried through: who lost sight was told.
    """

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    partner: fields.ForeignKeyRelation[Partner] = fields.ForeignKeyField(
        "models.Partner", on_delete=OnDelete.RESTRICT, related_name=False
    )
    partner_id: UUID
    campaign = fields.CharField(max_length=200)
    valid_from = fields.DatetimeField()
    valid_until = fields.DatetimeField(null=True)
    recalled_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    created_by: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.RESTRICT, related_name=False
    )
    created_by_id: UUID
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()

    class Meta:
        table = "lead_shares"
        # Of the open ones, when they end and which were recalled has partial indexes, in the migration.
        indexes = (
            ("project_id", "created_at", "id"),
            ("project_id", "valid_from", "id"),
            ("project_id", "valid_until", "id"),
            ("partner_id",),
            ("created_by_id",),
        )
        constraints = (
            CheckConstraint(check="campaign <> ''", name="ck_lead_shares_campaign"),
            CheckConstraint(
                check="valid_until IS NULL OR valid_until > valid_from", name="ck_lead_shares_validity"
            ),
        )

    @classmethod
    def valid_q(cls, project_id: UUID, partner_id: UUID) -> Q:
        """The shares that open contacts to this partner now, by the database's clock, to the millisecond, and not by a job."""
        now = DatabaseNow()
        begun = Q(project_id=project_id, partner_id=partner_id, recalled_at__isnull=True, valid_from__lte=now)
        return begun & cls._not_over_q(now)

    @classmethod
    def open_q(cls) -> Q:
        """Those planned or running, by the database's clock."""
        return Q(recalled_at__isnull=True) & cls._not_over_q(DatabaseNow())

    @classmethod
    def to_be_closed_q(cls, now: datetime) -> Q:
        """Those over at this moment whose end was not carried through."""
        return Q(closed_at__isnull=True) & (Q(recalled_at__isnull=False) | Q(valid_until__lte=now))

    @staticmethod
    def _not_over_q(now: DatabaseNow) -> Q:
        return Q(valid_until__isnull=True) | Q(valid_until__gt=now)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        return _for_sharers(viewer)


class LeadShareContact(Table):
    """One contact of a lead share."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    share: fields.ForeignKeyRelation[LeadShare] = fields.ForeignKeyField(
        "models.LeadShare", on_delete=OnDelete.CASCADE, related_name=False
    )
    share_id: UUID
    contact: fields.ForeignKeyRelation["Contact"] = fields.ForeignKeyField(
        "models.Contact", on_delete=OnDelete.CASCADE, related_name=False
    )
    contact_id: UUID

    class Meta:
        table = "lead_share_contacts"
        indexes = (("project_id",), ("contact_id",))
        constraints = (UniqueConstraint(fields=("share_id", "contact_id"), name="uq_lead_share_contacts"),)

    @classmethod
    def shared_with(cls, project_id: UUID, partner_id: UUID) -> Subquery:
        """The ids of the contacts that this partner may see now."""
        shares = LeadShare.filter(LeadShare.valid_q(project_id, partner_id)).values("id")
        return Subquery(cls.filter(project_id=project_id, share_id__in=Subquery(shares)).values("contact_id"))

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        return _for_sharers(viewer)
