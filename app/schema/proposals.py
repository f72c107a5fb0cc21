"""Proposals: contacts that somebody reported, for staff to accept, merge or reject."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry

from app import models
from app.engine.assemble import describe_enum, held
from app.engine.declare import ById, Listing, Record, Table, column, computed, to_one
from app.engine.guards import GUARD, described, directives_of, value
from app.engine.ids import ID_OF, local_id
from app.engine.scalars import EmailAddress, PhoneNumber
from app.policy import Member, Viewer
from app.policy import Permission as P  # noqa: N817
from app.schema.common import CONFIRM_ICO, ICO, PHONE, REGISTRATION_COUNTRY, REGISTRATION_NUMBER
from app.schema.contacts import Contact
from app.schema.context import Context
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import proposals

describe_enum(
    models.ProposalDecision,
    "What staff made of a proposal.",
    ACCEPTED="A new contact.",
    MERGED="It is a contact that there was already.",
    REJECTED="Nothing.",
)


async def _handled(rows: Sequence[Record], viewer: Viewer) -> Sequence[bool]:
    return [row["decided_at"] is not None for row in rows]


class ContactProposal(Table, model=models.ContactProposal, see=P.CONTACT_PROPOSE):
    """A contact that somebody reported. Whoever reported it sees it, and that it was handled, but not what came of it.

    It goes when the contact that came of it is deleted.
    """

    name = column(P.CONTACT_PROPOSE, "Its name.", filter=True)
    ico = column(P.CONTACT_PROPOSE, "Company number (IČO), eight digits.", filter=True)
    registration_number = column(
        P.CONTACT_PROPOSE, "The number of a firm of another country in its register, as typed."
    )
    registration_country = column(
        P.CONTACT_PROPOSE, "The country of that register: ISO 3166 code of two letters."
    )
    email = column(P.CONTACT_PROPOSE, "E-mail address.", type=EmailAddress, filter=True)
    phone = column(P.CONTACT_PROPOSE, "Telephone.", type=PhoneNumber, filter=True)
    city = column(P.CONTACT_PROPOSE, "Town or village.")
    country = column(P.CONTACT_PROPOSE, "Its country: ISO 3166 code of two letters.")
    note = column(P.CONTACT_PROPOSE, "What else there is to say; it stays here whatever comes of the rest.")
    proposed_by_id = column(
        P.CONTACT_PROPOSE, "The id of whoever reported it.", id_of="Employee", filter=True
    )
    proposed_by = to_one("Employee", P.CONTACT_PROPOSE, "Who reported it.", via="proposed_by_id")
    created_at = column(P.CONTACT_PROPOSE, "When it was reported.", filter=True, sort="created_at")
    handled = computed(
        bool, P.CONTACT_PROPOSE, "Whether staff have handled it.", _handled, needs=("decided_at",)
    )
    decision = column(P.CONTACT_IMPORT, "What came of it; null while it waits.", filter=True)
    decided_by = to_one("Employee", P.CONTACT_IMPORT, "Who decided.", via="decided_by_id")
    decided_at = column(P.CONTACT_IMPORT, "When that was; null while it waits.", filter=True)
    contact = to_one("Contact", P.CONTACT_IMPORT, "The contact that came of it, if any.", via="contact_id")
    version = column(P.CONTACT_PROPOSE, "Grows once, when it is handled; send it back as `expectedVersion`.")


@value(P.CONTACT_IMPORT)
class ContactProposalMatches:
    """Contacts that may be the one that was reported."""

    contacts: list[Contact] | None = held(
        P.CONTACT_IMPORT,
        "At most ten, by name in Czech order: those whose name begins alike, or with the same IČO, registration "
        "number, e-mail or telephone, their own or that of a person there.",
        "Contact",
        many=True,
    )


async def contact_proposal_matches(
    info: strawberry.Info[Context, None],
    id: Annotated[
        strawberry.ID, strawberry.argument(description="The proposal.", metadata={ID_OF: "ContactProposal"})
    ],
) -> ContactProposalMatches | None:
    viewer = info.context.viewer
    assert isinstance(viewer, Member)
    proposal = await models.ContactProposal.find_visible(viewer, id=local_id("ContactProposal", id))
    if proposal is None:
        return None
    found: Any = await proposals.alike(viewer, proposal)  # held: shown as the rows with these ids
    return ContactProposalMatches(contacts=found)


queries: dict[str, Any] = {
    "contact_proposal": ById(
        guard=P.CONTACT_PROPOSE, description="One reported contact.", to="ContactProposal"
    ),
    "contact_proposals": Listing(
        guard=P.CONTACT_PROPOSE,
        description="Reported contacts, the latest first: one's own, and with CONTACT_IMPORT everybody's. Those that "
        "wait are the ones whose `decidedAt` is null.",
        to="ContactProposal",
        order=("-created_at",),
    ),
    "contact_proposal_matches": strawberry.field(
        resolver=contact_proposal_matches,
        description=described(
            "Contacts in reach that may be the one that was reported, to help deciding.", P.CONTACT_IMPORT
        ),
        directives=directives_of(P.CONTACT_IMPORT),
        metadata={GUARD: P.CONTACT_IMPORT},
    ),
}


@strawberry.input(description="A contact to report.")
class ContactProposeInput:
    name: str = required("Its name: one line, at most 200 characters.")
    ico: str | None = optional(ICO)
    confirm_ico: bool | None = optional(CONFIRM_ICO)
    registration_number: str | None = optional(REGISTRATION_NUMBER)
    registration_country: str | None = optional(REGISTRATION_COUNTRY)
    email: str | None = optional("E-mail address.")
    phone: str | None = optional(PHONE)
    city: str | None = optional("Town or village, at most 100 characters.")
    country: str | None = optional(
        "Its country, by whose rules the rest is read: the project's if not given."
    )
    note: str | None = optional("What else there is to say, at most 5,000 characters.")
    idempotency_key: str | None = idempotency_key()


@mutation(P.CONTACT_PROPOSE, proposal=ContactProposal)
async def contact_propose(act: Act, input: ContactProposeInput) -> Returned:
    """Reports a contact for staff to accept or merge. It is compared with nothing: the answer never tells what exists."""
    proposal = await proposals.propose(act.member, now=act.now, **given(input))
    return {"proposal": proposal.id}


@strawberry.input(
    description="A reported contact to take in. What is sent takes the place of what was reported."
)
class ContactProposalAcceptInput:
    id: strawberry.ID = required("Which proposal.", id_of="ContactProposal")
    division_id: strawberry.ID | None = optional(
        "The contact's division, one that the viewer works with; none if not given.", id_of="Division"
    )
    owner_id: strawberry.ID | None = optional("The active employee who looks after it.", id_of="Employee")
    name: str | None = optional("Its name: one line, at most 200 characters; never null.")
    ico: str | None = optional("Company number (IČO); null leaves out what was reported.")
    confirm_ico: bool | None = optional(CONFIRM_ICO)
    registration_number: str | None = optional("Registration number; null leaves out what was reported.")
    registration_country: str | None = optional(REGISTRATION_COUNTRY)
    email: str | None = optional("E-mail address; null leaves out what was reported.")
    phone: str | None = optional("Telephone; null leaves out what was reported.")
    city: str | None = optional("Town or village; null leaves out what was reported.")
    country: str | None = optional("Its country; null leaves out what was reported.")
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")
    idempotency_key: str | None = idempotency_key()


@mutation(P.CONTACT_IMPORT, proposal=ContactProposal, contact=Contact)
async def contact_proposal_accept(act: Act, input: ContactProposalAcceptInput) -> Returned:
    """Makes a new contact of it; needs CONTACT_WRITE too. WRONG_STATE if it was handled already."""
    proposal, contact = await proposals.accept(act.member, now=act.now, **given(input))
    return {"proposal": proposal.id, "contact": contact.id}


@strawberry.input(description="A reported contact that there is already.")
class ContactProposalMergeInput:
    id: strawberry.ID = required("Which proposal.", id_of="ContactProposal")
    contact_id: strawberry.ID = required("The contact that it is.", id_of="Contact")
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")
    idempotency_key: str | None = idempotency_key()


@mutation(P.CONTACT_IMPORT, proposal=ContactProposal, contact=Contact)
async def contact_proposal_merge(act: Act, input: ContactProposalMergeInput) -> Returned:
    """Fills what the contact lacks of what was reported; what it has stays, and the note stays where it is.

    Town and country are filled in if the contact has nothing of an address: two are never mixed. Needs CONTACT_WRITE
    too. WRONG_STATE if it was handled already.
    """
    proposal, contact = await proposals.merge(act.member, now=act.now, **given(input))
    return {"proposal": proposal.id, "contact": contact.id}


@strawberry.input(description="A reported contact of which nothing comes.")
class ContactProposalRejectInput:
    id: strawberry.ID = required("Which proposal.", id_of="ContactProposal")
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")
    idempotency_key: str | None = idempotency_key()


@mutation(P.CONTACT_IMPORT, proposal=ContactProposal)
async def contact_proposal_reject(act: Act, input: ContactProposalRejectInput) -> Returned:
    """Puts it away: nothing comes of it. WRONG_STATE if it was handled already."""
    proposal = await proposals.reject(act.member, now=act.now, **given(input))
    return {"proposal": proposal.id}
