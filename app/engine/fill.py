"""What a statement cannot say is filled into its parsed JSON: level by level, one batch for all rows of a place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import db
from app.engine.declare import NOW, Computed, Table
from app.engine.selection import NEEDS, Leaf, Pages, Part, Parts, Rows, needs_of, written_key
from app.engine.types import field_of, related_model
from app.engine.values import Unfit
from app.policy import Viewer

Object = dict[str, Any]


@dataclass(slots=True)
class Fill:
    """For one viewer. `is_odd` once a value came out that only graphql-core can answer: it is there, uncompleted.

    `counted` are the values of metered columns, each table's in a set of its own kind of ids.
    """

    viewer: Viewer
    is_odd: bool = False
    counted: set[Any] = field(default_factory=set)

    async def into(self, below: Rows | Pages, found: Any) -> None:
        """Fills everything below `found`, parsed JSON of what `below` asks for: an object, a list of them, or null."""
        objects = [each for each in (found if isinstance(found, list) else [found]) if each is not None]
        if not objects or not below.fills:
            return
        if isinstance(below, Pages):
            await self._pages(below, objects)
        else:
            await self._rows(below, objects)

    async def _rows(self, rows: Rows, objects: Sequence[Object]) -> None:
        _rename(rows.leaves, objects)
        if rows.needs:
            records = _records(rows, objects)
            for leaf in rows.filled:
                await self._leaf(rows.table, leaf, records, objects)
            if rows.metered is not None:
                self.counted.update(record[rows.metered] for record in records)
        for leaf in rows.inner:
            below = [each[leaf.key] for each in objects if each[leaf.key] is not None]
            if isinstance(leaf.below, Parts):
                _rename(leaf.below.parts, below)
            else:
                await self.into(leaf.below, _flat(below))

    async def _leaf(
        self, table: type[Table], leaf: Leaf, records: Sequence[Mapping[str, Any]], objects: Sequence[Object]
    ) -> None:
        for each, value in zip(objects, await self._values(leaf, records), strict=True):
            try:
                each[leaf.key] = leaf.below(value, [])
            except Unfit:
                each[leaf.key] = value
                self.is_odd = True

    async def _values(self, leaf: Leaf, records: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        if not isinstance(leaf.spec, Computed):
            (column,) = needs_of(leaf)
            return [record[column] for record in records]
        try:
            values = await leaf.spec.batch(records, self.viewer)
        except Exception as error:  # noqa: BLE001 - it is the value of each: graphql-core raises it at every path
            return [error] * len(records)
        if len(values) != len(records):
            raise ValueError(
                f"The batch of {leaf.name} answered {len(values)} values for {len(records)} rows."
            )
        return values

    async def _pages(self, pages: Pages, objects: Sequence[Object]) -> None:
        _rename(pages.leaves, objects)
        for leaf in pages.leaves:
            below = [each.pop(NEEDS) if leaf.key == NEEDS else each[leaf.key] for each in objects]
            if leaf.name == "nodes":
                await self.into(leaf.below, _flat(below))
            elif isinstance(leaf.below, tuple):
                parts = _flat(below)
                _rename(leaf.below, parts)
                for part in leaf.below:
                    if part.name == "node":
                        await self.into(part.below, [each[part.key] for each in parts])


def _flat(below: Iterable[Any]) -> list[Any]:
    """Objects, whether each place has one or a list of them."""
    found: list[Any] = []
    for each in below:
        found += each if isinstance(each, list) else [each]
    return found


def _rename(leaves: Sequence[Leaf | Part], objects: Iterable[Object]) -> None:
    """Puts back the keys that were too long for the statement."""
    names = {written_key(leaf, place): leaf.key for place, leaf in enumerate(leaves)}
    if all(written == key for written, key in names.items()):
        return
    for each in objects:
        renamed = {names.get(key, key): value for key, value in each.items()}
        each.clear()
        each.update(renamed)


def _records(rows: Rows, objects: Sequence[Object]) -> list[Mapping[str, Any]]:
    """What the batch functions get, as the models read it; it is taken out of the objects."""
    readers = [(need, _reader(rows.table, need)) for need in rows.needs]
    return [
        {need: read(given[need]) for need, read in readers} for given in (each.pop(NEEDS) for each in objects)
    ]


def _reader(table: type[Table], need: str) -> Callable[[Any], Any]:
    if need == NOW:
        return db.as_datetime
    via, _, column = need.rpartition(".")
    model = related_model(table.model, via) if via else table.model
    read: Callable[[Any], Any] = field_of(model, column).to_python_value
    return read
