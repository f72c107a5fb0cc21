"""The project in which secrets are planted: the differential test's world, and rows of known places in it.

seen      a contact without a division, lent to the first two partners: everybody who sees contacts sees it
foreign   a contact of a division that nobody with chosen divisions has, lent to nobody
unlent    as `seen`, but lent to nobody
across    a contact of the other project
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from app import models, security
from app.engine.ids import global_id
from app.models import Table
from app.policy import Viewer
from app.security import token_hash
from app.text import fold
from tests.differential.cast import ACCOUNT, PARTS, viewers
from tests.differential.world import World, make_world
from tests.factories import NOON

#: Later than nearly everything that has happened.
LATE = NOON + timedelta(hours=2)
_NAMES = UUID("00000000-0000-4000-8000-000000000000")


@dataclass
class Scene:
    """The world, and by names what secrets are about. `cast` is who asks, `tokens` are his session's."""

    world: World
    here: models.Project
    elsewhere: models.Project
    staff: Mapping[str, models.Employee]
    staff_elsewhere: Mapping[str, models.Employee]
    divisions: Sequence[models.Division]
    partners: Sequence[models.Partner]
    shares: Sequence[models.LeadShare]
    cast: Mapping[str, Viewer] = field(default_factory=dict)
    emails: Mapping[str, str] = field(default_factory=dict)
    seen: models.Contact = field(init=False)
    foreign: models.Contact = field(init=False)
    unlent: models.Contact = field(init=False)
    across: models.Contact = field(init=False)

    def contact(self, name: str, project: models.Project, **values: Any) -> models.Contact:
        """A row that is not written yet."""
        return models.Contact(
            id=planted_id(f"{name} of {project.id}"),
            project_id=project.id,
            **self.world.named(name),
            search_text=fold(f"{name} {values.get('email') or ''}"),
            **{"created_at": NOON, "updated_at": NOON, **values},
        )


def planted_id(name: str) -> UUID:
    """The same in every world."""
    return uuid5(_NAMES, name)


def gid(row: Table) -> str:
    return global_id(type(row).__name__, row.id)


def password_of(email: str) -> str:
    return f"heslo {email}"


def token_of(viewer: str) -> str:
    return f"token-of-{viewer}"


async def set_scene() -> Scene:
    """Writes the world, with passwords and tokens that the cast can use, into an empty database."""
    world = make_world()
    here, elsewhere = world.of(models.Project)[:2]
    scene = Scene(
        world,
        here,
        elsewhere,
        _by_part(world, here),
        _by_part(world, elsewhere),
        world.of(models.Division, here),
        world.of(models.Partner, here),
        world.of(models.LeadShare, here),
    )
    _put_known_rows(scene)
    for account in world.of(models.Account):
        account.password_hash = await security.hash_password(password_of(account.email))
    for model, rows in world.rows.items():
        await model.bulk_create(rows, batch_size=200)
    scene.cast = await viewers(world)
    await _give_tokens(scene)
    return scene


def _by_part(world: World, project: models.Project) -> dict[str, models.Employee]:
    return {
        part.name: employee for part, employee in zip(PARTS, world.of(models.Employee, project), strict=True)
    }


def _put_known_rows(scene: Scene) -> None:
    here, director = scene.here, scene.staff["director"]
    common = {"email": "znamy@example.cz", "phone": "+420605000111", "ico": "25596641"}
    scene.seen = scene.contact("Viděný", here, owner_id=director.id, vat_id="CZ25596641", **common)
    scene.foreign = scene.contact("Cizí divize", here, division_id=scene.divisions[3].id, **common)
    scene.unlent = scene.contact("Nepůjčený", here, **common)
    scene.across = scene.contact("Za zdí", scene.elsewhere, **common)
    contacts = (scene.seen, scene.foreign, scene.unlent, scene.across)
    _keep(scene, *contacts)
    for contact in contacts:
        name = f"Osoba u {contact.name}"
        person = models.Person(
            id=planted_id(name),
            project_id=contact.project_id,
            contact_id=contact.id,
            **scene.world.named(name),
            search_text=fold(name),
            created_at=NOON,
            updated_at=NOON,
        )
        _keep(scene, person)
    for share in (scene.shares[0], scene.shares[2]):
        _keep(scene, lent(scene.seen, share))


def lent(contact: models.Contact, share: models.LeadShare) -> models.LeadShareContact:
    return models.LeadShareContact(
        id=planted_id(f"{contact.name} in {share.campaign}"),
        project_id=contact.project_id,
        share_id=share.id,
        contact_id=contact.id,
    )


def _keep(scene: Scene, *rows: Table) -> None:
    for row in rows:
        scene.world.rows.setdefault(type(row), []).append(row)


async def _give_tokens(scene: Scene) -> None:
    """To the living session of each of the cast; whoever stands for an account has the one outside of projects."""
    emails: dict[str, str] = {}
    for name, viewer in scene.cast.items():
        account_id = getattr(viewer, "account_id", None)
        if account_id is None:
            continue
        project_id = None if name == ACCOUNT else viewer.project_id  # type: ignore[attr-defined]
        session = next(
            row
            for row in scene.world.of(models.Session)
            if (row.account_id, row.project_id, row.revoked_at) == (account_id, project_id, None)
        )
        await models.Session.filter(id=session.id).update(token_hash=token_hash(token_of(name)))
        account = next(row for row in scene.world.of(models.Account) if row.id == account_id)
        emails[name] = account.email
    scene.emails = emails
