"""The second checks of projects: what holds whatever the road is that leads to a service."""

from datetime import UTC, datetime, timedelta

import pytest

from app.errors import Forbidden, Invalid
from app.jobs import unit_of_work
from app.models import Employee, Project
from app.policy import Role
from app.services import project_deletion, project_purging, projects
from tests.factories import make_employee, make_project, viewer_of
from tests.graphql import settings

__all__ = ["settings"]

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
async def project(database: str, settings: object) -> Project:
    return await make_project(name="Pekárna")


async def test_a_director_does_not_set_how_much_is_deleted_a_day(project: Project) -> None:
    director = await viewer_of(await make_employee(project, [Role.DIRECTOR]))

    with pytest.raises(Forbidden):
        async with unit_of_work():
            await projects.update(director, now=NOW, daily_delete_limit=100_000)

    assert (await Project.get(id=project.id)).daily_delete_limit == 100


async def test_a_project_that_was_renamed_meanwhile_is_not_deleted(project: Project) -> None:
    admin = await viewer_of(await make_employee(project, [Role.ADMIN]))

    with pytest.raises(Invalid):
        async with unit_of_work():
            await project_deletion.request(admin, name="Cukrárna", now=NOW)

    assert (await Project.get(id=project.id)).purge_after is None


@pytest.mark.parametrize("purge_after", [None, NOW + timedelta(milliseconds=1)])
async def test_what_is_not_due_is_not_purged(project: Project, purge_after: datetime | None) -> None:
    requested_at = NOW if purge_after else None
    await Project.filter(id=project.id).update(deletion_requested_at=requested_at, purge_after=purge_after)

    async with unit_of_work():
        assert not await project_purging.begin(project.id, now=NOW)
        assert await project_purging.delete_rows(project.id, Employee, limit=9) == 0
        assert not await project_purging.finish(project.id)

    assert await Project.exists(id=project.id)
