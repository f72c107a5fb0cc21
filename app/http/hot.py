"""The hot roads to `/graphql`, past Starlette: ordinary POSTs of JSON, and sockets.

Starlette with our middleware costs 200 µs a request, more than a whole answer, and 10 KiB a socket. A POST that is not
ordinary takes the full road. Both ask the same endpoint, and answer alike to the byte: tests/http/test_roads.py
compares them.
"""

import asyncio
import logging
import zlib
from collections.abc import Mapping
from functools import lru_cache

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.http import limits
from app.http.credentials import LONGEST_USER_AGENT, bearer_token
from app.http.graphql import PATH, Asked, GraphQLEndpoint
from app.http.handshake import serve_socket
from app.http.middleware import (
    GZIP_FROM_BYTES,
    GZIP_IN_THREAD_FROM_BYTES,
    GZIP_LEVEL,
    new_request_id,
    security_headers,
)
from app.http.parameters import check_content_type, parameters_in
from app.http.patience import within
from app.http.protocol import Headers, body_if_here, send_whole
from app.http.responses import VARY, Answering, Refused, Reply, length_header, masked, negotiate
from app.schema.context import ClientInfo

Heads = Mapping[bytes, bytes]

# With one of these a request is not ordinary: it comes from a page, or its length is not known beforehand.
EXTRAORDINARY = frozenset({b"origin", b"content-encoding", b"transfer-encoding"})
# Of what a client may send, and we remember.
LONGEST_HEADER = 300
# What compression and CORS make of it on the full road.
VARY_OF_SHORT_ANSWERS = (b"vary", VARY[1] + b", Origin")
VARY_OF_LONG_ANSWERS = (b"vary", VARY[1] + b", Accept-Encoding, Origin")
VARY_OF_FAILURES = (b"vary", b"Origin")

log = logging.getLogger("divize.http")


class HotRoads:
    """The outermost application: serves what is ordinary, and hands everything else to `app`."""

    def __init__(self, app: ASGIApp, endpoint: GraphQLEndpoint) -> None:
        self.app = app
        self._endpoint = endpoint
        self._always = Headers(security_headers(endpoint.settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            heads = dict(scope["headers"])
            if media_type := _media_type_if_ordinary(scope, heads):
                await self._serve(scope, heads, media_type, receive, send)
                return
        if scope["type"] == "websocket" and scope["path"] == PATH:
            await serve_socket(self._endpoint, scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _serve(self, scope: Scope, heads: Heads, media_type: str, receive: Receive, send: Send) -> None:
        request_id = new_request_id(heads.get(b"x-request-id", b"").decode("latin-1"))
        # Never unbound: the server runs each request in a task, and so in a context, of its own.
        bind_contextvars(request_id=request_id)
        try:
            asked = _asked(scope, heads, receive)
            reply = await self._endpoint.reply(asked, Answering(media_type, request_id))
            reply = _short(reply) if len(reply.body) < GZIP_FROM_BYTES else await _long(reply, heads)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("request %s failed", request_id)
            reply = masked(request_id)
            reply.headers.append(VARY_OF_FAILURES)
        last = (b"x-request-id", request_id.encode())
        await send_whole(send, reply.status, reply.headers, reply.body, always=self._always, last=last)


def _media_type_if_ordinary(scope: Scope, heads: Heads) -> str | None:
    """The media type to answer in, None if the request must take the full road."""
    has_twins = len(heads) != len(scope["headers"])
    if has_twins or scope["query_string"] or not EXTRAORDINARY.isdisjoint(heads):
        return None
    length = heads.get(b"content-length", b"")
    if not length.isdigit() or len(length) > 9 or int(length) > limits.MOST_BODY_BYTES:
        return None
    content_type, accept = heads.get(b"content-type", b""), heads.get(b"accept")
    if len(content_type) + len(accept or b"") > LONGEST_HEADER:
        return None
    return _negotiated(content_type, accept)


@lru_cache(maxsize=256)
def _negotiated(content_type: bytes, accept: bytes | None) -> str | None:
    try:
        check_content_type(content_type.decode("latin-1"))
        return negotiate(None if accept is None else accept.decode("latin-1"))
    except Refused:
        return None


async def _asked(scope: Scope, heads: Heads, receive: Receive) -> Asked:
    body = body_if_here(receive)
    parameters = parameters_in(await _body_in_time(receive) if body is None else body)
    authorization = heads.get(b"authorization")
    token = None if authorization is None else bearer_token((authorization.decode("latin-1"),))
    user_agent = heads.get(b"user-agent", b"").decode("latin-1")[:LONGEST_USER_AGENT]
    return Asked(parameters, token, ClientInfo(scope["client"][0] if scope["client"] else "", user_agent))


async def _body_in_time(receive: Receive) -> bytes:
    try:
        return await within(limits.BODY_TIMEOUT_S, _body(receive))
    except TimeoutError:
        raise limits.too_slow() from None


async def _body(receive: Receive) -> bytes:
    """As long as its Content-Length says: the server sees to that. Raises ClientDisconnect."""
    body, is_whole = b"", False
    while not is_whole:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message["body"]
        is_whole = not message["more_body"]
    return body


def _short(reply: Reply) -> Reply:
    """As middleware would leave it: it says what the answer depends on."""
    reply.headers[reply.headers.index(VARY)] = VARY_OF_SHORT_ANSWERS
    return reply


async def _long(reply: Reply, heads: Heads) -> Reply:
    """As middleware would make it: compressed for who takes that."""
    headers = reply.headers
    headers[headers.index(VARY)] = VARY_OF_LONG_ANSWERS
    if b"gzip" not in heads.get(b"accept-encoding", b""):
        return reply
    if len(reply.body) >= GZIP_IN_THREAD_FROM_BYTES:
        body = await asyncio.to_thread(_gzip, reply.body)
    else:
        body = _gzip(reply.body)
    headers[headers.index(length_header(reply.body))] = length_header(body)
    return Reply(reply.status, [*headers, (b"content-encoding", b"gzip")], body)


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()
