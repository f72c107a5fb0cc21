"""One row at a time: `get_visible` finds what `visible_to` shows, and `create` makes what is read back."""

from typing import Any

import pytest
from tortoise.exceptions import IntegrityError, ValidationError
from tortoise.transactions import in_transaction

from app.errors import NotFound
from app.ids import uuid7
from app.models import (
    Activity,
    AuditEntry,
    Contact,
    Division,
    Email,
    Employee,
    EmployeeStatus,
    Project,
    Reminder,
    Session,
    Table,
)
from app.models.base import MOST_IN_ONE_STATEMENT, insert_last
from app.policy import AccountViewer, Role, Viewer
from tests import factories as make
from tests.models.world import World, all_models, make_world, share, world_of

pytestmark = pytest.mark.usefixtures("database")


def columns(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row)._meta.fields_db_projection}


async def found_one_by_one(model: type[Table], viewer: Viewer, *, lock: bool) -> set[Any]:
    found = set()
    for row in await model.all():
        try:
            found.add((await model.get_visible(viewer, row.id, lock=lock)).id)
        except NotFound:
            continue
    return found


async def shared_world(**how: Any) -> World:
    world = await make_world(**how)
    await share(world, world.contact)
    return world


@pytest.mark.parametrize("role", Role)
async def test_a_row_is_found_by_its_id_exactly_if_it_is_among_the_visible(role: Role) -> None:
    """Two viewers of the same shape, one after another: the second runs the first one's statement."""
    async with in_transaction():
        external = role is Role.EXTERNAL_TELEPHONIST
        worlds = [await shared_world(roles=[role], external=external, divisions="B2B") for _ in range(2)]

        for world in worlds:
            viewer = await make.viewer_of(world.me)
            for model in all_models():
                visible = set(await model.visible_to(viewer).values_list("id", flat=True))
                assert await found_one_by_one(model, viewer, lock=True) == visible
                assert await found_one_by_one(model, viewer, lock=False) == visible


async def test_outside_of_projects_a_row_is_found_exactly_if_it_is_among_the_visible() -> None:
    _, member = await world_of(Role.ADMIN)
    account = AccountViewer(account_id=member.account_id, session_id=uuid7())

    for viewer in (Viewer(), account):
        for model in all_models():
            visible = set(await model.visible_to(viewer).values_list("id", flat=True))
            assert await found_one_by_one(model, viewer, lock=False) == visible


async def test_a_row_out_of_reach_is_refused_in_the_words_of_an_absent_one() -> None:
    _, viewer = await world_of(Role.DIRECTOR)
    other, _ = await world_of(Role.DIRECTOR)

    refusals = []
    for id_ in (other.contact.id, uuid7()):
        with pytest.raises(NotFound) as refusal:
            await Contact.get_visible(viewer, id_, path=("contact_id",))
        refusals.append((str(refusal.value), refusal.value.input_path))

    assert refusals == [("There is no such contact.", ("contact_id",))] * 2


async def test_a_found_row_has_every_column_as_read_by_the_model() -> None:
    world, viewer = await world_of(Role.DIRECTOR)
    ids = {
        Contact: world.contact.id,
        Employee: world.me.id,
        Project: world.project.id,
        Division: world.b2b.id,
    }

    for model, id_ in ids.items():
        assert columns(await model.get_visible(viewer, id_)) == columns(await model.get(id=id_))


async def test_a_created_row_is_what_is_read_back() -> None:
    world, _ = await world_of(Role.ADMIN, Role.SALES_REP, divisions="B2B")
    unlike: dict[type[Any], dict[str, Any]] = {
        Employee: {"email": "nová@example.cz", "account_id": None, "status": EmployeeStatus.INVITED},
        Session: {"token_hash": "0" * 64},
        Contact: {"name": "Žluťoučký kůň"},
        Activity: {},
        Reminder: {},
        AuditEntry: {"changes": {"name": ["Á", None]}},
        Email: {"message_id": "<nová@example.cz>"},
    }

    for model, values in unlike.items():
        sample = columns(await model.filter(project_id=world.project.id).order_by("id").first())
        made = await model.create(**{**sample, **values, "id": uuid7()})

        assert columns(made) == columns(await model.get(id=made.id))
        assert made.pk == made.id and not made._partial


async def test_columns_that_are_not_given_get_the_model_s_default_each_row_its_own() -> None:
    now = make.NOON
    first, second = [await AuditEntry.create(action="contactCreate", created_at=now) for _ in range(2)]

    assert (first.subject, first.changes, first.project_id, first.client_ip) == ("", {}, None, "")
    assert first.id != second.id and first.changes is not second.changes


async def test_a_row_that_the_model_does_not_allow_is_refused_on_both_engines() -> None:
    with pytest.raises(ValidationError):
        await AuditEntry.create(action="a" * 101, created_at=make.NOON)

    assert not await AuditEntry.exists()


async def test_a_created_row_can_be_changed_and_saved() -> None:
    division = await make.make_division(await make.make_project())
    division.name = "Velkoobchod"
    await division.save(update_fields=["name"])

    assert (await Division.get(id=division.id)).name == "Velkoobchod"


async def test_rows_written_together_are_all_there_however_many() -> None:
    world, _ = await world_of(Role.DIRECTOR)
    of_contact = {"project_id": world.project.id, "contact_id": world.contact.id, "author_id": world.me.id}
    times = {"occurred_at": make.NOON, "created_at": make.NOON}

    for count in (1, 2, MOST_IN_ONE_STATEMENT, MOST_IN_ONE_STATEMENT + 1, 100):
        activities = [
            Activity.new(kind="CALL", area="SALES", summary="Žádá o nabídku", **of_contact, **times)
            for _ in range(count - 1)
        ]
        entries = [AuditEntry.new(action="activityRecord", created_at=make.NOON, changes={"a": [1, 2]})]
        async with in_transaction():
            await insert_last([*activities, *entries])

        for row in (*activities, *entries):
            assert columns(await type(row).get(id=row.id)) == columns(row)


@pytest.mark.parametrize("count", [2, MOST_IN_ONE_STATEMENT + 1])
async def test_of_rows_written_together_none_is_there_if_one_is_refused(count: int) -> None:
    taken = await AuditEntry.create(action="contactCreate", created_at=make.NOON)
    rows = [AuditEntry.new(action="contactUpdate", created_at=make.NOON) for _ in range(count - 1)]

    with pytest.raises(IntegrityError):
        async with in_transaction():
            await insert_last([*rows, AuditEntry.new(id=taken.id, action="again", created_at=make.NOON)])

    assert [entry.action for entry in await AuditEntry.all()] == ["contactCreate"]
