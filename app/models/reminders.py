"""Reminders, and the log of what each employee's window was told."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.models.base import NOBODY, JsonText, Table
from app.models.contacts import Contact
from app.policy import Member, Permission, Viewer

if TYPE_CHECKING:
    from app.models.employees import Employee
    from app.models.projects import Project


class ReminderKind(StrEnum):
    """A task to do, or somebody to come back to."""

    TASK = "TASK"
    FOLLOW_UP = "FOLLOW_UP"


class ReminderState(StrEnum):
    """Whether it still waits."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class Reminder(Table):
    """What an employee must handle, due at a time.

    `alert_at` is the moment it asks for attention: `snoozed_until` if it is snoozed, else `due_at`; whoever sets one
    of them sets it too. Without an assignee it is shown to holders of REMINDER_ASSIGN alone, and rests for nobody: a snooze
    is the choice of the assignee who took it.
    """

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    assignee: fields.ForeignKeyNullableRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    assignee_id: UUID | None
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", null=True, on_delete=OnDelete.CASCADE, related_name=False
    )
    contact_id: UUID | None
    created_by: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.RESTRICT, related_name=False
    )
    created_by_id: UUID
    kind = fields.CharEnumField(ReminderKind, description="", max_length=20, default=ReminderKind.TASK)
    title = fields.CharField(max_length=300)
    note = fields.TextField(null=True)
    due_at = fields.DatetimeField()
    snoozed_until = fields.DatetimeField(null=True)
    alert_at = fields.DatetimeField()
    state = fields.CharEnumField(ReminderState, description="", max_length=20, default=ReminderState.OPEN)
    resolved_at = fields.DatetimeField(null=True)
    resolved_by: fields.ForeignKeyNullableRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    resolved_by_id: UUID | None
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "reminders"
        # The open ones of an assignee, and those of nobody, have partial indexes by `alert_at`, in the migrations.
        indexes = (
            ("project_id", "due_at", "id"),
            ("project_id", "resolved_at", "id"),
            ("project_id", "created_at", "id"),
            ("project_id", "updated_at", "id"),
            ("assignee_id", "due_at", "id"),
            ("contact_id", "due_at", "id"),
            ("created_by_id",),
            ("resolved_by_id",),
        )
        constraints = (
            CheckConstraint(check="title <> ''", name="ck_reminders_title"),
            CheckConstraint(check="alert_at = COALESCE(snoozed_until, due_at)", name="ck_reminders_alert_at"),
            CheckConstraint(
                check="(state = 'RESOLVED') = (resolved_at IS NOT NULL)", name="ck_reminders_resolved_at"
            ),
            CheckConstraint(
                check="resolved_by_id IS NULL OR state = 'RESOLVED'", name="ck_reminders_resolved_by"
            ),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """One's own, or the project's for REMINDER_ASSIGN; never one whose contact the viewer may not see."""
        if not isinstance(viewer, Member):
            return NOBODY
        return _held_q(viewer) & Contact.linked_if_at_all_q(viewer)


def _held_q(viewer: Member) -> Q:
    in_project = Q(project_id=viewer.project_id)
    if viewer.may(Permission.REMINDER_ASSIGN):
        return in_project
    if viewer.may(Permission.REMINDER_OWN):
        return in_project & Q(assignee_id=viewer.employee_id)
    return NOBODY


class ReminderEventKind(StrEnum):
    """The window opened, or one reminder left it."""

    POPUP = "POPUP"
    CLOSED = "CLOSED"


class ReminderClosedReason(StrEnum):
    """Why a reminder left the window."""

    RESOLVED = "RESOLVED"
    SNOOZED = "SNOOZED"
    DELETED = "DELETED"
    GIVEN_AWAY = "GIVEN_AWAY"
    CHANGED = "CHANGED"


class ReminderEvent(Table):
    """One line of an employee's feed. `number` grows per employee under a lock on his row, and may skip.

    A POPUP names its reminders in `reminder_ids`, a CLOSED one in `reminder_id`: plain ids, because an event outlives
    the reminder. `unassigned_ids` of a POPUP are those of nobody that it shows, null if none, and `more_unassigned` how many
    more of them are due. `created_at` is when the transaction began that wrote the event. Of a POPUP `due_at` is when the
    window was to open and `written_at` when the statement ran that told so: `written_at - due_at` is how late it was, but
    for the commit. Both are null of a CLOSED one, and of what was written before they were kept.
    """

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    employee: fields.ForeignKeyRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", on_delete=OnDelete.CASCADE, related_name=False
    )
    employee_id: UUID
    number = fields.BigIntField()
    kind = fields.CharEnumField(ReminderEventKind, description="", max_length=20)
    reminder_ids: Any = JsonText(default=list)
    reminder_id = fields.UUIDField(null=True)
    closed_reason = fields.CharEnumField(ReminderClosedReason, description="", max_length=20, null=True)
    snoozed_until = fields.DatetimeField(null=True)
    repeat_minutes = fields.IntField(null=True)
    due_at = fields.DatetimeField(null=True)
    unassigned_ids: Any = JsonText(null=True)
    more_unassigned = fields.IntField(null=True)
    created_at = fields.DatetimeField()
    written_at = fields.DatetimeField(null=True)

    class Meta:
        table = "reminder_events"
        indexes = (("project_id",), ("created_at",))
        constraints = (
            UniqueConstraint(fields=("employee_id", "number"), name="uq_reminder_events_number"),
            CheckConstraint(
                check="(kind = 'CLOSED') = (reminder_id IS NOT NULL AND closed_reason IS NOT NULL)",
                name="ck_reminder_events_closed",
            ),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """One's own feed. The reminders that it names are to be got through `Reminder.visible_to`."""
        if isinstance(viewer, Member) and viewer.may(Permission.REMINDER_OWN):
            return Q(project_id=viewer.project_id, employee_id=viewer.employee_id)
        return NOBODY
