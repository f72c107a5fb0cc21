"""On PostgreSQL the whole application works as a role that can do nothing to the audit log."""

import pytest

from app.models import AuditEntry, Employee, LeadShare
from app.services import audit_rights
from app.workers import housekeeping, lead_shares, projects, reminders
from tests.application_role import as_application
from tests.databases import Databases
from tests.factories import LONG_AGO, NOON
from tests.graphql import bells, quick_passwords, settings
from tests.schema.audit_cases import CASES, make_firm
from tests.schema.test_audit_of_mutations import run

__all__ = ["bells", "quick_passwords", "settings"]


@pytest.fixture(autouse=True)
def _surroundings(settings: object, bells: object, quick_passwords: None) -> None:
    """Configured, and nothing leaves."""


async def test_every_mutation_works_as_the_application_s_role(databases: Databases) -> None:
    url = await databases.fresh("postgres")
    async with as_application(url):
        for number, (name, case) in enumerate(CASES.items()):
            client, sent = await case(await make_firm())
            client.ip = f"198.51.100.{number}"
            await client.sign_in()
            await run(name, client, sent)
            assert await AuditEntry.filter(action=name).exists(), name

        assert await audit_rights.power_over_log() is None
    await databases.drop(url)


async def test_the_workers_sweeps_work_as_the_application_s_role(databases: Databases) -> None:
    url = await databases.fresh("postgres")
    async with as_application(url):
        firm = await make_firm()
        await Employee.filter(id=firm.rep.id).update(next_popup_at=NOON)
        await LeadShare.all().update(valid_from=LONG_AGO, valid_until=NOON)

        await housekeeping.forget_served()
        await housekeeping.forget_old_audit_entries()
        await projects.purge_due()
        await reminders._open_due(reminders.LOOK_AHEAD)
        await lead_shares._close((await LeadShare.get()).id)

        assert (await Employee.get(id=firm.rep.id)).last_popup_at is not None
        assert {entry.action for entry in await AuditEntry.all()} == {"leadShareEnd"}
    await databases.drop(url)
