from collections.abc import Mapping

import httpx
from starlette.applications import Starlette

from app.http import health
from app.http.health import Probe, Unwell


def client_of(needed: Mapping[str, Probe], **optional: Probe) -> httpx.AsyncClient:
    app = Starlette(routes=health.routes(needed, optional))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://divize")


async def well() -> None:
    pass


async def unwell() -> None:
    raise Unwell("2 pending; run: python -m app migrate")


async def broken() -> None:
    raise ConnectionRefusedError("postgres://divize:secret@db/divize")


async def test_a_process_that_answers_is_healthy_whatever_its_parts() -> None:
    async with client_of({"database": broken}) as client:
        answer = await client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_it_is_ready_when_all_parts_are_well() -> None:
    async with client_of({"database": well, "redis": well}) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "parts": {"database": "ok", "redis": "ok"}},
    )
    assert answer.headers["cache-control"] == "no-store"


async def test_each_part_that_is_not_well_is_named_without_secrets() -> None:
    async with client_of({"database": broken, "migrations": unwell, "redis": well}) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "parts": {
            "database": "does not answer (ConnectionRefusedError)",
            "migrations": "2 pending; run: python -m app migrate",
            "redis": "ok",
        },
    }


async def test_without_a_part_that_requests_do_not_need_it_is_degraded_and_serves() -> None:
    async with client_of({"database": well}, redis=broken, worker=unwell) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["parts"] == {
        "database": "ok",
        "redis": "does not answer (ConnectionRefusedError)",
        "worker": "2 pending; run: python -m app migrate",
    }


async def test_the_parts_are_not_asked_for_every_caller() -> None:
    asked: list[str] = []

    async def counting() -> None:
        asked.append("database")

    async with client_of({"database": counting}) as client:
        answers = [await client.get("/readyz") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert asked == ["database"]
