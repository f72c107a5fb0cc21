"""Operations for migrations that Tortoise has none for. Written by hand into a migration file.

The drift check does not see what they make: it compares models, and these are beyond the models.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

from tortoise.migrations.operations import RunSQL
from tortoise.migrations.schema_editor.base import BaseSchemaEditor

Dialect = Literal["sqlite", "postgres"]
OnDelete = Literal["NO ACTION", "RESTRICT", "CASCADE"]

_NAME_LIMIT = 63


class RunSQLOn(RunSQL):
    """Raw SQL that one engine needs and the other does not."""

    def __init__(
        self,
        dialect: Dialect,
        sql: str | Sequence[str],
        reverse_sql: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(sql, reverse_sql)
        self.dialect = dialect

    def describe(self) -> str:
        return f"Run SQL on {self.dialect}"

    async def _run_sql(self, state_editor: BaseSchemaEditor, sqls: str | Sequence[str]) -> None:
        if self.dialect == state_editor.DIALECT:
            await super()._run_sql(state_editor, sqls)


class CompositeForeignKey(RunSQLOn):
    """On PostgreSQL: a link that cannot leave its project, `(project_id, x_id) → x (project_id, id)`.

    It stands beside the single-column key of the model and must come after it. NO ACTION lets that one do
    what it does on delete (CASCADE, SET NULL) and then checks. SET NULL is refused here: it would null the
    project as well. A link that is null is not checked. Makes the unique index that it needs on the target.
    """

    def __init__(
        self,
        table: str,
        columns: Sequence[str],
        to_table: str,
        to_columns: Sequence[str] = ("project_id", "id"),
        on_delete: OnDelete = "NO ACTION",
    ) -> None:
        if on_delete not in ("NO ACTION", "RESTRICT", "CASCADE"):
            raise ValueError(f"ON DELETE {on_delete} on {table} {tuple(columns)}: it would null the project.")
        if len(columns) != len(to_columns):
            raise ValueError(
                f"{tuple(columns)} of {table} and {tuple(to_columns)} of {to_table} do not match."
            )
        name = _name("fk", table, *columns)
        super().__init__(
            "postgres",
            [
                f'CREATE UNIQUE INDEX IF NOT EXISTS "{_name("uid", to_table, *to_columns)}" '
                f'ON "{to_table}" ({_quoted(to_columns)})',
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY ({_quoted(columns)}) '
                f'REFERENCES "{to_table}" ({_quoted(to_columns)}) ON DELETE {on_delete}',
            ],
            f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"',
        )


def trigram_index(table: str, *columns: str) -> RunSQLOn:
    """On PostgreSQL: makes `column LIKE '%part%'` quick. Nothing on SQLite, which has no such index."""
    name = _name("trgm", table, *columns)
    fields = ", ".join(f'"{column}" gin_trgm_ops' for column in columns)
    return RunSQLOn(
        "postgres",
        [
            "CREATE EXTENSION IF NOT EXISTS pg_trgm",
            f'CREATE INDEX "{name}" ON "{table}" USING gin ({fields})',
        ],
        f'DROP INDEX "{name}"',
    )


def partial_index(table: str, columns: Sequence[str], where: str, *, unique: bool = False) -> RunSQL:
    """On both engines: an index over the rows where `where` holds, in SQL that both understand.

    Such as `deleted_at IS NULL` or `is_active IS TRUE`; never `is_active = 1`.
    """
    return RunSQL(*_partial_index(table, columns, where, "UNIQUE INDEX" if unique else "INDEX"))


def no_partial_index(table: str, columns: Sequence[str], where: str) -> RunSQL:
    """Drops what `partial_index` made of the same."""
    made, dropped = _partial_index(table, columns, where, "INDEX")
    return RunSQL(dropped, made)


def _partial_index(table: str, columns: Sequence[str], where: str, kind: str) -> tuple[str, str]:
    name = _name("part", table, *columns, where)
    made = f'CREATE {kind} "{name}" ON "{table}" ({_quoted(columns)}) WHERE {where}'
    return made, f'DROP INDEX "{name}"'


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _name(prefix: str, table: str, *parts: str) -> str:
    """A name within PostgreSQL's 63 bytes, the same in every database."""
    digest = sha256("\n".join((table, *parts)).encode()).hexdigest()[:8]
    readable = "_".join(part for part in (prefix, table, *parts) if part.isidentifier())
    return f"{readable[: _NAME_LIMIT - len(digest) - 1]}_{digest}"
