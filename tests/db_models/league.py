"""A database made by `created`, with rows."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from app import db
from app.ids import uuid7

MODELS = "tests.db_models.models"
CREATED = "tests.db_models.created"
CHANGED = "tests.db_models.changed"
BROKEN = "tests.db_models.broken"
INDEXED = "tests.db_models.indexed"

ROOT = Path(__file__).parents[2]
JOINED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def connect_league(url: str) -> None:
    """Connect to the blank database and put a team, two players (one the other's mentor) and a trophy in."""
    await db.connect(url, models=MODELS, migrations=CREATED)
    await db.migrate()
    team = uuid7()
    await db.fetch(
        "INSERT INTO teams (id, name, city, motto, score) VALUES ($1, 'Lvi', 'Brno', 'x', 7)", [team]
    )
    first = await insert_player(team, 1, is_captain=True)
    await insert_player(team, 2, mentor=first)
    await db.fetch("INSERT INTO trophies (id, team_id, year) VALUES ($1, $2, 2025)", [uuid7(), team])


async def insert_player(
    team: UUID, number: int, *, is_captain: bool = False, mentor: UUID | None = None
) -> UUID:
    player = uuid7()
    await db.fetch(
        "INSERT INTO players (id, team_id, mentor_id, number, is_captain, joined_at) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        [player, team, mentor, number, is_captain, JOINED_AT],
    )
    return player


async def run_process(task: str, url: str) -> str:
    """What `python -m tests.db_models.process` printed. Fails with its errors if it failed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.db_models.process", task, url),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode == 0, errors.decode()
    return output.decode().strip()
