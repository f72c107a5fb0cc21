"""The audit log: append-only, by triggers and, on PostgreSQL, by the rights of the application's role."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pypika_tortoise.context import SqlContext
from pypika_tortoise.terms import Criterion, Term
from tortoise import fields
from tortoise.expressions import Q, ResolveContext, Subquery
from tortoise.query_utils import QueryModifier

from app.models.base import NOBODY, JsonText, Table
from app.models.contacts import Contact
from app.policy import Member, Permission, Viewer


class AuditEntry(Table):
    """What was done, by whom, to what. Its ids are plain: an entry outlives every row it names, the project too.

    `contact_id` is the contact that the subject is or hangs on, `division_id` that contact's division when it was
    written: while the contact is there its own division counts, afterwards this one.
    """

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

    # Of a contact that went in the same transaction whoever wrote the entry must say where it was.
    WRITTEN_BY: ClassVar[Mapping[str, str]] = {
        "division_id": "CASE WHEN EXISTS (SELECT 1 FROM contacts WHERE id = {contact_id})"
        " THEN (SELECT division_id FROM contacts WHERE id = {contact_id}) ELSE {division_id} END"
    }

    class Meta:
        table = "audit_entries"
        indexes = (
            ("project_id", "created_at", "id"),
            ("project_id", "action", "created_at"),
            ("employee_id", "created_at"),
            ("subject_id", "created_at"),
            ("contact_id", "created_at"),
            ("created_at",),
        )

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """The project's, for AUDIT_READ; of what hangs on a contact only if he may see the contact now.

        Of a contact that is gone: what was written while it was in one of his divisions, or in none.
        """
        if not isinstance(viewer, Member) or not viewer.may(Permission.AUDIT_READ):
            return NOBODY
        in_project = Q(project_id=viewer.project_id)
        if Contact.sees_all_of_project(viewer):
            return in_project
        seen = Q(contact_id__isnull=True) | Q(
            contact_id__in=Subquery(Contact.visible_to(viewer).values("id"))
        )
        return in_project & (seen | _of_gone_contacts(viewer))


def _of_gone_contacts(viewer: Member) -> Q:
    """Nothing for whoever sees only some contacts of a division: nobody can say any more whether it was one of those."""
    if not Contact.sees_all_of_divisions(viewer):
        return NOBODY
    in_scope = Q(division_id__isnull=True) | Q(division_id__in=sorted(viewer.division_ids or ()))
    return _ContactIsGone() & in_scope


class _ContactIsGone(Q):
    """That there is no contact with the entry's `contact_id` any more, be there none or not."""

    def __bool__(self) -> bool:
        return True

    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        return QueryModifier(where_criterion=_NoContact(resolve_context.table["contact_id"]))


class _NoContact(Criterion):
    """Asked entry by entry by the key, so that a page of entries does not read all contacts."""

    def __init__(self, contact_id: Term) -> None:
        super().__init__()
        self.contact_id = contact_id

    def nodes_(self) -> Any:
        yield self
        yield from self.contact_id.nodes_()

    def get_sql(self, ctx: SqlContext) -> str:
        contact_id = self.contact_id.get_sql(ctx.copy(with_namespace=True))
        return f'NOT EXISTS (SELECT 1 FROM "contacts" AS "known" WHERE "known"."id" = {contact_id})'  # noqa: S608
