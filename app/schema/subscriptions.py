"""How a subscription is registered. What it yields is authorised anew for each event (see `guarding`)."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types.field import StrawberryField

from app.engine.declare import Held, Table
from app.engine.guards import GUARD, SPEC, described, directives_of
from app.policy import Guard

SUBSCRIPTIONS: dict[str, StrawberryField] = {}
Function = Callable[..., AsyncIterator[Any]]


def subscription(
    guard: Guard, *, shows: type[Table] | None = None, **options: Any
) -> Callable[[Function], Function]:
    """Registers an async generator `(info, …)` as a subscription under its name; its docstring is the description.

    With `shows` it yields ids of that table's rows; each is read anew, for the viewer of that moment, and shown. The
    generator ends before it yields a row that is out of reach.
    """

    def register(function: Function) -> Function:
        metadata: dict[str, Any] = {GUARD: guard}
        if shows is not None:
            metadata[SPEC] = Held(guard=guard, description="", to=shows.__name__)
        SUBSCRIPTIONS[function.__name__] = strawberry.subscription(
            resolver=function if shows is None else _showing(function, shows),
            description=described(inspect.getdoc(function) or "", guard),
            directives=directives_of(guard),
            metadata=metadata,
            **options,
        )
        return function

    return register


def _showing(function: Callable[..., AsyncGenerator[UUID, None]] | Function, table: type[Table]) -> Any:
    """`function` as a resolver whose events hold the id under the field's name, where `Held` looks for it."""

    async def resolve(*arguments: Any, **named: Any) -> AsyncIterator[SimpleNamespace]:
        ids: Any = function(*arguments, **named)
        async with aclosing(ids):
            async for each in ids:
                yield SimpleNamespace(**{function.__name__: each})

    shown: Any = AsyncGenerator[table, None]  # type: ignore[valid-type]
    resolve.__signature__ = inspect.signature(function).replace(return_annotation=shown)  # type: ignore[attr-defined]
    resolve.__name__, resolve.__module__ = function.__name__, function.__module__
    return resolve
