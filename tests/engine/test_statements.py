"""No N+1, ever: one statement for each root field, whatever hangs below it and however many rows there are."""

from typing import Any

import pytest

from app import db
from app.engine.declare import TABLES
from app.models import (
    Account,
    Activity,
    AuditEntry,
    Contact,
    ContactProposal,
    Division,
    Email,
    EmailRecipient,
    Employee,
    LeadShare,
    Partner,
    Person,
    Project,
    Reminder,
    Session,
)
from app.policy import Role
from tests.databases import Engine
from tests.engine.asking import ask
from tests.engine.whole import (
    LEFT_OUT,
    READS_ITSELF,
    everything,
    fill,
    of_root,
    of_row,
    root_names,
    type_named,
)
from tests.factories import make_project
from tests.graphql import Client, as_role

pytestmark = pytest.mark.usefixtures("any_cost")

MODELS: dict[str, Any] = {
    model.__name__: model
    for model in (
        *(Account, Activity, AuditEntry, Contact, ContactProposal, Division, Email, EmailRecipient),
        *(Employee, LeadShare, Partner, Person, Project, Reminder, Session),
    )
}


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def reader(project: Project) -> Client:
    return await as_role(Role.ADMIN, project=project).sign_in()


async def row_of(type_name: str, client: Client) -> Any:
    """One that the client sees."""
    assert client.employee is not None
    if type_name in ("Account", "Session"):
        key = "id" if type_name == "Account" else "account_id"
        return await MODELS[type_name].filter(**{key: client.employee.account_id}).first()
    return await MODELS[type_name].first()


@pytest.mark.parametrize("type_name", MODELS)
async def test_a_row_with_everything_around_it_takes_one_statement(
    project: Project, reader: Client, type_name: str
) -> None:
    await fill(project, 2)

    asked = await ask(reader, of_row(type_name, 3, set()), id=await row_of(type_name, reader))

    assert asked.data["node"]["__typename"] == type_name
    assert len(asked.statements) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("contacts", "persons", "activities", "reminders", "emails"),
        *("employees", "divisions", "partners", "leadShares", "auditEntries"),
    ],
)
async def test_a_list_takes_one_statement_whether_of_one_row_or_of_thirty(
    project: Project, reader: Client, name: str
) -> None:
    document = of_root(name, 2, set())
    await fill(project, 1)
    one = await ask(reader, document)
    await fill(project, 29)

    many = await ask(reader, document)

    assert len(one.data[name]["nodes"]) < len(many.data[name]["nodes"])
    assert [len(each.statements) for each in (one, many)] == [1, 1]


@pytest.mark.parametrize("type_name", ["Contact", "Employee", "Division"])
async def test_so_does_whatever_is_below_each_row_of_a_list(
    project: Project, reader: Client, type_name: str
) -> None:
    field = f"{type_name.lower()}s"
    document = f"{{ {field}(first: 100) {{ nodes {everything(type_named(type_name), 2, set())} }} }}"
    await fill(project, 30)

    asked = await ask(reader, document)

    assert asked.data[field]["nodes"] and len(asked.statements) == 1


async def test_what_an_entry_changed_takes_as_many_whether_of_one_entry_or_of_thirty(
    project: Project, reader: Client
) -> None:
    """The log, then once for all entries: which rows are in reach, which are there, which that they name are in reach."""
    document = "{ auditEntries(first: 100) { nodes { changes { field old new } } } }"
    await fill(project, 1)
    one = await ask(reader, document)
    await fill(project, 29)

    many = await ask(reader, document)

    assert [len(each.data["auditEntries"]["nodes"]) for each in (one, many)] == [1, 30]
    assert len(one.statements) == len(many.statements) <= 4


async def test_what_hangs_on_a_table_between_is_not_looked_for_again_for_each_row(
    project: Project, reader: Client, engine: Engine
) -> None:
    """Ten thousand contacts of one share took SQLite more than a minute."""
    await fill(project, 3)
    document = "{ leadShares { nodes { contacts(first: 2) { totalCount nodes { name } } } } }"
    (statement,) = (await ask(reader, document)).statements

    if engine == "sqlite":
        steps = await db.connection().execute_query_dict(
            f"EXPLAIN QUERY PLAN {statement.sql}", list(statement.parameters)
        )
        assert not any("LIST SUBQUERY" in step["detail"] for step in steps), steps
    assert "JOIN" in statement.sql


async def test_each_root_field_takes_a_statement_of_its_own(project: Project, reader: Client) -> None:
    (contact,), _ = await fill(project, 1)

    asked = await ask(
        reader,
        """query ($id: ID!) { contact(id: $id) { name persons { name } } a: contacts { totalCount nodes { id owner { id } } }
             b: contacts(first: 1) { edges { cursor } } project { name divisions { nodes { baseData { ico } } } } __typename }""",
        id=contact,
    )

    assert asked.data["contact"]["persons"] and len(asked.statements) == 4


async def test_rows_of_several_types_take_one_statement(project: Project, reader: Client) -> None:
    await fill(project, 3)
    ids = [await row_of(name, reader) for name in MODELS]
    fragments = " ".join(f"... on {name} {{ as{name}: __typename }}" for name in MODELS)
    document = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id __typename {fragments} ... on Contact {{ persons {{ name }} }} }} }}"

    asked = await ask(reader, document, ids=[*ids, *ids])

    assert [each["__typename"] for each in asked.data["nodes"]] == [*MODELS, *MODELS]
    assert len(asked.statements) == 1


async def test_what_the_viewer_holds_is_read_in_one_statement(project: Project, reader: Client) -> None:
    asked = await ask(reader, of_root("viewer", 3, set()))

    assert asked.data["viewer"]["employee"] and asked.data["viewer"]["sessions"]
    assert len(asked.statements) == 1


async def test_nothing_is_read_for_what_is_denied_or_absent(project: Project) -> None:
    telephonist = await as_role(Role.TELEPHONIST, project=project).sign_in()

    denied = await ask(telephonist, "{ partners { totalCount } }")
    absent = await ask(telephonist, "{ nodes(ids: []) { id } }")
    misnamed = await ask(telephonist, '{ contact(id: "x") { name } projects { totalCount } }')

    assert denied.answer.codes == ["FORBIDDEN"] and denied.statements == []
    assert absent.data == {"nodes": []} and absent.statements == []
    assert misnamed.answer.codes == ["BAD_USER_INPUT"] and misnamed.statements == []


@pytest.mark.parametrize(("name", "statements"), [("openReminderCount", 2), ("restorableProjects", 2)])
async def test_a_resolver_of_its_own_reads_what_it_needs(reader: Client, name: str, statements: int) -> None:
    """One more is the clock, on which depends what may still be taken back; or what is nobody's, for an admin."""
    asked = await ask(reader, of_root(name, 1, set()))

    assert len(asked.statements) == statements


async def test_graphql_core_asks_the_same_once(project: Project, reader: Client) -> None:
    contacts, _ = await fill(project, 3)
    document = of_row("Contact", 3, set())

    asked = await ask(reader, document, only_core=True, id=contacts[0])

    assert asked.answer == (await ask(reader, document, id=contacts[0])).answer
    assert len(asked.statements) == 1


def test_the_documents_here_ask_for_every_declared_field() -> None:
    asked: set[str] = set()
    for name in MODELS:
        of_row(name, 3, asked)
    for name in root_names():
        of_root(name, 2, asked)

    tables = {f"{name}.{each}" for name in TABLES for each in type_named(name).fields}
    roots = {f"Query.{name}" for name in type_named("Query").fields if name not in LEFT_OUT}
    assert set(MODELS) == set(TABLES)
    assert (tables | roots) - READS_ITSELF <= asked
