"""Persons: the humans at a contact. They follow the contact: whoever sees it sees them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import formats, jobs
from app.errors import FaultCode, Invalid
from app.models import Contact, Person, audit_notes
from app.policy import Member, Permission
from app.services import countries
from app.services.versions import differing, require_version, sent_anew
from app.text import fold, sort_key
from app.validation import Rule, check, line, name, nullable, of

MOST_PERSONS = 200
REQUIRED = ("name",)
FIELDS = ("name", "position", "email", "phone")


def rules(country: str) -> dict[str, Rule]:
    """How a person at a contact in `country` is read."""
    return {
        "name": name(200),
        "position": nullable(line(200)),
        "email": nullable(of(formats.email_address)),
        "phone": nullable(of(partial(formats.phone_number, country=country))),
    }


async def create(viewer: Member, *, now: datetime, contact_id: UUID, **sent: Any) -> Person:
    """Adds a person to a contact, which has at most 200."""
    contact = await Contact.get_visible(viewer, contact_id, path=("contact_id",), lock=True)
    viewer.require(Permission.CONTACT_WRITE)
    country = await countries.rules_country(contact.project_id, sent, countries.own_country({}, contact))
    clean = check(sent, rules(country), required=REQUIRED)
    if await Person.filter(contact_id=contact.id).count() >= MOST_PERSONS:
        sentence = f"This contact has {MOST_PERSONS} persons already. Remove one first."
        raise Invalid.at("contact_id", sentence, FaultCode.OUT_OF_RANGE)
    (person,) = await add(contact, [clean], now=now)
    return person


async def add(contact: Contact, cleaned: Iterable[Mapping[str, Any]], *, now: datetime) -> list[Person]:
    """Rows for a contact out of values that went through `rules`."""
    persons = [
        Person(
            project_id=contact.project_id,
            contact_id=contact.id,
            created_at=now,
            updated_at=now,
            **values,
            **_worked_out(values),
        )
        for values in cleaned
    ]
    await Person.bulk_create(persons)
    for person in persons:
        jobs.note(person, audit_notes.made(person, *FIELDS))
    return persons


async def update(
    viewer: Member, *, now: datetime, id: UUID, expected_version: int | None = None, **sent: Any
) -> Person:
    """Corrects a person."""
    person = await Person.get_visible(viewer, id, lock=True)
    viewer.require(Permission.CONTACT_WRITE)
    typed = sent_anew(person, sent)
    clean = check(typed, await _rules(person, typed), required=[name for name in REQUIRED if name in typed])
    require_version(person, expected_version)
    changes = differing(person, clean)
    if not changes:
        return person
    jobs.note(person, audit_notes.differences(person, changes))
    person.update_from_dict({**changes, "version": person.version + 1, "updated_at": now})
    worked_out = _worked_out({name: getattr(person, name) for name in FIELDS})
    await Person.filter(id=id).update(**changes, **worked_out, version=F("version") + 1, updated_at=now)
    return person


async def _rules(person: Person, sent: Mapping[str, Any]) -> dict[str, Rule]:
    if "phone" not in sent:
        return rules(countries.HOME)
    contact = await Contact.filter(id=person.contact_id).only("id", *countries.TELLING).first()
    own = countries.own_country({}, contact)
    return rules(await countries.rules_country(person.project_id, sent, own))


async def delete(viewer: Member, *, id: UUID) -> UUID:
    """Removes a person from its contact."""
    person = await Person.get_visible(viewer, id, lock=True)
    viewer.require(Permission.CONTACT_WRITE)
    await Person.filter(id=id).delete()
    note_deletion(person)
    return person.id


def note_deletion(person: Person) -> None:
    """For the audit log, before or after the row goes."""
    jobs.note(person, audit_notes.gone(person, *FIELDS))


def _worked_out(values: Mapping[str, Any]) -> dict[str, str]:
    """The columns that follow from others."""
    words = (values.get(name) for name in FIELDS)
    return {"sort_key": sort_key(values["name"]), "search_text": fold(" ".join(filter(None, words)))}
