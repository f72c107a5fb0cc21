"""What mutations take: input fields, and an input as the keyword arguments of a service."""

from collections.abc import Hashable, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, cast

import strawberry

from app.engine.guards import GUARD, described, directives_of
from app.engine.ids import ID_OF, local_id
from app.policy import Guard

NOT_FOR_SERVICES = frozenset({"idempotency_key"})


def required(description: str, *, id_of: str | None = None) -> Any:
    """An input field that must be sent. `id_of`: it is the global id (or ids) of that type."""
    return strawberry.field(description=description, metadata={ID_OF: id_of} if id_of else {})


def optional(description: str, *, guard: Guard | None = None, id_of: str | None = None) -> Any:
    """An input field that may be left out; not sent and sent as null are told apart.

    With a `guard`, sending it at all (null included) needs that right; without, the mutation's own right is enough.
    """
    metadata: dict[str, Any] = {ID_OF: id_of} if id_of else {}
    if guard is None:
        return strawberry.field(description=description, metadata=metadata, default=strawberry.UNSET)
    return strawberry.field(
        description=described(description, guard),
        metadata={**metadata, GUARD: guard},
        directives=directives_of(guard),
        default=strawberry.UNSET,
    )


def idempotency_key() -> Any:
    """The field that makes a repeated request harmless; `mutations.py` reads it."""
    return optional(
        "Any text of your own, new for each intended effect and the same for its repeats: a request that is sent "
        "again within 24 hours has no second effect and gets an equal answer."
    )


def given(sent: Any, path: Sequence[str] = ()) -> dict[str, Any]:
    """What was sent, in Python names; ids decoded, nested inputs as dicts, what was not sent left out.

    That ids are of the right type was looked at before the mutation ran.
    """
    found: dict[str, Any] = {}
    for name, id_of in _for_services(sent.__class__):
        value = getattr(sent, name)
        if value is not strawberry.UNSET:
            found[name] = _plain(value, id_of, (*path, name))
    return found


@cache
def _for_services(input_type: Hashable) -> Sequence[tuple[str, str | None]]:
    """The fields of an input, and the type whose ids they hold."""
    return [
        (field.name, field.metadata.get(ID_OF))
        for field in fields(cast(Any, input_type))
        if field.name not in NOT_FOR_SERVICES
    ]


def _plain(value: Any, id_of: str | None, path: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_plain(each, id_of, (*path, str(place))) for place, each in enumerate(value)]
    if value is not None and id_of is not None:
        return local_id(id_of, value, path)
    return (
        given(value, path) if hasattr(value, "__strawberry_definition__") and not _is_enum(value) else value
    )


def _is_enum(value: Any) -> bool:
    return hasattr(value, "value")
