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


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(
            "apollographql-client-name,apollographql-client-version", id="Apollo's client awareness"
        ),
        pytest.param("baggage,sentry-trace", id="Sentry"),
        pytest.param("traceparent,tracestate", id="OpenTelemetry"),
        pytest.param("authorization,content-type,x-a-header-of-tomorrow", id="any other"),
    ],
)
async def test_a_page_of_an_allowed_origin_may_send_any_header(sent: str) -> None:
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": sent}
    async with running(allowed_origins=ALLOWED) as toy, httpx.AsyncClient() as client:
        ours, foreign = [
            await client.options(toy.url, headers={"Origin": origin, **asking})
            for origin in ("https://app.example.com", "https://evil.example.org")
        ]
        answer = await client.post(
            toy.url,
            json={"query": "{ __typename }"},
            headers=dict.fromkeys(sent.split(","), "x")
            | {"origin": "https://app.example.com", "content-type": "application/json"},
        )

    assert ours.status_code == 200 and ours.headers["access-control-allow-headers"] == sent
    assert "Access-Control-Request-Headers" in ours.headers["vary"] and "Origin" in ours.headers["vary"]
    assert int(ours.headers["access-control-max-age"]) > 0
    assert foreign.status_code == 400 and "access-control-allow-origin" not in foreign.headers
    assert answer.json() == {"data": {"__typename": "Query"}}
