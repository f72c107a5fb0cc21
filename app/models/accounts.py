"""Logins: accounts, their sessions, the tokens mailed to them, and the attempts to sign in."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields import OnDelete
from tortoise.migrations.constraints import CheckConstraint

from app.models.base import NOBODY, DatabaseNow, Table
from app.policy import AccountViewer, Viewer

if TYPE_CHECKING:
    from app.models.employees import Employee
    from app.models.projects import Division, Project


class Account(Table):
    """A login of one person, who may be an employee of several projects."""

    email = fields.CharField(max_length=254, unique=True)  # lower case
    name = fields.CharField(max_length=200)
    password_hash = fields.CharField(max_length=200, null=True)
    email_verified_at = fields.DatetimeField(null=True)
    password_changed_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "accounts"
        constraints = (
            CheckConstraint(check="email = lower(email) AND email <> ''", name="ck_accounts_email"),
            CheckConstraint(check="name <> ''", name="ck_accounts_name"),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """One's own."""
        return Q(id=viewer.account_id) if isinstance(viewer, AccountViewer) else NOBODY


class Session(Table):
    """A signed-in device. It acts as one employee of one project, or as the account alone before it enters one."""

    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=OnDelete.CASCADE, related_name=False
    )
    account_id: UUID
    project: fields.ForeignKeyNullableRelation["Project"] = fields.ForeignKeyField(
        "models.Project", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID | None
    employee: fields.ForeignKeyNullableRelation["Employee"] = fields.ForeignKeyField(
        "models.Employee", null=True, on_delete=OnDelete.CASCADE, related_name=False
    )
    employee_id: UUID | None
    token_hash = fields.CharField(max_length=64, unique=True)
    created_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    absolute_expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    user_agent = fields.CharField(max_length=300, default="")
    client_ip = fields.CharField(max_length=45, default="")

    class Meta:
        table = "sessions"
        # Those that were revoked have a partial index by `revoked_at`, in the migration.
        indexes = (
            ("account_id", "created_at"),
            ("employee_id",),
            ("project_id",),
            ("expires_at",),
            ("absolute_expires_at",),
        )
        constraints = (
            CheckConstraint(
                check="(employee_id IS NULL) = (project_id IS NULL)", name="ck_sessions_employee_and_project"
            ),
        )

    @classmethod
    def alive_q(cls) -> Q:
        """Neither revoked nor expired, by the database's clock."""
        now = DatabaseNow()
        return Q(revoked_at__isnull=True, expires_at__gt=now, absolute_expires_at__gt=now)

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """The living sessions of one's own account, whatever project they are in."""
        if not isinstance(viewer, AccountViewer):
            return NOBODY
        return Q(account_id=viewer.account_id) & cls.alive_q()


class AccountTokenPurpose(StrEnum):
    """What the mailed link does."""

    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    EMAIL_CHANGE = "EMAIL_CHANGE"
    ADDRESS_VERIFICATION = "ADDRESS_VERIFICATION"


class AccountToken(Table):
    """A link mailed to prove an address or to reset a password.

    The worker makes the token when it sends the mail, so `token_hash` is null until then. `email` is the address that
    the link proves; `project` (and `division`) say whose From address it is, for ADDRESS_VERIFICATION.
    """

    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=OnDelete.CASCADE, related_name=False
    )
    account_id: UUID
    purpose = fields.CharEnumField(AccountTokenPurpose, description="", max_length=30)
    token_hash = fields.CharField(max_length=64, null=True, unique=True)
    email = fields.CharField(max_length=254, null=True)
    project: fields.ForeignKeyNullableRelation["Project"] = fields.ForeignKeyField(
        "models.Project", null=True, on_delete=OnDelete.RESTRICT, related_name=False
    )
    project_id: UUID | None
    division: fields.ForeignKeyNullableRelation["Division"] = fields.ForeignKeyField(
        "models.Division", null=True, on_delete=OnDelete.CASCADE, related_name=False
    )
    division_id: UUID | None
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "account_tokens"
        indexes = (("account_id", "purpose"), ("project_id",), ("division_id",), ("expires_at",))
        constraints = (
            CheckConstraint(
                check="division_id IS NULL OR project_id IS NOT NULL", name="ck_account_tokens_division"
            ),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Nobody's: a token is found by its hash alone."""
        return NOBODY


class SignInAttempt(Table):
    """One try to sign in, kept to slow down guessing. `email_hash` also stands for addresses nobody has."""

    email_hash = fields.CharField(max_length=64)
    client_ip = fields.CharField(max_length=45)
    succeeded = fields.BooleanField()
    at = fields.DatetimeField()

    class Meta:
        table = "sign_in_attempts"
        indexes = (("email_hash", "at"), ("client_ip", "at"), ("at",))

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """Nobody's."""
        return NOBODY
