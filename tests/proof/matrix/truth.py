"""What an answer must be, worked out from the rows of the world without any SQL: a value for each field of each object.

Where a value cannot be told from the rows (it is computed, or a resolver's own) it is ANY, or PRESENT if it cannot be
null. Objects on the way are rows, pages of rows, groups of a row's columns, or ANY.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from graphql import GraphQLField, GraphQLObjectType, get_named_type

from app.engine import declare
from app.engine.declare import TABLES, Spec
from app.engine.guards import SPEC, metadata_of, python_name_of
from app.engine.ids import global_id
from tests.proof.matrix.roads import Composite, IdOf, Road, Roads
from tests.proof.matrix.sight import Sight
from tests.proof.matrix.world import Row, as_json


class Unknown:
    """Stands for a value that is not looked at."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


ANY, PRESENT = Unknown("anything"), Unknown("anything but null")
Picked = Mapping[str, Row]


@dataclass(frozen=True)
class Page:
    """What a connection shows."""

    rows: Sequence[Row]


@dataclass(frozen=True)
class Edge:
    row: Row


@dataclass(frozen=True)
class Group:
    """Columns of a row, shown as one object."""

    row: Row
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Asking:
    """The viewer himself, as the root field `viewer` shows him."""


@dataclass(eq=False)
class Truth:
    """What one viewer is to be shown. `picked`: the row that the ids among the variables name, by type."""

    roads: Roads
    sight: Sight
    picked: Picked

    def variables(self, road: Road) -> dict[str, Any]:
        """The operation's variables, with real ids."""
        return {each.name: self.filled(each.value) for each in road.variables}

    def filled(self, value: Any) -> Any:
        if isinstance(value, IdOf):
            row = self.picked[value.type_name]
            return global_id(row.type_name, row.record.id)
        if isinstance(value, dict):
            return {name: self.filled(each) for name, each in value.items()}
        return [self.filled(each) for each in value] if isinstance(value, list) else value

    def value(self, holder: Any, owner: Composite, name: str, target: str = "") -> Any:
        """What the field `name` of this object holds: JSON for a leaf, an object on the way for anything else."""
        if holder is ANY or holder is None:
            return holder
        definition = owner.fields[name]
        if owner is self.roads.schema.query_type or owner is self.roads.schema.subscription_type:
            return self._root(definition, name, target)
        if isinstance(holder, Row):
            return self._of_row(holder, owner, definition)
        if isinstance(holder, Page):
            return _of_page(holder, name)
        if isinstance(holder, Edge):
            return holder.row if name == "node" else PRESENT
        if isinstance(holder, Group):
            return as_json(getattr(holder.row.record, holder.columns[python_name_of(definition)]))
        return self._of_viewer(name) if isinstance(holder, Asking) else ANY

    def _root(self, definition: GraphQLField, name: str, target: str) -> Any:
        match metadata_of(definition).get(SPEC):
            case declare.ById(to=to) | declare.Held(to=to):
                return self._seen(self.picked[to])
            case declare.AnyNode(many=many):
                row = self._seen(self.picked[target]) if target in self.picked else None
                return [row] if many else row
            case declare.Own(to=to):
                return self._seen(self.sight.world.of_type(to)[0])
            case declare.Listing(to=to):
                return Page(self.sight.of(to))
        return Asking() if name == "viewer" else ANY

    def _seen(self, row: Row | None) -> Row | None:
        return row if row is not None and self.sight.sees(row) else None

    def _of_row(self, row: Row, owner: Composite, definition: GraphQLField) -> Any:
        name = python_name_of(definition)
        if name == "id":
            return global_id(row.type_name, row.record.id)
        spec = TABLES[owner.name].specs[name]
        match spec:
            case declare.Column():
                return _column(row, name, spec, definition)
            case declare.Group(columns=columns):
                return Group(row, columns)
            case declare.ToOne(via=via):
                return self._pointed_at(getattr(row.record, via))
            case declare.ToMany(paged=paged):
                rows = self._children(row, spec)
                return Page(rows) if paged else rows
            case declare.Latest():
                return self._latest(row, spec)
            case declare.Counted():
                return self._counted(row, spec)
        return COMPUTED.get(f"{owner.name}.{name}", _computed)(row)

    def _pointed_at(self, id_: UUID | None) -> Row | None:
        return self._seen(self.sight.world.by_id[id_]) if id_ is not None else None

    def _children(self, row: Row, spec: declare.ToMany) -> list[Row]:
        if spec.via is not None:
            return [
                each for each in self.sight.of(spec.to) if getattr(each.record, spec.via) == row.record.id
            ]
        assert spec.link is not None
        link = spec.link
        linked = {
            getattr(each.record, link.child)
            for each in self.sight.world.of(link.model)
            if getattr(each.record, link.parent) == row.record.id
        }
        return [each for each in self.sight.of(spec.to) if each.record.id in linked]

    def _latest(self, row: Row, spec: declare.Latest) -> Any:
        values = [getattr(each.record, spec.column) for each in self._pointing(row, spec)]
        return as_json(max(values, default=None))

    def _counted(self, row: Row, spec: declare.Counted) -> int:
        now = datetime.now(UTC)
        return sum(getattr(each.record, spec.past) <= now for each in self._pointing(row, spec))

    def _pointing(self, row: Row, spec: declare.Latest | declare.Counted) -> list[Row]:
        return [
            each
            for each in self.sight.of(spec.to)
            if getattr(each.record, spec.via) == row.record.id
            and all(getattr(each.record, name) == value for name, value in spec.only.items())
        ]

    def _of_viewer(self, name: str) -> Any:
        sight = self.sight
        values: dict[str, Callable[[], Any]] = {
            "account": lambda: sight.of("Account")[0],
            "employee": lambda: sight.world.of_type("Employee")[0],
            "roles": lambda: list(sight.who.roles),
            "permissions": lambda: [each for each in sight.policy.rows if sight.may(each)],
            "sessions": lambda: sight.of("Session"),
        }
        return values[name]() if name in values else ANY


#: Computed by a batch function: an object or a value that is there, and whose inside is not looked at.
ANY_OBJECT = Unknown("a computed value")
COMPUTED: Mapping[str, Callable[[Row], Any]] = {
    "Session.current": lambda row: row.kind == "A",
}


def _computed(row: Row) -> Any:
    return ANY_OBJECT


def _column(row: Row, name: str, spec: declare.Column, definition: GraphQLField) -> Any:
    value = getattr(row.record, spec.column or name)
    named_in = getattr(spec, "id_in", None)
    type_name = getattr(row.record, named_in) if named_in else spec.id_of
    if type_name is not None:
        return global_id(type_name, value) if value is not None else None
    return str(value) if isinstance(value, UUID) else as_json(value)


def _of_page(page: Page, name: str) -> Any:
    values: dict[str, Any] = {
        "nodes": list(page.rows),
        "edges": [Edge(row) for row in page.rows],
        "totalCount": len(page.rows),
        "totalCountCapped": False,
    }
    return values.get(name, ANY)


def is_leaf(definition: GraphQLField) -> bool:
    return not isinstance(get_named_type(definition.type), Composite)


def type_name_of(schema_type: Composite, holder: Any) -> Any:
    """`__typename` of an object; PRESENT where the type is an interface and the object is not known."""
    if isinstance(holder, Row):
        return holder.type_name
    return schema_type.name if isinstance(schema_type, GraphQLObjectType) else PRESENT


def spec_of(definition: GraphQLField) -> Spec | None:
    spec: Spec | None = metadata_of(definition).get(SPEC)
    return spec


def fits(expected: Any, got: Any) -> bool:
    """Whether the answer is the expected one; lists in any order."""
    if expected is ANY:
        return True
    if isinstance(expected, Unknown):
        return got is not None
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and expected.keys() == got.keys()
            and all(fits(value, got[key]) for key, value in expected.items())
        )
    if isinstance(expected, list):
        return isinstance(got, list) and len(expected) == len(got) and _fit_in_some_order(expected, got)
    return bool(expected == got)


def _fit_in_some_order(expected: Sequence[Any], got: Sequence[Any]) -> bool:
    left = list(got)
    for wanted in expected:
        place = next((place for place, each in enumerate(left) if fits(wanted, each)), None)
        if place is None:
            return False
        del left[place]
    return True
