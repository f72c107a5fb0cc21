"""Schema editors of the migration runner: Tortoise's, with what they get wrong put right.

On both engines: the constraints of a new table reach the database, an added field gets its index, and an
index may name a foreign key by its field. On SQLite a rebuilt table keeps its indexes, uniques, checks and
triggers.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from copy import copy
from types import SimpleNamespace
from typing import Any, cast

from tortoise.fields.base import Field
from tortoise.fields.relational import ForeignKeyFieldInstance, ManyToManyFieldInstance
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor, SqliteSchemaEditor
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.models import Model

from app import db_indexes
from app.db_engines import Postgres

Constraint = UniqueConstraint | CheckConstraint
AnyField = Field[Any]


def statements(script: str) -> Iterator[str]:
    """The statements of an SQL script; a `;` in a text, a comment or a trigger's body ends none."""
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n\t;"):
                yield statement.strip()
            statement = ""
    if statement.strip(" \n\t;"):
        yield statement.strip()


def _altered(model: type[Model], **meta: Any) -> type[Model]:
    """What an editor needs to know of `model`, with parts of its Meta replaced."""
    changed = copy(model._meta)
    for name, value in meta.items():
        setattr(changed, name, value)
    return cast(type[Model], SimpleNamespace(_meta=changed))


def _column_of(field: AnyField) -> str:
    return field.source_field or field.model_field_name


def _key_field(model: type[Model], name: str) -> AnyField:
    """The field that is the column: for a foreign key the one that holds the id."""
    field = model._meta.fields_map[name]
    return model._meta.fields_map[_column_of(field)] if isinstance(field, ForeignKeyFieldInstance) else field


class _Repaired(BaseSchemaEditor):
    def _generate_index_name(self, prefix: str, model: type[Model], field_names: list[str]) -> str:
        return super()._generate_index_name(
            prefix, model, self._resolve_fields_to_columns(model, field_names)
        )

    def _get_index_sql(
        self, model: type[Model], field_names: Sequence[str], *args: Any, **kwargs: Any
    ) -> str:
        columns = self._resolve_fields_to_columns(model, list(field_names))
        return super()._get_index_sql(model, columns, *args, **kwargs)

    async def create_model(self, model: type[Model]) -> None:
        await super().create_model(model)
        for constraint in self._constraints_apart(model):
            await self.add_constraint(model, constraint)

    def _constraints_apart(self, model: type[Model]) -> list[Constraint]:
        """Constraints that CREATE TABLE leaves out."""
        return list(model._meta.constraints)

    async def add_field(self, model: type[Model], field_name: str) -> None:
        await super().add_field(model, field_name)
        if isinstance(model._meta.fields_map[field_name], ManyToManyFieldInstance):
            return
        field = _key_field(model, field_name)
        if field.index and not field.pk:
            await self.add_index(model, Index(fields=(_column_of(field),)))


class PostgresEditor(_Repaired, AsyncpgSchemaEditor):
    async def _run_sql(self, sql: str) -> None:
        """Without a transaction: indexes only, while the application writes."""
        if isinstance(self.client, Postgres) and not self.atomic:
            await db_indexes.run(self.client, sql)
        else:
            await super()._run_sql(sql)

    async def alter_field(self, old_model: type[Model], new_model: type[Model], field_name: str) -> None:
        await super().alter_field(old_model, new_model, field_name)
        old, new = old_model._meta.fields_map[field_name], new_model._meta.fields_map[field_name]
        if not (isinstance(old, ForeignKeyFieldInstance) and isinstance(new, ForeignKeyFieldInstance)):
            return
        if _reference(old) != _reference(new):
            await self._replace_foreign_key(new_model, new)

    async def _replace_foreign_key(self, model: type[Model], field: "ForeignKeyFieldInstance[Any]") -> None:
        """Tortoise alters the column and forgets the constraint, which PostgreSQL named by itself."""
        table, column = model._meta.db_table, _column_of(field)
        to_table, to_column, on_delete = _reference(field)
        await self._run_sql(
            f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_{column}_fkey", '
            f'ADD CONSTRAINT "{table}_{column}_fkey" FOREIGN KEY ("{column}") '
            f'REFERENCES "{to_table}" ("{to_column}") ON DELETE {on_delete}'
        )


def _reference(field: "ForeignKeyFieldInstance[Any]") -> tuple[str, str, str]:
    return (
        field.related_model._meta.db_table,
        _column_of(field.to_field_instance),
        str(field.on_delete),
    )


class SqliteEditor(_Repaired, SqliteSchemaEditor):
    """Changes a column by building the table anew, as SQLite's manual asks.

    Uniques are named indexes here, never part of the table, so that they can be dropped one by one and are
    found in sqlite_master. The caller has switched foreign keys off (they would delete the children's rows
    with the old table) and checks them before it commits.
    """

    _inner_checks: Sequence[str] = ()

    async def _run_sql(self, sql: str) -> None:
        for statement in statements(sql):
            await self.client.execute_query(statement)

    def _get_model_sql_data(self, model: type[Model]) -> Any:
        self._inner_checks = [
            self.CHECK_CONSTRAINT_CREATE_TEMPLATE.format(name=constraint.name, check=constraint.check)
            for constraint in model._meta.constraints
            if isinstance(constraint, CheckConstraint)
        ]
        return super()._get_model_sql_data(_altered(model, unique_together=()))

    def _get_inner_statements(self) -> list[str]:
        return list(self._inner_checks)

    def _constraints_apart(self, model: type[Model]) -> list[Constraint]:
        together = [UniqueConstraint(fields=tuple(fields)) for fields in model._meta.unique_together]
        return [*together, *(c for c in model._meta.constraints if isinstance(c, UniqueConstraint))]

    async def add_constraint(self, model: type[Model], constraint: Constraint) -> None:
        if isinstance(constraint, CheckConstraint):
            await self._rebuild(model)
            return
        columns = self._resolve_fields_to_columns(model, constraint.fields)
        await self._run_sql(
            self.UNIQUE_INDEX_CREATE_TEMPLATE.format(
                index_name=self._constraint_name_for_model(model, constraint),
                table_name=self.quote(model._meta.db_table),
                fields=", ".join(self.quote(column) for column in columns),
                extra=f" WHERE {constraint.condition}" if constraint.condition else "",
            )
        )

    async def remove_constraint(self, model: type[Model], constraint: Constraint) -> None:
        if isinstance(constraint, CheckConstraint):
            others = tuple(c for c in model._meta.constraints if c != constraint)
            await self._rebuild(_altered(model, constraints=others))
            return
        await self._run_sql(self._drop_index_sql(model, self._constraint_name_for_model(model, constraint)))

    async def rename_constraint(
        self, model: type[Model], old_constraint: Constraint, new_constraint: Constraint
    ) -> None:
        if isinstance(new_constraint, CheckConstraint):
            await self._rebuild(model)
            return
        await self.remove_constraint(model, old_constraint)
        await self.add_constraint(model, new_constraint)

    async def add_field(self, model: type[Model], field_name: str) -> None:
        """ADD COLUMN where SQLite can; a unique or mandatory column only a new table can have."""
        if isinstance(model._meta.fields_map[field_name], ManyToManyFieldInstance):
            await super().add_field(model, field_name)
            return
        field = _key_field(model, field_name)
        if not field.unique and (field.null or field.has_db_default()):
            await super().add_field(model, field_name)
            return
        await self._rebuild(model)
        if field.index:
            await self.add_index(model, Index(fields=(_column_of(field),)))

    async def remove_field(self, model: type[Model], field: AnyField) -> None:
        if isinstance(field, ManyToManyFieldInstance):
            await super().remove_field(model, field)
            return
        column = _column_of(field)
        kept = {name: col for name, col in model._meta.fields_db_projection.items() if col != column}
        await self._rebuild(_altered(model, fields_db_projection=kept))

    async def _alter_field(self, model: type[Model], old_field: AnyField, new_field: AnyField) -> None:
        old_column, column = _column_of(old_field), _column_of(new_field)
        if old_column != column:
            await self._run_sql(
                self.RENAME_FIELD_TEMPLATE.format(
                    table=self.quote(model._meta.db_table), old_column=old_column, new_column=column
                )
            )
        await self._rebuild(model)
        if old_field.index and not new_field.index:
            await self.remove_index(model, Index(fields=(column,)))
        if new_field.index and not old_field.index:
            await self.add_index(model, Index(fields=(column,)))

    async def _rebuild(self, model: type[Model]) -> None:
        """Give the table the shape `model` has; rows, indexes and triggers stay.

        Columns that `model` lacks are dropped, with the indexes over them. New columns are empty.
        """
        table = model._meta.db_table
        beside = f"new__{table}"
        old_columns = await self._columns(table)
        columns = [c for c in model._meta.fields_db_projection.values() if c in old_columns]
        attached = await self._attached(table, lost=set(old_columns) - set(columns))
        create = next(statements(self._get_model_sql_data(_altered(model, db_table=beside)).table_sql))
        names = ", ".join(self.quote(column) for column in columns)
        await self._run_sql(create)
        await self._run_sql(f'INSERT INTO "{beside}" ({names}) SELECT {names} FROM "{table}"')  # noqa: S608
        await self._replace_table(table, beside)
        for statement in attached:
            await self.client.execute_query(statement)

    async def _replace_table(self, table: str, beside: str) -> None:
        # Otherwise RENAME would stumble over triggers of other tables that mention the one just dropped.
        await self.client.execute_query("PRAGMA legacy_alter_table=ON")
        await self._run_sql(f'DROP TABLE "{table}"; ALTER TABLE "{beside}" RENAME TO "{table}"')
        await self.client.execute_query("PRAGMA legacy_alter_table=OFF")

    async def _columns(self, table: str) -> list[str]:
        rows = await self.client.execute_query_dict(f'PRAGMA table_info("{table}")')
        return [row["name"] for row in rows]

    async def _attached(self, table: str, lost: set[str]) -> list[str]:
        """The statements that made the table's indexes and triggers, but for indexes over lost columns."""
        rows = await self.client.execute_query_dict(
            "SELECT type, name, sql FROM sqlite_master "
            "WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid",
            [table],
        )
        return [
            row["sql"]
            for row in rows
            if row["type"] == "trigger" or not lost & await self._indexed(row["name"])
        ]

    async def _indexed(self, index: str) -> set[str]:
        rows = await self.client.execute_query_dict(f'PRAGMA index_info("{index}")')
        return {row["name"] for row in rows}
