"""What all tables share: the key, the rows a viewer may see, the database's clock, JSON kept as text."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from functools import cache, lru_cache, partial
from itertools import count, groupby
from typing import Any, ClassVar, NamedTuple, Self
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.expressions import Expression, Q, RawSQL, ResolveContext, ResolveResult
from tortoise.models import Model
from tortoise.queryset import QuerySet

from app import db, db_rows, times
from app.errors import NotFound
from app.ids import uuid7
from app.policy import Viewer
from app.viewers import Shape, facts_of

NOBODY = Q(id__in=())
"""The predicate that no row meets."""

#: More rows are written by a statement for each table, and a transaction around them.
MOST_IN_ONE_STATEMENT = 8

EVERYBODY = Q()
"""The predicate that every row meets."""


class Table(Model):
    """A table with a UUIDv7 key whose rows are got through `visible_to` or `get_visible`, and in no other way."""

    id = fields.UUIDField(primary_key=True, default=uuid7)

    #: What is written in place of a column's bare value: SQL in which `{name}` stands for the value of that column.
    WRITTEN_BY: ClassVar[Mapping[str, str]] = {}

    class Meta:
        abstract = True

    @classmethod
    def visible_q(cls, viewer: Viewer) -> Q:
        """The rows `viewer` may see, as one predicate over this table.

        It never joins (relations are sub-selects), so it stands in any statement and doubles no row. The permission
        to see this type is part of it: without the grant it is `NOBODY`.
        """
        raise NotImplementedError(f"{cls.__name__} does not say who may see its rows.")

    @classmethod
    def visible_to(cls, viewer: Viewer) -> QuerySet[Self]:
        """The rows `viewer` may see."""
        return cls.filter(cls.visible_q(viewer))

    @classmethod
    async def get_visible(
        cls,
        viewer: Viewer,
        id: UUID,  # noqa: A002
        *,
        path: Sequence[str] = ("id",),
        lock: bool = False,
    ) -> Self:
        """The row with this id. Raises NotFound, with `path` as the place in the input, if absent or out of reach.

        With `lock` nobody else changes it until the transaction ends; rows that point to it may still be added.
        """
        row = await cls.find_visible(viewer, lock=lock, id=id)
        if row is None:
            raise cls._absent(path)
        return row

    @classmethod
    async def require_visible(cls, viewer: Viewer, id: UUID, *, path: Sequence[str] = ("id",)) -> None:  # noqa: A002
        """As `get_visible`, for whoever needs nothing of the row but that it is there."""
        if not await cls._select_visible(viewer, {"id": id}, only_id=True):
            raise cls._absent(path)

    @classmethod
    def _absent(cls, path: Sequence[str]) -> NotFound:
        words = re.sub("(?<!^)(?=[A-Z])", " ", cls.__name__).lower()
        return NotFound(f"There is no such {words}.", input_path=path)

    @classmethod
    async def find_visible(cls, viewer: Viewer, *, lock: bool = False, **sought: UUID | str) -> Self | None:
        """The visible row that has these ids or texts in its columns, which only one row has."""
        rows = await cls._select_visible(viewer, sought, lock=lock)
        return cls._init_from_db(**rows[0]) if rows else None

    @classmethod
    async def _select_visible(
        cls, viewer: Viewer, sought: Mapping[str, UUID | str], *, lock: bool = False, only_id: bool = False
    ) -> Sequence[Mapping[str, Any]]:
        facts = facts_of(viewer)
        statement = _selection(cls, facts.shape, tuple(sought), lock, only_id, db.dialect())
        run = db.fetch if lock else db.read
        return await run(statement.sql, statement.parameters_for((*facts.values, *sought.values())))

    @classmethod
    def new(cls, **values: Any) -> Self:
        """A row that is not written yet. Columns that are not given get the model's default.

        As Tortoise makes one of what it read, but for its setting each attribute past a check: half of all that it costs.
        """
        row = cls.__new__(cls)
        made = vars(row)
        made.update(_saved_in_db=True, _partial=False, _custom_generated_pk=True, _await_when_save={})
        for name, default, read in _makers_of(cls):
            made[name] = read(values.pop(name)) if name in values else default()
        if values:
            raise TypeError(f"{cls.__name__} has no column {', '.join(values)}.")
        return row

    @classmethod
    async def create(cls, using_db: Any = None, **values: Any) -> Self:
        """A new row, as Tortoise's `create` makes one, which costs twice as much: it also asks for listeners."""
        if using_db is not None or not values.keys() <= cls._meta.fields_db_projection.keys():
            return await super().create(using_db, **values)
        row = cls.new(**values)
        await db.connection().execute_insert(_insertion((cls,), db.dialect()), _written(row))
        return row


async def insert_last(rows: Sequence[Table]) -> None:
    """Writes rows made by `new`, in one statement if they are few; nothing else is written in this transaction after."""
    models = tuple(type(row) for row in rows)
    if len(rows) == 1 or (db.dialect() == "postgres" and len(rows) <= MOST_IN_ONE_STATEMENT):
        await db.write_last(
            _insertion(models, db.dialect()), [value for row in rows for value in _written(row)]
        )
        return
    for model, alike in groupby(rows, key=type):
        names = [name for name, _ in _columns_of(model)]
        await insert_many(model, (dict(zip(names, _written(row), strict=True)) for row in alike))


async def insert_many(model: type[Table], rows: Iterable[Mapping[str, Any]], **same: Any) -> None:
    """Writes rows that are all of the same columns, with values as the database takes them: a statement for each thousand.

    `same` are the columns that have one value in all of them. The fastest way; nothing is validated, and no column has
    a default.
    """
    for some in db_rows.portions(rows):
        sql = _insertion_of_many(model, tuple(some[0]), tuple(same), db.dialect())
        await db.fetch(sql, [db_rows.packed(some), *same.values()])


def _written(row: Table) -> list[Any]:
    """Its columns as the database takes them, validated as the model says."""
    return [
        convert(getattr(row, name), row) if convert else getattr(row, name)
        for name, convert in _writers_of(type(row))
    ]


@cache
def _writers_of(model: type[Table]) -> Sequence[tuple[str, Callable[..., Any] | None]]:
    """What writes each column; ids go as they are, on either engine, and so do times, which know their zone."""
    return [(name, _writer_of(field)) for name, field in _columns_of(model)]


def _writer_of(field: fields.Field[Any]) -> Callable[..., Any] | None:
    if type(field) is fields.CharField:
        return partial(_text, field)
    return _AS_THEY_ARE.get(type(field), field.to_db_value)


def _text(field: fields.CharField[Any], value: Any, row: Table) -> Any:
    """The field validates all that is not text of a fitting length, and says what is wrong with it."""
    fits = type(value) is str and len(value) <= field.max_length
    return value if fits else field.to_db_value(value, row)


def _aware(value: datetime | None, _: Any) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return value


_AS_THEY_ARE: Mapping[type, Callable[..., Any] | None] = {
    fields.UUIDField: None,
    fields.DatetimeField: _aware,
}


@cache
def _columns_of(model: type[Table]) -> Sequence[tuple[str, fields.Field[Any]]]:
    return [(name, model._meta.fields_map[name]) for name in model._meta.fields_db_projection]


@cache
def _makers_of(model: type[Table]) -> Sequence[tuple[str, Callable[[], Any], Callable[[Any], Any]]]:
    """For each column what makes its value if it is not given, and what reads the value if it is."""
    return [(name, _default_of(field), field.to_python_value) for name, field in _columns_of(model)]


def _default_of(field: fields.Field[Any]) -> Callable[[], Any]:
    default: Any = field.default
    if isinstance(default, list | dict | set):
        return partial(copy, default)
    return default if callable(default) else lambda: default


@lru_cache(maxsize=256)
def _insertion(models: Sequence[type[Table]], dialect: db.Dialect) -> str:
    """Inserts one row of each: on PostgreSQL all in one statement, on SQLite there is one only."""
    mark, numbers, statements = "$" if dialect == "postgres" else "?", count(1), []
    for model in models:
        names = [name for name, _ in _columns_of(model)]
        marks = {name: f"{mark}{next(numbers)}" for name in names}
        values = ", ".join(model.WRITTEN_BY.get(name, mark).format(**marks) for name, mark in marks.items())
        columns = ", ".join(f'"{model._meta.fields_db_projection[name]}"' for name in names)
        statements.append(f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({values})')  # noqa: S608
    *first, last = statements
    before = ", ".join(f"row{number} AS ({statement})" for number, statement in enumerate(first))
    return f"WITH {before} {last}" if first else last


@lru_cache(maxsize=64)
def _insertion_of_many(
    model: type[Table], names: Sequence[str], same: Sequence[str], dialect: db.Dialect
) -> str:
    """Inserts the rows that are packed into its first parameter; the others are what is the same in all."""
    fields_of = dict(_columns_of(model))
    marks = {name: f"made.{name}" for name in names}
    for place, name in enumerate(same, 2):
        typed = f"CAST(${place} AS {_type_of(fields_of[name])})"
        marks[name] = typed if dialect == "postgres" else f"${place}"
    values = ", ".join(model.WRITTEN_BY.get(name, mark).format(**marks) for name, mark in marks.items())
    columns = ", ".join(f'"{model._meta.fields_db_projection[name]}"' for name in marks)
    made = db_rows.unpacked(dialect, "$1", "made", **{name: _type_of(fields_of[name]) for name in names})
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {values} FROM {made}'  # noqa: S608


def _type_of(field: fields.Field[Any]) -> db_rows.Type:
    return next((type_ for kind, type_ in _TYPES.items() if isinstance(field, kind)), "text")


_TYPES: Mapping[type, db_rows.Type] = {
    fields.UUIDField: "uuid",
    fields.DatetimeField: "timestamptz",
    fields.BooleanField: "boolean",
    fields.SmallIntField: "bigint",
    fields.IntField: "bigint",
    fields.BigIntField: "bigint",
}


class _Selection(NamedTuple):
    """A statement that selects one visible row, made for markers: `places` says what stands at run time for which."""

    sql: str
    parameters: Sequence[Any]
    places: Sequence[tuple[int, int]]

    def parameters_for(self, values: Sequence[Any]) -> list[Any]:
        found = list(self.parameters)
        for position, place in self.places:
            found[position] = values[place]
        return found


@lru_cache(maxsize=1024)
def _selection(
    model: type[Table], shape: Shape, sought: Sequence[str], lock: bool, only_id: bool, dialect: db.Dialect
) -> _Selection:
    """Making the SQL of a predicate takes Tortoise three times as long as running it: once for each shape of viewer.

    What is looked for has markers too, behind those of the shape.
    """
    wanted = {name: UUID(int=number) for number, name in enumerate(sought)}
    rows = model.visible_to(shape.viewer).filter(**wanted)
    locked = rows.select_for_update(no_key=True) if lock else rows
    query: Any = locked.values("id") if only_id else locked
    query.sql()
    sql, parameters = query.query.get_parameterized_sql()
    markers = [*sorted(shape.places, key=shape.places.__getitem__), *wanted.values()]
    places = {str(marker): place for place, marker in enumerate(markers)}
    return _Selection(
        sql,
        parameters,
        [(position, places[str(each)]) for position, each in enumerate(parameters) if str(each) in places],
    )


class DatabaseNow(Expression):
    """The database's clock at the start of the statement, comparable with stored times, which are UTC.

    PostgreSQL's is not cut, which costs something for each row: whether a time in milliseconds has come (`lte`) or is
    yet to come (`gt`) it tells nevertheless, and is asked for nothing else.
    """

    _SQL = {
        "postgres": "statement_timestamp()",
        "sqlite": times.sqlite_clock(),
    }

    def resolve(self, resolve_context: ResolveContext) -> ResolveResult:
        return ResolveResult(term=RawSQL(self._SQL[resolve_context.model._meta.db.capabilities.dialect]))


class JsonText(fields.TextField):
    """JSON kept as compact text; the same on both engines. What JSON does not know goes as `str` has it."""

    _OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> str | None:
        return value if value is None or isinstance(value, str) else self.written(value)

    @classmethod
    def written(cls, value: Any) -> str:
        return orjson.dumps(value, default=str, option=cls._OPTIONS).decode()

    def to_python_value(self, value: Any) -> Any:
        return orjson.loads(value) if isinstance(value, str) else value
