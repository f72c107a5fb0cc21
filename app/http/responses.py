"""Answers of the GraphQL endpoint: which media type, which status, which headers (the GraphQL-over-HTTP draft)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson
from graphql import GraphQLError
from starlette.responses import Response

from app.errors import (
    BadRequest,
    CodedError,
    Forbidden,
    Overloaded,
    RateLimited,
    ServiceUnavailable,
    Timeout,
    Unauthenticated,
)
from app.schema.errors import INTERNAL, MASKED_MESSAGE, code_of, is_away, request_error
from app.schema.execution import Answer

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

# Status under GRAPHQL_JSON of an answer that brings nothing but errors; under JSON it stays 200, unless the database is away.
STATUS_OF_CODE = {
    Unauthenticated.code: 401,
    RateLimited.code: 429,
    ServiceUnavailable.code: 503,
    Overloaded.code: 503,
    Timeout.code: 503,
}
# A mutation that is refused by its own transaction did nothing either, as one that was refused before.
STATUS_OF_MUTATION = {**STATUS_OF_CODE, Forbidden.code: 403}
# These only if nothing was executed: a single denied field is a null beside an error, and no failure of the request.
STATUS_OF_REFUSAL = {**STATUS_OF_MUTATION, INTERNAL: 500}

QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")

VARY = (b"vary", b"Accept, Authorization")
NO_STORE = (b"cache-control", b"no-store")
CONTENT_TYPES = {
    media_type: (b"content-type", f"{media_type}; charset=utf-8".encode())
    for media_type in (JSON, GRAPHQL_JSON)
}

# No key of the answer's data has a value.
NOTHING = re.compile(rb'\s*(?:null|\{(?:\s*"\w+"\s*:\s*null\s*,?)*\s*\})\s*')

RawHeader = tuple[bytes, bytes]


class Refused(Exception):
    """The request is not well-formed GraphQL over HTTP: `status` whatever media type the client accepts."""

    def __init__(self, status: int, error: CodedError, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.error = error
        self.headers = headers or {}
        super().__init__(str(error))


class Reply(NamedTuple):
    """One HTTP answer, before middleware. `headers` are raw, and a list of its own."""

    status: int
    headers: list[RawHeader]
    body: bytes

    def response(self) -> Response:
        response = Response(self.body, self.status)
        response.raw_headers = self.headers
        return response


class Answering(NamedTuple):
    """How to answer this one request."""

    media_type: str
    request_id: str

    def result(self, answer: Answer, *, is_mutation: bool = False) -> Reply:
        """The answer of an operation. A request error has no `data` key."""
        data, errors = answer.data, answer.errors
        if data is None:
            return self.failed(errors)
        if not errors:
            body = b'{"data":%b}' % data
            return Reply(200, [VARY, NO_STORE, length_header(body), CONTENT_TYPES[self.media_type]], body)
        body = b'{"data":%b,"errors":%b}' % (data, as_json(errors))
        statuses = STATUS_OF_MUTATION if is_mutation else STATUS_OF_CODE
        return self._reply(body, self._status(data, errors, statuses), errors)

    def failed(self, errors: Sequence[GraphQLError], status: int | None = None) -> Reply:
        """The answer of a request of which nothing was executed. `errors` are presented ones."""
        if status is None:
            status = STATUS_OF_REFUSAL.get(code_of(errors[0]), 400) if self._is_told(errors) else 200
        return self._reply(b'{"errors":%b}' % as_json(errors), status, errors)

    def refused(self, refusal: Refused) -> Reply:
        reply = self.failed([request_error(refusal.error, self.request_id)], refusal.status)
        reply.headers.extend(
            (name.lower().encode(), value.encode()) for name, value in refusal.headers.items()
        )
        return reply

    def _is_told(self, errors: Sequence[GraphQLError]) -> bool:
        """Whether the status says it too. That the database is away is for proxies, which read nothing else."""
        return self.media_type == GRAPHQL_JSON or is_away(errors[0])

    def _status(self, data: bytes, errors: Sequence[GraphQLError], statuses: Mapping[str, int]) -> int:
        if not self._is_told(errors) or not NOTHING.fullmatch(data):
            return 200
        return statuses.get(code_of(errors[0]), 200)

    def _reply(self, body: bytes, status: int, errors: Iterable[GraphQLError]) -> Reply:
        headers = [VARY, NO_STORE, *_retry_after(errors)]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        headers += (length_header(body), CONTENT_TYPES[self.media_type])
        return Reply(status, headers, body)


def masked(request_id: str) -> Reply:
    """The answer to a request that broke in a way nobody foresaw."""
    extensions = {"code": INTERNAL, "requestId": request_id}
    body = orjson.dumps({"errors": [{"message": MASKED_MESSAGE, "extensions": extensions}]})
    return Reply(500, [length_header(body), CONTENT_TYPES[JSON]], body)


def as_json(errors: Iterable[GraphQLError]) -> bytes:
    return orjson.dumps([error.formatted for error in errors])


def negotiate(accept: str | None) -> str:
    """The media type to answer in. Raises Refused 406 if the client can use neither.

    The new type only for who names it: `*/*` and nothing at all come from clients that never heard of it.
    """
    wanted = _ranges(accept or "*/*")
    new = wanted.get(GRAPHQL_JSON, 0.0)
    old = next((wanted[name] for name in (JSON, "application/*", "*/*") if name in wanted), 0.0)
    if not new and not old:
        raise Refused(406, BadRequest(f"We answer in {GRAPHQL_JSON} or {JSON}: name one of them in Accept."))
    if new != old:
        return GRAPHQL_JSON if new > old else JSON
    return next(name for name in wanted if name in (GRAPHQL_JSON, JSON))


def _ranges(accept: str) -> dict[str, float]:
    """Quality by media range, in the order of the header."""
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media:
            ranges.setdefault(media, _quality(parameters))
    return ranges or {"*/*": 1.0}


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if QUALITY.fullmatch(value.strip()) else 0.0
    return 1.0


def length_header(body: bytes) -> RawHeader:
    return b"content-length", b"%d" % len(body)


def _retry_after(errors: Iterable[GraphQLError]) -> Sequence[RawHeader]:
    for error in errors:
        seconds = (error.extensions or {}).get("retryAfterSeconds")
        if isinstance(seconds, int):
            return [(b"retry-after", b"%d" % seconds)]
    return []
