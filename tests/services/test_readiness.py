"""Which process may get traffic: the real probes of a real server."""

from datetime import timedelta

import asyncpg
import httpx

from app import db
from app.ids import uuid7
from app.models.health import WriteCheck
from app.services import housekeeping, readiness
from tests.abuse.serving import NOWHERE, Divize, serving
from tests.e2e.installation import until


async def ready(divize: Divize) -> httpx.Response:
    return await divize.http.get(f"http://{divize.address}/readyz")


async def test_without_valkey_and_worker_requests_are_still_served(database_url: str) -> None:
    async with serving(database_url, NOWHERE) as divize:
        answer = await ready(divize)

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    parts = answer.json()["parts"]
    assert (parts["database"], parts["migrations"]) == ("ok", "ok")
    assert parts["redis"] != "ok" and parts["worker"] != "ok"


async def test_a_database_that_takes_no_writes_gets_no_traffic(database_url: str) -> None:
    async with serving(database_url, NOWHERE) as divize:
        await until(lambda: _says(divize, 200))
        await _make_read_only(database_url)

        await until(lambda: _says(divize, 503))
        parts = (await ready(divize)).json()["parts"]

    assert parts["database"] == "does not answer (DatabaseAway)"
    assert parts["migrations"] == "ok"


async def test_each_process_writes_one_row_and_the_dead_ones_go(database: str) -> None:
    now = await db.now()
    await WriteCheck.create(id=uuid7(), written_at=now - housekeeping.UNSEEN_FOR - timedelta(minutes=1))

    for _ in range(3):
        await readiness.check_writes()
    await housekeeping.forget_served(WriteCheck, now=now)

    (left,) = await WriteCheck.all()
    assert left.written_at >= now


async def _says(divize: Divize, status: int) -> bool:
    return (await ready(divize)).status_code == status


async def _make_read_only(url: str) -> None:
    """As a failover leaves a primary, and a file system that broke its files."""
    if url.startswith("sqlite"):
        await db.fetch("PRAGMA query_only = on")
        return
    owner = await asyncpg.connect(url)
    try:
        name = await owner.fetchval("SELECT current_database()")
        await owner.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await owner.close()
