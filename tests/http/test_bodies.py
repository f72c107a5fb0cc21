"""Bodies that are no GraphQL request: too long, too slow, not JSON, or of another shape."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from app.http import limits
from tests.http.toy import Client, codes

JSON = "application/json"
NEW = "application/graphql-response+json"


@pytest.mark.parametrize("accept", [JSON, NEW])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b'"x"',
        b"true",
        b"[]",
        b'[{"query": "{ hello }"}]',
        b"{",
        b'{"query": "{ hello }", "variables": {"a": NaN}}',
        b'{"query": "\xff\xfe"}',
        b'{"query": "{ hello }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ hello }", "variables": {"a": 1e400}}',
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b"{}",
        b'{"query": null}',
        b'{"query": 5}',
        b'{"query": ["{ hello }"]}',
        b'{"query": "{ hello }", "variables": "{}"}',
        b'{"query": "{ hello }", "variables": [1]}',
        b'{"query": "{ hello }", "operationName": 5}',
        b'{"query": "{ hello }", "extensions": 5}',
    ],
)
async def test_a_malformed_body_is_400_with_a_graphql_error_whatever_the_media_type(
    client: Client, body: bytes, accept: str
) -> None:
    headers = {"content-type": JSON, "accept": accept}
    response = await client.http.post(client.toy.url, content=body, headers=headers)

    assert response.status_code == 400
    assert codes(response) == ["BAD_REQUEST"]
    assert response.headers["content-type"].startswith(accept)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; Charset=UTF-8", 200),
        ('application/json;charset="utf-8"', 200),
        (None, 415),
        ("", 415),
        ("text/plain", 415),
        ("application/jsonp", 415),
        ("text/plain; a=application/json", 415),
        ("application/json; charset=iso-8859-2", 415),
        ("application/graphql", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
async def test_content_types_are_compared_properly(
    client: Client, content_type: str | None, status: int
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    response = await client.http.post(client.toy.url, content=b'{"query": "{ hello }"}', headers=headers)

    assert response.status_code == status
    assert status == 200 or codes(response) == ["BAD_REQUEST"]


@pytest.mark.parametrize("size", [limits.MOST_BODY_BYTES + 1, 5_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_over_128_kb_is_413_before_anything_reads_it(
    client: Client, size: int, is_chunked: bool
) -> None:
    body = b'{"query": "mutation { write }", "x": "' + b"x" * (size - 40) + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 16_384):
            yield body[start : start + 16_384]

    content = chunks() if is_chunked else body
    response = await client.http.post(client.toy.url, content=content, headers={"content-type": JSON})

    assert response.status_code == 413
    assert codes(response) == ["BAD_REQUEST"]
    assert client.toy.looked_up == 0
    assert client.toy.done == []


async def test_a_body_of_exactly_128_kb_passes(client: Client) -> None:
    start, end = b'{"query": "{ hello }", "x": "', b'"}'
    body = start + b"x" * (limits.MOST_BODY_BYTES - len(start) - len(end)) + end

    response = await client.http.post(client.toy.url, content=body, headers={"content-type": JSON})

    assert response.status_code == 200


async def test_a_compressed_body_is_not_unpacked(client: Client) -> None:
    bomb = gzip.compress(b'{"query": "{ hello }"' + b" " * 10_000_000 + b"}")
    headers = {"content-type": JSON, "content-encoding": "gzip"}
    response = await client.http.post(client.toy.url, content=bomb, headers=headers)

    assert response.status_code == 415
    assert codes(response) == ["BAD_REQUEST"]


async def test_a_body_that_never_ends_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_TIMEOUT_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.toy.port)

    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    )
    status = await asyncio.wait_for(reader.readline(), 5)
    writer.close()

    assert status.startswith(b"HTTP/1.1 408")
