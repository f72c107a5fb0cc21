"""Very many rows, made in the database by a few statements, each far below what one may take."""

from tortoise.transactions import in_transaction

from app import db
from app.models import Account, Employee, Table

#: A new id, random but for what makes it one.
NEW_ID = {
    "postgres": "gen_random_uuid()",
    "sqlite": "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-7' || substr(hex(randomblob(2)), 2)"
    " || '-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
}

#: The id of a number, the same in every table.
_ID_OF = {
    "postgres": "CAST('00000000-0000-7000-8000-' || lpad(CAST({number} AS text), 12, '0') AS uuid)",
    "sqlite": "'00000000-0000-7000-8000-' || substr('00000000000' || ({number}), -12)",
}


#: What one statement makes: 130,000 at once took a busy machine longer than the 8 s that any statement has.
_AT_ONCE = 5_000


def id_of(number: str) -> str:
    """SQL for the id of a number that is SQL too."""
    return _ID_OF[db.dialect()].format(number=number)


async def copies(row: Table, count: int, **columns: str) -> None:
    """So many more rows like this one. `columns`: SQL for those that differ, with `n` from 1 to `count`."""
    written = {"id": NEW_ID[db.dialect()], **columns}
    names = list(row._meta.fields_db_projection)
    values = ", ".join(written.get(name, f"model.{name}") for name in names)
    for done in range(0, count, _AT_ONCE):
        last = min(done + _AT_ONCE, count)
        await without_checks(
            f"""
            WITH RECURSIVE numbers(n) AS (SELECT {done + 1} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})
            INSERT INTO {row._meta.db_table} ({", ".join(names)})
            SELECT {values} FROM numbers CROSS JOIN {row._meta.db_table} model WHERE model.id = '{row.id}'
            """
        )


async def colleagues(model: Employee, count: int, *, after: int = 0) -> None:
    """So many more employees like this one, each with an account; number n has `id_of("n")`, counted on from `after`."""
    account = await Account.get(id=model.account_id)
    mine, email = id_of(f"n + {after}"), f"'osoba' || (n + {after}) || '@example.cz'"
    await copies(account, count, id=mine, email=email)
    await copies(model, count, id=mine, account_id=mine, email=email)


async def without_checks(sql: str) -> None:
    """On PostgreSQL without looking after each link, which takes most of the time."""
    async with in_transaction():
        if db.dialect() == "postgres":
            await db.fetch("SET LOCAL session_replication_role = replica")
        await db.fetch(sql)


async def after_filling() -> None:
    """Lets the planner know."""
    await db.fetch("ANALYZE")
