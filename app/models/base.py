"""What all tables share: the key, the rows a viewer may see, the database's clock, JSON kept as text."""

import json
from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Expression, Q, RawSQL, ResolveContext, ResolveResult
from tortoise.models import Model
from tortoise.queryset import QuerySet

from app.errors import NotFound
from app.ids import uuid7
from app.policy import Viewer

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
        rows = cls.visible_to(viewer)
        row = await (rows.select_for_update(no_key=True) if lock else rows).get_or_none(id=id)
        if row is None:
            raise NotFound(f"There is no such {cls.__name__.lower()}.", input_path=path)
        return row


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
