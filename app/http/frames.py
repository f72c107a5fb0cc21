"""The frames of graphql-transport-ws: what a client may send, and what it is answered."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLError

from app.http.parameters import Parameters, parameters_of
from app.http.responses import Refused, as_json

LONGEST_ID = 128

ACKNOWLEDGED = '{"type":"connection_ack"}'
PONG = '{"type":"pong"}'


class Malformed(Exception):
    """A frame that the protocol does not know; its text is the reason to close the socket with."""


class Frame(NamedTuple):
    """What a client sent. `id` is of subscribe and complete, `parameters` of subscribe alone."""

    type: str
    id: str = ""
    payload: dict[str, Any] | None = None
    parameters: Parameters | None = None


def read_frame(text: str | None) -> Frame:
    """Raises Malformed. `text` is None for a frame of bytes."""
    message = _decode(text)
    if not isinstance(message, dict):
        raise Malformed("A message must be a JSON object")
    kind, payload = message.get("type"), message.get("payload")
    if kind in ("connection_init", "ping", "pong"):
        if not isinstance(payload, dict | None):
            raise Malformed(f"The payload of {kind} must be an object")
        return Frame(kind, payload=payload)
    if kind not in ("subscribe", "complete"):
        raise Malformed("Unknown message type")
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= LONGEST_ID:
        raise Malformed(f"The id must be a string of 1 to {LONGEST_ID} characters")
    return Frame(kind, operation_id, parameters=_parameters(payload) if kind == "subscribe" else None)


class Replies:
    """The frames that answer one operation."""

    __slots__ = ("_id",)

    def __init__(self, operation_id: str) -> None:
        # A copy: orjson's own bytes hold on to the 4 KiB in which they were written.
        self._id = b"%b" % orjson.dumps(operation_id)

    def next(self, data: bytes, errors: Sequence[GraphQLError]) -> str:
        shown = b',"errors":%b' % as_json(errors) if errors else b""
        return (b'{"id":%b,"type":"next","payload":{"data":%b%b}}' % (self._id, data, shown)).decode()

    def error(self, errors: Iterable[GraphQLError]) -> str:
        return (b'{"id":%b,"type":"error","payload":%b}' % (self._id, as_json(errors))).decode()

    def complete(self) -> str:
        return (b'{"id":%b,"type":"complete"}' % self._id).decode()


def _decode(text: str | None) -> object:
    if text is None:
        raise Malformed("A message must be text")
    try:
        return orjson.loads(text)
    except json.JSONDecodeError:
        raise Malformed("A message must be valid JSON") from None


def _parameters(payload: object) -> Parameters:
    try:
        return parameters_of(payload)
    except Refused as refusal:
        raise Malformed(str(refusal)) from None
