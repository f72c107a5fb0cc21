"""Every mutation leaves an entry for each row it changes, with what changed, by whom and from where; never a secret."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from tortoise.models import Model

from app.engine.declare import TABLES
from app.models import AuditEntry, Table
from app.schema import build
from app.schema.audit_fields import field_of
from tests.graphql import OTHER_PASSWORD, PASSWORD, Client
from tests.models.world import all_models
from tests.schema.audit_cases import CASES, make_firm

Rows = dict[tuple[str, UUID], dict[str, Any]]
Noted = dict[tuple[str, UUID], set[str]]

#: Kept by the system for itself: feeds, repeated requests, what limits count. The log itself.
MACHINERY = {
    "AuditEntry",
    "ReminderEvent",
    "IdempotencyRecord",
    "SignInAttempt",
    "ExternalQuestion",
    "ExternalRead",
    "ExternalSearches",
    "WriteCheck",
}
#: Rows that are a part of another, which is noted: the other's type, and the column with its id.
PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "AccountToken": (("Division", "division_id"), ("Project", "project_id"), ("Account", "account_id")),
    "Invitation": (("Employee", "employee_id"),),
    "EmployeeDivision": (("Employee", "employee_id"),),
    "EmailRecipient": (("Email", "email_id"),),
    "LeadShareContact": (("Contact", "contact_id"),),
}
#: What the entry of the other says of a part that came or went. Where mail of the system goes to, some entry says.
TELLING: Mapping[str, str] = {
    "EmailRecipient": "address",
    "EmployeeDivision": "division_id",
    "LeadShareContact": "share_id",
}
#: Worked out from other columns, or moved by the clock.
WORKED_OUT: Mapping[str, set[str]] = {
    "": {"version", "updated_at", "sort_key", "search_text"},
    "Employee": {"next_popup_at", "last_popup_at", "feed_number", "account_id"},
    "Session": {"last_used_at", "expires_at", "client_ip"},
    "Reminder": {"alert_at"},
    # What people wrote to each other, and how far it is on its way.
    "Email": {"text", "html", "next_attempt_at", "lease_until", "message_id", "from_name", "division_id"},
    "ContactProposal": {"decided_by_id", "decided_at", "note"},
    "LeadShare": {"closed_at"},
}
SECRET = {"Account": {"password_hash"}}
#: Noted, and shown to nobody: of accounts and sessions no project reads more than that something happened.
NOT_SHOWN = {"Account", "Session", ""}


async def rows() -> Rows:
    return {
        (model.__name__, row["id"]): row
        for model in all_models()
        if model.__name__ not in MACHINERY
        for row in await model.all().values()
    }


def changed_columns(before: Rows, after: Rows) -> dict[tuple[str, UUID], set[str]]:
    """The columns that changed of each row, or that a new one has a value in; nothing of one that went, for it is to be gone."""
    found: dict[tuple[str, UUID], set[str]] = {}
    for row in before.keys() | after.keys():
        old, new = before.get(row), after.get(row)
        if new is None:
            found[row] = set()
        elif old is None:
            found[row] = _given(row[0], new) - of_itself(row[0])
        elif differing := {name for name in new if old[name] != new[name]} - of_itself(row[0]):
            found[row] = differing
    return found


def _given(type_name: str, new: Mapping[str, Any]) -> set[str]:
    """Where a new row has a value, but for what every new one has, and what the entry itself says of it."""
    model = next(each for each in all_models() if each.__name__ == type_name)
    defaults = {name: field.default for name, field in model._meta.fields_map.items()}
    itself = {"id", "project_id", "contact_id", "created_at", "created_by_id", "proposed_by_id"}
    return {name for name, value in new.items() if value not in (None, "", defaults[name])} - itself


def of_itself(type_name: str) -> set[str]:
    return WORKED_OUT[""] | WORKED_OUT.get(type_name, set())


def is_noted(row: tuple[str, UUID], columns: Mapping[str, Any], noted: Noted) -> bool:
    """Itself, or what it is a part of; mail of the system is what was done to an account or employee."""
    parts = [(owner, columns[column]) for owner, column in PARTS.get(row[0], ()) if columns[column]]
    is_system_mail = (columns.get("template") is not None or "email_id" in columns) and noted
    return row in noted or any(part in noted for part in parts) or bool(is_system_mail)


async def run(name: str, client: Client, sent: Mapping[str, Any] | None) -> None:
    field = build()._schema.mutation_type.fields[name]  # type: ignore[union-attr]
    heading, argument = "", ""
    if sent is not None:
        heading, argument = f"($input: {field.args['input'].type})", "(input: $input)"
    answer = await client.run(
        f"mutation {heading} {{ {name}{argument} {{ errors {{ message code path }} }} }}",
        **({"input": sent} if sent is not None else {}),
    )
    assert answer.faults(name) == []


def test_there_is_a_case_for_every_mutation() -> None:
    mutations = build()._schema.mutation_type
    assert mutations is not None and set(mutations.fields) == set(CASES)


@pytest.mark.parametrize("name", CASES)
async def test_every_row_that_a_mutation_changes_is_noted(name: str) -> None:
    firm = await make_firm()
    client, sent = await CASES[name](firm)
    client.ip = "198.51.100.7"
    await client.sign_in()
    before = await rows()

    await run(name, client, sent)

    after, entries = await rows(), await AuditEntry.all()
    noted: Noted = {}
    for entry in entries:
        noted.setdefault((entry.subject, entry.subject_id), set()).update(entry.changes)  # type: ignore[arg-type]
    changed = changed_columns(before, after)
    assert changed, "The case changes nothing."
    unnoted = {
        row for row in changed if not is_noted(row, {**before.get(row, {}), **after.get(row, {})}, noted)
    }
    assert unnoted == set()
    missing = {
        row: left
        for row, columns in changed.items()
        if row in noted and row[0] != "Session"
        if (left := columns - noted[row] - SECRET.get(row[0], set()))
    }
    assert missing == {}
    check_parts_are_told(before, after, entries)
    check_something_is_told(entries)
    check_where_from(name, entries)
    check_where_they_belong(entries, {**before, **after})
    check_what_is_shown(entries)
    await check_for_secrets(entries, sent)


#: Their input can be sent again, when it asks for what is there already.
REPEATABLE = (
    "contactUpdate",
    "divisionArchive",
    "divisionUpdate",
    "employeeDeactivate",
    "employeeReactivate",
    "employeeUpdate",
    "leadShareAdd",
    "leadShareRecall",
    "leadShareRemove",
    "leadShareUpdate",
    "partnerArchive",
    "partnerUpdate",
    "personUpdate",
    "projectUpdate",
    "reminderReassign",
    "reminderResolve",
    "reminderUpdate",
    "sessionRevoke",
    "viewerUpdate",
)


@pytest.mark.parametrize("name", REPEATABLE)
async def test_what_changes_nothing_leaves_no_entry(name: str) -> None:
    firm = await make_firm()
    client, sent = await CASES[name](firm)
    await run(name, client, sent)
    before, entries = await rows(), await AuditEntry.all().count()

    await run(name, client, {key: value for key, value in (sent or {}).items() if key != "expectedVersion"})

    assert changed_columns(before, await rows()) == {}
    assert await AuditEntry.all().count() == entries


@pytest.mark.parametrize("name", ["activityRecord", "contactCreate", "reminderCreate", "emailSend"])
async def test_of_a_mutation_and_its_repeats_one_leaves_entries(name: str) -> None:
    firm = await make_firm()
    client, sent = await CASES[name](firm)
    await run(name, client, {**(sent or {}), "idempotencyKey": "once"})
    entries = await AuditEntry.all().count()

    for _ in range(20):
        await run(name, client, {**(sent or {}), "idempotencyKey": "once"})

    assert await AuditEntry.all().count() == entries > 0


def check_parts_are_told(before: Rows, after: Rows, entries: list[AuditEntry]) -> None:
    """Which parts came, and which went, stands in an entry of what they are parts of, as long as that is there."""
    for row in before.keys() ^ after.keys():
        values = after.get(row) or before[row]
        owners = [(owner, values[column]) for owner, column in PARTS.get(row[0], ())]
        told = [str(entry.changes) for entry in entries if (entry.subject, entry.subject_id) in owners]
        if row[0] == "EmailRecipient" and not told:
            told = [str(entry.changes) for entry in entries]
        if row[0] in TELLING and any(owner in after for owner in owners):
            assert any(str(values[TELLING[row[0]]]) in each for each in told), row


def check_something_is_told(entries: list[AuditEntry]) -> None:
    """Each entry says what happened; of sessions and accounts their owner knows, and nobody else reads."""
    for entry in entries:
        said = [pair for pair in entry.changes.values() if pair[0] != pair[1]]
        assert entry.subject in NOT_SHOWN or (said and len(said) == len(entry.changes)), entry.subject


def check_where_from(name: str, entries: list[AuditEntry]) -> None:
    assert {entry.action for entry in entries} == {name}
    assert {entry.client_ip for entry in entries} == {"198.51.100.7"}
    assert len({entry.request_id for entry in entries}) == 1 and entries[0].request_id
    # Whoever opens a mailed link to prove an address, or has one mailed, is nobody yet.
    is_known = name not in ("addressVerify", "emailVerify", "passwordResetRequest")
    assert {entry.account_id is not None for entry in entries} == {is_known}
    assert all(entry.employee_id for entry in entries if entry.project_id and is_known)


def check_where_they_belong(entries: list[AuditEntry], rows: Rows) -> None:
    """Each entry has its row's project, and the contact that the row hangs on with its division."""
    for entry in entries:
        row = rows.get((entry.subject, entry.subject_id), {})  # type: ignore[arg-type]
        own_project = row.get("id") if entry.subject == "Project" else row.get("project_id")
        assert entry.project_id == own_project, entry.subject
        if entry.subject in ("Contact", "Person", "Activity", "Reminder", "Email"):
            contact_id = row["id"] if entry.subject == "Contact" else row["contact_id"]
            assert entry.contact_id is not None or contact_id is None, entry.subject
        if entry.contact_id is not None:
            assert entry.division_id == rows["Contact", entry.contact_id]["division_id"], entry.subject


def check_what_is_shown(entries: list[AuditEntry]) -> None:
    for entry in entries:
        if entry.subject not in NOT_SHOWN and entry.subject in TABLES:
            hidden = {column for column in entry.changes if field_of(entry.subject, column) is None}
            assert hidden <= of_itself(entry.subject), entry.subject


async def check_for_secrets(entries: list[AuditEntry], sent: Mapping[str, Any] | None) -> None:
    told = "\n".join(str(entry.changes) for entry in entries)
    secrets = {PASSWORD, OTHER_PASSWORD, "Tajný text", "Zná nás", str((sent or {}).get("token", PASSWORD))}
    for model, column in hashes():
        for row in await model.exclude(**{f"{column}__isnull": True}).values(column):
            secrets.add(row[column])
    assert not any(secret in told for secret in secrets)


def hashes() -> list[tuple[type[Table], str]]:
    """Every column that holds the hash of a secret, or a sealed one."""
    names = ("token_hash", "password_hash", "secret")
    return [(model, name) for model in all_models() for name in names if name in _columns(model)]


def _columns(model: type[Model]) -> set[str]:
    return set(model._meta.fields_db_projection)
