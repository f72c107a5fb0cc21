"""An installation that is there already, when projects learn what reminder interval is the default."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import db
from app.models import Employee, Project
from tests.databases import Databases, Engine
from tests.factories import NOON

MIGRATIONS = Path(__file__).parents[2] / "migrations"
NEW = "0012_reminder_defaults"

_PROJECT = """INSERT INTO projects (id, name, sort_key, time_zone, daily_delete_limit, external_read_limit, created_by_id,
    version, created_at, updated_at) VALUES ($1, 'Firma', 'firma', 'Europe/Prague', 100, 300, $1, 1, $2, $2)"""
_ACCOUNT = (
    "INSERT INTO accounts (id, email, name, version, created_at, updated_at) VALUES ($1, $3, 'A', 1, $2, $2)"
)
_EMPLOYEE = """INSERT INTO employees (id, project_id, account_id, name, sort_key, search_text, email, roles, division_scope,
    can_delete_contacts, can_send_bulk_email, status, feed_number, version, created_at, updated_at,
    reminder_interval_minutes)
    VALUES ($1, $3, $1, 'A', 'a', 'a', $4, 'ADMIN', 'ALL', FALSE, FALSE, 'ACTIVE', 0, 1, $2, $2, $5)"""


@pytest.fixture
async def before(
    engine: Engine, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """A database with all migrations but the new one and those after it."""
    shutil.copytree(
        MIGRATIONS, tmp_path / "earlier", ignore=lambda _, names: [n for n in names if n[:4] >= NEW[:4]]
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    url = await databases.blank(engine)
    await db.connect(url, migrations="earlier")
    await db.migrate()
    yield url
    await db.close()
    await databases.drop(url)


async def test_projects_get_the_defaults_and_employees_keep_what_they_have(before: str) -> None:
    silent, windowed = (db.as_uuid(f"00000000-0000-7000-8000-00000000000{n}") for n in (1, 2))
    for id_, email in ((silent, "a@firma.cz"), (windowed, "b@firma.cz")):
        await db.fetch(_ACCOUNT, [id_, NOON, email])
    await db.fetch(_PROJECT, [silent, NOON])
    for id_, email, minutes in ((silent, "a@firma.cz", None), (windowed, "b@firma.cz", 90)):
        await db.fetch(_EMPLOYEE, [id_, NOON, silent, email, minutes])
    await db.close()

    await db.connect(before)
    assert NEW in await db.migrate()

    project = await Project.get(id=silent)
    assert (project.default_reminder_interval_minutes, project.reminder_interval_max_minutes) == (10, 60)
    kept = {each.id: each.reminder_interval_minutes for each in await Employee.all()}
    assert kept == {silent: None, windowed: 90}
