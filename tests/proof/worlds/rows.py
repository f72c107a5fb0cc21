"""Rows to plant, with ids and texts that are the same in every world."""

from typing import Any

from app import models
from app.engine.declare import TABLES
from app.models import Area
from app.text import fold, sort_key
from tests.factories import NOON
from tests.proof.worlds.planting import Probe
from tests.proof.worlds.scene import LATE, Scene, gid, planted_id


def asking(contact: models.Contact, field: str) -> Probe:
    return Probe("director", f'{{ contact(id: "{gid(contact)}") {{ {field} }} }}')


def showing(scene: Scene, row: Any, field: str) -> Probe | None:
    """None if the schema does not show such rows."""
    name = type(row).__name__
    if name not in TABLES:
        return None
    return Probe("director", f'{{ node(id: "{gid(row)}") {{ ... on {name} {{ {field} }} }} }}')


def named(name: str, *, searched: bool = True) -> dict[str, str]:
    return {"name": name, "sort_key": sort_key(name), **({"search_text": fold(name)} if searched else {})}


def person(scene: Scene, contact: models.Contact, name: str) -> models.Person:
    return models.Person(
        id=planted_id(name),
        project_id=contact.project_id,
        contact_id=contact.id,
        **named(name),
        email="tajny@example.cz",
        created_at=NOON,
        updated_at=NOON,
    )


def note(scene: Scene, contact: models.Contact, area: Area, author: str) -> models.Activity:
    return models.Activity(
        id=planted_id(f"{area} of {author} at {contact.name}"),
        project_id=contact.project_id,
        contact_id=contact.id,
        author_id=scene.staff[author].id,
        kind=models.ActivityKind.NOTE,
        area=area,
        summary="Tajná poznámka",
        occurred_at=LATE,
        created_at=LATE,
    )


def reminder(scene: Scene, contact: models.Contact | None, assignee: str | None) -> models.Reminder:
    """Due. Without an assignee it is nobody's."""
    return models.Reminder(
        id=planted_id(f"reminder of {assignee} at {contact and contact.name}"),
        project_id=scene.here.id,
        contact_id=contact.id if contact else None,
        assignee_id=scene.staff[assignee].id if assignee else None,
        created_by_id=scene.staff["director"].id,
        kind=models.ReminderKind.TASK,
        title="Tajný úkol",
        due_at=NOON,
        alert_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )


def share(scene: Scene, partner: models.Partner, campaign: str, **validity: Any) -> models.LeadShare:
    return models.LeadShare(
        id=planted_id(campaign),
        project_id=partner.project_id,
        partner_id=partner.id,
        campaign=campaign,
        created_by_id=scene.staff["director"].id,
        created_at=NOON,
        **validity,
    )


def partner(scene: Scene, name: str) -> models.Partner:
    return models.Partner(
        id=planted_id(name), project_id=scene.here.id, name=name, sort_key=sort_key(name), created_at=NOON
    )


def mail_rows(
    scene: Scene,
    contact: models.Contact | None,
    author: str,
    *,
    area: Area = Area.SALES,
    purpose: models.EmailPurpose = models.EmailPurpose.BUSINESS,
) -> list[Any]:
    id_ = planted_id(f"{purpose} {area} mail of {author} to {contact and contact.name}")
    mail = models.Email(
        id=id_,
        project_id=scene.here.id,
        contact_id=contact.id if contact else None,
        author_id=scene.staff[author].id,
        area=area,
        purpose=purpose,
        message_id=f"<{id_}@example.cz>",
        from_address="firma@example.cz",
        from_name="Firma",
        via=models.EmailVia.RELAY,
        subject="Tajná věc",
        text="Tajný text",
        state=models.EmailState.QUEUED,
        next_attempt_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )
    to = models.EmailRecipient(
        id=planted_id(f"to {id_}"), project_id=scene.here.id, email_id=id_, address="tajny@example.cz"
    )
    return [mail, to]
