from collections.abc import Sequence

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.migrations.operations import RunSQL
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

from app import db
from app.db_editors import PostgresEditor, SqliteEditor, statements
from app.migration_ops import CompositeForeignKey, OnDelete, RunSQLOn, partial_index, trigram_index

TABLES = (
    "CREATE TABLE parents (id INT PRIMARY KEY, project_id INT NOT NULL, name TEXT)",
    "CREATE TABLE children (id INT PRIMARY KEY, project_id INT NOT NULL, "
    "parent_id INT REFERENCES parents (id) ON DELETE {on_delete})",
)


async def apply(operation: RunSQL) -> None:
    editor = SqliteEditor if db.dialect() == "sqlite" else PostgresEditor
    state = State(models={}, apps=StateApps())
    await operation.run("models", state, dry_run=False, state_editor=editor(db.connection()))


async def linked(url: str, on_delete: str, *operations: RunSQL) -> None:
    """Project 1 has a parent and its child."""
    await db.connect(url, models="tests.db_models.models")
    for table in TABLES:
        await db.fetch(table.format(on_delete=on_delete))
    for operation in operations:
        await apply(operation)
    await db.fetch("INSERT INTO parents (id, project_id) VALUES (1, 1)")
    await db.fetch("INSERT INTO children (id, project_id, parent_id) VALUES (1, 1, 1)")


LINK = CompositeForeignKey("children", ("project_id", "parent_id"), "parents")


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_link_cannot_leave_its_project(blank_url: str) -> None:
    await linked(blank_url, "RESTRICT", LINK)

    with pytest.raises(IntegrityError):
        await db.fetch("INSERT INTO children (id, project_id, parent_id) VALUES (2, 2, 1)")
    await db.fetch("INSERT INTO children (id, project_id, parent_id) VALUES (2, 2, NULL)")

    assert len(await db.fetch("SELECT 1 FROM children")) == 2


@pytest.mark.parametrize("engine", ["postgres"])
@pytest.mark.parametrize(
    ("on_delete", "left"),
    [
        ("SET NULL", [{"project_id": 1, "parent_id": None}]),
        ("CASCADE", []),
    ],
)
async def test_a_composite_key_lets_the_single_one_act_on_delete(
    blank_url: str, on_delete: str, left: Sequence[object]
) -> None:
    await linked(blank_url, on_delete, LINK)

    await db.fetch("DELETE FROM parents")

    assert await db.fetch("SELECT project_id, parent_id FROM children") == left


@pytest.mark.parametrize("engine", ["postgres"])
async def test_two_links_to_one_table_share_its_index(blank_url: str) -> None:
    await linked(blank_url, "CASCADE", LINK)

    await apply(CompositeForeignKey("parents", ("project_id", "id"), "parents", on_delete="RESTRICT"))

    rows = await db.fetch("SELECT 1 FROM pg_indexes WHERE tablename = 'parents' AND indexname LIKE 'uid%'")
    assert len(rows) == 1


@pytest.mark.parametrize("on_delete", ["SET NULL", "set default"])
def test_a_composite_key_that_would_null_the_project_is_refused(on_delete: OnDelete) -> None:
    with pytest.raises(ValueError, match="would null the project"):
        CompositeForeignKey("children", ("project_id", "parent_id"), "parents", on_delete=on_delete)


async def test_an_operation_of_one_engine_leaves_the_other_alone(blank_url: str) -> None:
    await linked(
        blank_url,
        "CASCADE",
        LINK,
        trigram_index("parents", "name"),
        RunSQLOn("sqlite", "CREATE TABLE of_sqlite (id INT)"),
        RunSQLOn("postgres", ["CREATE TABLE of_postgres (id INT)"]),
    )

    await db.fetch(f"SELECT 1 FROM of_{db.dialect()}")


async def test_a_partial_unique_index_counts_only_its_rows(blank_url: str) -> None:
    await linked(blank_url, "CASCADE", partial_index("parents", ["name"], "project_id > 1", unique=True))
    insert = "INSERT INTO parents (id, project_id, name) VALUES ($1, $2, 'x')"

    for row in ([2, 1], [3, 1], [4, 2]):
        await db.fetch(insert, row)
    with pytest.raises(IntegrityError):
        await db.fetch(insert, [5, 2])


def test_a_script_is_cut_between_statements_only() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END;"
    insert = "INSERT INTO a VALUES ('x;y') /* ; */;"

    assert list(statements(f"{insert}\n;\n{trigger} SELECT 1")) == [insert, trigger, "SELECT 1;"]
