"""What an operation asks of rows, as a tree that the compiler reads: made once for each plan.

A field that the viewer may not read is there, denied: its place in the answer is null and nothing is read for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from graphql import FieldNode

from app.engine.declare import NOW, Column, Computed, Group, Link, Spec, Table, ToMany, ToOne
from app.engine.dialects import LONGEST_NAME
from app.engine.inputs import has_variable
from app.engine.types import is_plain

TYPENAME = "__typename"
#: The key under which a statement brings what is needed to fill in: one that no response can have.
NEEDS = "="
CURSORS = frozenset({("edges", "cursor"), ("page_info", "start_cursor"), ("page_info", "end_cursor")})


@dataclass(frozen=True, eq=False)
class Leaf:
    """One key of an object made of a row. `name` is the declaration's; `below` what is asked of what lies there."""

    key: str
    name: str
    spec: Spec | None = None
    denied: bool = False
    below: Any = None

    @property
    def is_list(self) -> bool:
        """Does it show all rows of a relation at once?"""
        return isinstance(self.spec, ToMany) and not self.spec.paged


@dataclass(frozen=True, eq=False)
class Part:
    """One column of a group, as a key of its object; None for one that is denied."""

    key: str
    column: str | None


@dataclass(frozen=True, eq=False)
class Parts:
    """What is asked of a group."""

    type_name: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """What is asked of each row of a table. `metered`: the column whose values are counted, if they are."""

    table: type[Table]
    leaves: tuple[Leaf, ...]
    metered: str | None = None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Those that the row itself must bring."""
        found: dict[str, None] = {"id": None, **dict.fromkeys(self._counted)}
        for leaf in self.leaves:
            if not leaf.denied:
                found.update(dict.fromkeys(_columns(leaf)))
        return tuple(found)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Columns and `via.column`s that go to batch functions, are converted after the statement, or are counted."""
        found = {need: None for leaf in self.filled for need in needs_of(leaf)} | dict.fromkeys(self._counted)
        return tuple({"id": None, **found}) if found or self.filled else ()

    @property
    def _counted(self) -> tuple[str, ...]:
        return (self.metered,) if self.metered is not None else ()

    @cached_property
    def filled(self) -> tuple[Leaf, ...]:
        """Leaves whose values are put in after the statement ran."""
        return tuple(leaf for leaf in self.leaves if not leaf.denied and is_filled(self.table, leaf))

    @cached_property
    def inner(self) -> tuple[Leaf, ...]:
        """Leaves below which something is filled or renamed."""
        return tuple(leaf for leaf in self.leaves if not leaf.denied and _fills(leaf.below))

    @cached_property
    def shown(self) -> tuple[Leaf, ...]:
        """Leaves below which there are other rows."""
        return tuple(leaf for leaf in self.leaves if not leaf.denied and isinstance(leaf.below, Rows | Pages))

    @cached_property
    def fills(self) -> bool:
        """Whether the statement's JSON is not yet the answer."""
        return bool(self.filled or self.inner or self.metered) or _has_long_keys(self.leaves)

    def pages(self) -> Iterator["Pages"]:
        """Every connection below, in reading order."""
        for leaf in self.shown:
            yield from leaf.below.pages()


@dataclass(frozen=True, eq=False)
class Pages:
    """What is asked of a connection. Its arguments are those of `node`."""

    table: type[Table]
    type_name: str
    node: FieldNode
    order: tuple[str, ...]
    via: str | None
    search: str | None
    leaves: tuple[Leaf, ...]
    link: Link | None = None
    #: What its arguments asked for last, by dialect, where they are the document's own and come again.
    asked: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @cached_property
    def shown(self) -> tuple[Leaf, ...]:
        """Leaves that show rows: `nodes` and `edges`."""
        return tuple(leaf for leaf in self.leaves if leaf.name in ("nodes", "edges"))

    @cached_property
    def rows(self) -> tuple[Rows, ...]:
        """What is asked of the rows, once for each leaf that asks."""
        return tuple(below for leaf in self.shown for below in rows_below(leaf))

    @cached_property
    def page_info(self) -> frozenset[str]:
        return frozenset(part.name for leaf in self.leaves if leaf.name == "page_info" for part in leaf.below)

    @cached_property
    def is_constant(self) -> bool:
        """Are its arguments the document's own?"""
        return not any(has_variable(each.value) for each in self.node.arguments or ())

    @cached_property
    def has_cursors(self) -> bool:
        return has_cursors(self.leaves)

    @cached_property
    def fills(self) -> bool:
        parts = [part for leaf in self.leaves if isinstance(leaf.below, tuple) for part in leaf.below]
        return any(rows.fills for rows in self.rows) or _has_long_keys((*self.leaves, *parts))

    def pages(self) -> Iterator["Pages"]:
        yield self
        for rows in self.rows:
            yield from rows.pages()


def has_cursors(leaves: Iterable[Leaf]) -> bool:
    """Are there cursors in what is asked of a connection?"""
    listed = [leaf for leaf in leaves if isinstance(leaf.below, tuple)]
    return any((leaf.name, part.name) in CURSORS for leaf in listed for part in leaf.below)


def written_key(leaf: Leaf | Part, place: int) -> str:
    """The key in the statement's JSON: PostgreSQL cuts long names, so those are put back after the statement."""
    return leaf.key if len(leaf.key) <= LONGEST_NAME else f"={place}"


def rows_below(leaf: Leaf) -> list[Rows]:
    """What `nodes` or `edges` ask of rows; nothing for any other leaf of a connection."""
    if leaf.name == "nodes":
        return [leaf.below]
    return [part.below for part in leaf.below if part.name == "node"] if leaf.name == "edges" else []


def _fills(below: Any) -> bool:
    if isinstance(below, Parts):
        return _has_long_keys(below.parts)
    return isinstance(below, Rows | Pages) and below.fills


def _has_long_keys(leaves: Sequence[Leaf | Part]) -> bool:
    return any(len(leaf.key) > LONGEST_NAME for leaf in leaves)


def _columns(leaf: Leaf) -> tuple[str, ...]:
    match leaf.spec:
        case Column(column=column, id_in=type_column):
            return (column or leaf.name, *([type_column] if type_column else []))
        case Group(columns=columns):
            return tuple(columns.values())
        case ToOne(via=via):
            return (via,)
        case Computed(needs=needs):
            return tuple(need.partition(".")[0] for need in needs if need != NOW)
        case _:
            return ()


def is_filled(table: type[Table], leaf: Leaf) -> bool:
    """Is its value worked out in Python? A column may be kept in a form that only its model can read."""
    if isinstance(leaf.spec, Computed):
        return True
    return isinstance(leaf.spec, Column) and not is_plain(table.model, leaf.spec.column or leaf.name)


def needs_of(leaf: Leaf) -> tuple[str, ...]:
    if isinstance(leaf.spec, Computed):
        return leaf.spec.needs
    return _columns(leaf)
