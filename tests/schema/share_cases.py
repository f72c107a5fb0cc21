"""What the tests of partners and lead shares have in common: documents, and a project with a partner and its man."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.models import (
    Contact,
    Employee,
    LeadShare,
    LeadShareContact,
    Partner,
    Project,
    Reminder,
    ReminderEvent,
)
from app.policy import Role
from tests.factories import make_contact, make_employee, make_partner, make_project
from tests.graphql import Answer, Client, SentJob

SHARE = "id campaign state validFrom validUntil recalledAt version contacts(first: 100) { totalCount nodes { name } }"
CREATE = f"""
mutation Lend($input: LeadShareCreateInput!) {{
  leadShareCreate(input: $input) {{ leadShare {{ {SHARE} partner {{ name }} createdBy {{ name }} }} errors {{ code message path }} }}
}}
"""
UPDATE = f"""
mutation Change($input: LeadShareUpdateInput!) {{
  leadShareUpdate(input: $input) {{ leadShare {{ {SHARE} }} errors {{ code message path }} }}
}}
"""
ADD = f"""
mutation Add($input: LeadShareAddInput!) {{
  leadShareAdd(input: $input) {{ leadShare {{ {SHARE} }} errors {{ code message path }} }}
}}
"""
REMOVE = f"""
mutation Remove($input: LeadShareRemoveInput!) {{
  leadShareRemove(input: $input) {{ leadShare {{ {SHARE} }} errors {{ code message path }} }}
}}
"""
RECALL = f"""
mutation Recall($input: LeadShareRecallInput!) {{
  leadShareRecall(input: $input) {{ leadShare {{ {SHARE} }} errors {{ code message path }} }}
}}
"""
ARCHIVE = """
mutation Archive($input: PartnerArchiveInput!) {
  partnerArchive(input: $input) { partner { id archivedAt version } errors { code message path } }
}
"""
SHARES = """
query($where: LeadShareWhere, $orderBy: [LeadShareOrderBy!]) {
  leadShares(where: $where, orderBy: $orderBy) { totalCount nodes { campaign state } }
}
"""
MUTATIONS = {
    "leadShareCreate": CREATE,
    "leadShareUpdate": UPDATE,
    "leadShareAdd": ADD,
    "leadShareRemove": REMOVE,
    "leadShareRecall": RECALL,
    "partnerArchive": ARCHIVE,
}
CONTACTS = "{ contacts { totalCount nodes { name } } }"

#: Takes every contact in reach.
ALL = {"all": True}
#: Long before and long after whenever a test runs: shares go by the database's clock.
YESTERYEAR = datetime(2021, 1, 1, tzinfo=UTC)
SOMEDAY = datetime(2090, 1, 1, tzinfo=UTC)


@pytest.fixture
async def project() -> Project:
    return await make_project(name="Pekárna Šťastný")


@pytest.fixture
async def director(project: Project) -> Employee:
    return await make_employee(project, [Role.DIRECTOR], name="Dana")


@pytest.fixture
async def partner(project: Project) -> Partner:
    return await make_partner(project, name="Call centrum")


@pytest.fixture
async def external(project: Project, partner: Partner) -> Employee:
    """All eight roles do not make him more than an external."""
    return await make_employee(project, list(Role), name="Emil", partner=partner)


@pytest.fixture
async def contacts(project: Project) -> list[Contact]:
    return [await make_contact(project, name=name, city="Brno") for name in ("Alfa", "Beta", "Gama")]


def lent(partner: Partner, contacts: Any = None, **more: Any) -> dict[str, Any]:
    """An input of leadShareCreate."""
    named = {} if contacts is None else {"contactIds": contacts}
    return {"partnerId": partner, "campaign": "Jaro", **named, **more}


def share_of(answer: Answer, mutation: str) -> Any:
    """The share that a mutation answers, in which nothing was to mend."""
    assert answer.faults(mutation) == []
    return answer.data[mutation]["leadShare"]


def names(connection: Any) -> list[str]:
    return [each["name"] for each in connection["nodes"]]


async def seen_by(client: Client) -> list[str]:
    """The contacts that he sees, counted too."""
    answer = await client.run(CONTACTS)
    assert answer.errors == []
    found = names(answer.data["contacts"])
    assert answer.data["contacts"]["totalCount"] == len(found)
    return found


async def everything() -> Any:
    """Whatever a refused mutation must leave alone."""
    tables = (Partner, LeadShare, LeadShareContact, Reminder, ReminderEvent, Employee)
    return [await table.all().order_by("id").values() for table in tables]


async def refused(
    client: Client, document: str, sent: Any, sent_jobs: list[SentJob], rings: list[str]
) -> Answer:
    """The answer to a mutation that changes nothing and tells nobody."""
    await client.sign_in()
    before = await everything()
    answer = await client.run(document, input=sent)
    assert await everything() == before and sent_jobs == [] and rings == []
    return answer
