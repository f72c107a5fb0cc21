"""Statements: made once for the form of what is asked, then run with each request's values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app import db
from app.engine.asked import Asked, Form
from app.engine.cache import Bounded
from app.engine.compile import Compiler
from app.engine.dialects import Dialect, dialect_of
from app.engine.parameters import Parameters, Source
from app.engine.reads import Read
from app.engine.selection import Pages
from app.viewers import Facts, Shape

STATEMENTS, STATEMENT_BYTES = 2_000, 32_000_000


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with one column for each read, and where each of its parameters comes from."""

    sql: str
    sources: tuple[Source, ...]


_statements: Bounded[Statement] = Bounded(entries=STATEMENTS, most_bytes=STATEMENT_BYTES)


async def run(
    reads: Sequence[Read],
    own: Sequence[Any],
    facts: Facts,
    givens: Mapping[int, Mapping[str, Any]],
    cursor_key: bytes,
) -> Sequence[bytes | None]:
    """The JSON of each read, in one statement; None for null.

    `own` has one value for each read. `givens` are coerced arguments by the identity of their field node. Raises
    BadUserInput for arguments that cannot be asked.
    """
    dialect = dialect_of(db.dialect())
    pages = [each for read in reads for each in read.pages]
    asked = [Asked.of(each, givens.get(id(each.node)) or {}, cursor_key, dialect) for each in pages]
    statement = _statement(tuple(reads), facts.shape, dialect, pages, [each.form for each in asked])
    values = (facts.values, [dialect.value(each) for each in own], *(each.values for each in asked))
    row = await db.fetch_row(statement.sql, [values[group][place] for group, place in statement.sources])
    return [value.encode() if isinstance(value, str) else value for value in row]


def _statement(
    reads: tuple[Read, ...], shape: Shape, dialect: Dialect, pages: Sequence[Pages], forms: Sequence[Form]
) -> Statement:
    key = (reads, shape, dialect.name, *forms)
    known = _statements.get(key)
    if known is not None:
        return known
    parameters = Parameters(shape, dialect)
    numbered = {each: (number, form) for number, (each, form) in enumerate(zip(pages, forms, strict=True))}
    compiler = Compiler(dialect, shape, parameters, numbered)
    columns = ", ".join(dialect.text(read.sql(compiler, place)) for place, read in enumerate(reads))
    aside = f"WITH {', '.join(compiler.asides)} " if compiler.asides else ""
    made = Statement(f"{aside}SELECT {columns}", tuple(parameters.sources))
    return _statements.put(key, made, 2 * len(made.sql) + 500)
