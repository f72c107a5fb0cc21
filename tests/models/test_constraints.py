"""What the tables themselves hold to, on both engines."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.migrations.constraints import CheckConstraint
from tortoise.transactions import in_transaction

from app import db
from app.models import (
    AuditEntry,
    Contact,
    EmailState,
    EmailVia,
    Employee,
    EmployeeStatus,
    Reminder,
    ReminderEventKind,
    ReminderState,
)
from app.policy import Role
from app.text import sort_key
from tests import factories as make
from tests.models.world import all_models

PARTIAL = {"employees": 1, "reminders": 2, "emails": 2}


async def definitions(engine: str) -> str:
    """The names and texts of all constraints and indexes, as the database tells them."""
    if engine == "sqlite":
        rows = await db.fetch("SELECT name, sql FROM sqlite_master")
    else:
        rows = await db.fetch(
            "SELECT conname AS name, pg_get_constraintdef(oid) AS sql FROM pg_constraint "
            "UNION ALL SELECT indexname, indexdef FROM pg_indexes"
        )
    return "\n".join(f"{row['name']} {row['sql']}" for row in rows)


async def test_every_constraint_of_the_models_is_in_the_database(database: str) -> None:
    found = await definitions(database)

    named = [constraint.name for model in all_models() for constraint in model._meta.constraints]

    assert len(named) > 30
    assert [name for name in named if name not in found] == []


async def test_no_two_constraints_share_a_name(database: str) -> None:
    named = [constraint.name for model in all_models() for constraint in model._meta.constraints]

    assert sorted(set(named)) == sorted(named)


async def test_workers_find_their_rows_by_partial_indexes(database: str) -> None:
    found = await definitions(database)

    counts = {table: found.count(f"part_{table}_") for table in PARTIAL}

    # Each name stands twice: beside its statement, and in it.
    assert counts == {table: 2 * number for table, number in PARTIAL.items()}


async def test_every_link_has_an_index_that_begins_with_it_or_is_a_project(database: str) -> None:
    missing = []
    for model in all_models():
        leading = {index.fields[0] if hasattr(index, "fields") else index[0] for index in model._meta.indexes}
        leading |= {
            constraint.fields[0]
            for constraint in model._meta.constraints
            if not isinstance(constraint, CheckConstraint)
        }
        links = {f"{name}_id" for name in model._meta.fk_fields} - {"project_id"}
        missing += [f"{model.__name__}.{link}" for link in links - leading]

    assert missing == []


async def test_names_sort_the_czech_way_in_the_database(database: str) -> None:
    project = await make.make_project()
    for name in ("Chmel", "Hora", "Čapek", "Dvořák", "Cibulka", "Iva"):
        await make.make_contact(project, name=name)

    names = [row.name for row in await Contact.all().order_by("sort_key")]

    assert names == ["Cibulka", "Čapek", "Dvořák", "Hora", "Chmel", "Iva"]
    assert sort_key("Chmel") > sort_key("Hora")


@pytest.mark.parametrize("engine", ["postgres"])
async def test_every_sort_key_compares_by_its_bytes_whatever_the_locale(database: str) -> None:
    rows = await db.fetch(
        "SELECT table_name, collation_name FROM information_schema.columns WHERE column_name = 'sort_key'"
    )

    tables = {model._meta.db_table for model in all_models() if "sort_key" in model._meta.fields_map}
    assert {row["table_name"]: row["collation_name"] for row in rows} == dict.fromkeys(tables, "C")


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_search_uses_the_trigram_index(database: str) -> None:
    query = Contact.filter(search_text__contains="novak").only("id").sql(params_inline=True)

    async with in_transaction():
        await db.fetch("SET LOCAL enable_seqscan = off")
        plan = await db.fetch(f"EXPLAIN {query}")

    assert "trgm_contacts_search_text" in str(plan)


@pytest.mark.parametrize("minutes", [0, -1, 1441])
async def test_an_interval_out_of_range_is_refused(database: str, minutes: int) -> None:
    project = await make.make_project()

    with pytest.raises(IntegrityError):
        await make.make_employee(project, reminder_interval_minutes=minutes)

    assert not await Employee.all().exists()


@pytest.mark.parametrize("minutes", [1, 1440, None])
async def test_an_interval_in_range_is_kept(database: str, minutes: int | None) -> None:
    await make.make_employee(await make.make_project(), reminder_interval_minutes=minutes)

    assert (await Employee.get()).reminder_interval_minutes == minutes


@pytest.mark.parametrize(
    "values",
    [
        {"next_popup_at": make.NOON},
        {"status": EmployeeStatus.DEACTIVATED, "deactivated_at": None},
        {"status": EmployeeStatus.ACTIVE, "account": None},
        {"email": "Velka@example.cz", "account": None, "status": EmployeeStatus.INVITED},
        {"name": "", "sort_key": ""},
    ],
    ids=["a window without an interval", "no day of leaving", "no account", "capitals in e-mail", "no name"],
)
async def test_an_employee_that_makes_no_sense_is_refused(database: str, values: dict[str, Any]) -> None:
    project = await make.make_project()

    with pytest.raises(IntegrityError):
        await make.make_employee(project, **values)


@pytest.mark.parametrize(
    "values",
    [
        {"alert_at": make.NOON + timedelta(minutes=1)},
        {"snoozed_until": make.NOON + timedelta(minutes=10), "alert_at": make.NOON},
        {"state": ReminderState.RESOLVED},
        {"resolved_at": make.NOON},
    ],
    ids=["another alert", "snoozed in name only", "resolved never", "resolved and open"],
)
async def test_a_reminder_that_makes_no_sense_is_refused(database: str, values: dict[str, Any]) -> None:
    employee = await make.make_employee(await make.make_project())

    with pytest.raises(IntegrityError):
        await make.make_reminder(employee, **values)

    assert not await Reminder.all().exists()


@pytest.mark.parametrize(
    "values",
    [
        {"template": "invitation", "text": "tajné"},
        {"state": EmailState.SENT, "next_attempt_at": make.NOON},
        {"state": EmailState.SENDING, "lease_until": None},
        {"via": EmailVia.MAILBOX},
    ],
    ids=["a secret in a body", "sent and waiting", "sending for nobody", "a mailbox that is none"],
)
async def test_a_mail_that_makes_no_sense_is_refused(database: str, values: dict[str, Any]) -> None:
    project = await make.make_project()

    with pytest.raises(IntegrityError):
        await make.make_email(project, **values)


async def test_two_events_of_a_feed_cannot_have_one_number(database: str) -> None:
    employee = await make.make_employee(await make.make_project())
    await make.make_reminder_event(employee, number=1)

    with pytest.raises(IntegrityError):
        await make.make_reminder_event(employee, number=1)
    with pytest.raises(IntegrityError):
        await make.make_reminder_event(employee, kind=ReminderEventKind.CLOSED, reminder_id=uuid4())


async def test_roles_come_out_in_the_policys_order_and_times_in_utc(database: str) -> None:
    project = await make.make_project()
    made = await make.make_employee(project, ["ADMIN", Role.TELEPHONIST, "ADMIN"])

    read = await Employee.get()

    assert made.roles == read.roles == (Role.TELEPHONIST, Role.ADMIN)
    assert (read.created_at, read.created_at.utcoffset()) == (make.NOON, timedelta(0))


async def test_active_admins_are_found_by_their_role(database: str) -> None:
    project = await make.make_project()
    admin = await make.make_employee(project, [Role.SALES_REP, Role.ADMIN])
    await make.make_employee(project, [Role.DIRECTOR])
    await make.make_employee(project, [Role.ADMIN], status=EmployeeStatus.DEACTIVATED)
    await make.make_employee(await make.make_project(), [Role.ADMIN])

    assert [row.id for row in await Employee.active_admins(project.id)] == [admin.id]


async def test_json_comes_out_as_it_went_in(database: str) -> None:
    changes = {"name": ["Žluťoučký", None], "n": [1, 2.5, True]}
    made = await make.make_audit_entry(changes=changes)

    read = await AuditEntry.get()

    assert made.changes == read.changes == changes
