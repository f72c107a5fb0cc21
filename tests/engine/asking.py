"""Asking the engine while what it asks of the database is written down; within wider limits, or through graphql-core."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from app.schema import build
from app.schema.documents import Document, Documents
from app.schema.limits import Limits
from tests.graphql import Answer, Client, answer_of

WIDE = Limits(
    tokens=200_000,
    depth=200,
    selections=40_000,
    aliases=5_000,
    same_field=500,
    directives=2_000,
    fragments=500,
)
_LOG = logging.getLogger("tortoise.db_client")


class Statement(NamedTuple):
    sql: str
    parameters: Any = ()


@dataclass(frozen=True)
class Asked:
    """An answer, and the statements that were run for it; those of the session are not among them."""

    answer: Answer
    statements: list[Statement]

    @property
    def data(self) -> Any:
        """Of an answer without errors."""
        assert self.answer.errors == [], self.answer.errors
        return self.answer.data


async def ask(
    client: Client,
    document: str,
    /,
    *,
    only_core: bool = False,
    operation: str | None = None,
    **variables: Any,
) -> Asked:
    """Runs one operation. The session is read before anything is written down."""
    context = await client.context()
    with recorded() as statements:
        answer = await answer_of(read(document), operation, variables, context, only_core=only_core)
    return Asked(answer, statements)


async def both(client: Client, document: str, /, **variables: Any) -> Any:
    """The data, which graphql-core completes to the same."""
    asked = await ask(client, document, **variables)
    through_core = await ask(client, document, only_core=True, **variables)
    assert through_core.data == asked.data, (through_core.data, asked.data)
    return asked.data


def read(document: str) -> Document:
    """Parsed and validated, however large it is."""
    return _documents().read(document)


@cache
def _documents() -> Documents:
    return Documents(build()._schema, WIDE)


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """What goes to the database meanwhile."""
    writer = _Writer()
    level = _LOG.level
    _LOG.setLevel(logging.DEBUG)
    _LOG.addHandler(writer)
    try:
        yield writer.statements
    finally:
        _LOG.removeHandler(writer)
        _LOG.setLevel(level)


class _Writer(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.statements: list[Statement] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and record.args:
            sql, parameters = record.args
            self.statements.append(Statement(str(sql), parameters))
        else:
            self.statements.append(Statement(record.getMessage()))
