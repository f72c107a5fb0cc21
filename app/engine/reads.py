"""What one expression of a statement reads."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from app.engine.dialects import Json
from app.engine.selection import Pages, Rows

if TYPE_CHECKING:
    from app.engine.compile import Compiler


@dataclass(frozen=True, eq=False)
class Read(ABC):
    """Rows, and how they are got."""

    below: Rows | Pages

    @cached_property
    def pages(self) -> tuple[Pages, ...]:
        """The connections below: each has arguments of its own."""
        return tuple(self.below.pages())

    @abstractmethod
    def sql(self, compiler: "Compiler", place: int) -> Json:
        """The expression; `place` is that of the read's own value."""


class ReadOne(Read):
    """The row with an id. Its own value: the id."""

    below: Rows

    def sql(self, compiler: "Compiler", place: int) -> Json:
        return compiler.by_id(self.below, place)


class ReadSome(Read):
    """The rows in reach with these ids, in their order. Its own value: the list of ids."""

    below: Rows

    def sql(self, compiler: "Compiler", place: int) -> Json:
        return compiler.by_ids(self.below, place, keep_absent=False)


class ReadEach(Read):
    """For each id its row, or null. Its own value: the list of ids."""

    below: Rows

    def sql(self, compiler: "Compiler", place: int) -> Json:
        return compiler.by_ids(self.below, place, keep_absent=True)


@dataclass(frozen=True, eq=False)
class ReadAll(Read):
    """Every row in reach, in order."""

    below: Rows
    order: tuple[str, ...]

    def sql(self, compiler: "Compiler", place: int) -> Json:
        return compiler.all(self.below, self.order)


class ReadPage(Read):
    """A connection over all rows in reach."""

    below: Pages

    def sql(self, compiler: "Compiler", place: int) -> Json:
        return compiler.page(self.below)
