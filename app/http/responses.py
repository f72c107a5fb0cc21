"""Answers of the GraphQL endpoint: which media type, which status, which headers (the GraphQL-over-HTTP draft)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.responses import Response
from strawberry.types.execution import ExecutionResult, PreExecutionError

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
from app.schema.errors import INTERNAL, code_of, request_error

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

# Status under GRAPHQL_JSON of an answer that brings nothing but errors; under JSON it stays 200.
STATUS_OF_CODE = {
    Unauthenticated.code: 401,
    RateLimited.code: 429,
    ServiceUnavailable.code: 503,
    Overloaded.code: 503,
    Timeout.code: 503,
}
# These only if nothing was executed: a single denied field is a null beside an error, and no failure of the request.
STATUS_OF_REFUSAL = {**STATUS_OF_CODE, Forbidden.code: 403, INTERNAL: 500}

QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")

COMMON_HEADERS = {"Vary": "Accept, Authorization", "Cache-Control": "no-store"}


class Refused(Exception):
    """The request is not well-formed GraphQL over HTTP: `status` whatever media type the client accepts."""

    def __init__(self, status: int, error: CodedError, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.error = error
        self.headers = headers or {}
        super().__init__(str(error))


@dataclass(frozen=True, slots=True)
class Answering:
    """How to answer this one request."""

    media_type: str
    request_id: str

    def result(self, result: ExecutionResult) -> Response:
        """The answer of an operation. A request error has no `data` key."""
        data, errors = result.data, result.errors or []
        if is_request_error(result):
            return self.failed(errors)
        body: dict[str, Any] = {"data": data}
        if errors:
            body["errors"] = [error.formatted for error in errors]
        return self._response(body, self._status(data, errors), errors)

    def failed(self, errors: Sequence[GraphQLError], status: int | None = None) -> Response:
        """The answer of a request of which nothing was executed. `errors` are presented ones."""
        if status is None:
            status = STATUS_OF_REFUSAL.get(code_of(errors[0]), 400) if self._is_new_type else 200
        return self._response({"errors": [error.formatted for error in errors]}, status, errors)

    def refused(self, refusal: Refused) -> Response:
        response = self.failed([request_error(refusal.error, self.request_id)], refusal.status)
        response.headers.update(refusal.headers)
        return response

    @property
    def _is_new_type(self) -> bool:
        return self.media_type == GRAPHQL_JSON

    def _status(self, data: Mapping[str, Any] | None, errors: Sequence[GraphQLError]) -> int:
        brings_something = data is not None and any(value is not None for value in data.values())
        if not self._is_new_type or not errors or brings_something:
            return 200
        return STATUS_OF_CODE.get(code_of(errors[0]), 200)

    def _response(self, body: Mapping[str, Any], status: int, errors: Iterable[GraphQLError]) -> Response:
        headers = {**COMMON_HEADERS, **_retry_after(errors)}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(
            orjson.dumps(body),
            status,
            headers,
            media_type=f"{self.media_type}; charset=utf-8",
        )


def is_request_error(result: ExecutionResult) -> bool:
    """Was nothing executed? Strawberry says so itself, except of variables that did not fit: their errors have no path."""
    if isinstance(result, PreExecutionError):
        return True
    return (
        bool(result.errors) and result.data is None and not any(error.path for error in result.errors or ())
    )


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


def _retry_after(errors: Iterable[GraphQLError]) -> dict[str, str]:
    for error in errors:
        seconds = (error.extensions or {}).get("retryAfterSeconds")
        if isinstance(seconds, int):
            return {"Retry-After": str(seconds)}
    return {}
