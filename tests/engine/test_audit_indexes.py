"""At two hundred thousand entries of the audit log, half of them of one project: what PostgreSQL does to show a page."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app import db
from app.engine.ids import global_id
from app.models import Account, DivisionScope, Employee, EmployeeDivision
from tests.databases import Databases, Engine
from tests.engine.asking import ask
from tests.engine.large import ACCOUNT, BIG_PROJECT, CONTACT, EMPLOYEE, PROJECT, fill, id_of
from tests.engine.test_indexes import Planner, planner
from tests.graphql import Client

__all__ = ["planner"]

PAGE = 50
LOG = f"""query ($where: AuditEntryWhere, $after: String) {{ auditEntries(first: {PAGE}, where: $where, after: $after) {{
  pageInfo {{ hasNextPage endCursor }}
  nodes {{ action subject subjectId createdAt clientIp employee {{ name }} contact {{ name }} }} }} }}"""

_FILL = """
    INSERT INTO audit_entries (id, project_id, employee_id, action, subject, subject_id, contact_id, division_id,
        changes, request_id, client_ip, created_at)
    SELECT gen_random_uuid(), c.project_id, e.id,
        CASE WHEN n % 1000 = 0 THEN 'contactDelete' ELSE 'contactUpdate' END, 'Contact',
        CASE WHEN n % 10 = 0 THEN gen_random_uuid() ELSE c.id END,
        CASE WHEN n % 10 = 0 THEN gen_random_uuid() ELSE c.id END, c.division_id,
        '{"name":["A","B"]}', '', '192.0.2.1', '2026-01-01'::timestamptz + n * interval '1 minute'
    FROM (SELECT c.*, row_number() OVER (ORDER BY id) AS place FROM contacts c) c
    CROSS JOIN generate_series(0, 1) twice
    CROSS JOIN LATERAL (SELECT 2 * c.place + twice AS n) numbered
    CROSS JOIN LATERAL (SELECT id FROM employees WHERE project_id = c.project_id ORDER BY id OFFSET n % 10 LIMIT 1) e
"""


@pytest.fixture(scope="module")
async def large_url(databases: Databases) -> AsyncIterator[str]:
    url = await databases.filled("large", fill)
    connection = await asyncpg.connect(url)
    await connection.execute(_FILL)
    await connection.execute("VACUUM ANALYZE audit_entries")
    await connection.close()
    yield url
    await databases.drop(url)


@pytest.fixture
async def database(large_url: str) -> AsyncIterator[Engine]:
    await db.connect(large_url)
    yield "postgres"
    await db.close()


@pytest.fixture(params=["all divisions", "one division", "a small project"])
async def director(request: pytest.FixtureRequest, database: Engine) -> Client:
    """Of the project with half of all contacts, working with all divisions, or with one; or of one with 500."""
    number = 10 * (7 if request.param == "a small project" else BIG_PROJECT)
    employee = await Employee.get(id=id_of(EMPLOYEE, number))
    is_narrow = request.param == "one division"
    employee.division_scope = DivisionScope.CHOSEN if is_narrow else DivisionScope.ALL
    await employee.save(update_fields=["division_scope"])
    await EmployeeDivision.filter(employee_id=employee.id).delete()
    if is_narrow:
        division = await _some_division()
        await EmployeeDivision.create(
            project_id=employee.project_id, employee_id=employee.id, division_id=division
        )
    return Client(account=await Account.get(id=id_of(ACCOUNT, number)), employee=employee)


async def _some_division() -> object:
    rows = await db.fetch(
        "SELECT division_id FROM contacts WHERE project_id = $1 AND division_id IS NOT NULL LIMIT 1",
        [id_of(PROJECT, BIG_PROJECT)],
    )
    return rows[0]["division_id"]


async def test_a_page_is_read_in_its_order(director: Client, planner: Planner) -> None:
    first = await ask(director, LOG)
    after = first.data["auditEntries"]["pageInfo"]["endCursor"]

    plan = await planner.run(await ask(director, LOG, after=after))

    # Every second entry being the big project's, the order alone is as good a way for it.
    ways = {"audit_entries (project_id, created_at, id)", "audit_entries (created_at)"}
    assert plan.indexes & ways
    assert plan.read_whole & {"audit_entries"} == set()
    assert plan.read("audit_entries") < 100 * PAGE and plan.sorted <= 2 * PAGE


async def test_the_history_of_a_contact_is_found_by_it(director: Client, planner: Planner) -> None:
    where = {"contactId": {"eq": global_id("Contact", id_of(CONTACT, 50_000))}}

    plan = await planner.run(await ask(director, LOG, where=where))

    assert any("contact_id, created_at" in index for index in plan.indexes)
    assert plan.read("audit_entries") < PAGE


async def test_the_history_of_a_row_is_found_by_it(director: Client, planner: Planner) -> None:
    where = {"subjectId": {"eq": global_id("Contact", id_of(CONTACT, 50_000))}}

    plan = await planner.run(await ask(director, LOG, where=where))

    assert any("subject_id, created_at" in index for index in plan.indexes)
    assert plan.read("audit_entries") < PAGE


async def test_what_seldom_happens_is_found_by_its_name(director: Client, planner: Planner) -> None:
    plan = await planner.run(await ask(director, LOG, where={"action": {"eq": "contactDelete"}}))

    assert plan.read_whole & {"audit_entries"} == set()
    assert plan.read("audit_entries") < 500
