"""E-mails: the outbox and log in one, their recipients, and the mailboxes they leave through."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q, Subquery
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from app.models.activities import Area, area_q
from app.models.base import NOBODY, Table
from app.models.contacts import Contact
from app.policy import Member, Permission, Reach, Viewer

if TYPE_CHECKING:
    from app.models.employees import Employee
    from app.models.projects import Division, Project


class MailboxLevel(StrEnum):
    """Whose mailbox it is."""

    PROJECT = "PROJECT"
    DIVISION = "DIVISION"
    EMPLOYEE = "EMPLOYEE"


class Mailbox(Table):
    """SMTP credentials of the firm; `secret` is the sealed password."""

    project: fields.ForeignKeyRelation["Project"] = fields.ForeignKeyField(
        "models.Project", on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID
    level = fields.CharEnumField(MailboxLevel, description="", max_length=20)
    division: fields.ForeignKeyNullableRelation["Division"] = fields.ForeignKeyField(
        "models.Division", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    division_id: UUID | None
    employee: fields.ForeignKeyNullableRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    employee_id: UUID | None
    host = fields.CharField(max_length=255)
    port = fields.IntField()
    username = fields.CharField(max_length=254)
    secret = fields.TextField()
    address = fields.CharField(max_length=254)
    display_name = fields.CharField(max_length=200)
    verified_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()

    class Meta:
        table = "mailboxes"
        indexes = (("project_id",), ("division_id",), ("employee_id",))
        constraints = (
            CheckConstraint(
                check="(level = 'DIVISION') = (division_id IS NOT NULL)", name="ck_mailboxes_division"
            ),
            CheckConstraint(
                check="(level = 'EMPLOYEE') = (employee_id IS NOT NULL)", name="ck_mailboxes_employee"
            ),
            CheckConstraint(check="port BETWEEN 1 AND 65535", name="ck_mailboxes_port"),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """The firm's for PROJECT_SETTINGS, one's own for EMAIL_MAILBOX_OWN; never a colleague's."""
        if not isinstance(viewer, Member):
            return NOBODY
        seen = NOBODY
        if viewer.may(Permission.PROJECT_SETTINGS):
            seen |= Q(employee_id__isnull=True)
        if viewer.may(Permission.EMAIL_MAILBOX_OWN):
            seen |= Q(employee_id=viewer.employee_id)
        return Q(project_id=viewer.project_id) & seen


class EmailPurpose(StrEnum):
    """What a mail is for. All but BUSINESS and PERSONAL are the system's own, which nobody reads."""

    BUSINESS = "BUSINESS"
    PERSONAL = "PERSONAL"
    INVITATION = "INVITATION"
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    EMAIL_CHANGE = "EMAIL_CHANGE"
    ADDRESS_VERIFICATION = "ADDRESS_VERIFICATION"


class EmailVia(StrEnum):
    """The road it leaves by: a connected mailbox, the relay under the firm's address, or the installation's address."""

    MAILBOX = "MAILBOX"
    RELAY = "RELAY"
    INSTALLATION = "INSTALLATION"


class EmailState(StrEnum):
    """Where a mail is on its way.

    QUEUED waits for its first attempt, SENDING is held by a worker until `lease_until`, DEFERRED waits for another
    attempt at `next_attempt_at`. Final: SENT (every recipient accepted), PARTIAL (some accepted, some refused), FAILED
    (none accepted), UNKNOWN (the connection or the worker was lost after the text and before the answer was written
    down: perhaps delivered; or every attempt ended abnormally), CANCELLED (withdrawn before an attempt).
    """

    QUEUED = "QUEUED"
    SENDING = "SENDING"
    DEFERRED = "DEFERRED"
    SENT = "SENT"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    CANCELLED = "CANCELLED"


class RecipientState(StrEnum):
    """What became of one recipient: FAILED is final, DEFERRED is tried again.

    UNKNOWN is written before the final dot and replaced by what the server said: whatever dies between, it is true.
    """

    QUEUED = "QUEUED"
    SENT = "SENT"
    DEFERRED = "DEFERRED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


class Email(Table):
    """A mail: outbox and log. Redis only wakes the worker.

    A mail that carries a secret keeps `template` and `template_ref` (the id of the AccountToken or Invitation) and no
    body. `project` is null for mail of an account. Deleting a contact keeps its mail: the service empties `contact`,
    `text` and `html` first, and what is left is seen by the author alone.
    """

    project: fields.ForeignKeyNullableRelation["Project"] = fields.ForeignKeyField(
        "models.Project", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID | None
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    contact_id: UUID | None
    author: fields.ForeignKeyNullableRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    author_id: UUID | None
    division: fields.ForeignKeyNullableRelation["Division"] = fields.ForeignKeyField(
        "models.Division", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    division_id: UUID | None
    area = fields.CharEnumField(Area, description="", max_length=20, null=True)
    purpose = fields.CharEnumField(EmailPurpose, description="", max_length=30)
    message_id = fields.CharField(max_length=320, unique=True)
    template = fields.CharField(max_length=50, null=True)
    template_ref = fields.UUIDField(null=True)
    from_address = fields.CharField(max_length=254)
    from_name = fields.CharField(max_length=200)
    reply_to = fields.CharField(max_length=254, null=True)
    via = fields.CharEnumField(EmailVia, description="", max_length=20)
    mailbox: fields.ForeignKeyNullableRelation[Mailbox] = fields.ForeignKeyField(
        "models.Mailbox", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    mailbox_id: UUID | None
    subject = fields.CharField(max_length=500)
    text = fields.TextField(null=True)
    html = fields.TextField(null=True)
    state = fields.CharEnumField(EmailState, description="", max_length=20, default=EmailState.QUEUED)
    attempt = fields.IntField(default=0)
    # Attempts in a row whose end nobody wrote down.
    crashes = fields.IntField(default=0, db_default=0)
    # Attempts that may have delivered it, though nobody can say so: it may have arrived so many times more.
    uncertain_attempts = fields.IntField(default=0, db_default=0)
    next_attempt_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)
    sent_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "emails"
        # What a worker looks for (`next_attempt_at`, `lease_until`) has partial indexes, in the migration.
        indexes = (
            ("project_id", "created_at", "id"),
            ("contact_id", "created_at", "id"),
            ("author_id", "created_at"),
            ("division_id",),
            ("mailbox_id",),
            ("template_ref",),
        )
        constraints = (
            CheckConstraint(
                check="project_id IS NOT NULL OR (contact_id IS NULL AND author_id IS NULL"
                " AND division_id IS NULL AND mailbox_id IS NULL)",
                name="ck_emails_project",
            ),
            CheckConstraint(check="(via = 'MAILBOX') = (mailbox_id IS NOT NULL)", name="ck_emails_mailbox"),
            CheckConstraint(
                check="template IS NULL OR (text IS NULL AND html IS NULL)", name="ck_emails_no_secret"
            ),
            CheckConstraint(check="(state = 'SENDING') = (lease_until IS NOT NULL)", name="ck_emails_lease"),
            CheckConstraint(
                check="(state IN ('QUEUED', 'DEFERRED')) = (next_attempt_at IS NOT NULL)",
                name="ck_emails_next_attempt",
            ),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Mail to contacts the viewer may see, within the permission for its area; without a contact the author's own."""
        if not isinstance(viewer, Member) or not viewer.may(Permission.EMAIL_READ):
            return NOBODY
        own = Q(author_id=viewer.employee_id)
        readable = Q(project_id=viewer.project_id, purpose__in=[EmailPurpose.BUSINESS, EmailPurpose.PERSONAL])
        if viewer.reach(Permission.EMAIL_READ) is Reach.OWN:
            readable &= own
        if area := area_q(viewer):
            readable &= Q(area__isnull=True) | area
        return readable & (Contact.linked_q(viewer) | (Q(contact_id__isnull=True) & own))


class EmailRecipient(Table):
    """One address that a mail goes to, and what its server answered."""

    project: fields.ForeignKeyNullableRelation["Project"] = fields.ForeignKeyField(
        "models.Project", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID | None
    email: fields.ForeignKeyRelation[Email] = fields.ForeignKeyField(
        "models.Email", on_delete=OnDelete.CASCADE, related_name=False
    )
    email_id: UUID
    address = fields.CharField(max_length=254)
    state = fields.CharEnumField(RecipientState, description="", max_length=20, default=RecipientState.QUEUED)
    response = fields.CharField(max_length=500, null=True)
    attempts = fields.IntField(default=0)
    uncertain_attempts = fields.IntField(default=0, db_default=0)

    class Meta:
        table = "email_recipients"
        indexes = (("project_id",),)
        constraints = (UniqueConstraint(fields=("email_id", "address"), name="uq_email_recipients_address"),)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Follows the mail."""
        if not isinstance(viewer, Member) or not viewer.may(Permission.EMAIL_READ):
            return NOBODY
        return Q(project_id=viewer.project_id, email_id__in=Subquery(Email.visible_to(viewer).values("id")))
