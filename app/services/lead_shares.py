"""Lead shares: contacts lent to a partner, from a moment and until another or until they are recalled.

What the partner's people see follows the rows and the database's clock by itself, in each statement. Here is what follows
from that: their reminders and open sockets (`partner_sight`), in the transaction that takes contacts away, and when a
share ends by time (`lead_share_ends`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import db, db_rows, jobs
from app.errors import FaultCode, Invalid, NotFound
from app.ids import uuid7
from app.models import Contact, LeadShare, LeadShareContact, LeadShareState, audit_notes
from app.policy import Member, Permission
from app.services import lead_share_ends, lead_share_log, partner_sight, partners
from app.services.versions import differing, require_version, sent_anew
from app.validation import Rule, check, items, moment, name, nullable

#: Contacts that are named one by one, and those that a filter may freeze into a list.
MOST_NAMED = 250
MOST_FROZEN = 10_000


def _any_id(value: Any) -> Any:
    """Ids were read by the edge; whether they are a contact's is asked later."""
    return value


NAMED = items(_any_id, MOST_NAMED, min_items=1)
RULES: Mapping[str, Rule] = {
    "campaign": name(200),
    "valid_from": moment(),
    "valid_until": nullable(moment()),
}
ADDED: Mapping[str, Rule] = {"contact_ids": NAMED}


def state_of(
    *, valid_from: datetime, valid_until: datetime | None, recalled_at: datetime | None, now: datetime
) -> LeadShareState:
    """Where a share stands at this moment: it runs from its first moment, and not at its last."""
    if recalled_at is not None:
        return LeadShareState.RECALLED
    if valid_until is not None and valid_until <= now:
        return LeadShareState.ENDED
    return LeadShareState.RUNNING if valid_from <= now else LeadShareState.PLANNED


async def create(
    viewer: Member,
    *,
    now: datetime,
    partner_id: UUID,
    contact_ids: Sequence[UUID] | None = None,
    matching: Sequence[UUID] | None = None,
    **sent: Any,
) -> LeadShare:
    """Lends contacts that the viewer sees: those named, or those that a filter found (`matching`), one of the two.

    A filter found at least one, and at most MOST_FROZEN. `sent`: campaign, valid_from (now if not given), valid_until (None: until it
    is recalled). Raises NotFound for a contact or partner, Invalid for an archived partner and for no contact.
    """
    viewer.require(Permission.LEAD_SHARE)
    given = {name: value for name, value in sent.items() if value is not None}
    clean = {"valid_from": now, "valid_until": None, **check(given, RULES, required=("campaign",))}
    _require_span(clean["valid_from"], clean["valid_until"])
    _require_to_come(clean["valid_until"], now)
    partner = await partners.get_living(viewer, partner_id)
    lent = await _lent(viewer, contact_ids, matching)
    share = await LeadShare.create(
        project_id=viewer.project_id,
        partner_id=partner.id,
        created_by_id=viewer.employee_id,
        created_at=now,
        **clean,
    )
    jobs.note(share, audit_notes.made(share, "partner_id", *clean))
    await lead_share_log.note_contacts(share, await _lend(share, lent), added=True)
    lead_share_ends.ring_at_end(share, now)
    return share


async def update(
    viewer: Member, *, now: datetime, id: UUID, expected_version: int | None = None, **sent: Any
) -> LeadShare:
    """Renames a share that is not over, or moves its beginning or end; an end that lies in the past ends it at once.

    What is sent as it stands already is no change, and no error of one that is over.
    Making it longer lends all its contacts anew, so that takes a viewer who sees those of all divisions.
    """
    await LeadShare.get_visible(viewer, id)
    viewer.require(Permission.LEAD_SHARE)
    share = await _locked(viewer, id)
    typed = sent_anew(share, sent)
    clean = check(typed, RULES, required=[name for name in ("campaign", "valid_from") if name in typed])
    require_version(share, expected_version)
    changes = differing(share, clean)
    if not changes:
        return share
    _require_open(share, now)
    before = share.valid_from, share.valid_until
    after = changes.get("valid_from", before[0]), changes.get("valid_until", before[1])
    _require_span(*after)
    if _is_longer(before, after):
        _require_all_divisions(viewer, [name for name in ("valid_until", "valid_from") if name in changes])
    await _save(share, changes, now=now)
    lead_share_ends.ring_at_end(share, now)
    if _is_longer(after, before):
        await partner_sight.shrank(share.partner_id, now=now)
    return share


async def add(viewer: Member, *, now: datetime, id: UUID, contact_ids: Sequence[UUID]) -> LeadShare:
    """Lends more contacts that the viewer sees, in a share that is not over. One that is in it already is no error."""
    share, named = await _locked_with(viewer, id, contact_ids, now=now)
    new = await _lend(share, named)
    return await _contacts_changed(share, new, added=True)


async def remove(viewer: Member, *, now: datetime, id: UUID, contact_ids: Sequence[UUID]) -> LeadShare:
    """Takes contacts that the viewer sees out of a share that is not over. One that is not in it is no error."""
    share, named = await _locked_with(viewer, id, contact_ids, now=now)
    lent = LeadShareContact.filter(share_id=share.id, contact_id__in=named)
    gone = [row["contact_id"] for row in await lent.order_by("contact_id").values("contact_id")]
    if gone:
        await LeadShareContact.filter(share_id=share.id, contact_id__in=gone).delete()
        await partner_sight.shrank(share.partner_id, now=now)
    return await _contacts_changed(share, gone, added=False)


async def recall(viewer: Member, *, now: datetime, id: UUID) -> LeadShare:
    """Takes all back at once. Recalled twice it stays as it was; one that ended by time cannot be recalled."""
    await LeadShare.get_visible(viewer, id)
    viewer.require(Permission.LEAD_SHARE)
    share = await _locked(viewer, id)
    if share.recalled_at is None:
        _require_open(share, now)
        await _save(share, {"recalled_at": now}, now=now)
        await partner_sight.shrank(share.partner_id, now=now)
    return share


async def _locked(viewer: Member, share_id: UUID) -> LeadShare:
    """The share, and before it whoever may lose sight of something."""
    await partner_sight.lock((await LeadShare.get_visible(viewer, share_id)).partner_id)
    return await LeadShare.get_visible(viewer, share_id, lock=True)


async def _locked_with(
    viewer: Member, share_id: UUID, contact_ids: Sequence[UUID], *, now: datetime
) -> tuple[LeadShare, list[UUID]]:
    """The open share, and the contacts named, all of which the viewer sees."""
    await LeadShare.get_visible(viewer, share_id)
    viewer.require(Permission.LEAD_SHARE)
    named = await _seen(viewer, check({"contact_ids": contact_ids}, ADDED)["contact_ids"])
    share = await _locked(viewer, share_id)
    _require_open(share, now)
    return share, named


async def _lent(
    viewer: Member, named: Sequence[UUID] | None, matching: Sequence[UUID] | None
) -> Sequence[UUID]:
    if (named is None) == (matching is None):
        sentence = "Say which contacts: name them in `contactIds`, give a filter (`where`, `search`), or send `all: true`."
        raise Invalid.at("contact_ids", sentence, FaultCode.REQUIRED if named is None else FaultCode.INVALID)
    if matching is not None:
        return matching
    return await _seen(viewer, check({"contact_ids": named}, ADDED)["contact_ids"])


async def _seen(viewer: Member, named: Sequence[UUID]) -> list[UUID]:
    """Each of them once. Raises NotFound, at its place, for the first that is not in reach."""
    rows = await Contact.visible_to(viewer).filter(id__in=list(named)).values("id")
    seen = {row["id"] for row in rows}
    for place, each in enumerate(named):
        if each not in seen:
            raise NotFound("There is no such contact.", input_path=("contact_ids", str(place)))
    return sorted(seen)


_LEND = """
    INSERT INTO lead_share_contacts (id, project_id, share_id, contact_id)
    SELECT id, $1, $2, contact_id FROM {lent} WHERE TRUE
    ON CONFLICT (share_id, contact_id) DO NOTHING RETURNING contact_id
"""


async def _lend(share: LeadShare, contact_ids: Sequence[UUID]) -> list[UUID]:
    """Puts contacts into a share; tells which were not in it."""
    rows = [{"id": uuid7(), "contact_id": each} for each in sorted(contact_ids)]
    lent = db_rows.unpacked(db.dialect(), "$3", "lent", id="uuid", contact_id="uuid")
    made = await db.fetch(_LEND.format(lent=lent), [share.project_id, share.id, db_rows.packed(rows)])
    return [db.as_uuid(row["contact_id"]) for row in made]


async def _contacts_changed(share: LeadShare, changed: Sequence[UUID], *, added: bool) -> LeadShare:
    await lead_share_log.note_contacts(share, changed, added=added)
    if changed:
        await LeadShare.filter(id=share.id).update(version=F("version") + 1)
        share.version += 1
    return share


async def _save(share: LeadShare, changes: Mapping[str, Any], *, now: datetime) -> None:
    """Writes what differs; a share that is over with it is closed by whoever made it so. The row is locked."""
    jobs.note(share, audit_notes.differences(share, changes))
    share.update_from_dict({**changes, "version": share.version + 1})
    is_over = _state(share, now) in (LeadShareState.ENDED, LeadShareState.RECALLED)
    share.closed_at = now if is_over else None
    await LeadShare.filter(id=share.id).update(**changes, closed_at=share.closed_at, version=F("version") + 1)
    if is_over:
        await lead_share_log.note_all_taken_back(share)


def _state(share: LeadShare, now: datetime) -> LeadShareState:
    return state_of(
        valid_from=share.valid_from,
        valid_until=share.valid_until,
        recalled_at=share.recalled_at,
        now=now,
    )


def _require_open(share: LeadShare, now: datetime) -> None:
    how = {LeadShareState.RECALLED: "was recalled", LeadShareState.ENDED: "has ended"}.get(_state(share, now))
    if how is not None:
        raise Invalid.at("id", f"This share {how}. Make a new one.", FaultCode.WRONG_STATE)


def _require_span(valid_from: datetime, valid_until: datetime | None) -> None:
    if valid_until is not None and valid_until <= valid_from:
        sentence = "It would end before it begins. Choose a later end, or an earlier beginning."
        raise Invalid.at("valid_until", sentence, FaultCode.OUT_OF_RANGE)


def _require_to_come(valid_until: datetime | None, now: datetime) -> None:
    if valid_until is not None and valid_until <= now:
        sentence = "That is over already. Choose an end in the future."
        raise Invalid.at("valid_until", sentence, FaultCode.OUT_OF_RANGE)


def _require_all_divisions(viewer: Member, changed: Sequence[str]) -> None:
    """Whether the share has contacts out of the viewer's reach is not his to learn, so it is not looked at."""
    if viewer.division_ids is not None:
        sentence = "This share may lend contacts that you do not see. Make a new one of those that you see."
        raise Invalid.at(changed[0], sentence, FaultCode.NOT_ALLOWED)


Span = tuple[datetime, datetime | None]


def _is_longer(before: Span, after: Span) -> bool:
    """Is there a moment at which it lends after the change, and did not before?"""
    begins_sooner = after[0] < before[0]
    ends_later = before[1] is not None and (after[1] is None or after[1] > before[1])
    return begins_sooner or ends_later
