"""What PostgreSQL and SQLite do for the statements of every registered sweep, in functions and triggers too.

Workers make them every few seconds, whatever the size of the tables: none may be read as a whole.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app import db, models
from app.models import EmailState
from app.policy import Role
from app.workers import emails, supervision, sweeps
from app.workers.sweeps import Sweep
from tests.databases import Databases
from tests.engine.large import BIG_PROJECT, PROJECT, id_of
from tests.engine.large_rest import EMAIL, SHARE, fill
from tests.engine.plan_nodes import rows_read
from tests.factories import (
    LONG_AGO,
    NOON,
    make_account,
    make_account_token,
    make_activity,
    make_audit_entry,
    make_contact,
    make_email,
    make_employee,
    make_external_question,
    make_external_read,
    make_external_searches,
    make_idempotency_record,
    make_lead_share,
    make_partner,
    make_person,
    make_project,
    make_reminder,
    make_reminder_event,
    make_session,
)
from tests.graphql import bells, settings

__all__ = ["bells", "settings"]

assert supervision.__name__  # it imports the modules that register sweeps
#: One round of each: mail is sent for ever, and this is what it does when it is woken.
SWEEPS = [emails.send_due if function is emails.send else function for function, _ in sweeps.SWEEPS]

TABLES = {each._meta.db_table for each in models.PURGE_ORDER} | {
    "accounts",
    "projects",
    "audit_entries",
    "sign_in_attempts",
}

#: Tables with more rows are large.
LARGE = 5_000
#: A project of so many rows is purged; nothing else reads as many.
MOST_READ = 3_000
DOOMED = 8

_DUE = f"""
    UPDATE emails SET state = 'QUEUED', next_attempt_at = now() - interval '1 minute', sent_at = NULL
      WHERE id IN ('{id_of(EMAIL, 1)}', '{id_of(EMAIL, 3)}');
    UPDATE emails SET state = 'SENDING', lease_until = now() - interval '1 minute', sent_at = NULL
      WHERE id IN ('{id_of(EMAIL, 5)}', '{id_of(EMAIL, 7)}');
    UPDATE lead_shares SET valid_until = now() - interval '1 minute', closed_at = NULL, recalled_at = NULL
      WHERE id IN ('{id_of(SHARE, 2)}', '{id_of(SHARE, 4)}');
    UPDATE lead_shares SET recalled_at = now(), closed_at = NULL WHERE id = '{id_of(SHARE, 6)}';
    UPDATE employees SET reminder_interval_minutes = 10, next_popup_at = now() - interval '1 minute'
      WHERE project_id = '{id_of(PROJECT, BIG_PROJECT)}' AND roles = 'SALES_REP';
    UPDATE projects SET deletion_requested_at = now() - interval '31 days', purge_after = now() - interval '1 day'
      WHERE id = '{id_of(PROJECT, DOOMED)}'
"""
#: Of each so many are older than housekeeping lets them become.
_OLD = {
    "sessions": ("revoked_at", "expires_at", "absolute_expires_at"),
    "account_tokens": ("expires_at",),
    "sign_in_attempts": ("at",),
    "idempotency_records": ("created_at",),
    "external_reads": ("read_at",),
    "external_searches": ("began_at",),
    "external_questions": ("asked_at",),
    "reminder_events": ("created_at",),
    "audit_entries": ("created_at",),
}


@pytest.fixture(scope="module")
async def large_url(databases: Databases) -> AsyncIterator[str]:
    url = await databases.filled("large_rest", fill)
    connection = await asyncpg.connect(url)
    await connection.execute(f"SET session_replication_role = replica; {_DUE}")
    for table, columns in _OLD.items():
        for place, column in enumerate(columns):
            await connection.execute(
                f"UPDATE {table} SET {column} = '2020-01-01' WHERE id IN "
                f"(SELECT id FROM {table} ORDER BY id OFFSET {10 * place} LIMIT 10)"
            )
    await connection.execute("VACUUM ANALYZE")
    database = await connection.fetchval("SELECT current_database()")
    for name, value in _EXPLAINING.items():
        await connection.execute(f"ALTER DATABASE {database} SET {name} = {value}")
    await connection.close()
    yield url
    await databases.drop(url)


#: The server itself writes down how it ran each statement.
_EXPLAINING = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": 0,
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
}


@pytest.fixture
async def large(large_url: str, settings: object, bells: object) -> AsyncIterator[str]:
    await db.connect(large_url)
    yield large_url
    await db.close()


@pytest.mark.parametrize("function", SWEEPS, ids=lambda function: function.__qualname__)
async def test_no_sweep_reads_a_whole_table(large: str, databases: Databases, function: Sweep) -> None:
    tables = {
        row["relname"] for row in await db.fetch(f"SELECT relname FROM pg_class WHERE reltuples > {LARGE}")
    }
    before = databases.log.stat().st_size

    await function()

    found = list(_plans(databases.log, before))
    assert found, "nothing was written down"
    assert [each for plan in found for each in _faults(plan, tables)] == []


def _plans(log: Path, since: int) -> Iterator[dict[str, Any]]:
    written = log.read_bytes()[since:].decode()
    for entry in written.split("  plan:\n")[1:]:
        plan, _ = json.JSONDecoder().raw_decode(entry.lstrip())
        if " current_database" not in plan["Query Text"]:
            yield plan


def _faults(plan: dict[str, Any], tables: set[str]) -> Iterator[str]:
    for node in _nodes(plan["Plan"]):
        if "Relation Name" not in node:
            continue
        read = rows_read(node)
        is_whole = node["Node Type"] == "Seq Scan" and node["Relation Name"] in tables
        if is_whole or read > MOST_READ:
            yield f"{node['Node Type']} of {node['Relation Name']} reads {read} rows: {' '.join(plan['Query Text'].split())}"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


@pytest.fixture
async def due(database: str, settings: object, bells: object) -> None:
    """Something to do for each sweep."""
    project, doomed = (
        await make_project(),
        await make_project(deletion_requested_at=LONG_AGO, purge_after=NOON),
    )
    for each in (project, doomed):
        employee = await make_employee(
            each, [Role.SALES_REP], reminder_interval_minutes=10, next_popup_at=NOON
        )
        contact, account = await make_contact(each), await make_account()
        await make_person(contact)
        await make_reminder(employee, contact=contact)
        await make_reminder_event(employee)
        await make_activity(contact, employee)
        await make_idempotency_record(employee)
        await make_session(account, employee, revoked_at=NOON)
        await make_account_token(account, expires_at=NOON)
        await make_external_read(employee, contact)
        await make_external_searches(employee)
        await make_external_question(employee)
        await make_lead_share(each, await make_partner(each), [contact], valid_until=NOON)
        await make_email(each)
        await make_email(each, state=EmailState.SENDING)
        await make_audit_entry(each, created_at=LONG_AGO)


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("function", SWEEPS, ids=lambda function: function.__qualname__)
async def test_nor_on_sqlite(due: None, function: Sweep) -> None:
    statements: list[str] = []
    async with db.connection().acquire_connection() as connection:
        raw = connection
    await raw.set_trace_callback(statements.append)
    await function()
    await raw.set_trace_callback(None)
    asked = {each for each in statements if _READS.match(each) and "WHERE 1=0" not in each}
    plans = {sql: await raw.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}") for sql in asked}

    assert plans
    assert [(row[3], sql) for sql, rows in plans.items() for row in rows if _is_scan_of_a_table(row[3])] == []


_READS = re.compile(r"\s*(SELECT|UPDATE|DELETE|WITH)\b")


def _is_scan_of_a_table(step: str) -> bool:
    """A partial index has few rows, and whoever scans it wants all of them."""
    is_scan = re.match(r"SCAN (\w+)", step)
    return is_scan is not None and is_scan[1] in TABLES and "INDEX part_" not in step
