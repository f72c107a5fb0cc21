"""The launcher of the tests' own PostgreSQL."""

import asyncio
import shutil
import sys
from pathlib import Path

import asyncpg
import pytest

from tests import postgres

HOLD_A_SERVER = """
import time
from tests.postgres import running_server
with running_server() as server:
    print(server.folder, flush=True)
    time.sleep(60)
"""


async def test_the_server_dies_with_a_killed_test_run() -> None:
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_A_SERVER, cwd=Path(__file__).parents[1], stdout=asyncio.subprocess.PIPE
    )
    assert run.stdout is not None
    folder = Path((await asyncio.wait_for(run.stdout.readline(), 60)).decode().strip())
    state = folder / "data" / "postmaster.pid"
    assert state.exists()

    run.kill()
    await run.wait()
    async with asyncio.timeout(20):
        while state.exists():
            await asyncio.sleep(0.05)

    shutil.rmtree(folder)


async def test_binaries_out_of_reach_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_may_run", lambda *_: False)

    with postgres.running_server() as server:
        assert (server.folder / "wheel").is_dir()
        connection = await asyncpg.connect(await server.create("copied"))
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        await connection.close()

    assert not server.folder.exists()
