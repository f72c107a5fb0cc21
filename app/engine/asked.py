"""What the arguments of one connection ask for, split into what decides the SQL and the values that are its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from app.engine.dialects import SHORTEST_INDEXED, Dialect
from app.engine.paging import Page, Term
from app.engine.selection import Pages
from app.engine.where import TRUE, Shape, search_words, walk

#: Which values of a cursor are null: they are compared in another way.
Mask = tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What decides the SQL of a connection. The size is part of it: a planner that knows it reads no more than that."""

    size: int
    backward: bool
    terms: tuple[Term, ...]
    after: Mask | None
    before: Mask | None
    where: Shape
    #: Of each search word, whether it is a short one: see Dialect.contains.
    words: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """`values` in the order in which the SQL takes them: the tag, if cursors are shown, then those of both cursors, of `where`, the words."""

    form: Form
    values: tuple[Any, ...]
    has_tag: bool

    @classmethod
    def of(cls, pages: Pages, given: Mapping[str, Any], cursor_key: bytes, dialect: Dialect) -> "Asked":
        """From coerced arguments. Raises BadUserInput for what cannot be asked."""
        known = pages.asked.get(dialect.name)
        if known is not None and known[0] is given:
            return cast(Asked, known[1])
        made = cls._of(pages, given, cursor_key, dialect)
        if (
            pages.is_constant and not made.has_tag
        ):  # a tag is the project's; everything else is the document's
            pages.asked[dialect.name] = (given, made)
        return made

    @classmethod
    def _of(cls, pages: Pages, given: Mapping[str, Any], cursor_key: bytes, dialect: Dialect) -> "Asked":
        page = Page.of(pages.table, given, pages.order, cursor_key, has_cursors=pages.has_cursors)
        values: list[Any] = [page.tag] if pages.has_cursors else []
        after, before = _place(page.after, values), _place(page.before, values)
        where = given.get("where")
        shape = walk(pages.table, where, values) if where else TRUE
        words = search_words(given.get("search")) if pages.search else []
        short = tuple(len(word) < SHORTEST_INDEXED for word in words)
        values += [dialect.word(word, is_short=each) for word, each in zip(words, short, strict=True)]
        form = Form(page.size, page.backward, page.terms, after, before, shape, short)
        return cls(form, tuple(dialect.value(each) for each in values), has_tag=bool(page.tag))


def _place(cursor: tuple[Any, ...] | None, values: list[Any]) -> Mask | None:
    if cursor is None:
        return None
    values += [each.value if isinstance(each, Enum) else each for each in cursor if each is not None]
    return tuple(each is None for each in cursor)
