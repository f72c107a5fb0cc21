"""What stands behind the declared fields: readers, each with the second check."""

from collections.abc import Callable, Sequence
from typing import Any

import strawberry
from graphql import GraphQLObjectType

from app.engine import declare
from app.engine.assemble import CONNECTION_TYPES, SPEC
from app.engine.connections import connections
from app.engine.declare import TABLES, Row, Spec
from app.engine.document import Info
from app.engine.fetch import Reader
from app.engine.guards import guard_of, metadata_of, python_name_of
from app.engine.ids import local_id, type_and_id
from app.errors import BadUserInput, NotFound
from app.policy import Guard, Level

MOST_NODES = 100
Resolver = Callable[..., Any]


def connect_resolvers(schema: strawberry.Schema) -> None:
    """Puts the readers behind the declared fields, and the second check behind every other guarded one."""
    for type_ in schema._schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType):
            continue
        looked_up = type_.name in TABLES or type_.name in CONNECTION_TYPES
        for definition in type_.fields.values():
            spec = metadata_of(definition).get(SPEC)
            if looked_up:
                definition.resolve = look_up
            elif spec is not None:
                definition.resolve = _RESOLVERS[type(spec)](spec, definition)
            elif (guard := guard_of(definition)) is not None and not isinstance(guard, Level):
                definition.resolve = _checked(guard, definition.resolve)


def look_up(source: Row, info: Info, **_: Any) -> Any:
    """The value that the reader put under this response key."""
    return source[str(info.path.key)]


def _checked(guard: Guard, resolve: Resolver | None) -> Resolver:
    """The second check, for whatever reaches a guarded field of a value type without the first."""
    assert resolve is not None

    def resolve_if_granted(source: Any, info: Info, **given: Any) -> Any:
        return resolve(source, info, **given) if guard.granted_to(info.context.viewer) else None

    return resolve_if_granted


def _by_id(spec: declare.ById, definition: Any) -> Resolver:
    async def resolve(_: Any, info: Info, **given: str) -> Row | None:
        try:
            id_ = local_id(spec.to, given["id"])
        except NotFound:
            return None
        return (await Reader.of(info).by_ids(TABLES[spec.to], [id_], info.field_nodes))[0]

    return _if_granted(spec, resolve)


def _own(spec: declare.Own, definition: Any) -> Resolver:
    async def resolve(_: Any, info: Info) -> Row | None:
        return (
            await Reader.of(info).by_ids(TABLES[spec.to], [spec.find(info.context.viewer)], info.field_nodes)
        )[0]

    return _if_granted(spec, resolve)


def _listing(spec: declare.Listing, definition: Any) -> Resolver:
    async def resolve(_: Any, info: Info, **given: Any) -> Row:
        table = TABLES[spec.to]
        query = table.model.visible_to(info.context.viewer)
        (found,) = await connections(
            Reader.of(info), table, definition, info.field_nodes, query, spec.order, search_column=spec.search
        )
        return found

    return _if_granted(spec, resolve)


def _held(spec: declare.Held, definition: Any) -> Resolver:
    name = python_name_of(definition)

    async def resolve(source: Any, info: Info, **_: Any) -> Any:
        # A subscription's arguments come along; they were for its generator.
        ids = getattr(source, name)
        if ids is None:
            return None
        rows = await Reader.of(info).by_ids(TABLES[spec.to], ids if spec.many else [ids], info.field_nodes)
        return [row for row in rows if row is not None] if spec.many else rows[0]

    return _if_granted(spec, resolve)


def _all_of(spec: declare.AllOf, definition: Any) -> Resolver:
    async def resolve(_: Any, info: Info) -> list[Row]:
        return await Reader.of(info).all_rows(TABLES[spec.to], spec.order, info.field_nodes)

    return _if_granted(spec, resolve)


def _any_node(spec: declare.AnyNode, definition: Any) -> Resolver:
    async def one(_: Any, info: Info, **given: str) -> Row | None:
        return (await _nodes(info, [given["id"]]))[0]

    async def several(_: Any, info: Info, ids: list[str]) -> list[Row | None]:
        if len(ids) > MOST_NODES:
            raise BadUserInput(f"At most {MOST_NODES} ids at once; {len(ids)} were given.")
        return await _nodes(info, ids)

    return _if_granted(spec, several if spec.many else one)


async def _nodes(info: Info, given: Sequence[str]) -> list[Row | None]:
    """The rows behind global ids of whatever types, one query a type."""
    places: dict[str, list[tuple[int, Any]]] = {}
    for place, each in enumerate(given):
        try:
            name, id_ = type_and_id(each)
        except ValueError:
            continue
        if name in TABLES:
            places.setdefault(name, []).append((place, id_))
    found: list[Row | None] = [None] * len(given)
    reader = Reader.of(info)
    for name, wanted in places.items():
        rows = await reader.by_ids(TABLES[name], [id_ for _, id_ in wanted], info.field_nodes)
        for (place, _), row in zip(wanted, rows, strict=True):
            found[place] = row
    return found


def _if_granted(spec: Spec, resolve: Resolver) -> Resolver:
    """The second check: nothing is read unless the viewer at this very moment may."""

    async def resolve_if_granted(source: Any, info: Info, **given: Any) -> Any:
        return await resolve(source, info, **given) if spec.guard.granted_to(info.context.viewer) else None

    return resolve_if_granted


_RESOLVERS: dict[type[Spec], Callable[[Any, Any], Resolver]] = {
    declare.ById: _by_id,
    declare.Own: _own,
    declare.Listing: _listing,
    declare.Held: _held,
    declare.AllOf: _all_of,
    declare.AnyNode: _any_node,
}
