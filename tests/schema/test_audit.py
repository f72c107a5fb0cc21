"""The audit log as it is read: who reads it, which entries, and how much of each."""

from datetime import timedelta
from typing import Any

import pytest

from app.engine.ids import global_id
from app.ids import uuid7
from app.models import Account, AuditEntry, Contact, Division, Employee, Project
from app.policy import Role
from app.schema import build
from tests import factories as make
from tests.factories import NOON, make_audit_entry, make_contact, make_division, make_employee, make_project
from tests.graphql import Answer, Client, as_account, as_employee, as_role, gid
from tests.schema.contact_cases import CREATE, DELETE, RECORD, UPDATE

LOG = """query ($where: AuditEntryWhere, $orderBy: [AuditEntryOrderBy!], $first: Int) {
  auditEntries(where: $where, orderBy: $orderBy, first: $first) { totalCount nodes {
    action subject subjectId employee { id name } contact { id } contactId clientIp requestId createdAt
    changes { field old new } } } }"""
ONE = "query ($id: ID!) { auditEntry(id: $id) { action } node(id: $id) { id } }"
BILLED = {
    "name": "Alfa",
    "vatId": "CZ27082440",
    "creditLimit": {"amount": "1500.00"},
    "priceLevel": "VIP",
    "address": {"city": "Praha"},
}


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def director(project: Project) -> Employee:
    return await make_employee(project, [Role.DIRECTOR], name="Ředitel")


def entries(answer: Answer) -> list[dict[str, Any]]:
    assert answer.errors == [], answer.errors
    nodes: list[dict[str, Any]] = answer.data["auditEntries"]["nodes"]
    return nodes


async def log(client: Client, **asked: Any) -> list[dict[str, Any]]:
    return entries(await client.run(LOG, **asked))


def changes(entry: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    return {each["field"]: (each["old"], each["new"]) for each in entry["changes"]}


async def contact_made(client: Client, **values: Any) -> Contact:
    answer = await client.run(CREATE, input={"name": "Alfa", **values})
    assert answer.faults("contactCreate") == []
    return await Contact.all().order_by("-id").first() or pytest.fail("no contact")


class TestEntry:
    async def test_says_who_did_what_to_which_row_when_and_from_where(self, director: Employee) -> None:
        client = Client(employee=director, ip="198.51.100.7")
        contact = await contact_made(client, **BILLED)

        (entry,) = await log(client)

        written = await AuditEntry.get()
        assert entry == {
            "action": "contactCreate",
            "subject": "Contact",
            "subjectId": gid(contact),
            "employee": {"id": gid(director), "name": "Ředitel"},
            "contact": {"id": gid(contact)},
            "contactId": gid(contact),
            "clientIp": "198.51.100.7",
            "requestId": written.request_id,
            "createdAt": written.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "changes": entry["changes"],
        }
        assert written.request_id != ""
        assert changes(entry) == {
            "name": (None, "Alfa"),
            "vatId": (None, "CZ27082440"),
            "creditLimit": (None, "1500.00 CZK"),
            "priceLevel": (None, "VIP"),
            "address.city": (None, "Praha"),
        }

    async def test_has_old_and_new_under_the_names_of_the_api(
        self, project: Project, director: Employee
    ) -> None:
        division, client = await make_division(project), as_employee(director)
        contact = await contact_made(client, **BILLED)

        answer = await client.run(
            UPDATE, input={"id": contact, "name": "Beta", "vatId": None, "divisionId": division}
        )

        assert answer.faults("contactUpdate") == []
        assert changes((await log(client))[0]) == {
            "name": ("Alfa", "Beta"),
            "vatId": ("CZ27082440", None),
            "divisionId": (None, gid(division)),
        }

    async def test_of_a_deletion_stays_with_the_gone_contact_s_id(
        self, project: Project, director: Employee
    ) -> None:
        admin = as_role(Role.ADMIN, project=project)
        contact = await contact_made(as_employee(director))
        await as_employee(director).run(
            RECORD, input={"contactId": contact, "kind": "CALL", "area": "SALES", "summary": "Volal"}
        )

        assert (await admin.run(DELETE, input={"id": contact})).faults("contactDelete") == []

        found = await log(admin, where={"action": {"eq": "contactDelete"}})
        assert sorted(each["subject"] for each in found) == ["Activity", "Contact"]
        assert {(each["contactId"], each["contact"]) for each in found} == {(gid(contact), None)}

    async def test_shows_times_lists_and_yes_and_no_as_text(
        self, project: Project, director: Employee
    ) -> None:
        await make_audit_entry(
            project,
            subject="Employee",
            subject_id=director.id,
            changes={
                "roles": [["SALES_REP"], ["SALES_REP", "ADMIN"]],
                "deactivated_at": [None, NOON],
                "can_delete_contacts": [False, True],
            },
        )

        assert changes((await log(as_employee(director)))[0]) == {
            "roles": ('["SALES_REP"]', '["SALES_REP","ADMIN"]'),
            "deactivatedAt": (None, "2026-03-02T12:00:00.000Z"),
            "canDeleteContacts": ("false", "true"),
        }


class TestReader:
    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.DIRECTOR, Role.ADMIN}))
    async def test_others_than_directors_and_admins_read_nothing(self, project: Project, role: Role) -> None:
        entry = await make_audit_entry(project)
        client = as_role(role, project=project)

        assert (await client.run(LOG)).codes == ["FORBIDDEN"]
        answer = await client.run(ONE, id=gid(entry))
        assert answer.data == {"auditEntry": None, "node": None}

    async def test_an_external_director_reads_nothing(self, project: Project) -> None:
        partner = await make.make_partner(project)
        await make_audit_entry(project)

        answer = await as_role(Role.DIRECTOR, project=project, partner=partner).run(LOG)

        assert answer.codes == ["FORBIDDEN"]

    async def test_entries_of_other_projects_and_of_accounts_are_absent(
        self, project: Project, director: Employee
    ) -> None:
        other = await make_audit_entry(await make_project())
        of_account = await make_audit_entry(None, account_id=director.account_id, subject="Account")

        assert await log(as_employee(director)) == []
        for entry in (other, of_account):
            answer = await as_employee(director).run(ONE, id=gid(entry))
            assert answer.data == {"auditEntry": None, "node": None}
        account = await Account.get(id=director.account_id)
        assert (await as_account(account).run(LOG)).codes == ["FORBIDDEN"]

    async def test_nobody_of_another_project_is_named(self, project: Project, director: Employee) -> None:
        """Somebody who works in two projects changes something of both from within one."""
        account = await Account.get(id=director.account_id)
        elsewhere = await make_employee(await make_project(), [Role.DIRECTOR], account=account)
        here, there = await as_employee(director).sign_in(), await as_employee(elsewhere).sign_in()

        answer = await there.run(
            "mutation ($input: SessionRevokeInput!) { sessionRevoke(input: $input) { errors { code } } }",
            input={"all": True},
        )

        assert answer.faults("sessionRevoke") == []
        (entry,) = await AuditEntry.filter(project_id=project.id)
        assert (entry.action, entry.employee_id) == ("sessionRevoke", director.id)
        assert (await here.run(LOG)).codes == ["UNAUTHENTICATED"]


class TestDivisions:
    async def visible(self, viewer: Employee) -> set[str]:
        return {entry["action"] for entry in await log(as_employee(viewer))}

    async def made(self, project: Project, action: str, contact: Contact | None, **values: Any) -> None:
        contact_id = contact.id if contact else None
        await make_audit_entry(project, action=action, contact_id=contact_id, **values)

    async def test_entries_follow_their_contact_as_it_is_now(self, project: Project) -> None:
        b2b, b2c = await make_division(project), await make_division(project)
        chosen = await make_employee(project, [Role.DIRECTOR], divisions=[b2b])
        contact = await make_contact(project, division=b2b)
        await self.made(project, "mine", contact)
        await self.made(project, "theirs", await make_contact(project, division=b2c))
        await self.made(project, "everybody's", await make_contact(project))
        await self.made(project, "nobody's", None)
        assert await self.visible(chosen) == {"mine", "everybody's", "nobody's"}

        await Contact.filter(id=contact.id).update(division_id=b2c.id)

        assert await self.visible(chosen) == {"everybody's", "nobody's"}

    async def test_of_a_gone_contact_counts_the_division_it_was_in(self, project: Project) -> None:
        b2b, b2c = await make_division(project), await make_division(project)
        chosen = await make_employee(project, [Role.DIRECTOR], divisions=[b2b])
        admin = as_role(Role.ADMIN, project=project)
        for division in (b2b, b2c, None):
            contact = await make_contact(project, division=division)
            await make.make_person(contact)
            await make.make_activity(contact, chosen)
            await make.make_reminder(chosen, contact=contact)
            assert (await admin.run(DELETE, input={"id": contact})).faults("contactDelete") == []

        seen = await log(as_employee(chosen), where={"action": {"eq": "contactDelete"}})

        of_one = ["Activity", "Contact", "Person", "Reminder"]
        assert sorted(entry["subject"] for entry in seen) == sorted(of_one * 2)
        assert await AuditEntry.filter(action="contactDelete").count() == 12

    async def test_whoever_works_with_all_divisions_sees_all(
        self, project: Project, director: Employee
    ) -> None:
        await self.made(project, "gone", None, division_id=uuid7())
        await self.made(project, "there", await make_contact(project, division=await make_division(project)))

        assert await self.visible(director) == {"gone", "there"}

    async def test_counts_and_pages_know_of_no_more(self, project: Project) -> None:
        b2b, b2c = await make_division(project), await make_division(project)
        chosen = await make_employee(project, [Role.DIRECTOR], divisions=[b2b])
        hidden = await make_contact(project, division=b2c)
        await self.made(project, "theirs", hidden)

        answer = await as_employee(chosen).run(LOG, where={"contactId": {"eq": gid(hidden)}})

        assert answer.data["auditEntries"] == {"totalCount": 0, "nodes": []}


class TestFilters:
    @pytest.fixture
    async def found(self, project: Project, director: Employee) -> Any:
        """Tells which of three entries a filter finds."""
        contact = await make_contact(project)
        for day, (action, subject, row) in enumerate(
            [
                ("contactCreate", "Contact", contact),
                ("employeeUpdate", "Employee", director),
                ("signOut", "", None),
            ]
        ):
            await make_audit_entry(
                project,
                action=action,
                subject=subject,
                subject_id=row.id if row else None,
                contact_id=contact.id if row is contact else None,
                employee_id=director.id if row else None,
                created_at=NOON + timedelta(days=day),
            )

        async def ask(**where: Any) -> list[str]:
            return [entry["action"] for entry in await log(as_employee(director), where=where)]

        return ask

    async def test_find_by_what_by_whom_and_when(self, found: Any, director: Employee) -> None:
        contact = await Contact.get()

        assert await found() == ["signOut", "employeeUpdate", "contactCreate"]
        assert await found(action={"in": ["contactCreate", "signOut"]}) == ["signOut", "contactCreate"]
        assert await found(subject={"eq": "Employee"}) == ["employeeUpdate"]
        assert await found(subjectId={"eq": gid(contact)}) == ["contactCreate"]
        assert await found(subjectId={"eq": global_id("Contact", uuid7())}) == []
        assert await found(subjectId={"isNull": True}) == ["signOut"]
        assert await found(employeeId={"eq": gid(director)}) == ["employeeUpdate", "contactCreate"]
        assert await found(contactId={"eq": gid(contact)}) == ["contactCreate"]
        assert await found(createdAt={"gte": (NOON + timedelta(days=1)).isoformat()}) == [
            "signOut",
            "employeeUpdate",
        ]

    async def test_there_is_none_on_what_changed(self) -> None:
        fields = build()._schema.type_map["AuditEntryWhere"].fields  # type: ignore[attr-defined]
        assert set(fields) == {
            "and", "or", "not", "createdAt", "action", "subject", "subjectId", "employeeId", "contactId",
        }  # fmt: skip


async def test_a_division_of_an_entry_is_its_contact_s_when_it_is_written(project: Project) -> None:
    division: Division = await make_division(project)
    contact = await make_contact(project, division=division)

    entry = await make_audit_entry(project, contact_id=contact.id)

    assert (await AuditEntry.get(id=entry.id)).division_id == division.id
