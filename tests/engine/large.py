"""A hundred thousand contacts on PostgreSQL, half of them in one project: what a planner decides by. Made by SQL, quickly."""

from itertools import product
from typing import Any
from uuid import UUID

import asyncpg

from app.demo import words
from app.text import fold, sort_key

BIG_PROJECT, PROJECTS, CONTACTS = 1, 100, 100_000

#: Ids say what they are of: the kind, then the number.
_ID = "lpad(to_hex({kind}), 8, '0') || '-0000-7000-8000-' || lpad(to_hex({number}), 12, '0')"


def id_of(kind: int, number: int) -> UUID:
    return UUID(f"{kind:08x}-0000-7000-8000-{number:012x}")


def sql_id(kind: int, number: str) -> str:
    """The same, of a number that SQL works out."""
    return f"({_ID.format(kind=kind, number=number)})::uuid"


ACCOUNT, PROJECT, DIVISION, EMPLOYEE, CONTACT, ACTIVITY, REMINDER = range(1, 8)
#: Every second contact is the big project's.
_PROJECT_OF = f"CASE WHEN n % 2 = 0 THEN {BIG_PROJECT} ELSE 1 + (n / 2) % {PROJECTS} END"
_AT = "'2026-01-01'::timestamptz + n * interval '1 minute'"


async def fill(url: str) -> None:
    """Into a migrated, empty database. Project n has the employees 10 n to 10 n + 9; the first is its director."""
    connection = await asyncpg.connect(url)
    try:
        # Without checking every link, which would take most of the time.
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        await _names(connection)
        indexes = await _drop_indexes(connection)
        for statement in (*_STATEMENTS, *indexes, "VACUUM ANALYZE"):
            await connection.execute(statement)
    finally:
        await connection.close()


async def _names(connection: "asyncpg.Connection[Any]") -> None:
    names = [" ".join(parts) for parts in product(words.SURNAMES, words.TRADES, words.FORMS)]
    rows = [(number, name, sort_key(name), fold(name)) for number, name in enumerate(names)]
    await connection.execute(
        'CREATE TEMP TABLE names (number int, name text, sort_key text COLLATE "C", folded text)'
    )
    await connection.copy_records_to_table("names", records=rows)


async def _drop_indexes(connection: "asyncpg.Connection[Any]") -> list[str]:
    """What makes them again: at once they are made in a third of the time that row by row takes."""
    found = await connection.fetch(
        """SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made FROM pg_index
           WHERE indrelid IN ('contacts'::regclass, 'activities'::regclass, 'reminders'::regclass)
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"""
    )
    for row in found:
        await connection.execute(f"DROP INDEX {row['name']}")
    return [row["made"] for row in found]


_STATEMENTS = (
    f"""INSERT INTO accounts (id, email, name, version, created_at, updated_at)
        SELECT {sql_id(ACCOUNT, "n")}, n || '@example.cz', 'Osoba ' || n, 1, {_AT}, {_AT}
        FROM generate_series(10, {PROJECTS * 10 + 9}) n""",
    f"""INSERT INTO projects
          (id, name, sort_key, time_zone, daily_delete_limit, external_read_limit, created_by_id, version, created_at,
           updated_at)
        SELECT {sql_id(PROJECT, "n")}, 'Firma ' || n, 'firma ' || n, 'Europe/Prague', 100, 300, {sql_id(ACCOUNT, "10")}, 1, {_AT},
          {_AT}
        FROM generate_series(1, {PROJECTS}) n""",
    f"""INSERT INTO divisions (id, project_id, name, sort_key, version, created_at, updated_at)
        SELECT {sql_id(DIVISION, "n")}, {sql_id(PROJECT, "n / 20")}, 'Divize ' || n, 'divize ' || n, 1, {_AT}, {_AT}
        FROM generate_series(20, {PROJECTS * 20 + 19}) n""",
    f"""INSERT INTO employees
          (id, project_id, account_id, name, sort_key, search_text, email, roles, division_scope, can_delete_contacts,
           can_send_bulk_email, status, feed_number, version, created_at, updated_at)
        SELECT {sql_id(EMPLOYEE, "n")}, {sql_id(PROJECT, "n / 10")}, {sql_id(ACCOUNT, "n")}, 'Osoba ' || n, 'osoba ' || n,
          'osoba ' || n, n || '@example.cz', CASE WHEN n % 10 = 0 THEN 'DIRECTOR' ELSE 'SALES_REP' END, 'ALL', false,
          false, 'ACTIVE', 0, 1, {_AT}, {_AT}
        FROM generate_series(10, {PROJECTS * 10 + 9}) n""",
    f"""INSERT INTO contacts
          (id, project_id, division_id, owner_id, name, sort_key, search_text, ico, email, phone, city, status,
           created_by_id, version, created_at, updated_at)
        SELECT {sql_id(CONTACT, "n")}, {sql_id(PROJECT, "p")}, {sql_id(DIVISION, "20 * p + n % 20")},
          {sql_id(EMPLOYEE, "10 * p + n % 10")}, names.name, names.sort_key,
          names.folded || ' ' || 10000000 + n || ' brno ' || n || '@example.cz +420' || 601000000 + n * 7,
          10000000 + n, n || '@example.cz', '+420' || 601000000 + n * 7, 'Brno', 'LEAD',
          {sql_id(EMPLOYEE, "10 * p")}, 1, {_AT}, {_AT}
        FROM (SELECT n, {_PROJECT_OF} AS p FROM generate_series(0, {CONTACTS - 1}) n) c
        JOIN names ON names.number = (n::bigint * 7919) % (SELECT count(*) FROM names) ORDER BY n""",
    f"""INSERT INTO activities (id, project_id, contact_id, author_id, kind, area, summary, occurred_at, created_at)
        SELECT {sql_id(ACTIVITY, "n")}, {sql_id(PROJECT, "p")}, {sql_id(CONTACT, "c")}, {sql_id(EMPLOYEE, "10 * p + n % 10")},
          'CALL', 'SALES', 'Hovor ' || n, {_AT}, {_AT}
        FROM (SELECT n, c, (SELECT {_PROJECT_OF} FROM (SELECT c AS n) of) AS p
              FROM (SELECT n, n % {CONTACTS} AS c FROM generate_series(0, {2 * CONTACTS - 1}) n) a) a""",
    f"""INSERT INTO reminders
          (id, project_id, assignee_id, contact_id, created_by_id, kind, title, due_at, alert_at, state, version,
           created_at, updated_at)
        SELECT {sql_id(REMINDER, "n")}, {sql_id(PROJECT, "p")}, {sql_id(EMPLOYEE, "10 * p + n % 10")}, {sql_id(CONTACT, "n")},
          {sql_id(EMPLOYEE, "10 * p")}, 'TASK', 'Zavolat', {_AT}, {_AT}, 'OPEN', 1, {_AT}, {_AT}
        FROM (SELECT n, {_PROJECT_OF} AS p FROM generate_series(0, {CONTACTS - 1}) n) c""",
)
