"""What all tables share: the key, the rows a viewer may see, the database's clock, JSON kept as text."""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, Self
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Expression, Q, RawSQL, ResolveContext, ResolveResult
from tortoise.models import Model
from tortoise.queryset import QuerySet

from app.errors import NotFound
from app.ids import uuid7
from app.policy import Viewer
from app.viewers import Shape, facts_of

NOBODY = Q(id__in=())
"""The predicate that no row meets."""

EVERYBODY = Q()
"""The predicate that every row meets."""


class Table(Model):
    """A table with a UUIDv7 key whose rows are got through `visible_to` or `get_visible`, and in no other way."""

    id = fields.UUIDField(primary_key=True, default=uuid7)

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
        facts, database = facts_of(viewer), cls._meta.db
        statement = _statement_by_id(cls, facts.shape, lock, database.capabilities.dialect)
        _, rows = await database.execute_query(statement.sql, statement.parameters_for((*facts.values, id)))
        if not rows:
            raise NotFound(f"There is no such {cls.__name__.lower()}.", input_path=path)
        return cls._init_from_db(**rows[0])

    @classmethod
    async def create(cls, using_db: Any = None, **values: Any) -> Self:
        """A new row, as Tortoise's `create` makes one, which costs three times as much: it also asks for listeners.

        Columns are converted and validated as the model says; those not given get the model's default.
        """
        meta = cls._meta
        if using_db is not None or not values.keys() <= meta.fields_db_projection.keys():
            return await super().create(using_db, **values)
        database = meta.db
        executor = database.executor_class(model=cls, db=database)
        made = {name: default() for name, default in _defaults_of(cls).items() if name not in values}
        row = cls._init_from_db(**made, **values)
        await executor.execute_insert(row)
        return row


@cache
def _defaults_of(model: type[Table]) -> Mapping[str, Callable[[], Any]]:
    """What makes the value of each column that is not given."""
    columns = {name: model._meta.fields_map[name].default for name in model._meta.fields_db_projection}
    return {
        name: default if callable(default) else partial(copy, default) for name, default in columns.items()
    }


class _ById(NamedTuple):
    """A statement that selects one visible row, made for markers: `places` says what stands at run time for which."""

    sql: str
    parameters: Sequence[Any]
    places: Sequence[tuple[int, int]]

    def parameters_for(self, ids: Sequence[UUID]) -> list[Any]:
        found = list(self.parameters)
        for position, place in self.places:
            found[position] = ids[place]
        return found


@lru_cache(maxsize=1024)
def _statement_by_id(model: type[Table], shape: Shape, lock: bool, dialect: str) -> _ById:
    """Making the SQL of a predicate takes Tortoise three times as long as running it: once for each shape of viewer."""
    marker = UUID(int=0)
    rows = model.visible_to(shape.viewer).filter(id=marker)
    query = rows.select_for_update(no_key=True) if lock else rows
    query.sql()
    sql, parameters = query.query.get_parameterized_sql()
    places = {str(each): place for each, place in shape.places.items()} | {str(marker): len(shape.places)}
    return _ById(
        sql,
        parameters,
        [(position, places[str(each)]) for position, each in enumerate(parameters) if str(each) in places],
    )


class DatabaseNow(Expression):
    """The database's clock at the start of the statement, comparable with stored times, which are UTC."""

    _SQL = {
        "postgres": "statement_timestamp()",
        "sqlite": "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')",
    }

    def resolve(self, resolve_context: ResolveContext) -> ResolveResult:
        return ResolveResult(term=RawSQL(self._SQL[resolve_context.model._meta.db.capabilities.dialect]))


class JsonText(fields.TextField):
    """JSON kept as compact text; the same on both engines. Keys are strings, values what `json` knows."""

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> str | None:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)

    def to_python_value(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value
