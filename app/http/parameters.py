"""From a request to the four parameters of GraphQL over HTTP; whatever is not well-formed is Refused."""

import json
from collections.abc import Mapping
from email.message import Message
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request

from app.errors import BadRequest
from app.http.limits import read_body
from app.http.responses import JSON, Refused

UTF8 = {"utf-8", "utf8"}


class Parameters(NamedTuple):
    """What to execute. Shapes are checked, contents are not."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


async def read_parameters(request: Request) -> Parameters:
    """The parameters of a GET or POST. Raises Refused for any other method and for a malformed request."""
    if request.method == "GET":
        return parameters_of(_from_query_string(request))
    if request.method == "POST":
        check_content_type(request.headers.get("content-type", ""))
        return parameters_in(await read_body(request))
    raise Refused(405, BadRequest("GraphQL is asked by GET or POST."), {"Allow": "GET, POST"})


def parameters_in(body: bytes) -> Parameters:
    """The parameters in a POST's body. Raises Refused."""
    return parameters_of(_decode(body, "The body"))


def parameters_of(raw: object) -> Parameters:
    """The parameters in decoded JSON. Raises Refused if it does not have their shape."""
    if isinstance(raw, list):
        raise Refused(400, BadRequest("Batches are not supported: send one request for each operation."))
    if not isinstance(raw, dict):
        raise Refused(400, BadRequest("The request must be a JSON object with a `query`."))
    query = raw.get("query")
    if not isinstance(query, str):
        raise Refused(400, BadRequest("`query` must be a GraphQL document."))
    return Parameters(
        query,
        _optional(raw, "operationName", str),
        _optional(raw, "variables", dict),
        _optional(raw, "extensions", dict),
    )


def _optional(raw: Mapping[str, Any], name: str, kind: type) -> Any:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, kind):
        raise Refused(
            400, BadRequest(f"`{name}` must be {'a string' if kind is str else 'an object'} or null.")
        )
    return value if value or kind is not str else None  # many clients send an empty name for none


def _from_query_string(request: Request) -> dict[str, Any]:
    raw: dict[str, Any] = {}
    for name in ("query", "operationName", "variables", "extensions"):
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise Refused(400, BadRequest(f"`{name}` is given twice."))
        if values:
            raw[name] = values[0]
    for name in ("variables", "extensions"):
        if name in raw:
            raw[name] = _decode(raw[name].encode(), f"`{name}`") if raw[name] else None
    return raw


def check_content_type(header: str) -> None:
    """Raises Refused 415 unless it is JSON in UTF-8."""
    message = Message()
    message["content-type"] = header
    charset = str(message.get_param("charset", "utf-8")).lower()
    # Without a header the parser would say text/plain, which a form on a foreign page can send too.
    if message.get_content_type() != JSON or charset not in UTF8:
        raise Refused(415, BadRequest(f"Send the body as {JSON}, in UTF-8."), {"Accept": JSON})


def _decode(raw: bytes, what: str) -> object:
    try:
        # orjson refuses what json lets pass: NaN, lone surrogates, invalid UTF-8, nesting beyond 1,024.
        return orjson.loads(raw)
    except json.JSONDecodeError:
        raise Refused(400, BadRequest(f"{what} is not valid JSON.")) from None
