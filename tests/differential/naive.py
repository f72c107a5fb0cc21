"""A naive interpreter of operations: what an answer must be, said as plainly as possible and as slowly as it takes.

It shares with the engine the declarations and nothing else: rows come from `Model.visible_to` by plain Tortoise, every
relation is looked for in Python, no SQL filters, sorts or pages.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
)
from graphql.execution.values import VariableValues, get_variable_values

from app.engine import declare
from app.engine.declare import TABLES
from app.engine.guards import SPEC, metadata_of, python_name_of
from app.engine.ids import global_id, type_and_id
from app.models import Area
from app.policy import Member
from tests.differential.naive_denials import Denials, Error, Reading, is_denied
from tests.differential.naive_faults import MOST_OBJECTS, Faults
from tests.differential.naive_lists import Connection, Fault, Tags, connection, in_order
from tests.differential.naive_roots import PLAIN_ROOTS
from tests.differential.sight import Sight

MOST_NODES = 100
Path = tuple[str | int, ...]


class _Nulled(Exception):
    """A field that cannot be null is: the nearest one above that can, is."""


@dataclass
class Naive:
    """Answers one operation. `rows` counts the rows it shows."""

    schema: GraphQLSchema
    sight: Sight
    tags: Tags
    reading: Reading = field(init=False)
    errors: list[Error] = field(default_factory=list)
    rows: int = 0

    async def answer(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """`{"data": …, "errors": […]}` as on the wire, with `Cursor`s; or `{"refusals": […]}`, one of which is told."""
        ast = parse(document)
        (operation,) = (node for node in ast.definitions if isinstance(node, OperationDefinitionNode))
        fragments = {n.name.value: n for n in ast.definitions if isinstance(n, FragmentDefinitionNode)}
        coerced = get_variable_values(self.schema, operation.variable_definitions or (), dict(variables))
        assert isinstance(coerced, VariableValues), coerced
        self.reading = Reading(self.schema, fragments, coerced)
        denials = Denials(self.reading, self.sight.viewer)
        root = self.schema.query_type
        assert root is not None
        denials.walk(operation.selection_set, root)
        if denials.refusals:
            return {"refusals": denials.refusals}
        try:
            data = await self._object(root, None, [operation], ())
        except _Nulled:
            data = None
        errors = [*self.errors, *denials.told(data)]
        return {"data": data, "errors": errors} if errors else {"data": data}

    async def _object(
        self, type_: GraphQLObjectType, source: Any, nodes: Sequence[Any], path: Path
    ) -> dict[str, Any]:
        if type_.name in TABLES:
            self.rows += 1
        found: dict[str, Any] = {}
        for key, same in self.reading.collected(type_, nodes).items():
            found[key] = await self._field(type_, source, same, (*path, key))
        return found

    async def _field(self, type_: GraphQLObjectType, source: Any, nodes: list[FieldNode], path: Path) -> Any:
        if nodes[0].name.value == "__typename":
            return type_.name
        definition = type_.fields[nodes[0].name.value]
        nullable = not isinstance(definition.type, GraphQLNonNull)
        try:
            if is_denied(type_, definition, self.sight.viewer):
                return None
            given = self.reading.arguments(definition, nodes[0])
            self._check(type_, definition, source, given, nodes)
            value = await self._value(type_, definition, source, given)
            return await self._completed(definition.type, value, nodes, path)
        except Fault as fault:
            self.errors.append(
                {"message": str(fault), "path": list(path), "extensions": {"code": fault.code}}
            )
        except _Nulled:
            if not nullable:
                raise
        if nullable:
            return None
        raise _Nulled

    def _check(self, type_: Any, definition: Any, source: Any, given: Any, nodes: list[FieldNode]) -> None:
        """Where rows begin, all that is asked below them is tried at once."""
        if type_.name in TABLES or isinstance(source, Connection):
            return
        faults = Faults(self.reading, self.sight.viewer, lambda to, *asked: self._connection(to, [], *asked))
        many = 0
        match metadata_of(definition).get(SPEC):
            case declare.ById(to=to):
                if _type_of(given["id"]) == to:
                    many = faults.below_row(to, nodes)
            case declare.AnyNode():
                types = Counter(_type_of(each) for each in given.get("ids", [given.get("id")]))
                known = types.keys() & TABLES.keys()
                many = sum(types[to] * faults.below_row(to, nodes) for to in known)
            case declare.Listing(to=to, order=order, search=search):
                many = faults.in_page(to, definition, nodes, order, search)
            case declare.Own(to=to) | declare.AllOf(to=to):
                many = faults.below_row(to, nodes)
            case declare.Held(to=to) if source[python_name_of(definition)] is not None:
                many = faults.below_row(to, nodes)
        if many > MOST_OBJECTS:
            raise Fault("too much at once", code="COST_EXCEEDED")

    async def _completed(self, type_: Any, value: Any, nodes: list[FieldNode], path: Path) -> Any:
        if isinstance(type_, GraphQLNonNull):
            found = await self._completed(type_.of_type, value, nodes, path)
            assert found is not None, f"null at {path}"
            return found
        if value is None:
            return None
        if isinstance(type_, GraphQLList):
            return [
                await self._completed(type_.of_type, each, nodes, (*path, place))
                for place, each in enumerate(value)
            ]
        if isinstance(type_, GraphQLInterfaceType):
            type_ = self.schema.type_map[type(value).__name__]
        if isinstance(type_, GraphQLObjectType):
            return await self._object(type_, value, nodes, path)
        return bool(value) if type_.name == "Boolean" else wire(value)  # SQLite's are 0 and 1

    async def _value(self, type_: GraphQLObjectType, definition: Any, source: Any, given: Any) -> Any:
        name, spec = python_name_of(definition), metadata_of(definition).get(SPEC)
        if type_.name in TABLES:
            return await self._of_row(type_.name, name, spec, source, given)
        if isinstance(source, Connection):
            return _of_connection(source, name)
        if isinstance(spec, declare.Held):
            return self._held(spec, source[name])
        if isinstance(spec, declare.AllOf):
            return in_order(self.sight.rows[spec.to], spec.order)
        if spec is not None:
            return self._of_root(spec, given)
        if source is None:
            return await PLAIN_ROOTS[name](self.sight)
        return source[name] if isinstance(source, dict) else getattr(source, name)

    def _of_root(self, spec: Any, given: Mapping[str, Any]) -> Any:
        match spec:
            case declare.ById(to=to):
                return self._node(given["id"], to)
            case declare.Own(to=to, find=find):
                return self.sight.find(to, find(self.sight.viewer))
            case declare.AnyNode(many=True):
                if len(given["ids"]) > MOST_NODES:
                    raise Fault("ids")
                return [self._node(each) for each in given["ids"]]
            case declare.AnyNode():
                return self._node(given["id"])
            case declare.Listing(to=to, order=order, search=search):
                return self._connection(to, self.sight.rows[to], given, order, search)
        raise TypeError(spec)

    def _held(self, spec: declare.Held, held: Any) -> Any:
        if not spec.many:
            return self.sight.find(spec.to, held)
        return [row for each in held if (row := self.sight.find(spec.to, each)) is not None]

    def _node(self, given: str, wanted: str | None = None) -> Any:
        type_name, id_ = type_and_id(given)
        return self.sight.find(type_name, id_) if wanted in (None, type_name) else None

    def _connection(
        self, to: str, rows: Sequence[Any], given: Any, order: Sequence[str], search: str | None = None
    ) -> Connection:
        viewer = self.sight.viewer
        project = viewer.project_id if isinstance(viewer, Member) else None
        return connection(TABLES[to], rows, given, order, search, project, self.tags)

    async def _of_row(self, type_name: str, name: str, spec: Any, row: Any, given: Any) -> Any:
        if name == "id":
            return global_id(type_name, row.id)
        if (type_name, name) == ("Contact", "last_sales_activity_at"):
            return self._last_sales_activity(row)
        match spec:
            case declare.Column(column=column, id_of=id_of, id_in=id_in):
                value = getattr(row, column or name)
                id_of = getattr(row, id_in) if id_in else id_of
                return global_id(id_of, value) if id_of and value is not None else value
            case declare.Group(columns=columns):
                parts = {part: getattr(row, column) for part, column in columns.items()}
                return parts if any(part is not None for part in parts.values()) else None
            case declare.ToOne(to=to, via=via):
                return self.sight.find(to, getattr(row, via))
            case declare.ToMany(paged=True, to=to, order=order) as many:
                return self._connection(to, self.sight.hanging_on(many, row.id), given, order)
            case declare.ToMany() as many:
                return in_order(self.sight.hanging_on(many, row.id), many.order)
            case declare.Counted():
                return getattr(row, name)
            case declare.Recent(model=model, via=via, column=column, within=within):
                moments = [getattr(each, column) for each in await model.filter(**{via: row.id})]
                return sum(at > datetime.now(UTC) - within for at in moments)
            case declare.Computed(batch=batch, needs=needs):
                record = {each: self._needed(row, each) for each in ("id", *needs)}
                (value,) = await batch([record], self.sight.viewer)
                return value
        raise TypeError(spec)

    def _needed(self, row: Any, need: str) -> Any:
        """A column, or `via.column`: one of the row that a foreign key points to; or the clock."""
        if need == declare.NOW:
            return datetime.now(UTC)
        via, dot, column = need.partition(".")
        if not dot:
            return getattr(row, via)
        to = type(row)._meta.fields_map[via.removesuffix("_id")].related_model.__name__
        return getattr(self.sight.find(to, getattr(row, via)), column, None)

    def _last_sales_activity(self, contact: Any) -> datetime | None:
        """Of the activities that the viewer may see."""
        seen = self.sight.below("Activity", "contact_id", contact.id)
        return max((each.occurred_at for each in seen if each.area is Area.SALES), default=None)


def _type_of(given: str) -> str:
    """The type that a global id names; empty for what is none."""
    try:
        return type_and_id(given)[0]
    except ValueError:
        return ""


def _of_connection(source: Connection, name: str) -> Any:
    match name:
        case "nodes":
            return source.rows
        case "edges":
            return [{"cursor": source.cursor(row), "node": row} for row in source.rows]
        case "page_info":
            return {
                "has_next_page": source.has_next,
                "has_previous_page": source.has_previous,
                "start_cursor": source.cursor(source.rows[0]) if source.rows else None,
                "end_cursor": source.cursor(source.rows[-1]) if source.rows else None,
            }
        case "total_count":
            return min(source.count, 10_000)
        case "total_count_capped":
            return source.count > 10_000
    raise KeyError(name)


def wire(value: Any) -> Any:
    """A leaf as JSON has it."""
    if isinstance(value, list | tuple):
        return [wire(each) for each in value]
    if isinstance(value, datetime):
        at = value.astimezone(UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
    return value.name if isinstance(value, Enum) else value
