"""Times have one precision: what was shown of one finds it, and no other."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from graphql import GraphQLInputObjectType, get_named_type

from app.engine.declare import TABLES, Column
from app.engine.types import graphql_name
from app.models import Reminder, Table
from app.policy import Role
from app.schema import build
from tests import factories as make
from tests.graphql import Client, as_employee, as_role
from tests.schema.audit_cases import make_firm
from tests.schema.reminder_cases import CREATE

AT = datetime(2026, 3, 2, 9, 30, 15, 123_999, tzinfo=UTC)
SHOWN = "2026-03-02T09:30:15.123Z"
WALK = """query ($after: String) { reminders(first: 1, after: $after, orderBy: [{dueAt: ASC}]) {
  nodes { id } pageInfo { endCursor hasNextPage } } }"""


def time_filters() -> Iterator[tuple[str, str, str]]:
    """Each list of the API with a filter of a time: the list, its type, the filter."""
    query = build()._schema.query_type
    assert query is not None
    for name, field in query.fields.items():
        where = get_named_type(field.args["where"].type) if "where" in field.args else None
        if isinstance(where, GraphQLInputObjectType):
            for each, condition in where.fields.items():
                if get_named_type(condition.type).name == "DateTimeFilter":
                    yield name, where.name.removesuffix("Where"), each


@pytest.mark.parametrize(("root", "type_name", "name"), list(time_filters()))
async def test_what_was_shown_of_a_time_finds_it(root: str, type_name: str, name: str) -> None:
    firm = await make_firm()
    await make.make_proposal(firm.rep)
    model: type[Table] = TABLES[type_name].model
    await make.make_audit_entry(firm.project, created_at=AT)
    if type_name != "AuditEntry":
        await model.all().update(**_column_values(type_name, name))
    client = await firm.client.sign_in()

    assert await _found(client, root, name, {"eq": SHOWN})
    for holds in ("lte", "gte"):
        assert await _found(client, root, name, {"eq": SHOWN, holds: SHOWN}), holds
    for fails in ("lt", "gt"):
        assert not await _found(client, root, name, {"eq": SHOWN, fails: SHOWN}), fails
    # What is finer is cut as well.
    assert await _found(client, root, name, {"eq": "2026-03-02T10:30:15.123999999+01:00"})


def _column_values(type_name: str, name: str) -> dict[str, Any]:
    """What a row needs that has this time; another than the first would break what the table checks."""
    python_name = next(each for each in TABLES[type_name].specs if graphql_name(each) == name)
    spec = TABLES[type_name].specs[python_name]
    assert isinstance(spec, Column)
    column = spec.column or python_name
    together: Mapping[str, dict[str, Any]] = {
        "due_at": {"due_at": AT, "alert_at": AT},
        "snoozed_until": {"snoozed_until": AT, "alert_at": AT},
        "resolved_at": {"state": "RESOLVED", "resolved_at": AT},
        "valid_until": {"valid_until": AT},
        "decided_at": {"decision": "REJECTED", "decided_at": AT},
        "deactivated_at": {"status": "DEACTIVATED", "deactivated_at": AT},
    }
    return together.get(column, {column: AT})


async def _found(client: Client, root: str, name: str, condition: Mapping[str, str]) -> list[Any]:
    where = build()._schema.query_type.fields[root].args["where"].type  # type: ignore[union-attr]
    answer = await client.run(
        f"query ($where: {where}) {{ {root}(where: $where) {{ nodes {{ {name} }} }} }}",
        where={name: condition},
    )
    assert answer.errors == [], answer.errors
    found: list[Any] = answer.data[root]["nodes"]
    assert all(each == {name: SHOWN} for each in found)
    return found


async def test_a_time_is_cut_and_not_rounded_into_the_future() -> None:
    client = as_role(Role.SALES_REP)

    answer = await client.run(
        CREATE, input={"title": "Zavolat", "dueAt": "2030-01-01T08:59:59.9999999+01:00"}
    )

    assert answer.data["reminderCreate"]["reminder"]["dueAt"] == "2030-01-01T07:59:59.999Z"
    [reminder] = await Reminder.all()
    assert reminder.due_at == reminder.alert_at == datetime(2030, 1, 1, 7, 59, 59, 999_000, tzinfo=UTC)


async def test_rows_of_one_millisecond_are_walked_through_whole() -> None:
    employee = await make.make_employee(await make.make_project(), [Role.SALES_REP])
    moments = [AT - timedelta(microseconds=each) for each in (0, 500, 900, 300)]
    made = [await make.make_reminder(employee, due_at=moment) for moment in moments]
    client = as_employee(employee)

    seen, after = [], None
    for _ in range(len(made) + 1):
        answer = (await client.run(WALK, after=after)).data["reminders"]
        seen += [node["id"] for node in answer["nodes"]]
        after = _as_of_before(answer["pageInfo"]["endCursor"])
        if not answer["pageInfo"]["hasNextPage"]:
            break

    assert len(seen) == len(set(seen)) == len(made)


def _as_of_before(cursor: str) -> str:
    """The cursor as a client may have it from before times were cut."""
    written = orjson.loads(bytes.fromhex(cursor))
    return orjson.dumps([each.replace(".123000", ".123456") for each in written]).hex()
