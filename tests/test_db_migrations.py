import asyncio
import shutil
from pathlib import Path

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from app import db
from app.ids import uuid7
from tests.db_models.league import (
    BROKEN,
    CHANGED,
    CREATED,
    JOINED_AT,
    MODELS,
    ROOT,
    insert_player,
    run_process,
)
from tests.db_models.models import Player, Team, Trophy


async def _move_on(url: str, migrations: str) -> list[str]:
    await db.close()
    await db.connect(url, models=MODELS, migrations=migrations)
    return await db.migrate()


# Constraints and indexes


async def test_constraints_of_a_new_table_reach_the_database(league: str) -> None:
    team = (await db.fetch("SELECT id FROM teams"))[0]["id"]
    refused = [
        "INSERT INTO teams (id, name, city, score) VALUES ($1, 'Orli', 'Brno', -1)",
        "INSERT INTO teams (id, name, city, score) VALUES ($1, 'Orli', '', 1)",
        "INSERT INTO teams (id, name, city, score) VALUES ($1, 'Lvi', 'Praha', 1)",
    ]

    for sql in refused:
        with pytest.raises(IntegrityError):
            await db.fetch(sql, [uuid7()])
    with pytest.raises(IntegrityError):
        await insert_player(db.as_uuid(team), 2)
    with pytest.raises(IntegrityError):
        await insert_player(db.as_uuid(team), 3, is_captain=True)
    with pytest.raises(IntegrityError):
        await insert_player(uuid7(), 3)

    assert (
        len(await db.fetch("SELECT 1 FROM teams")) == 1 and len(await db.fetch("SELECT 1 FROM players")) == 2
    )


INDEXES_CREATED = {
    ("players", ("team_id",), False, False),
    ("players", ("team_id",), True, True),
    ("players", ("team_id", "joined_at"), False, False),
    ("players", ("team_id", "number"), True, False),
    ("teams", ("city", "name"), True, False),
    ("teams", ("city", "score"), False, False),
    ("teams", ("motto",), False, False),
    ("teams", ("name",), True, False),
    ("teams", ("score",), False, False),
    ("teams", ("score", "city"), False, True),
}
INDEXES_CHANGED = (INDEXES_CREATED - {("teams", ("motto",), False, False)}) | {
    ("teams", ("code",), True, False),
    ("teams", ("colour",), False, False),
}


async def test_both_engines_have_the_same_indexes_before_and_after_a_change(league: str) -> None:
    assert await _indexes() == INDEXES_CREATED

    await _move_on(league, CHANGED)

    assert await _indexes() == INDEXES_CHANGED


async def _indexes() -> set[tuple[str, tuple[str, ...], bool, bool]]:
    """Table, columns, unique, partial; without primary keys and trigrams."""
    found = await (_sqlite_indexes() if db.dialect() == "sqlite" else _postgres_indexes())
    return {index for index in found if index[0] != "tortoise_migrations" and index[1] != ("id",)}


async def _sqlite_indexes() -> set[tuple[str, tuple[str, ...], bool, bool]]:
    rows = await db.fetch(
        'SELECT m.name AS "table", l.name, l."unique", l.partial, '
        "(SELECT group_concat(i.name) FROM pragma_index_info(l.name) i) AS columns "
        "FROM sqlite_master m, pragma_index_list(m.name) l WHERE m.type = 'table'"
    )
    return {(r["table"], tuple(r["columns"].split(",")), bool(r["unique"]), bool(r["partial"])) for r in rows}


async def _postgres_indexes() -> set[tuple[str, tuple[str, ...], bool, bool]]:
    rows = await db.fetch(
        "SELECT i.indrelid::regclass::text AS table, i.indisunique, i.indpred IS NOT NULL AS partial, "
        "array(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnatts) k) AS columns "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam "
        "WHERE c.relnamespace = 'public'::regnamespace AND a.amname <> 'gin'"
    )
    return {(r["table"], tuple(r["columns"]), r["indisunique"], r["partial"]) for r in rows}


# Changing a table that has children


async def test_altering_a_parent_keeps_its_children(league: str) -> None:
    applied = await _move_on(league, CHANGED)

    assert applied == ["0002_change_everything"]
    team = await Team.get().prefetch_related("players", "trophies")
    assert (team.name, team.city, team.colour, team.code) == ("Lvi", "Brno", "red", None)
    assert sorted(player.number for player in team.players) == [1, 2]
    assert [trophy.year for trophy in team.trophies] == [2025]
    assert [player.number for player in await Player.filter(mentor__number=1)] == [2]
    assert set((await db.fetch("SELECT * FROM teams"))[0]) == {
        "id",
        "name",
        "city",
        "score",
        "colour",
        "code",
    }


async def test_a_changed_table_refuses_what_it_should(league: str) -> None:
    await _move_on(league, CHANGED)
    team = await Team.get()

    await Team.create(name="Orli", city="Praha", score=-1, code="ORL")
    for refused in (
        {"name": "Vlci", "city": "Brno", "score": 1000},
        {"name": "Vlci", "city": ""},
        {"name": "Lvi", "city": "Praha"},
        {"name": "Vlci", "city": "Praha", "code": "ORL"},
    ):
        with pytest.raises(IntegrityError):
            await Team.create(**refused)
    with pytest.raises(IntegrityError):
        await Player.create(team=team, number=2, joined_at=JOINED_AT)
    with pytest.raises(IntegrityError):
        await team.delete()

    assert await Team.all().count() == 2 and await Player.all().count() == 2


async def test_a_changed_reference_decides_what_deleting_does(league: str) -> None:
    await _move_on(league, CHANGED)
    team = await Team.get()

    with pytest.raises(IntegrityError):
        await team.delete()
    await Trophy.all().delete()
    await team.delete()

    assert await Player.all().count() == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=False)
async def test_triggers_survive_a_rebuilt_table(league: str) -> None:
    await _move_on(league, CHANGED)
    team = await Team.get()

    with pytest.raises(IntegrityError, match="a team keeps its name; always"):
        await Team.filter(id=team.id).update(name="Orli")
    await Player.create(team=team, number=3, joined_at=JOINED_AT)

    await team.refresh_from_db()
    assert (team.name, team.score) == ("Lvi", 10)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=False)
async def test_foreign_keys_are_on_again_after_migrating(league: str) -> None:
    assert await db.fetch("PRAGMA foreign_keys") == [{"foreign_keys": 1}]
    assert await db.fetch("PRAGMA legacy_alter_table") == [{"legacy_alter_table": 0}]


async def test_a_migration_that_fails_midway_leaves_the_database_as_before(league: str) -> None:
    before = await _indexes()

    with pytest.raises(OperationalError, match="no_such_table"):
        await _move_on(league, BROKEN)

    assert await db.pending() == ["0002_break_midway"]
    assert await _indexes() == before
    assert len(await db.fetch("SELECT 1 FROM players")) == 2
    with pytest.raises(IntegrityError):
        await db.fetch("INSERT INTO teams (id, name, city, score) VALUES ($1, 'Orli', 'Brno', -1)", [uuid7()])


@pytest.mark.parametrize("engine", ["sqlite"], indirect=False)
async def test_a_migration_may_not_leave_rows_that_point_nowhere(league: str) -> None:
    await db.connection().execute_query("PRAGMA foreign_keys=OFF")
    await db.fetch("DELETE FROM teams")

    with pytest.raises(IntegrityError, match="players → teams, trophies → teams"):
        await _move_on(league, CHANGED)

    assert await db.pending() == ["0002_change_everything"]


# The runner


async def test_migrations_are_applied_once_in_order(blank_url: str) -> None:
    await db.connect(blank_url, models=MODELS, migrations=CHANGED)
    names = ["0001_initial", "0002_change_everything"]

    assert await db.pending() == names
    assert await db.migrate() == names
    assert (await db.pending(), await db.migrate()) == ([], [])


async def test_two_processes_migrate_one_after_the_other(blank_url: str) -> None:
    outputs = await asyncio.gather(*(run_process("migrate", blank_url) for _ in range(2)))

    assert sorted(outputs) == ["", "0001_initial 0002_change_everything"]


async def test_models_that_went_on_without_a_migration_are_found() -> None:
    assert await db.drift(MODELS, CHANGED) == []
    assert await db.drift(MODELS, CREATED) == [
        "Remove index from Team",
        "Remove constraint from Team",
        "Alter field city on Team",
        "Alter field name on Team",
        "Add field code to Team",
        "Add field colour to Team",
        "Remove field motto from Team",
        "Add constraint to Team",
        "Alter field team on Trophy",
    ]


async def test_a_written_migration_ends_the_drift(
    blank_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / f"written_{uuid7().hex}"
    shutil.copytree(ROOT / "tests" / "db_models" / "created", package)
    monkeypatch.syspath_prepend(tmp_path)

    path = await db.make_migration("Catch up", MODELS, package.name)

    assert path == package / "0002_catch_up.py"
    assert await db.drift(MODELS, package.name) == []
    assert await db.make_migration("Again", MODELS, package.name) is None
    await db.connect(blank_url, models=MODELS, migrations=package.name)
    assert await db.migrate() == ["0001_initial", "0002_catch_up"]
    assert await _indexes() == INDEXES_CHANGED


async def test_new_indexes_are_written_apart_and_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / f"written_{uuid7().hex}"
    shutil.copytree(ROOT / "tests" / "db_models" / "created", package)
    first = package / "0001_initial.py"
    indexed, plain = 'Index(fields=["city", "score"]), ', ""
    first.write_text(first.read_text().replace(indexed, plain))
    monkeypatch.syspath_prepend(tmp_path)

    paths = [await db.make_migration("Catch up", MODELS, package.name) for _ in range(3)]

    assert [path and path.name for path in paths] == ["0002_catch_up.py", "0003_catch_up.py", None]
    texts = [path.read_text() for path in paths if path]
    assert [("AddIndex" in text, "atomic = False" in text) for text in texts] == [
        (False, False),
        (True, True),
    ]
