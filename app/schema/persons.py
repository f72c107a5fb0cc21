"""Persons: the humans at contacts."""

import strawberry

from app import models
from app.engine.declare import ById, Listing, Table, column, to_one
from app.engine.ids import global_id
from app.engine.scalars import EmailAddress, PhoneNumber
from app.policy import Permission as P  # noqa: N817
from app.schema.common import PHONE
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.services import persons


class Person(Table, model=models.Person, see=P.CONTACT_READ, metered="contact_id"):
    """A human at a contact. Whoever sees the contact sees its persons."""

    name = column(P.CONTACT_READ, "Whole name.", filter=True, sort="sort_key")
    position = column(P.CONTACT_READ, "What he or she does there.")
    email = column(P.CONTACT_READ, "E-mail address.", type=EmailAddress, filter=True)
    phone = column(P.CONTACT_READ, "Telephone.", type=PhoneNumber, filter=True)
    contact_id = column(P.CONTACT_READ, "The contact's id.", id_of="Contact", filter=True)
    contact = to_one("Contact", P.CONTACT_READ, "The contact.", via="contact_id")
    created_at = column(P.CONTACT_READ, "When he or she was added.", filter=True, sort="created_at")
    updated_at = column(P.CONTACT_READ, "When this was last corrected.", filter=True, sort="updated_at")
    version = column(P.CONTACT_READ, "Grows with every change; send it back as `expectedVersion`.")


queries = {
    "person": ById(guard=P.CONTACT_READ, description="One person.", to="Person"),
    "persons": Listing(
        guard=P.CONTACT_READ,
        description="The persons at all contacts in reach, by name in Czech order. "
        "`search` looks into name, position, e-mail and phone.",
        to="Person",
        order=("sort_key",),
        search="search_text",
    ),
}


@strawberry.input(description="A person at a new contact.")
class ContactPersonInput:
    name: str = required("Whole name, at most 200 characters.")
    position: str | None = optional("What he or she does there, at most 200 characters.")
    email: str | None = optional("E-mail address.")
    phone: str | None = optional(PHONE)


@strawberry.input(description="A person to add to a contact.")
class PersonCreateInput:
    contact_id: strawberry.ID = required("The contact.", id_of="Contact")
    name: str = required("Whole name, at most 200 characters.")
    position: str | None = optional("What he or she does there, at most 200 characters.")
    email: str | None = optional("E-mail address.")
    phone: str | None = optional(PHONE)
    idempotency_key: str | None = idempotency_key()


@mutation(P.CONTACT_WRITE, person=Person)
async def person_create(act: Act, input: PersonCreateInput) -> Returned:
    """Adds a person to a contact, which has at most 200."""
    person = await persons.create(act.member, now=act.now, **given(input))
    return {"person": person.id}


@strawberry.input(description="Corrections of a person. What is not sent stays; null clears.")
class PersonUpdateInput:
    id: strawberry.ID = required("Which person.", id_of="Person")
    name: str | None = optional("Whole name, at most 200 characters; never null.")
    position: str | None = optional("What he or she does there, at most 200 characters.")
    email: str | None = optional("E-mail address.")
    phone: str | None = optional(PHONE)
    expected_version: int | None = optional("The `version` that was read: STALE_VERSION if it grew since.")


@mutation(P.CONTACT_WRITE, person=Person)
async def person_update(act: Act, input: PersonUpdateInput) -> Returned:
    """Corrects a person."""
    person = await persons.update(act.member, now=act.now, **given(input))
    return {"person": person.id}


@strawberry.input(description="A person to remove.")
class PersonDeleteInput:
    id: strawberry.ID = required("Which person.", id_of="Person")


@mutation(P.CONTACT_WRITE, deleted_person_id=strawberry.ID)
async def person_delete(act: Act, input: PersonDeleteInput) -> Returned:
    """Removes a person from its contact."""
    deleted_id = await persons.delete(act.member, **given(input))
    return {"deleted_person_id": global_id("Person", deleted_id)}
