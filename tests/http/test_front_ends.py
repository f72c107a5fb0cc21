"""Web front ends on other origins: who may ask from a browser, and what such a page gets to read."""

import httpx
import pytest

from tests.http.toy import running

ALLOWED = "https://app.example.com, https://m.example.com:8443"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.mark.parametrize(
    ("origin", "environment", "is_allowed"),
    [
        ("https://app.example.com", "production", True),
        ("https://m.example.com:8443", "production", True),
        ("https://m.example.com", "production", False),
        ("http://app.example.com", "production", False),
        ("https://app.example.com.evil.com", "production", False),
        ("null", "production", False),
        ("http://localhost:5173", "production", False),
        ("http://localhost:5173", "dev", True),
    ],
)
async def test_a_page_may_ask_if_its_origin_is_allowed(
    origin: str, environment: str, is_allowed: bool
) -> None:
    async with (
        running(environment=environment, allowed_origins=ALLOWED) as toy,
        httpx.AsyncClient() as client,
    ):
        preflight = await client.options(toy.url, headers={"Origin": origin, **PREFLIGHT})
        answer = await client.post(toy.url, json={"query": "{ __typename }"}, headers={"Origin": origin})

    granted = origin if is_allowed else None
    assert preflight.headers.get("access-control-allow-origin") == granted
    assert preflight.status_code == (200 if is_allowed else 400)
    assert answer.headers.get("access-control-allow-origin") == granted
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_may_send_its_token_and_read_the_request_id() -> None:
    origin = {"Origin": "https://app.example.com"}
    async with running(allowed_origins=ALLOWED) as toy, httpx.AsyncClient() as client:
        preflight = await client.options(toy.url, headers={**origin, **PREFLIGHT})
        answer = await client.post(toy.url, json={"query": "{ __typename }"}, headers=origin)

    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert "authorization" in allowed and "content-type" in allowed
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]
