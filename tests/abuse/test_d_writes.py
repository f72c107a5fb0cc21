"""D. Writing what a role may not write: by more keys, by null, for oneself, or against a lock."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.models import AuditEntry, Contact, Employee, Project
from app.policy import Role
from tests.abuse.mutating import document_of, input_of, mutations
from tests.abuse.rights import People, make_people
from tests.factories import make_contact, make_employee, make_project
from tests.graphql import Answer, Bells, as_employee, as_role
from tests.schema.operations import operation
from tests.schema.test_refusals import dump
from tests.schema.test_refusals import guarded_inputs as mutations_with_one_guarded_input

CREATE = """mutation ($input: ContactCreateInput!) { contactCreate(input: $input) {
  contact { id } errors { code path message } } }"""
UPDATE = """mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) {
  contact { id } errors { code path message } } }"""
UPDATE_EMPLOYEE = """mutation ($input: EmployeeUpdateInput!) { employeeUpdate(input: $input) {
  employee { roles } errors { code path message } } }"""


@pytest.fixture
async def people(inside: None) -> People:
    return await make_people()


DECIDED = (
    "projectId",
    "project_id",
    "createdBy",
    "createdById",
    "createdAt",
    "version",
    "isAdmin",
    "__proto__",
)


async def test_case_53_no_mutation_takes_a_key_that_it_does_not_know(people: People, bells: Bells) -> None:
    """As an admin, who may all: `id`, `projectId`, `roles` and others beside an input that is right."""
    client = await people.clients[Role.ADMIN].sign_in()
    before = await dump()

    for name, field in mutations().items():
        input_type = input_of(field)
        for key in (*DECIDED, "id", "roles", "permissions", "ownerAccountId"):
            if input_type is None or key in input_type.fields:
                continue
            tried = operation("mutation", name, field, **{key: "1"})
            answer = await client.run(tried.document, **tried.variables)
            assert (answer.codes, answer.data) == (["BAD_USER_INPUT"], None), (name, key, answer)
    assert await dump() == before and (bells.jobs, bells.rings) == ([], [])


@pytest.mark.parametrize("role", Role)
async def test_case_53_a_guarded_field_of_an_input_is_refused_whatever_it_says(
    people: People, role: Role
) -> None:
    """Null too: to clear is to write."""
    client = await people.clients[role].sign_in()
    before = await dump()

    for tried in mutations_with_one_guarded_input(people.viewers[role]):
        answer = await client.run(tried.document, **tried.variables)
        assert answer.codes == ["FORBIDDEN"] and not any((answer.data or {}).values()), tried
    assert await dump() == before


async def test_case_54_what_a_role_may_not_write_is_left_alone_by_what_it_may(people: People) -> None:
    contact = people.world.contact
    hidden = {"vat_id": "CZ27082440", "bank_account": "1/0100", "price_level": "A", "internal_rating": 5}
    await Contact.filter(id=contact.id).update(**hidden)
    telephonist, rep = people.clients[Role.TELEPHONIST], people.clients[Role.SALES_REP]

    renamed = await telephonist.run(UPDATE, input={"id": contact, "name": "Jiný"})
    assert renamed.faults("contactUpdate") == [] and await kept(contact) == {**hidden, "name": "Jiný"}

    nulled = await telephonist.run(UPDATE, input={"id": contact, "name": "Třetí", "vatId": None})
    assert nulled.codes == ["FORBIDDEN"] and await kept(contact) == {**hidden, "name": "Jiný"}

    cleared = await rep.run(UPDATE, input={"id": contact, "vatId": None})
    assert cleared.faults("contactUpdate") == [] and (await kept(contact))["vat_id"] is None


async def kept(contact: Contact) -> dict[str, Any]:
    (row,) = await Contact.filter(id=contact.id).values(
        "name", "vat_id", "bank_account", "price_level", "internal_rating"
    )
    return dict(row)


@pytest.mark.parametrize("role", [each for each in Role if each is not Role.ADMIN])
async def test_case_55_nobody_gives_himself_a_role(people: People, role: Role) -> None:
    client = await people.clients[role].sign_in()
    assert client.employee is not None

    for more in {Role.ADMIN, Role.DIRECTOR, Role.TELEPHONIST} - {role}:
        for roles in ([role, more], [more], list(Role)):
            answer = await client.run(UPDATE_EMPLOYEE, input={"id": client.employee, "roles": roles})
            assert answer.codes == ["FORBIDDEN"], (roles, answer)
    assert (await Employee.get(id=client.employee.id)).roles == (role,)


async def test_case_55_nor_through_somebody_whom_he_makes(people: People) -> None:
    """A director invites or changes another one to what he himself is not."""
    director, invite = people.clients[Role.DIRECTOR], document_of("employeeInvite")
    other = people.clients[Role.TELEPHONIST].employee

    answers = [
        await director.run(invite, input={"name": "X", "email": "x@firma.cz", "roles": ["ADMIN"]}),
        await director.run(UPDATE_EMPLOYEE, input={"id": other, "roles": ["ADMIN"]}),
    ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"]] * 2
    assert await Employee.filter(email="x@firma.cz").count() == 0


async def last_admin(**sent: Any) -> Answer:
    admin = await make_employee(await make_project(), [Role.ADMIN])
    answer = await as_employee(admin).run(UPDATE_EMPLOYEE, input={"id": admin, **sent})
    assert (await Employee.get(id=admin.id)).roles == (Role.ADMIN,)
    return answer


async def test_case_55_the_last_admin_stays_one(inside: None) -> None:
    admin = await make_employee(await make_project(), [Role.ADMIN])
    for roles in ([], [Role.DIRECTOR], [Role.ADMIN, Role.EXTERNAL_TELEPHONIST]):
        assert (await last_admin(roles=roles)).faults("employeeUpdate") == [("input.roles", "LAST_ADMIN")]

    left = await as_employee(admin).run(document_of("employeeDeactivate"), input={"id": admin})

    assert [code for _, code in left.faults("employeeDeactivate")] == ["LAST_ADMIN"]


async def test_case_55_of_two_admins_who_remove_each_other_one_stays(inside: None) -> None:
    project = await make_project()
    admins = [await make_employee(project, [Role.ADMIN]) for _ in range(2)]
    clients = [await as_employee(each).sign_in() for each in admins]

    await asyncio.gather(
        clients[0].run(UPDATE_EMPLOYEE, input={"id": admins[1], "roles": []}),
        clients[1].run(UPDATE_EMPLOYEE, input={"id": admins[0], "roles": []}),
    )

    left = [each for each in await Employee.filter(project_id=project.id) if Role.ADMIN in each.roles]
    assert len(left) == 1


READ_NOT_WRITTEN = {
    "billing data, when creating": (Role.COMPLAINTS, CREATE, {"name": "Nový", "vatId": "CZ27082440"}),
    "billing data, when updating": (Role.COMPLAINTS, UPDATE, {"id": "contact", "priceLevel": "A"}),
    "a contact, by a technician": (Role.SERVICE_TECHNICIAN, UPDATE, {"id": "contact", "name": "Jiný"}),
    "a contact, by an invoicer": (Role.INVOICER, CREATE, {"name": "Nový"}),
}


@pytest.mark.parametrize(("role", "document", "sent"), READ_NOT_WRITTEN.values(), ids=READ_NOT_WRITTEN)
async def test_case_57_who_reads_but_does_not_write_is_refused_whatever_mutation_he_takes(
    people: People, role: Role, document: str, sent: dict[str, Any]
) -> None:
    client = await people.clients[role].sign_in()
    before = await dump()

    answer = await client.run(
        document, input={**sent, **({"id": people.world.contact} if "id" in sent else {})}
    )

    assert answer.codes == ["FORBIDDEN"] and await dump() == before


async def test_case_57_a_limit_that_a_director_reads_is_the_admins_to_set(people: People) -> None:
    director, project = people.clients[Role.DIRECTOR], people.world.project
    sent = {"dailyDeleteLimit": 10_000}

    answer = await director.run(document_of("projectUpdate"), input=sent)

    assert (await director.run("{ project { dailyDeleteLimit } }")).errors == []
    assert answer.codes == ["FORBIDDEN"]
    assert (await Project.get(id=project.id)).daily_delete_limit == project.daily_delete_limit


async def test_case_58_what_is_forbidden_changes_nothing_in_any_table(people: People, bells: Bells) -> None:
    """Every mutation of the schema, by somebody without a role: no row, no audit entry, no job, no ring."""
    client = await as_role(project=people.world.project).sign_in()
    before, viewer = await dump(), (await client.context()).viewer

    refused = 0
    for name, field in mutations().items():
        tried = operation("mutation", name, field)
        if not tried.guard.granted_to(viewer):
            answer = await client.run(tried.document, **tried.variables)
            assert answer.codes == ["FORBIDDEN"], name
            refused += 1
    assert refused >= 20 and await dump() == before and (bells.jobs, bells.rings) == ([], [])


@pytest.mark.parametrize("engine", ["postgres"])
async def test_case_58_a_locked_row_delays_no_refusal(
    own_database: str, settings: object, bells: Bells
) -> None:
    """Authorised before any row is asked for: who may not change it does not wait for who does."""
    contact = await make_contact(await make_project())
    technician = await as_role(Role.SERVICE_TECHNICIAN, project=await contact.project).sign_in()
    held = await asyncpg.connect(own_database)
    try:
        async with held.transaction():
            await held.execute("SELECT * FROM contacts FOR UPDATE")
            async with asyncio.timeout(5):
                answers = [
                    await technician.run(UPDATE, input={"id": contact, "name": "Jiný"}),
                    await technician.run(document_of("contactDelete"), input={"id": contact}),
                ]
    finally:
        await held.close()

    assert [answer.codes for answer in answers] == [["FORBIDDEN"]] * 2
    assert (await Contact.get(id=contact.id)).version == 1
    assert await AuditEntry.all().count() == 0
