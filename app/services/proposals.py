"""Contacts that are reported: kept beside the contacts until staff accept, merge or reject them.

Reporting compares nothing with anything, neither with contacts nor with other reports: what it answers, and by which
statements, is the same for a firm that is a contact already and for one that nobody knows.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from tortoise.expressions import F, Q, Subquery

from app import formats, jobs
from app.errors import FaultCode, Invalid
from app.models import Contact, ContactProposal, Person, ProposalDecision, audit_notes
from app.policy import Member, Permission
from app.services import base_data, contacts, countries
from app.services.versions import require_version, sent_anew
from app.text import fold
from app.validation import Rule, check, line, name, nullable, of, text

LONGEST_NOTE = 5_000
MOST_ALIKE = 10
#: What goes into a contact, and what the audit log keeps of one: not its note.
TAKEN = ("name", "ico", "registration_number", "registration_country", "email", "phone", "city", "country")


#: A contact's. Reports that wait may be older than this rule.
NAME: dict[str, Rule] = {"name": name(200)}


def rules(country: str, *, confirm_ico: bool | None = None) -> dict[str, Rule]:
    """How a report of somebody in `country` is read, its note included: as contacts are."""
    return {
        **NAME,
        **base_data.registration(country, confirm_ico=confirm_ico),
        "email": nullable(of(formats.email_address)),
        "phone": nullable(of(partial(formats.phone_number, country=country))),
        "city": nullable(line(100)),
        "country": nullable(of(formats.country)),
        "note": nullable(text(LONGEST_NOTE)),
    }


async def propose(
    viewer: Member, *, now: datetime, confirm_ico: bool | None = None, **sent: Any
) -> ContactProposal:
    """Keeps what the viewer reports. `sent`: name, and any other of `rules`; `confirm_ico` as for contacts."""
    viewer.require(Permission.CONTACT_PROPOSE)
    clean, country = await _read(viewer, None, sent, confirm_ico)
    base_data.require_confirmed(clean, country, confirm_ico=confirm_ico)
    proposal = ContactProposal.new(
        project_id=viewer.project_id, proposed_by_id=viewer.employee_id, created_at=now, **clean
    )
    jobs.write(proposal)
    jobs.note(proposal, audit_notes.made(proposal, *TAKEN))
    return proposal


async def accept(
    viewer: Member,
    *,
    now: datetime,
    id: UUID,
    division_id: UUID | None = None,
    owner_id: UUID | None = None,
    expected_version: int | None = None,
    confirm_ico: bool | None = None,
    **corrections: Any,
) -> tuple[ContactProposal, Contact]:
    """Makes a new contact of it. `corrections` take the place of what was reported; None leaves it out.

    Raises Invalid too for a reported name that is none of a contact, if nothing takes its place.
    """
    proposal = await _waiting(viewer, id, expected_version)
    corrected, country = await _read(viewer, proposal, corrections, confirm_ico)
    values = {**{name: getattr(proposal, name) for name in TAKEN}, **corrected}
    check({"name": values["name"]}, NAME, required=NAME)
    known = {name: value for name, value in values.items() if value}
    contact = await contacts.add(viewer, known, now=now, division_id=division_id, owner_id=owner_id)
    base_data.require_confirmed(corrected, country, confirm_ico=confirm_ico)
    await _decide(viewer, proposal, ProposalDecision.ACCEPTED, contact.id, now=now)
    return proposal, contact


async def merge(
    viewer: Member, *, now: datetime, id: UUID, contact_id: UUID, expected_version: int | None = None
) -> tuple[ContactProposal, Contact]:
    """Fills what the contact lacks of what was reported; what it has stays. The note stays here.

    An address is never mixed out of two: town and country are filled in if the contact has nothing of one.
    """
    proposal = await _waiting(viewer, id, expected_version)
    contact = await Contact.get_visible(viewer, contact_id, path=("contact_id",), lock=True)
    reported = {name: value for name in TAKEN if (value := getattr(proposal, name))}
    lacking = {name: value for name, value in reported.items() if not getattr(contact, name)}
    if any(getattr(contact, part) for part in base_data.ADDRESS):
        lacking = {name: value for name, value in lacking.items() if name not in base_data.ADDRESS}
    await contacts.fill(viewer, contact, lacking, now=now)
    await _decide(viewer, proposal, ProposalDecision.MERGED, contact.id, now=now)
    return proposal, contact


async def reject(
    viewer: Member, *, now: datetime, id: UUID, expected_version: int | None = None
) -> ContactProposal:
    """Nothing comes of it."""
    proposal = await _waiting(viewer, id, expected_version)
    await _decide(viewer, proposal, ProposalDecision.REJECTED, None, now=now)
    return proposal


async def alike(viewer: Member, proposal: ContactProposal) -> list[UUID]:
    """At most ten contacts that the viewer may see and that may be the one reported, by name in Czech order.

    Those whose name begins with the reported one (whatever its accents and case), or with the same IČO,
    registration number, e-mail or telephone, their own or that of a person there.
    """
    viewer.require(Permission.CONTACT_IMPORT)
    name = fold(proposal.name)
    same = Q(search_text=name) | Q(search_text__startswith=f"{name} ")
    if proposal.ico:
        same |= Q(ico=proposal.ico)
    if proposal.registration_number:
        same |= Q(registration_number=proposal.registration_number)
    for reached in _ways_to_reach(proposal):
        people = Person.filter(reached, project_id=viewer.project_id)
        same |= reached | Q(id__in=Subquery(people.values("contact_id")))
    rows = Contact.visible_to(viewer).filter(same).order_by("sort_key", "id").limit(MOST_ALIKE)
    return [row["id"] for row in await rows.values("id")]


def _ways_to_reach(proposal: ContactProposal) -> Iterator[Q]:
    """Conditions on a contact or a person."""
    if proposal.email:
        yield Q(email__iexact=proposal.email)
    if proposal.phone:
        yield Q(phone=proposal.phone)


async def _read(
    viewer: Member, proposal: ContactProposal | None, sent: dict[str, Any], confirm_ico: bool | None
) -> tuple[dict[str, Any], str]:
    """By the country it has or will have, else the project's: that too. What was reported is not read again."""
    typed = sent_anew(proposal, sent)
    own = countries.own_country(sent, proposal)
    country = await countries.rules_country(viewer.project_id, typed, own)
    required = [name for name in ("name",) if name in typed or proposal is None]
    clean = check(typed, rules(country, confirm_ico=confirm_ico), required=required)
    return base_data.with_registration(proposal, clean, country), country


async def _waiting(viewer: Member, proposal_id: UUID, expected_version: int | None) -> ContactProposal:
    """The proposal, locked. Raises Invalid (WRONG_STATE) if it was handled already."""
    proposal = await ContactProposal.get_visible(viewer, proposal_id, lock=True)
    viewer.require(Permission.CONTACT_IMPORT)
    if proposal.decision is not None:
        sentence = f"This was handled already: {proposal.decision.value.lower()}."
        raise Invalid.at("id", sentence, FaultCode.WRONG_STATE)
    require_version(proposal, expected_version)
    return proposal


async def _decide(
    viewer: Member,
    proposal: ContactProposal,
    decision: ProposalDecision,
    contact_id: UUID | None,
    *,
    now: datetime,
) -> None:
    values = {
        "decision": decision,
        "decided_by_id": viewer.employee_id,
        "decided_at": now,
        "contact_id": contact_id,
    }
    proposal.update_from_dict({**values, "version": proposal.version + 1})
    jobs.note(proposal, audit_notes.made(proposal, "decision", "contact_id"))
    await ContactProposal.filter(id=proposal.id).update(**values, version=F("version") + 1)
