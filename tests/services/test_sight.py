"""Many viewers asked at once see what each sees alone."""

from dataclasses import replace
from typing import Any

import pytest

from app import db, db_rows
from app.ids import uuid7
from app.models import Contact, Employee, Reminder, ReminderEvent
from app.policy import Role
from app.services import members
from app.services.sight import in_sight
from tests.databases import Engine
from tests.factories import make_employee, make_reminder
from tests.models.world import World, make_world, share

pytestmark = pytest.mark.usefixtures("database")

PEOPLE: dict[str, dict[str, Any]] = {
    "director": {"roles": [Role.DIRECTOR]},
    "rep": {"roles": [Role.SALES_REP]},
    "rep of B2B": {"roles": [Role.SALES_REP], "divisions": "B2B"},
    "rep of B2C": {"roles": [Role.SALES_REP], "divisions": "B2C"},
    "rep of both": {"roles": [Role.SALES_REP], "divisions": "B2B B2C"},
    "rep of none": {"roles": [Role.SALES_REP], "divisions": ""},
    "external": {"roles": [Role.EXTERNAL_TELEPHONIST], "external": True},
    "without a role": {"roles": []},
}


async def make_worlds() -> list[World]:
    """A project for each of the people; a contact of each is shared with its partner."""
    worlds = [await make_world(**values) for values in PEOPLE.values()]
    for world in worlds:
        await share(world, world.b2b_contact)
    return worlds


@pytest.mark.parametrize("model", [Contact, Reminder, Employee, ReminderEvent])
async def test_each_sees_what_he_sees_alone_and_nothing_of_another_project(model: Any) -> None:
    viewers = [await members.member_of(each.me) for each in await make_worlds()]
    ids = [row["id"] for row in await model.all().values("id")]

    asked = [(viewer, id_) for viewer in viewers for id_ in [*ids, uuid7()]]
    seen = await in_sight(model.visible_to, asked)

    alone = {(viewer, row["id"]) for viewer in viewers for row in await model.visible_to(viewer).values("id")}
    assert {each for each, is_seen in zip(asked, seen, strict=True) if is_seen} == alone
    assert 0 < len(alone) < len(asked)


async def test_people_of_one_shape_take_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await make_world([Role.SALES_REP])
    people = [world.me, *[await make_employee(world.project, [Role.SALES_REP]) for _ in range(3)]]
    own = [await make_reminder(each) for each in people]
    viewers = [await members.member_of(each) for each in people]
    fetch, statements = db.fetch, []

    async def counted(sql: str, params: Any = ()) -> Any:
        statements.append(sql)
        return await fetch(sql, params)

    monkeypatch.setattr(db, "fetch", counted)
    asked = [(viewer, reminder.id) for viewer in viewers for reminder in own]
    seen = await in_sight(Reminder.visible_to, asked)

    assert seen == [viewer is viewers[place] for viewer in viewers for place in range(4)]
    assert len(statements) == 1


@pytest.mark.parametrize("who", ["rep of B2B", "external"])
async def test_on_sqlite_those_who_do_not_see_all_are_asked_about_with_their_like(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """It would look for what he sees at all once more for each row: a minute for a thousand of them."""
    world = await make_world(**PEOPLE[who])
    await share(world, world.contact)
    me = await members.member_of(world.me)
    other: dict[str, Any] = {"division_ids": frozenset([world.b2c.id]), "partner_id": uuid7()}
    changed = {name: value for name, value in other.items() if getattr(me, name) is not None}
    viewers = [me, replace(me, employee_id=world.colleague.id), replace(me, **changed)]
    fetch, statements = db.fetch, []

    async def counted(sql: str, params: Any = ()) -> Any:
        statements.append(sql)
        return await fetch(sql, params)

    monkeypatch.setattr(db, "fetch", counted)
    asked = [(viewer, contact.id) for viewer in viewers for contact in world.contacts]
    seen = await in_sight(Contact.visible_to, asked)

    assert seen[:3] == seen[3:6] != seen[6:] and True in seen[:3]
    assert len(statements) == (2 if engine == "sqlite" else 1)


async def test_nobody_asked_is_nothing_asked() -> None:
    assert await in_sight(Contact.visible_to, []) == []


def test_what_cannot_be_packed_is_refused() -> None:
    with pytest.raises(TypeError):
        db_rows.packed([{"id": object()}])
