"""`python -m app explain`: the rule, and the reason of the row, for what every request is held by."""

import asyncio
import sys
from typing import Any

import pytest

from app.engine.ids import global_id
from app.explain import Explanation, Unknown, explain
from app.models import Employee, EmployeeStatus, Table
from app.policy import Role
from tests.factories import (
    NOON,
    make_activity,
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
)
from tests.graphql import as_employee, settings
from tests.test_cli import INSTALLATION, environment_of

__all__ = ["settings"]

VAT_ID = "query ($id: ID!) { contact(id: $id) { vatId } }"


async def asked(employee: Employee, coordinate: str, row: Table | None = None) -> Explanation:
    given = global_id(type(row).__name__, row.id) if row else None
    return await explain(employee=str(employee.id), coordinate=coordinate, row=given)


def said(explanation: Explanation) -> str:
    return "\n".join(sentence for _, sentence in explanation.lines)


async def test_a_right_that_no_role_brings_is_named_with_the_cells_of_the_table(database: str) -> None:
    project = await make_project()
    employee = await make_employee(project, [Role.TELEPHONIST, Role.SERVICE_TECHNICIAN])
    contact = await make_contact(project)

    found = await asked(employee, "Contact.vatId", contact)

    assert not found.may
    assert found.answer == "no: None of your roles grants CONTACT_BILLING_READ."
    assert "SERVICE_TECHNICIAN -, TELEPHONIST - → -" in said(found)
    assert "this contact is in his reach" in said(found)


@pytest.mark.parametrize("chosen", ["theirs", "mine"])
async def test_the_answer_is_the_one_that_a_request_gets_whatever_the_division(
    database: str, settings: object, chosen: str
) -> None:
    project = await make_project()
    divisions = {"mine": await make_division(project, name="B2B"), "theirs": await make_division(project)}
    employee = await make_employee(project, [Role.SALES_REP], divisions=[divisions["mine"]])
    contact = await make_contact(project, division=divisions[chosen], vat_id="CZ27082440")

    found = await asked(employee, "Contact.vatId", contact)

    answer = await as_employee(employee).run(VAT_ID, id=contact)
    assert found.may == (chosen == "mine") == (answer.data["contact"] is not None)
    assert ("yes" if found.may else "NO") + ": it is in one of his divisions, or in none" in said(found)


@pytest.mark.parametrize(
    "validity", [{}, {"valid_until": NOON}, {"recalled_at": NOON}], ids=["valid", "ended", "recalled"]
)
async def test_an_externals_share_is_named_and_decides(database: str, validity: dict[str, Any]) -> None:
    project = await make_project()
    partner = await make_partner(project)
    employee = await make_employee(project, list(Role), partner=partner)
    contact = await make_contact(project)
    await make_lead_share(project, partner, [contact], campaign="Jaro", **validity)

    found = await asked(employee, "Contact.name", contact)

    assert found.may == (validity == {})
    assert "shared with his partner: Jaro, from 2020-01-01 00:00:00 UTC" in said(found)
    assert "external: cut to the column EXTERNAL ≤" in said(found)
    assert ("recalled 2026-03-02 12:00:00 UTC" in said(found)) == ("recalled_at" in validity)


async def test_a_row_that_hangs_on_a_contact_is_explained_by_the_contact_and_its_own_rule(
    database: str,
) -> None:
    project = await make_project()
    division = await make_division(project)
    employee = await make_employee(project, [Role.SALES_REP], divisions=[])
    activity = await make_activity(await make_contact(project, division=division))

    found = await asked(employee, "Activity.summary", activity)

    assert not found.may
    assert "Follows the contact, and the permission to read the activity's area." in said(found)
    assert "NO: it is in one of his divisions, or in none" in said(found)


async def test_another_projects_contact_is_as_absent_as_one_that_never_was(database: str) -> None:
    employee = await make_employee(await make_project(), [Role.ADMIN])
    contact = await make_contact(await make_project())

    found = await asked(employee, "Contact.name", contact)

    assert found.answer == "no: there is no such contact in his project"


async def test_who_was_deactivated_may_nothing_whatever_his_roles(database: str) -> None:
    project = await make_project()
    gone = await make_employee(project, [Role.ADMIN], status=EmployeeStatus.DEACTIVATED, deactivated_at=NOON)

    found = await asked(gone, "Query.contacts")

    assert found.answer == "no: he is DEACTIVATED, and only who is ACTIVE can enter the project"


@pytest.mark.parametrize(
    ("coordinate", "permission"),
    [
        ("ContactWhere.vatId", "CONTACT_BILLING_READ"),
        ("Query.contacts", "CONTACT_READ"),
        ("Query.contacts(search:)", "CONTACT_READ"),
        ("ContactCreateInput.creditLimit", "CONTACT_BILLING_WRITE"),
        ("Mutation.contactDelete", "CONTACT_DELETE"),
        ("Area.BILLING", "ACTIVITY_BILLING_READ"),
        ("Subscription.emailStatus", "EMAIL_READ"),
    ],
)
async def test_inputs_and_operations_are_explained_like_fields(
    database: str, coordinate: str, permission: str
) -> None:
    project = await make_project()
    admin = await make_employee(project, [Role.ADMIN])
    nobody = await make_employee(project)

    allowed, denied = await asked(admin, coordinate), await asked(nobody, coordinate)

    assert (allowed.may, denied.may) == (True, False)
    assert permission in said(allowed) and permission in denied.answer


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"employee": "nobody@example.cz"}, "There is no employee nobody@example.cz."),
        ({"coordinate": "Contakt.vatId"}, "There is no type Contakt."),
        ({"coordinate": "Contact.vat"}, "Contact has no field vat: "),
        ({"coordinate": "Query.contacts.serch"}, "Query.contacts has no argument serch."),
        ({"row": "novák"}, "novák is no id."),
    ],
)
async def test_what_is_nowhere_is_told_with_what_to_give_instead(
    database: str, wrong: dict[str, str], sentence: str
) -> None:
    employee = await make_employee(await make_project())
    given = {"employee": employee.email, "coordinate": "Contact.vatId", **wrong}

    with pytest.raises(Unknown, match=sentence):
        await explain(**given)


async def test_the_command_prints_the_rule_and_its_status_is_the_answer(own_database: str) -> None:
    project = await make_project()
    contact = await make_contact(project)
    employee = await make_employee(project, [Role.INVOICER], email="jana@example.cz")
    question = ["--employee", employee.email, "--field", "Contact.vatId", "--contact"]

    found = await _command(own_database, *question, str(contact.id))
    absent = await _command(own_database, *question, str(project.id))
    wrong = await _command(own_database, *question, "x")

    assert found[0] == 0 and found[1].splitlines()[-1] == "Answer    yes"
    assert absent[0] == 1 and "there is no such contact in his project" in absent[1]
    assert wrong[0] == 2


async def _command(database_url: str, *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "explain", *arguments),
        env=environment_of({**INSTALLATION, "DATABASE_URL": database_url}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode()


async def test_who_sees_a_row_without_the_right_to_its_type_sees_it_whole(
    database: str, settings: object
) -> None:
    himself = await make_employee(await make_project(), [])
    colleague = await make_employee(await himself.project, [Role.SALES_REP])
    own = "query ($id: ID!) { node(id: $id) { ... on Employee { name } } }"

    for employee in (himself, colleague):
        answer = await as_employee(himself).run(own, id=employee)
        assert (await asked(himself, "Employee.name", employee)).may == (answer.data["node"] is not None)


async def test_a_field_is_asked_of_a_row_of_its_type(database: str) -> None:
    project = await make_project()
    employee = await make_employee(project, [Role.ADMIN])

    with pytest.raises(Unknown, match=r"is the id of a Employee, and Contact\.vatId is asked of a Contact"):
        await asked(employee, "Contact.vatId", employee)
