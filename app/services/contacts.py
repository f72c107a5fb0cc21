"""Contacts: adding and correcting the firms and people that a project talks to. Deleting is in `contact_deletion`."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import formats, jobs
from app.errors import Conflict, FaultCode, Invalid
from app.models import Contact, ContactStatus, Division, Reminder, audit_notes
from app.policy import Member, Permission
from app.services import (
    base_data,
    colleagues,
    contact_reminders,
    countries,
    emails,
    persons,
    reminder_handover,
)
from app.services.money import minor_units
from app.services.versions import differing, require_version, sent_anew
from app.text import TooLong, fold, sort_key
from app.validation import Rule, check, choice, fields, items, line, name, nullable, of, whole

MOST_NEW_PERSONS = 50
LONGEST_WEB = 500
BILLING = frozenset(
    {"vat_id", "tax_number", "bank_account", "credit_limit", "price_level", "internal_rating"}
)


def _web(value: str) -> str:
    address = formats.web_url(value)
    if len(address) > LONGEST_WEB:
        raise TooLong(f"This web address has {len(address):,} characters, {LONGEST_WEB} fit. Shorten it.")
    return address


def rules(country: str, *, confirm_ico: bool | None = None) -> dict[str, Rule]:
    """How a contact in `country` is read."""
    return {
        "name": name(200),
        **base_data.numbers(country, confirm_ico=confirm_ico),
        "email": nullable(of(formats.email_address)),
        "phone": nullable(of(partial(formats.phone_number, country=country))),
        "web": nullable(of(_web)),
        "address": base_data.address(country),
        "status": choice(ContactStatus),
        "bank_account": nullable(of(partial(formats.bank_account, country=country))),
        "credit_limit": nullable(minor_units),
        "price_level": nullable(line(50)),
        "internal_rating": nullable(whole(1, 5)),
    }


def _rules_of_new(country: str, *, confirm_ico: bool | None) -> dict[str, Rule]:
    people = items(fields(persons.rules(country), required=persons.REQUIRED), MOST_NEW_PERSONS)
    return {**rules(country, confirm_ico=confirm_ico), "persons": people}


READ = frozenset(rules(countries.HOME))
SEARCHED = ("name", "ico", "registration_number", "city", "email", "phone")


async def create(
    viewer: Member,
    *,
    now: datetime,
    division_id: UUID | None = None,
    owner_id: UUID | None = None,
    confirm_ico: bool | None = None,
    **sent: Any,
) -> Contact:
    """A new contact, with its persons if there are any. Without a division everyone inside the project sees it.

    `confirm_ico`: an IČO that would be refused is kept if the register has it. Raises companies.RegisterNeeded.
    """
    _require_write(viewer, sent)
    given = {name: value for name, value in sent.items() if value is not None}
    country = await countries.rules_country(viewer.project_id, given, countries.own_country(given))
    clean = check(given, _rules_of_new(country, confirm_ico=confirm_ico), required=("name",))
    clean = _columns(base_data.with_registration(None, clean, country))
    contact = await add(viewer, clean, now=now, division_id=division_id, owner_id=owner_id)
    # Last, or a wrong division would be told of only after the register was asked. It takes back what was written.
    base_data.require_confirmed(clean, country, confirm_ico=confirm_ico)
    return contact


async def add(
    viewer: Member,
    clean: Mapping[str, Any],
    *,
    now: datetime,
    division_id: UUID | None = None,
    owner_id: UUID | None = None,
) -> Contact:
    """A new contact out of values that were read already, by the names of the columns, and `persons`."""
    viewer.require(Permission.CONTACT_WRITE)
    if division_id is not None:
        await _require_division(viewer, division_id)
    if owner_id is not None:
        await colleagues.get_active(viewer, owner_id, path=("owner_id",))
    values = {
        **{name: value for name, value in clean.items() if name != "persons"},
        "division_id": division_id,
        "owner_id": owner_id,
    }
    contact = Contact(
        project_id=viewer.project_id,
        created_by_id=viewer.employee_id,
        created_at=now,
        updated_at=now,
        **values,
    )
    contact.update_from_dict(_worked_out(contact))
    await contact.save()
    jobs.note(contact, audit_notes.made(contact, *values))
    await persons.add(contact, clean.get("persons", []), now=now)
    return contact


async def update(
    viewer: Member,
    *,
    now: datetime,
    id: UUID,
    expected_version: int | None = None,
    confirm_ico: bool | None = None,
    **sent: Any,
) -> Contact:
    """Corrects a contact. None clears a field; reminders go from those who no longer see it after a change of division.

    What is there already is not read again, whatever country it has now. `confirm_ico` as for a new one.
    """
    contact = await _locked(viewer, id, sent)
    _require_write(viewer, sent)
    clean, country = await _read(
        contact, {name: sent[name] for name in sent.keys() & READ}, confirm_ico=confirm_ico
    )
    require_version(contact, expected_version)
    links = await _links(viewer, contact, {name: sent[name] for name in sent.keys() - READ})
    base_data.require_confirmed(clean, country, confirm_ico=confirm_ico)
    changes = differing(contact, {**clean, **links})
    if "division_id" in changes:
        saw = await contact_reminders.shown_unassigned(id)
        await _save(contact, changes, now=now)
        await contact_reminders.contact_moved(contact, saw, now=now)
        await emails.ring_followers(id)
    elif changes:
        await _save(contact, changes, now=now)
    return contact


async def _locked(viewer: Member, id_: UUID, sent: Mapping[str, Any]) -> Contact:
    """The contact, locked, and before it the windows that a change of its division moves: if that is sent as read, none.

    Raises NotFound, and Conflict if somebody moved it between the look and the lock.
    """
    moves = False
    if "division_id" in sent:
        moves = (await Contact.get_visible(viewer, id_)).division_id != sent["division_id"]
        if moves:
            await reminder_handover.lock_windows(Reminder.filter(contact_id=id_))
    contact = await Contact.get_visible(viewer, id_, lock=True)
    if not moves and contact.division_id != sent.get("division_id", contact.division_id):
        raise Conflict("Somebody changed the division of this contact at this moment. Try again.")
    return contact


async def fill(viewer: Member, contact: Contact, clean: Mapping[str, Any], *, now: datetime) -> None:
    """Puts values that were read already into a contact, which is locked."""
    viewer.require(Permission.CONTACT_WRITE)
    changes = differing(contact, clean)
    if changes:
        await _save(contact, changes, now=now)


async def _read(
    contact: Contact, sent: Mapping[str, Any], *, confirm_ico: bool | None
) -> tuple[dict[str, Any], str]:
    """What was sent and is not there already, by the rules of the country that the contact will have: that too."""
    typed = sent_anew(contact, sent)
    own = countries.own_country(sent, contact)
    country = await countries.rules_country(contact.project_id, typed, own)
    required = [name for name in ("name", "status") if name in typed]
    clean = check(typed, rules(country, confirm_ico=confirm_ico), required=required)
    return _columns(base_data.with_registration(contact, clean, country)), country


def _require_write(viewer: Member, sent: Mapping[str, Any]) -> None:
    viewer.require(Permission.CONTACT_WRITE)
    if BILLING & sent.keys():
        viewer.require(Permission.CONTACT_BILLING_WRITE)


async def _links(viewer: Member, contact: Contact, sent: Mapping[str, UUID | None]) -> dict[str, UUID | None]:
    """The division and the owner that were sent. What stays as it is asks for no right."""
    changed = differing(contact, sent)
    if "division_id" in changed:
        if changed["division_id"] is not None:
            await _require_division(viewer, changed["division_id"])
        elif viewer.division_ids is not None:
            sentence = "Without a division everyone would see this contact. Ask a colleague who works with all divisions."
            raise Invalid.at("division_id", sentence, FaultCode.NOT_ALLOWED)
    if changed.get("owner_id") is not None:
        await colleagues.get_active(viewer, changed["owner_id"], path=("owner_id",))
    return changed


async def _require_division(viewer: Member, division_id: UUID) -> None:
    division = await Division.get_visible(viewer, division_id, path=("division_id",))
    if viewer.division_ids is not None and division.id not in viewer.division_ids:
        sentence = f"You do not work with the division {division.name}. Choose one of yours."
        raise Invalid.at("division_id", sentence, FaultCode.NOT_ALLOWED)
    if division.archived_at is not None:
        sentence = f"The division {division.name} is archived. Choose another."
        raise Invalid.at("division_id", sentence, FaultCode.WRONG_STATE)


def _columns(clean: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values under the names of the table's columns."""
    columns = base_data.columns(clean)
    if "credit_limit" in columns:
        columns["credit_limit_minor"] = columns.pop("credit_limit")
    return columns


def _worked_out(contact: Contact) -> dict[str, str]:
    """The columns that follow from others."""
    words = (getattr(contact, name) for name in SEARCHED)
    return {"sort_key": sort_key(contact.name), "search_text": fold(" ".join(filter(None, words)))}


async def _save(contact: Contact, changes: Mapping[str, Any], *, now: datetime) -> None:
    """Writes what differs. The row is locked, so nobody else's change is lost."""
    jobs.note(contact, audit_notes.differences(contact, changes))
    contact.update_from_dict({**changes, "version": contact.version + 1, "updated_at": now})
    await Contact.filter(id=contact.id).update(
        **changes, **_worked_out(contact), version=F("version") + 1, updated_at=now
    )
