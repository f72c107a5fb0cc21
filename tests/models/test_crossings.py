"""No link leads out of its project, and a project can be emptied without touching another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from app import db
from app.models import PURGE_ORDER, AuditEntry, Email, Person, Project, Reminder, Table
from app.policy import Role
from tests import factories as make
from tests.models.world import World, all_models, in_a_project, links_of, make_world

Link = tuple[type[Table], str, type[Table]]


def links_within_projects() -> list[Link]:
    return [
        (model, column, target)
        for model in all_models()
        if in_a_project(model)
        for column, target in links_of(model).items()
        if in_a_project(target)
    ]


async def crossings() -> dict[str, int]:
    """How many rows point into another project, by table and column. Rows and targets without a project count too."""
    return {
        f"{model._meta.db_table}.{column}": found
        for model, column, target in links_within_projects()
        if (found := await _crossing(model, column, target))
    }


async def _crossing(model: type[Table], column: str, target: type[Table]) -> int:
    rows = await db.fetch(
        f'SELECT count(*) AS found FROM "{model._meta.db_table}" child '
        f'JOIN "{target._meta.db_table}" parent ON parent.id = child."{column}" '
        "WHERE child.project_id <> parent.project_id "
        "OR (child.project_id IS NULL) <> (parent.project_id IS NULL)"
    )
    return int(rows[0]["found"])


@asynccontextmanager
async def undone() -> AsyncIterator[None]:
    """What is written inside is rolled back."""

    class _Undo(Exception):
        pass

    try:
        async with in_transaction():
            yield
            raise _Undo
    except _Undo:
        return


async def two_worlds() -> tuple[World, World]:
    async with in_transaction():
        return await make_world([Role.ADMIN], external=True), await make_world([Role.ADMIN], external=True)


async def filled(model: type[Table], column: str, world: World) -> Table | None:
    return await model.filter(**{"project_id": world.project.id, f"{column}__isnull": False}).first()


async def test_the_full_data_set_fills_every_table_and_every_link(database: str) -> None:
    world, _ = await two_worlds()

    empty = [model.__name__ for model in all_models() if not await model.all().exists()]
    unlinked = [
        f"{model.__name__}.{column}"
        for model, column, _ in links_within_projects()
        if await filled(model, column, world) is None
    ]

    assert (empty, unlinked) == ([], [])
    assert len(links_within_projects()) > 25


async def test_nothing_made_in_a_project_points_into_another(database: str) -> None:
    await two_worlds()

    assert await crossings() == {}


async def test_a_link_into_another_project_is_refused_by_postgres_and_found_by_the_walk(
    database: str,
) -> None:
    mine, theirs = await two_worlds()

    for model, column, target in links_within_projects():
        row, stranger = await filled(model, column, mine), await target.filter(project=theirs.project).first()
        assert row is not None and stranger is not None
        update = f'UPDATE "{model._meta.db_table}" SET "{column}" = $1 WHERE id = $2'

        if database == "postgres":
            with pytest.raises(IntegrityError, match="foreign key"):
                await db.fetch(update, [stranger.id, row.id])
        else:
            async with undone():
                await db.fetch(update, [stranger.id, row.id])
                assert await crossings() == {f"{model._meta.db_table}.{column}": 1}

    assert await crossings() == {}


async def test_a_link_cannot_lose_its_project(database: str) -> None:
    world, _ = await two_worlds()

    for model, column in ((Email, "author_id"), (Email, "contact_id")):
        row = await filled(model, column, world)
        assert row is not None
        with pytest.raises(IntegrityError):
            await model.filter(id=row.id).update(project_id=None)


async def test_a_project_is_emptied_in_the_purge_order_and_others_stay(database: str) -> None:
    doomed, other = await two_worlds()
    before = {model: await model.filter(project=other.project).count() for model in PURGE_ORDER}

    async with in_transaction():
        for model in PURGE_ORDER:
            await model.filter(project=doomed.project).delete()
        await Project.filter(id=doomed.project.id).delete()

    assert {
        model: await model.filter(project=doomed.project).count() for model in PURGE_ORDER
    } == dict.fromkeys(PURGE_ORDER, 0)
    assert {model: await model.filter(project=other.project).count() for model in PURGE_ORDER} == before
    assert await AuditEntry.filter(project_id=doomed.project.id).exists()


async def test_the_purge_order_names_every_table_of_a_project(database: str) -> None:
    assert {model for model in all_models() if in_a_project(model)} == set(PURGE_ORDER)


async def test_deleting_a_contact_takes_what_hangs_on_it_and_refuses_while_mail_names_it(
    database: str,
) -> None:
    world, _ = await two_worlds()
    doomed = world.b2b_contact

    with pytest.raises(IntegrityError):
        await doomed.delete()
    await Email.filter(contact=doomed).update(contact_id=None, text=None, html=None)
    await doomed.delete()

    assert not await Person.filter(contact_id=doomed.id).exists()
    assert not await Reminder.filter(contact_id=doomed.id).exists()
    assert await Person.filter(contact_id=world.contact.id).exists()


async def test_a_project_with_anything_in_it_cannot_be_deleted(database: str) -> None:
    project = await make.make_project()
    await make.make_contact(project)

    with pytest.raises(IntegrityError):
        await project.delete()

    assert await Project.filter(id=project.id).exists()
