"""Bad input of every kind to every argument and input field: refused in a sentence, never a failure of ours."""

import os
import random
import re
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from app.errors import CodedError, FaultCode
from app.models import Account
from app.policy import Role
from app.schema import accounts, build
from app.schema.errors import PARSE_FAILED, VALIDATION_FAILED
from tests.factories import (
    make_activity,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_partner,
    make_person,
    make_project,
    make_reminder,
    make_session,
)
from tests.graphql import Answer, Client, as_employee, gid
from tests.schema.feed_cases import hub
from tests.schema.odd_input import Case, cases, odd_operations

__all__ = ["hub"]

# More, or all with a large number: ODD_CASES=100000 pytest tests/schema/test_odd_input.py
CASES_OF_EACH = int(os.environ.get("ODD_CASES", "50"))
CODES = {kind.code for kind in CodedError.__subclasses__()} | {PARSE_FAILED, VALIDATION_FAILED}
FAULT_CODES = {code.value for code in FaultCode}
INSIDES = re.compile(
    r"Traceback|File \"|\.py\b|sqlite|asyncpg|postgres|tortoise|strawberry|constraint|codec"
    r"|\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b|NoneType|(Key|Value|Type|Attribute|\w*Encode\w*)Error"
    r"|object at 0x|<class"
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "RESET_REQUEST_TAKES_S", 0)


async def test_odd_input_is_refused_in_words_and_never_fails(hub: Any) -> None:
    seed = int(os.environ.get("ODD_SEED") or random.randrange(10**9))
    asked, faults = 0, []
    for name, field, kind in odd_operations(build()._schema):
        client, ids = await somebody_who_may_everything(hub)
        for case in drawn(cases(name, field, kind, ids), seed):
            asked += 1
            faults += [
                f"{case.place} {case.variables!r:.300}: {fault}"
                for fault in faults_of(await ask(client, case))
            ]

    assert faults == [], f"ODD_SEED={seed}: " + "\n".join(faults)
    assert asked >= 1_000


def drawn(all_cases: Iterator[Case], seed: int) -> list[Case]:
    found = list(all_cases)
    return random.Random(seed).sample(found, min(len(found), CASES_OF_EACH))


async def somebody_who_may_everything(hub: Any) -> tuple[Client, dict[str, str]]:
    """An admin, and the global ids of one row of each type that he sees."""
    project = await make_project()
    admin = await make_employee(project, [Role.ADMIN], reminder_interval_minutes=10)
    contact = await make_contact(project, email="jana@example.cz")
    account = await Account.get(id=admin.account_id)
    rows = (
        await make_employee(project, [Role.SALES_REP]),
        await make_division(project),
        await make_partner(project),
        contact,
        await make_person(contact),
        await make_activity(contact, admin),
        await make_reminder(admin, contact=contact),
        await make_email(project, contact=contact, author=admin, text="x"),
        await make_session(account),
        project,
    )
    client = as_employee(admin)
    client.hub = hub
    return client, {type(row).__name__: gid(row) for row in rows}


async def ask(client: Client, case: Case) -> Answer:
    if not case.is_subscription:
        return await client.run(case.document, **case.variables)
    async with aclosing(client.subscribe(case.document, **case.variables)) as answers:
        return await anext(answers)


def faults_of(answer: Answer) -> Iterator[str]:
    for error in answer.errors:
        if error["extensions"]["code"] not in CODES:
            yield f"the code {error['extensions']['code']}"
        yield from _insides(error)
    for payload in (answer.data or {}).values():
        for told in payload.get("errors", ()) if isinstance(payload, dict) else ():
            if told["code"] not in FAULT_CODES or told["path"][:1] != ["input"]:
                yield f"the user error {told}"
            yield from _insides(told)


def _insides(error: dict[str, Any]) -> Iterator[str]:
    """What is ours to know: an answer that could not be sent is a failure too."""
    orjson.dumps(error)
    if found := INSIDES.search(error["message"]):
        yield f"{found[0]!r} in {error['message']!r:.200}"
