"""Answers brought to one form: cursors opened, request ids dropped, errors in order."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.differential.naive_lists import Cursor, Tags, decoded

CURSOR = re.compile(r"(?:[0-9a-f]{2}){20,}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
#: What errors are compared by. The naive interpreter has no sentences of its own.
TOLD = ("code", "coordinate", "pathPattern", "requiredPermission", "requiredRoles")


def normal(answer: Mapping[str, Any], tags: Tags, *, messages: bool = True) -> dict[str, Any]:
    """The answer in the one form in which two that mean the same are equal.

    `messages`: with the sentences of errors and their places in the document.
    """
    found: dict[str, Any] = {}
    if "data" in answer:
        found["data"] = _value(answer["data"], tags)
    for key in ("errors", "refusals"):
        if answer.get(key):
            found[key] = sorted((_error(error, messages) for error in answer[key]), key=repr)
    return found


def _error(error: Mapping[str, Any], messages: bool) -> dict[str, Any]:
    extensions = error.get("extensions") or {}
    told = {name: extensions[name] for name in TOLD if name in extensions}
    places = {"message": error["message"], "locations": error.get("locations")} if messages else {}
    return {"path": error.get("path"), **told, **places}


def _value(value: Any, tags: Tags) -> Any:
    match value:
        case dict():
            return {key: _value(value[key], tags) for key in sorted(value)}
        case list():
            return [_value(each, tags) for each in value]
        case Cursor(identity=identity, values=values):
            return ["cursor", tags.by_identity.get(identity, identity), *map(_place, values)]
        case str() if CURSOR.fullmatch(value) and (parts := decoded(value)):
            return ["cursor", parts[0], *map(_place, parts[1:])]
    return value


def _place(value: Any) -> Any:
    """A value in a cursor: moments in one spelling."""
    if isinstance(value, str) and MOMENT.fullmatch(value):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def learn(tags: Tags, naive: Any, engine: Any) -> None:
    """Notes which tag the engine gave to which list, where both answers have a cursor in the same place."""
    match naive, engine:
        case dict(), dict():
            for key in naive.keys() & engine.keys():
                learn(tags, naive[key], engine[key])
        case list(), list():
            for one, other in zip(naive, engine, strict=False):
                learn(tags, one, other)
        case Cursor(identity=identity), str():
            parts = decoded(engine)
            if parts is not None:
                tags.learn(identity, parts[0])
