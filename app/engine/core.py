"""graphql-core over the values that a run got: its resolvers look them up, so that nothing runs twice.

Errors and their paths are then the specification's. Rows are trees of JSON under response keys; values of resolvers are
Python's. The second check of every guarded field stands here: nothing answers but for an operation that was authorised.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLObjectType, GraphQLSchema, execute

from app.engine.assemble import CONNECTION_TYPES
from app.engine.declare import TABLES, AllOf, Held
from app.engine.document import Document, Info
from app.engine.guards import SPEC, guard_of, metadata_of, python_name_of
from app.engine.run import Ready, Run
from app.engine.selecting import Selecting
from app.errors import Forbidden
from app.policy import Guard, Level

Resolver = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Got:
    """What is handed to graphql-core as the root value."""

    run: Run


async def complete(
    run: Run, ast: DocumentNode, variables: Mapping[str, Any]
) -> tuple[Any, list[GraphQLError]]:
    """The data and the errors of a run whose values were got. `variables` as the client sent them."""
    name = run.plan.operation.name
    result: Any = execute(
        run.document.schema,
        ast,
        root_value=Got(run),
        context_value=run.context,
        variable_values=dict(variables),
        operation_name=name.value if name else None,
    )
    if isawaitable(result):
        result = await result
    return result.data, list(result.errors or ())


def connect(schema: GraphQLSchema) -> dict[tuple[str, str], Resolver]:
    """Puts look-ups behind every field, and hands out the resolvers that stood behind the root fields."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    resolvers: dict[tuple[str, str], Resolver] = {}
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            continue
        is_table = type_.name in TABLES or type_.name in CONNECTION_TYPES
        for name, definition in type_.fields.items():
            if type_ in roots:
                resolvers[type_.name, name] = definition.resolve or _missing
                definition.resolve = _got
            elif is_table:
                definition.resolve = look_up
            else:
                definition.resolve = _of_value(definition)
    return resolvers


def look_up(source: Mapping[str, Any], info: Info, **_: Any) -> Any:
    """The value under this response key, of an operation that was authorised."""
    _run_of(info)
    return source[str(info.path.key)]


def _got(source: Any, info: Info, **_: Any) -> Any:
    """What the run got for this root field."""
    value = _run_of(info).values[str(info.path.key)]
    if isinstance(value, Exception):
        raise value
    return value.parsed() if isinstance(value, Ready) else value


def _of_value(definition: Any) -> Resolver:
    """A field of a value: an object made by SQL, whose keys are response keys, or one of Python's."""
    guard, spec, resolve = guard_of(definition), metadata_of(definition).get(SPEC), definition.resolve
    if isinstance(spec, Held | AllOf):
        resolve = _held(spec, python_name_of(definition))
    assert guard is not None and resolve is not None
    return _checked(guard, resolve)


def _checked(guard: Guard, resolve: Resolver) -> Resolver:
    def resolve_if_granted(source: Any, info: Info, **given: Any) -> Any:
        if isinstance(source, dict):
            return look_up(source, info)
        _run_of(info)
        if not isinstance(guard, Level) and not guard.granted_to(info.context.viewer):
            return None
        return resolve(source, info, **given)

    return resolve_if_granted


def _held(spec: Held | AllOf, name: str) -> Resolver:
    async def resolve(source: Any, info: Info) -> Any:
        own = getattr(source, name) if isinstance(spec, Held) else ()
        if own is None:
            return None
        run = _run_of(info)
        read = Selecting(Document.of(info), run.context.viewer).held(spec, info.field_nodes)
        return (await run.read([read], [own]))[0].parsed()

    return resolve


def _run_of(info: Info) -> Run:
    """Raises Forbidden unless the engine authorised this very operation."""
    got: Any = info.root_value
    if not isinstance(got, Got) or got.run.plan.operation is not info.operation:
        raise Forbidden("The operation was not authorised.")
    return got.run


def _missing(*_: Any, **__: Any) -> Any:
    raise TypeError("A declared field has no resolver of its own.")
