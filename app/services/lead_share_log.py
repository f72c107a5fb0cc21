"""What the audit log says of the contacts of a lead share, each under its own: lent, and taken back."""

from collections.abc import Sequence
from uuid import UUID

from app import db_rows, jobs
from app.models import LeadShare, LeadShareContact, value_batches


async def note_contacts(share: LeadShare, changed: Sequence[UUID], *, added: bool) -> None:
    """One entry for each contact: whoever may see that contact may know what became of it."""
    changes = {"lead_share_id": [None, share.id] if added else [share.id, None]}
    for some in db_rows.portions(changed, db_rows.AT_ONCE):
        for each in some:
            jobs.note("Contact", each, changes, project_id=share.project_id, contact_id=each)
        await jobs.write_notes()


async def note_all_taken_back(share: LeadShare) -> None:
    """That the share is over, under each of its contacts. What is in it stays so meanwhile: its partner is locked."""
    lent = LeadShareContact.filter(share_id=share.id)
    async for some in value_batches(lent, "contact_id"):
        await note_contacts(share, [row["contact_id"] for row in some], added=False)
