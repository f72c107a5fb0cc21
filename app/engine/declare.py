"""Declarations: a GraphQL type over a table says once what its fields are.

    class Contact(Table, model=models.Contact, see=Permission.CONTACT_READ):
        "A customer: a firm or a person that the project talks to."

        name = column(Permission.CONTACT_READ, "Its name.", filter=True, sort="sort_key")
        vat_id = column(Permission.CONTACT_BILLING_READ, "VAT id (DIČ).", filter=True)
        division = to_one("Division", Permission.CONTACT_READ, "The division it belongs to, if any.")
        activities = to_many("Activity", Permission.CONTACT_READ, "What happened.", via="contact_id", order="-occurred_at")

Names, types, nullability and columns come from the model's metadata. Every field names its guard: a Level or a
Permission; one that is not the type's own (`see`) prints as a directive and makes the field nullable.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import strawberry
from strawberry.types.field import StrawberryField
from tortoise.models import Model

from app.engine.document import Info
from app.engine.guards import GUARD, directives_of
from app.policy import Guard, Level, Viewer

Record = Mapping[str, Any]
Batch = Callable[[Sequence[Record], Viewer], Awaitable[Sequence[Any]]]


#: A need that is no column: the database's clock, which the statement asks that reads the rows.
NOW = "now()"


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every declared field has."""

    guard: Guard
    description: str


@dataclass(frozen=True, kw_only=True)
class Column(Spec):
    """One column. `id_of` makes a global id of it; `filter` and `sort` open it to where and orderBy.

    `id_in` makes a global id of it too, of the type whose name stands in that other column.
    """

    column: str | None = None
    type: Any = None
    id_of: str | None = None
    id_in: str | None = None
    filter: bool = False
    sort: str | None = None


@dataclass(frozen=True, kw_only=True)
class Group(Spec):
    """Several columns shown as one object; null when all of them are. `columns`: field of `type` → column."""

    type: type
    columns: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ToOne(Spec):
    """The row that `via` points to, null when it is absent or out of reach."""

    to: str
    via: str


@dataclass(frozen=True, kw_only=True)
class Link:
    """A table between two: `model` has a column for each side."""

    model: type[Model]
    parent: str
    child: str


@dataclass(frozen=True, kw_only=True)
class ToMany(Spec):
    """Rows that point back with `via` (or hang on a `link`): a connection, or a whole list when not `paged`."""

    to: str
    via: str | None = None
    link: Link | None = None
    order: tuple[str, ...] = ()
    paged: bool = True


@dataclass(frozen=True, kw_only=True)
class Computed(Spec):
    """Worked out for a whole batch of rows at once; `batch` gets the columns named in `needs` and the id.

    A need `via.column` is a column of the row that the foreign key `via` points to, null if that is out of reach; `NOW` is
    the database's clock.
    """

    type: Any
    batch: Batch
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Latest(Spec):
    """The largest `column` among the rows of `to` in reach that point here with `via`, and whose columns are as `only` says."""

    to: str
    via: str
    column: str
    only: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Recent(Spec):
    """How many rows of `model` point here with `via` whose `column` is younger than `within`.

    They are only counted, whoever may see them: the guard is all that stands before it.
    """

    model: type[Model]
    via: str
    column: str
    within: timedelta


@dataclass(frozen=True, kw_only=True)
class Counted(Spec):
    """How many rows of `to` in reach point here with `via`, whose columns are as `only` says and whose `past` has come.

    Counted up to MOST_COUNTED. `filter` opens it to where.
    """

    to: str
    via: str
    only: Mapping[str, Any]
    past: str
    filter: bool = False


@dataclass(frozen=True, kw_only=True)
class Held(Spec):
    """On a value type or payload: the id (or list of ids) that the value holds, shown as rows in reach.

    `rest`: the value's own count of what its list leaves out. On an event of a subscription such a list shows as much as
    the selection can afford, and what that leaves out is added there: see `event_lists`.
    """

    to: str
    many: bool = False
    rest: str | None = None


@dataclass(frozen=True, kw_only=True)
class AllOf(Spec):
    """On a value type: every row in reach, in order; for tables that are small per viewer."""

    to: str
    order: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ById(Spec):
    """A root field: the row with this id, null for whatever is absent or out of reach."""

    to: str


@dataclass(frozen=True, kw_only=True)
class Own(Spec):
    """A root field: the one row whose id `find` knows (the viewer's project, say)."""

    to: str
    find: Callable[[Viewer], Any]


@dataclass(frozen=True, kw_only=True)
class Listing(Spec):
    """A root field: a connection over all rows in reach. `search` is the folded column that `search:` looks into."""

    to: str
    order: tuple[str, ...]
    search: str | None = None


@dataclass(frozen=True, kw_only=True)
class AnyNode(Spec):
    """The root fields `node` and `nodes`."""

    many: bool = False


class Row(dict[str, Any]):
    """A row as parsed JSON, under its response keys, that knows its type: for `node`, whose type is in the id."""

    __slots__ = ("type_name",)

    def __init__(self, type_name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type_name = type_name


TABLES: dict[str, "type[Table]"] = {}


@strawberry.interface(description="An object with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Global id, unique over all types.", metadata={GUARD: Level.ACCOUNT}
    )

    @classmethod
    def resolve_type(cls, obj: Any, info: Info, _type: Any) -> str:
        return str(obj.type_name)


class Table(Node):
    """Base of the declared types. Class arguments: the Tortoise `model`, and `see`: the guard of the type itself.

    `metered`: the column whose values are counted where a metered viewer is shown rows of it.
    """

    model: ClassVar[Any]
    see: ClassVar[Guard]
    metered: ClassVar[str | None]
    specs: ClassVar[dict[str, Spec]]
    #: Names in the class that are no declarations: the schema is not built with any.
    undeclared: ClassVar[tuple[str, ...]]

    def __init_subclass__(
        cls, *, model: type[Model], see: Guard, metered: str | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.model, cls.see, cls.metered = model, see, metered
        cls.specs = {name: spec for name, spec in vars(cls).items() if isinstance(spec, Spec)}
        cls.undeclared = _undeclared_in(cls)
        for name in vars(cls).keys() & {*cls.specs, *cls.undeclared}:
            delattr(cls, name)
        cls.__annotations__ = {}
        directives = directives_of(see)
        strawberry.type(cls, description=inspect.getdoc(cls), directives=directives)
        TABLES[cls.__name__] = cls

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, dict)


def _undeclared_in(cls: type[Table]) -> tuple[str, ...]:
    """Fields as other Strawberry types have them, and declarations whose first word is no guard."""
    bare = (name for name, each in vars(cls).items() if isinstance(each, StrawberryField))
    wrong = (name for name, spec in cls.specs.items() if not hasattr(spec.guard, "granted_to"))
    return tuple(dict.fromkeys((*vars(cls).get("__annotations__", {}), *bare, *wrong)))


def column(guard: Guard, description: str = "", **options: Any) -> Any:
    """A column of the model under the field's own name, unless `column=` names another. See `Column`."""
    return Column(guard=guard, description=description, **options)


def group(type_: type, guard: Guard, description: str, **columns: str) -> Any:
    """Columns as one object: `group(Address, guard, "…", street="street", city="city")`."""
    return Group(guard=guard, description=description, type=type_, columns=columns)


def to_one(to: str, guard: Guard, description: str, *, via: str) -> Any:
    """The row of table `to` that the foreign key column `via` points to."""
    return ToOne(guard=guard, description=description, to=to, via=via)


def to_many(
    to: str, guard: Guard, description: str, *, via: str | None = None, link: Link | None = None, order: str
) -> Any:
    """A connection over the rows of `to` whose column `via` points here, or that are linked."""
    return ToMany(guard=guard, description=description, to=to, via=via, link=link, order=(order,))


def to_list(
    to: str, guard: Guard, description: str, *, via: str | None = None, link: Link | None = None, order: str
) -> Any:
    """All rows of `to` that point here (or are linked): for relations that stay small, such as a contact's persons."""
    return ToMany(
        guard=guard, description=description, to=to, via=via, link=link, order=(order,), paged=False
    )


def latest(to: str, guard: Guard, description: str, *, via: str, column: str, only: Mapping[str, Any]) -> Any:
    """The latest `column` of the rows of `to` that point here: made only of those that the viewer may see."""
    return Latest(guard=guard, description=description, to=to, via=via, column=column, only=only)


def recent(
    model: type[Model], guard: Guard, description: str, *, via: str, column: str, within: timedelta
) -> Any:
    """How many rows of a model point here that are younger than `within`."""
    return Recent(guard=guard, description=description, model=model, via=via, column=column, within=within)


def computed(type_: Any, guard: Guard, description: str, batch: Batch, *, needs: Sequence[str] = ()) -> Any:
    """Worked out by `batch(records, viewer)`, which answers one value a record, in their order."""
    return Computed(guard=guard, description=description, type=type_, batch=batch, needs=tuple(needs))
