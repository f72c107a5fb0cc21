"""What the audit log says of the contacts of lead shares, each under its own: lent, and taken back."""

from collections.abc import Sequence
from uuid import UUID

from app import db_rows, jobs
from app.models import LeadShare, LeadShareContact, value_batches


async def note_contacts(share: LeadShare, changed: Sequence[UUID], *, added: bool) -> None:
    """One entry for each contact: whoever may see that contact may know what became of it."""
    changes = {"lead_share_id": [None, share.id] if added else [share.id, None]}
    for some in db_rows.portions(changed, db_rows.AT_ONCE):
        for each in some:
            jobs.note("Contact", each, changes, contact_id=each)
        await jobs.write_notes()


async def note_all_taken_back(*shares: LeadShare) -> None:
    """That these are over, under each of their contacts; some at a time. Their partner is locked, so none comes or goes."""
    lent = LeadShareContact.filter(share_id__in=[share.id for share in shares])
    async for some in value_batches(lent, "share_id", "project_id", "contact_id"):
        for row in some:
            changes = {"lead_share_id": [row["share_id"], None]}
            contact_id = row["contact_id"]
            jobs.note("Contact", contact_id, changes, project_id=row["project_id"], contact_id=contact_id)
        await jobs.write_notes()
