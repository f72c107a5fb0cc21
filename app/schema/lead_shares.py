"""Lead shares: contacts lent to a partner for a campaign, and taken back."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from app import models
from app.engine.assemble import describe_enum, where_type
from app.engine.declare import NOW, ById, Link, Listing, Record, Table, column, computed, to_many, to_one
from app.models import LeadShareState
from app.policy import Permission as P  # noqa: N817
from app.policy import Viewer
from app.schema.building import keep_as_coerced
from app.schema.bulk import filtered_ids, takes_all
from app.schema.contacts import Contact
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import lead_shares

if TYPE_CHECKING:
    ContactWhere = Any
else:
    ContactWhere = where_type(Contact)
    keep_as_coerced(ContactWhere)

describe_enum(
    LeadShareState,
    "Where a lead share stands, by the server's clock.",
    PLANNED="It begins later.",
    RUNNING="The partner's people see its contacts.",
    ENDED="Its time is over.",
    RECALLED="It was taken back.",
)


async def _states(records: Sequence[Record], viewer: Viewer) -> Sequence[LeadShareState]:
    return [
        lead_shares.state_of(
            valid_from=record["valid_from"],
            valid_until=record["valid_until"],
            recalled_at=record["recalled_at"],
            now=record[NOW],
        )
        for record in records
    ]


class LeadShare(Table, model=models.LeadShare, see=P.LEAD_SHARE):
    """Contacts lent to a partner for a campaign: its people see them from `validFrom` until `validUntil` or the recall."""

    campaign = column(P.LEAD_SHARE, "What for.", filter=True)
    partner_id = column(P.LEAD_SHARE, "The partner's id.", id_of="Partner", filter=True)
    partner = to_one("Partner", P.LEAD_SHARE, "Whose people see the contacts.", via="partner_id")
    valid_from = column(P.LEAD_SHARE, "From when.", filter=True, sort="valid_from")
    valid_until = column(
        P.LEAD_SHARE,
        "Until when, to the millisecond, at which it is over; null: until it is recalled.",
        filter=True,
        sort="valid_until",
    )
    recalled_at = column(P.LEAD_SHARE, "When it was taken back, if it was.", filter=True)
    state = computed(
        LeadShareState,
        P.LEAD_SHARE,
        "Where it stands now.",
        _states,
        needs=("valid_from", "valid_until", "recalled_at", NOW),
    )
    contacts = to_many(
        "Contact",
        P.CONTACT_READ,
        "The contacts that are lent, of those that the viewer sees himself; by name in Czech order.",
        link=Link(model=models.LeadShareContact, parent="share_id", child="contact_id"),
        order="sort_key",
    )
    created_by_id = column(P.LEAD_SHARE, "Its maker's id.", id_of="Employee", filter=True)
    created_by = to_one("Employee", P.LEAD_SHARE, "Who made it.", via="created_by_id")
    created_at = column(P.LEAD_SHARE, "When it was made.", filter=True, sort="created_at")
    version = column(P.LEAD_SHARE, "Grows with each change; see expectedVersion.")


queries: dict[str, Any] = {
    "lead_share": ById(guard=P.LEAD_SHARE, description="The lead share with this id.", to="LeadShare"),
    "lead_shares": Listing(
        guard=P.LEAD_SHARE,
        description="The project's lead shares, those that are over too, the latest first.",
        to="LeadShare",
        order=("-created_at",),
    ),
}

# The same words where a share is made and where it is changed.
CAMPAIGN = "What for: one line, at most 200 characters."
SHARE = "Which share, one that is planned or running."
NAMED = f"1 to {lead_shares.MOST_NAMED} contacts that the viewer sees."


@strawberry.input(
    description="Contacts to lend. Either `contactIds`, or a filter (`where`, `search` or both), or `all: true`."
)
class LeadShareCreateInput:
    partner_id: strawberry.ID = required("To whom: a partner in use.", id_of="Partner")
    campaign: str = required(CAMPAIGN)
    contact_ids: list[strawberry.ID] | None = optional(NAMED, id_of="Contact")
    where: ContactWhere | None = optional(
        f"The contacts that are so now, at most {lead_shares.MOST_FROZEN:,}: what comes to be so later is not lent. A "
        "filter that leaves out none of the contacts that the viewer sees is refused: see `all`."
    )
    search: str | None = optional("Words that the contacts have, as in `contacts`; a blank search is none.")
    all: bool | None = takes_all("contacts", most=lead_shares.MOST_FROZEN)
    valid_from: datetime | None = optional("From when: from now if not given.")
    valid_until: datetime | None = optional("Until when; null or not given: until it is recalled.")
    idempotency_key: str | None = idempotency_key()


@mutation(P.LEAD_SHARE, lead_share=LeadShare)
async def lead_share_create(act: Act, input: LeadShareCreateInput) -> Returned:
    """Lends contacts to a partner: only such as the viewer sees. Its people see them from its first moment to its last."""
    sent = given(input)
    found = await filtered_ids(
        Contact, act.member, sent, named="contact_ids", noun="contacts", most=lead_shares.MOST_FROZEN
    )
    share = await lead_shares.create(act.member, now=act.now, matching=found, **sent)
    return {"lead_share": share.id}


@strawberry.input(description="Changes of a lead share that is planned or running. What is not sent stays.")
class LeadShareUpdateInput:
    id: strawberry.ID = required(SHARE, id_of="LeadShare")
    campaign: str | None = optional(CAMPAIGN)
    valid_from: datetime | None = optional("From when; never null.")
    valid_until: datetime | None = optional(
        "Until when; null: until it is recalled. A moment in the past ends it at once."
    )
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.LEAD_SHARE, lead_share=LeadShare)
async def lead_share_update(act: Act, input: LeadShareUpdateInput) -> Returned:
    """Changes a lead share; it takes effect at once.

    Who works with chosen divisions cannot make it longer, for it may lend contacts that he does not see.
    """
    share = await lead_shares.update(act.member, now=act.now, **given(input))
    return {"lead_share": share.id}


@strawberry.input(description="Contacts to put into a lead share.")
class LeadShareAddInput:
    id: strawberry.ID = required(SHARE, id_of="LeadShare")
    contact_ids: list[strawberry.ID] = required(NAMED, id_of="Contact")


@mutation(P.LEAD_SHARE, lead_share=LeadShare)
async def lead_share_add(act: Act, input: LeadShareAddInput) -> Returned:
    """Lends more contacts in the same share. One that is in it already is no error."""
    share = await lead_shares.add(act.member, now=act.now, **given(input))
    return {"lead_share": share.id}


@strawberry.input(description="Contacts to take out of a lead share.")
class LeadShareRemoveInput:
    id: strawberry.ID = required(SHARE, id_of="LeadShare")
    contact_ids: list[strawberry.ID] = required(NAMED, id_of="Contact")


@mutation(P.LEAD_SHARE, lead_share=LeadShare)
async def lead_share_remove(act: Act, input: LeadShareRemoveInput) -> Returned:
    """Takes contacts back that are lent in a share; it takes effect at once. One that is not in it is no error."""
    share = await lead_shares.remove(act.member, now=act.now, **given(input))
    return {"lead_share": share.id}


@strawberry.input(description="A lead share to take back.")
class LeadShareRecallInput:
    id: strawberry.ID = required(SHARE, id_of="LeadShare")


@mutation(P.LEAD_SHARE, lead_share=LeadShare)
async def lead_share_recall(act: Act, input: LeadShareRecallInput) -> Returned:
    """Takes all contacts of a share back, at once and for good. Twice is no error."""
    share = await lead_shares.recall(act.member, now=act.now, **given(input))
    return {"lead_share": share.id}
