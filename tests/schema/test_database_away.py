"""A database that refuses writes, or goes away at the worst moment: what a mutation answers, and what then is there."""

import asyncpg
import pytest

from app import db, db_availability
from app.db_availability import ASKING, Round
from app.errors import Exhausted
from app.models import Reminder
from tests.graphql import as_role

CREATE = """
    mutation { reminderCreate(input: {title: "Zavolat", dueAt: "2030-01-01T00:00:00Z"}) {
        reminder { title } errors { message } } }
"""
READ_ONLY = {
    "sqlite": "PRAGMA query_only = {to}",
    # As after a failover: what was the primary takes no writes any more.
    "postgres": "SELECT set_config('default_transaction_read_only', '{to}', false)",
}


async def test_a_database_that_takes_no_writes_is_unavailable_and_no_bug_of_ours(
    engine: db.Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    client = as_role("SALES_REP")
    await client.run("{ viewer { roles } }")
    await db.fetch(READ_ONLY[engine].format(to="on"))

    answer = await client.run(CREATE)

    await db.fetch(READ_ONLY[engine].format(to="off"))
    assert answer.codes == ["SERVICE_UNAVAILABLE"]
    assert answer.errors[0]["extensions"]["retryAfterSeconds"] > 0
    assert await Reminder.all().count() == 0
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionResetError("the connection is lost"), "SERVICE_UNAVAILABLE"),
        (Exhausted("None was free in time."), "OVERLOADED"),
        (asyncpg.QueryCanceledError("canceling statement due to statement timeout"), "TIMEOUT"),
        (asyncpg.LockNotAvailableError("canceling statement due to lock timeout"), "CONFLICT"),
    ],
)
async def test_what_was_done_is_not_refused_because_it_cannot_be_shown(
    error: Exception, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_availability, "ROUND", Round())  # nobody found it away before
    client = as_role("SALES_REP")
    await client.run("{ viewer { roles } }")

    async def breaks(*_: object) -> None:
        with ASKING:
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(db, "fetch_row", breaks)  # what the engine reads by; nothing that writes does
        answer = await client.run(CREATE)

    assert answer.data == {"reminderCreate": {"reminder": None, "errors": []}}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["reminderCreate", "reminder"], code)
    ]
    assert await Reminder.all().count() == 1


async def test_reads_go_on_while_no_write_is_taken(engine: db.Dialect) -> None:
    """A session that was not noted for a minute took everybody's reads along."""
    client = await as_role("SALES_REP").sign_in()
    await db.fetch(READ_ONLY[engine].format(to="on"))

    answer = await client.run("{ viewer { roles } }")

    await db.fetch(READ_ONLY[engine].format(to="off"))
    assert answer.errors == []
