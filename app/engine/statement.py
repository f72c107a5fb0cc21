"""Statements: made once for the form of what is asked, then run with each request's values."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from app import db
from app.engine import cost
from app.engine.asked import Asked, Form
from app.engine.cache import Bounded, Weight
from app.engine.compile import Compiler
from app.engine.dialects import Dialect, dialect_of
from app.engine.parameters import Parameters, Source
from app.engine.reads import Read
from app.engine.selection import Pages
from app.engine.weight import weigh
from app.viewers import Facts, Shape

S = TypeVar("S")

#: Of one plan.
STATEMENTS, STATEMENT_BYTES = 200, 4_000_000

#: Coerced arguments, by the identity of their field node.
Arguments = Mapping[int, Mapping[str, Any]]
NO_ARGUMENTS: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with one column for each read, and where each of its parameters comes from."""

    sql: str
    sources: tuple[Source, ...]
    #: Of each read, for each of its ids.
    objects: tuple[int, ...]


async def run(
    reads: Sequence[Read],
    own: Sequence[Any],
    facts: Facts,
    givens: Arguments,
    cursor_key: bytes,
    statements: Bounded[Any],
) -> Sequence[bytes | None]:
    """The JSON of each read, in one statement; None for null. `statements` are those of the reads' plan.

    `own` has one value for each read. Raises BadUserInput for arguments that cannot be asked.
    """
    dialect = dialect_of(db.dialect())
    asked = asked_below(reads, givens, cursor_key, dialect)
    statement = _statement(statements, tuple(reads), facts.shape, dialect, [each.form for each in asked])
    cost.check(sum(many * ids_in(each) for many, each in zip(statement.objects, own, strict=True)))
    values = (facts.values, [dialect.value(each) for each in own], *(each.values for each in asked))
    row = await db.fetch_row(statement.sql, [values[group][place] for group, place in statement.sources])
    return [written(value) for value in row]


def ids_in(own: Any) -> int:
    """How many ids a read's own value holds, at least 1."""
    return max(1, len(own)) if isinstance(own, list | tuple) else 1


def objects_of(read: Read, givens: Arguments, cursor_key: bytes) -> int:
    """How many objects the read may bring for each of its ids. Raises BadUserInput for arguments that cannot be asked."""
    asked = asked_below([read], givens, cursor_key, dialect_of(db.dialect()))
    return cost.objects(read.below, forms_of([read], [each.form for each in asked]))


def asked_below(reads: Iterable[Read], givens: Arguments, cursor_key: bytes, dialect: Dialect) -> list[Asked]:
    """What the arguments of all connections below ask for, in reading order."""
    return [
        Asked.of(each, givens.get(id(each.node), NO_ARGUMENTS), cursor_key, dialect)
        for read in reads
        for each in read.pages
    ]


def compiler_for(
    reads: Iterable[Read], parameters: Parameters, shape: Shape, dialect: Dialect, forms: Sequence[Form]
) -> Compiler:
    """A compiler that knows the form of each connection below."""
    return Compiler(dialect, shape, parameters, forms_of(reads, forms))


def forms_of(reads: Iterable[Read], forms: Sequence[Form]) -> dict[Pages, tuple[int, Form]]:
    """The form of each connection below, with its number, in reading order."""
    pages = [each for read in reads for each in read.pages]
    return {each: (number, form) for number, (each, form) in enumerate(zip(pages, forms, strict=True))}


def written(value: str | bytes | None) -> bytes | None:
    """JSON as the driver gave it, as bytes."""
    return value.encode() if isinstance(value, str) else value


def _statement(
    statements: Bounded[Any], reads: tuple[Read, ...], shape: Shape, dialect: Dialect, forms: Sequence[Form]
) -> Statement:
    key = (reads, shape, dialect.name, *forms)
    known: Statement | None = statements.get(key)
    if known is not None:
        return known
    parameters = Parameters(shape, dialect)
    compiler = compiler_for(reads, parameters, shape, dialect, forms)
    columns = ", ".join(dialect.text(read.sql(compiler, place)) for place, read in enumerate(reads))
    aside = f"WITH {', '.join(compiler.asides)} " if compiler.asides else ""
    objects = tuple(cost.objects(read.below, compiler.forms) for read in reads)
    made = Statement(f"{aside}SELECT {columns}", tuple(parameters.sources), objects)
    return kept(statements, key, made, forms)


def kept(statements: Bounded[Any], key: Hashable, made: S, forms: Sequence[Form]) -> S:
    """`made`, among the statements of its plan, to which all of the key belongs but the forms."""
    statements.put(key, made, Weight(weigh((made, forms))))
    return made
