"""What one viewer sees: every visible row of every table, fetched once by plain Tortoise, for nothing here changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from app.engine.declare import TABLES, Counted, ToMany
from app.engine.ids import global_id
from app.policy import Viewer


@dataclass(frozen=True)
class Sight:
    """A viewer and his rows, by the name of their type. `links` are the rows of the tables between two."""

    viewer: Viewer
    rows: dict[str, list[Any]]
    links: dict[str, list[Any]]

    @classmethod
    async def of(cls, viewer: Viewer) -> "Sight":
        rows = {name: await table.model.visible_to(viewer) for name, table in TABLES.items()}
        links = {model.__name__: await model.all() for model in _linking_models()}
        _count(rows)
        return cls(viewer, rows, links)

    def find(self, type_name: str, id_: UUID | None) -> Any:
        """The row with this id; None if it is absent or out of reach."""
        return self._by_id.get((type_name, id_))

    def below(self, type_name: str, column: str, parent: UUID) -> list[Any]:
        """The rows whose column points to the parent."""
        return [row for row in self.rows[type_name] if getattr(row, column) == parent]

    def hanging_on(self, spec: ToMany, parent: UUID) -> list[Any]:
        """The rows of a relation to many: those that point to the parent, or are linked with it."""
        if spec.link is None:
            return self.below(spec.to, str(spec.via), parent)
        link, between = spec.link, self.links[spec.link.model.__name__]
        ids = {getattr(each, link.child) for each in between if getattr(each, link.parent) == parent}
        return [each for each in self.rows[spec.to] if each.id in ids]

    def ids(self, type_name: str) -> list[str]:
        """The global ids of the rows."""
        return [global_id(type_name, row.id) for row in self.rows[type_name]]

    @cached_property
    def _by_id(self) -> dict[tuple[str, UUID | None], Any]:
        return {(name, row.id): row for name, rows in self.rows.items() for row in rows}


def _linking_models() -> Iterable[Any]:
    for table in TABLES.values():
        for spec in table.specs.values():
            if isinstance(spec, ToMany) and spec.link is not None:
                yield spec.link.model


def _count(rows: dict[str, list[Any]]) -> None:
    """Gives each row what its declarations count of others, under the declaration's name, as if it were a column."""
    now = datetime.now(UTC)
    for name, table in TABLES.items():
        for counted, spec in table.specs.items():
            if isinstance(spec, Counted):
                pointing = [
                    getattr(each, spec.via)
                    for each in rows[spec.to]
                    if getattr(each, spec.past) <= now
                    and all(getattr(each, column) == value for column, value in spec.only.items())
                ]
                for row in rows[name]:
                    setattr(row, counted, pointing.count(row.id))
