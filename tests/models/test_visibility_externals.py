"""Which rows externals see: what is shared with their partner now, whatever their roles."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app import db
from app.models import (
    Activity,
    AuditEntry,
    Contact,
    Division,
    Email,
    EmailRecipient,
    Employee,
    Invitation,
    LeadShare,
    LeadShareContact,
    Mailbox,
    Partner,
    Person,
    Reminder,
)
from app.policy import Role
from tests import factories as make
from tests.models.world import seen, share, world_of

PRAGUE = timezone(timedelta(hours=1))


@pytest.mark.parametrize("roles", [[Role.EXTERNAL_TELEPHONIST], list(Role)], ids=["one role", "all roles"])
async def test_an_external_sees_shared_contacts_and_his_own_doings_whatever_his_roles(
    database: str, roles: list[Role]
) -> None:
    world, viewer = await world_of(*roles, external=True)
    await share(world, world.contact, world.b2b_contact)

    assert await seen(Contact, viewer) == {"Alfa", "Beta"}
    assert await seen(Person, viewer) == {"Osoba z Alfa", "Osoba z Beta"}
    assert await seen(Activity, viewer, "summary") == {"Alfa SALES mine", "Beta SALES mine"}
    assert await seen(Employee, viewer) == {"Já"}
    assert await seen(Reminder, viewer, "title") == {
        "Alfa mine",
        "Beta mine",
        "no contact mine",
        "resolved mine",
    }
    for hidden in (
        Division,
        Email,
        EmailRecipient,
        Mailbox,
        Partner,
        LeadShare,
        LeadShareContact,
        Invitation,
        AuditEntry,
    ):
        assert not await hidden.visible_to(viewer).exists(), hidden.__name__


@pytest.mark.parametrize("roles", [[Role.EXTERNAL_TELEPHONIST], [Role.EXTERNAL_TELEPHONIST, Role.ADMIN]])
async def test_an_external_of_no_partner_sees_no_contact(database: str, roles: list[Role]) -> None:
    world, viewer = await world_of(*roles)
    await share(world, world.contact)

    assert viewer.partner_id is None
    assert await seen(Contact, viewer) == set()
    assert await seen(Activity, viewer, "summary") == set()
    assert await seen(Reminder, viewer, "title") == {"no contact mine", "resolved mine"}


async def test_a_share_with_another_partner_shows_nothing(database: str) -> None:
    world, viewer = await world_of(Role.TELEPHONIST, external=True)
    other = await make.make_partner(world.project)
    await make.make_lead_share(world.project, other, world.contacts)

    assert await seen(Contact, viewer) == set()


@pytest.mark.parametrize(
    ("begins_in_s", "ends_in_s", "visible"),
    [
        (-5, None, True),
        (-5, 30, True),
        (30, None, False),
        (30, 60, False),
        (-5, -1, False),
    ],
)
async def test_a_share_holds_from_its_beginning_to_its_end_to_the_second(
    database: str, begins_in_s: int, ends_in_s: int | None, visible: bool
) -> None:
    world, viewer = await world_of(Role.TELEPHONIST, external=True)
    now = (await db.now()).astimezone(PRAGUE)
    await share(
        world,
        world.contact,
        valid_from=now + timedelta(seconds=begins_in_s),
        valid_until=None if ends_in_s is None else now + timedelta(seconds=ends_in_s),
    )

    assert await seen(Contact, viewer) == ({"Alfa"} if visible else set())


async def test_a_recalled_share_shows_nothing_at_once(database: str) -> None:
    world, viewer = await world_of(Role.TELEPHONIST, external=True)
    await share(world, world.contact)
    assert await seen(Contact, viewer) == {"Alfa"}

    await LeadShare.filter(recalled_at__isnull=True).update(recalled_at=datetime.now(UTC))

    assert await seen(Contact, viewer) == set()
    assert await seen(Person, viewer) == set()
    assert await seen(Reminder, viewer, "title") == {"no contact mine", "resolved mine"}


async def test_a_contact_in_two_valid_shares_is_there_once(database: str) -> None:
    world, viewer = await world_of(Role.TELEPHONIST, external=True)
    await share(world, world.contact)
    await share(world, world.contact)

    assert await Contact.visible_to(viewer).count() == 1
    assert len(await Contact.visible_to(viewer)) == 1


async def test_divisions_narrow_what_is_shared_with_an_external(database: str) -> None:
    world, viewer = await world_of(Role.TELEPHONIST, external=True, divisions="B2C")
    await share(world, *world.contacts)

    assert await seen(Contact, viewer) == {"Alfa", "Gama"}
