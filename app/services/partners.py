"""Partners: outside firms whose people work here. They are archived, never deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import jobs
from app.errors import FaultCode, Invalid
from app.models import LeadShare, Partner, Project, audit_notes, batches
from app.policy import Member, Permission
from app.services import lead_share_log, partner_sight
from app.services.versions import differing, require_version, sent_anew
from app.text import fold, sort_key
from app.validation import check, name

RULES = {"name": name(200)}


async def get_living(viewer: Member, id: UUID, *, path: Sequence[str] = ("partner_id",)) -> Partner:
    """The partner, if people may be added to it and contacts lent: it stays so until the transaction ends.

    Raises NotFound, and Invalid (WRONG_STATE) for an archived one, at `path`.
    """
    partner = await Partner.get_visible(viewer, id, path=path, lock=True)
    if partner.archived_at is not None:
        sentence = f"The partner {partner.name} is archived. Choose another."
        raise Invalid.at(path, sentence, FaultCode.WRONG_STATE)
    return partner


async def create(viewer: Member, *, now: datetime, **sent: Any) -> Partner:
    """A new partner. `sent`: name, which no other partner in use has."""
    viewer.require(Permission.LEAD_SHARE)
    name = check(sent, RULES, required=("name",))["name"]
    await _require_free(viewer, name)
    partner = await Partner.create(
        project_id=viewer.project_id, name=name, sort_key=sort_key(name), created_at=now
    )
    jobs.note(partner, audit_notes.made(partner, "name"))
    return partner


async def update(viewer: Member, *, id: UUID, expected_version: int | None = None, **sent: Any) -> Partner:
    """Renames a partner."""
    await Partner.get_visible(viewer, id)
    viewer.require(Permission.LEAD_SHARE)
    await _lock_names(viewer)
    partner = await Partner.get_visible(viewer, id, lock=True)
    require_version(partner, expected_version)
    typed = sent_anew(partner, sent)
    changes = differing(partner, check(typed, RULES, required=list(typed)))
    if "name" in changes:
        if partner.archived_at is None:
            await _require_free(viewer, changes["name"], but=partner.id)
        await _save(partner, changes)
    return partner


async def archive(viewer: Member, *, now: datetime, id: UUID, expected_version: int | None = None) -> Partner:
    """The firm is not worked with any more: nobody of it is added, and all that is lent to it is recalled at once.

    It is never refused because something still runs: whoever ends it with a firm wants it to see nothing from now on.
    Its people stay, and see no contact. Archived twice it stays as it was.
    """
    await Partner.get_visible(viewer, id)
    viewer.require(Permission.LEAD_SHARE)
    await _lock_names(viewer)
    await partner_sight.lock(id)
    partner = await Partner.get_visible(viewer, id)
    require_version(partner, expected_version)
    if partner.archived_at is None:
        await _save(partner, {"archived_at": now})
        await _recall_all(id, now=now)
        await partner_sight.shrank(id, now=now)
    return partner


async def _recall_all(partner_id: UUID, *, now: datetime) -> None:
    """Its people and itself are locked, so nothing is lent to it meanwhile."""
    shares = LeadShare.filter(LeadShare.open_q(), partner_id=partner_id)
    async for some in batches(shares, "id", "project_id", "partner_id", "recalled_at"):
        for share in some:
            jobs.note(share, audit_notes.differences(share, {"recalled_at": now}))
        recalled = LeadShare.filter(id__in=[share.id for share in some])
        await recalled.update(recalled_at=now, closed_at=now, version=F("version") + 1)
        await lead_share_log.note_all_taken_back(*some)
        await jobs.write_notes()


async def _lock_names(viewer: Member) -> None:
    """Names are compared while nobody else adds one; whoever changes employees locks the project first too."""
    await Project.get_visible(viewer, viewer.project_id, lock=True)


async def _require_free(viewer: Member, name: str, *, but: UUID | None = None) -> None:
    """Names that differ in case and accents alone are one name. Locks the names."""
    await _lock_names(viewer)
    living = await Partner.filter(project_id=viewer.project_id, archived_at__isnull=True).only("id", "name")
    if any(fold(each.name) == fold(name) for each in living if each.id != but):
        sentence = "There is a partner of this name already. Choose another name."
        raise Invalid.at("name", sentence, FaultCode.TAKEN)


async def _save(partner: Partner, changes: Mapping[str, Any]) -> None:
    """Writes what differs. The row is locked, so nobody else's change is lost."""
    jobs.note(partner, audit_notes.differences(partner, changes))
    worked_out = {"sort_key": sort_key(changes["name"])} if "name" in changes else {}
    await Partner.filter(id=partner.id).update(**changes, **worked_out, version=F("version") + 1)
    partner.update_from_dict({**changes, "version": partner.version + 1})
