"""Requests that come again: the idempotencyKey of an input, and what makes two inputs the same."""

import hashlib
import json
from dataclasses import fields
from typing import Any

import strawberry

from app.errors import BadUserInput

LONGEST_KEY = 200


def key_of(sent: Any) -> str | None:
    """The idempotencyKey of an input, None if none was sent. Raises BadUserInput for one that cannot be kept."""
    key = getattr(sent, "idempotency_key", None)
    if key is None or key is strawberry.UNSET:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise BadUserInput(f"An idempotencyKey has 1 to {LONGEST_KEY} printable characters.")
    return str(key)


def input_hash(sent: Any) -> str:
    """Of what was sent besides the key, whatever the order of its fields."""
    text = json.dumps(_canonical(sent), sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(sent: Any) -> Any:
    if isinstance(sent, list):
        return [_canonical(each) for each in sent]
    if not hasattr(sent, "__dataclass_fields__"):
        return sent
    found = {
        field.name: getattr(sent, field.name) for field in fields(sent) if field.name != "idempotency_key"
    }
    return {name: _canonical(each) for name, each in found.items() if each is not strawberry.UNSET}
