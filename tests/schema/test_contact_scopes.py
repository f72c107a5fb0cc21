"""What is cut from contacts, their figures and relations: by division, by share, by permission."""

from datetime import timedelta
from typing import Any

import pytest

from app.models import Contact, Employee, LeadShare, Project
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    NOON,
    make_activity,
    make_contact,
    make_division,
    make_email,
    make_employee,
    make_lead_share,
    make_partner,
    make_person,
    make_project,
    make_reminder,
)
from tests.graphql import Client, as_employee, as_role, gid
from tests.schema.contact_cases import NAMES, WHOLE, names

LAST_SALES = "query ($id: ID!) { contact(id: $id) { lastSalesActivityAt } }"


@pytest.fixture
async def project() -> Project:
    return await make_project()


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


async def add(project: Project, *all_names: str, **values: Any) -> list[Contact]:
    return [await make_contact(project, name=name, **values) for name in all_names]


class TestLastSalesActivity:
    """A figure made of sales activity shows no more than the activities themselves."""

    async def test_it_is_the_latest_in_sales_alone(self, project: Project, rep: Employee) -> None:
        contact = await make_contact(project)
        await make_activity(contact, rep, occurred_at=NOON)
        await make_activity(contact, rep, occurred_at=NOON - timedelta(days=1))
        await make_activity(contact, rep, area="SERVICE", occurred_at=NOON + timedelta(days=1))

        answer = await as_employee(rep).run(LAST_SALES, id=contact)

        assert answer.data == {"contact": {"lastSalesActivityAt": "2026-03-02T12:00:00.000Z"}}

    @pytest.mark.parametrize("role", [Role.SERVICE_TECHNICIAN, Role.INVOICER])
    async def test_it_is_closed_to_whom_sales_are_closed(self, project: Project, role: Role) -> None:
        contact = await make_contact(project)
        await make_activity(contact)

        answer = await as_role(role, project=project).run(LAST_SALES, id=contact)

        assert answer.data == {"contact": {"lastSalesActivityAt": None}}
        assert answer.codes == ["FORBIDDEN"]
        assert answer.errors[0]["extensions"]["requiredPermission"] == "ACTIVITY_SALES_READ"

    async def test_an_external_learns_it_of_his_own_activity_only(
        self, project: Project, rep: Employee
    ) -> None:
        partner, contact = await make_partner(project), await make_contact(project)
        await make_lead_share(project, partner, [contact])
        external = await make_employee(project, [Role.EXTERNAL_TELEPHONIST], partner=partner)
        await make_activity(contact, rep, occurred_at=NOON)

        before = await as_employee(external).run(LAST_SALES, id=contact)
        await make_activity(contact, external, occurred_at=NOON - timedelta(days=2))
        after = await as_employee(external).run(LAST_SALES, id=contact)

        assert before.data == {"contact": {"lastSalesActivityAt": None}} and before.errors == []
        assert after.data == {"contact": {"lastSalesActivityAt": "2026-02-28T12:00:00.000Z"}}


class TestExternals:
    """Whoever works for a partner sees the contacts that are shared with it now, and nothing besides."""

    @pytest.fixture
    async def share(self, project: Project) -> LeadShare:
        """With three of five contacts."""
        shared = await add(project, "Sdílený A", "Sdílený B", "Sdílený C", city="Brno")
        await add(project, "Tajný A", "Tajný B", city="Brno")
        return await make_lead_share(project, await make_partner(project), shared)

    @pytest.fixture(params=["telephonist", "every role"])
    async def external(self, project: Project, share: LeadShare, request: pytest.FixtureRequest) -> Client:
        roles = [Role.EXTERNAL_TELEPHONIST] if request.param == "telephonist" else list(Role)
        partner = await share.partner
        return await as_role(*roles, project=project, partner=partner).sign_in()

    async def test_lists_counts_search_and_filters_are_cut_alike(self, external: Client) -> None:
        shared = ["Sdílený A", "Sdílený B", "Sdílený C"]

        for variables, expected in (
            ({}, shared),
            ({"search": "tajny"}, []),
            ({"search": "sdileny"}, shared),
            ({"where": {"city": {"eq": "Brno"}}}, shared),
            ({"where": {"not": {"name": {"eq": "Sdílený A"}}}}, shared[1:]),
            ({"where": {"or": [{"name": {"eq": "Tajný A"}}, {"name": {"eq": "Sdílený B"}}]}}, ["Sdílený B"]),
            ({"orderBy": [{"createdAt": "DESC"}, {"name": "DESC"}]}, shared[::-1]),
        ):
            answer = await external.run(NAMES, **variables)
            assert names(answer) == expected
            assert answer.data["contacts"]["totalCount"] == len(expected)

    async def test_what_is_not_shared_is_not_there_by_any_id(self, external: Client) -> None:
        shared, hidden = await Contact.get(name="Sdílený A"), await Contact.get(name="Tajný A")
        document = """query ($id: ID!, $ids: [ID!]!) {
          contact(id: $id) { id } node(id: $id) { id } nodes(ids: $ids) { id } }"""

        answer = await external.run(document, id=hidden, ids=[hidden, shared])

        assert answer.errors == []
        assert answer.data == {"contact": None, "node": None, "nodes": [None, {"id": gid(shared)}]}

    async def test_each_hop_from_a_shared_contact_is_cut_again(
        self, external: Client, project: Project, rep: Employee
    ) -> None:
        contact = await Contact.get(name="Sdílený A")
        await Contact.filter(id=contact.id).update(
            owner_id=rep.id, division_id=(await make_division(project)).id
        )
        await make_person(contact, name="Jan")
        await make_activity(contact, rep, summary="Interní poznámka")
        await make_activity(contact, external.employee, area="SERVICE", summary="Vlastní servis")
        await make_activity(contact, external.employee, summary="Vlastní hovor")
        await make_reminder(rep, contact=contact)
        await make_email(project, contact=contact, author=rep, subject="Interní")

        answer = await external.run(WHOLE, id=contact)

        assert external.employee is not None and answer.errors == []
        assert answer.data["contact"] == {
            "name": "Sdílený A",
            "division": None,
            "owner": None,
            "persons": [{"name": "Jan"}],
            "activities": {
                "totalCount": 1,
                "nodes": [{"summary": "Vlastní hovor", "author": {"id": gid(external.employee)}}],
            },
            "reminders": {"totalCount": 0, "nodes": []},
            "emails": {"totalCount": 0, "nodes": []},
        }

    async def test_billing_data_stay_hidden(self, external: Client) -> None:
        answer = await external.run("{ contacts { nodes { vatId divisionId } } }")

        assert [each["extensions"]["coordinate"] for each in answer.errors] == [
            "Contact.vatId",
            "Contact.divisionId",
        ]
        assert answer.data["contacts"]["nodes"] == [{"vatId": None, "divisionId": None}] * 3

    @pytest.mark.parametrize("how", ["recalled", "over", "not yet"])
    async def test_a_share_that_does_not_hold_shows_nothing(
        self, external: Client, share: LeadShare, how: str
    ) -> None:
        day = timedelta(days=1)
        changes = {
            "recalled": {"recalled_at": NOON},
            "over": {"valid_until": NOON - day},
            "not yet": {"valid_from": NOON.replace(year=2099)},
        }
        await LeadShare.filter(id=share.id).update(**changes[how])

        answer = await external.run(NAMES)

        assert answer.data["contacts"] == {"totalCount": 0, "nodes": []}

    async def test_a_share_that_ends_during_a_page_walk_ends_the_walk(
        self, external: Client, share: LeadShare
    ) -> None:
        page = "query ($after: String) { contacts(first: 2, after: $after) { nodes { name } pageInfo { endCursor } } }"
        first = await external.run(page)
        await LeadShare.filter(id=share.id).update(recalled_at=NOON)

        second = await external.run(page, after=first.data["contacts"]["pageInfo"]["endCursor"])

        assert names(first) == ["Sdílený A", "Sdílený B"] and names(second) == []


async def test_divisions_cut_every_road(project: Project) -> None:
    mine, other = await make_division(project), await make_division(project)
    await add(project, "Všem")
    await add(project, "Můj", division=mine)
    (hidden,) = await add(project, "Cizí", division=other)
    person = await make_person(hidden)
    chooser = as_employee(await make_employee(project, [Role.DIRECTOR], divisions=[mine]))

    listed = await chooser.run(NAMES)
    filtered_ = await chooser.run(NAMES, where={"divisionId": {"eq": gid(other)}})
    one = await chooser.run("query ($id: ID!) { node(id: $id) { id } }", id=person)

    assert names(listed) == ["Můj", "Všem"] and listed.data["contacts"]["totalCount"] == 2
    assert filtered_.data["contacts"] == {"totalCount": 0, "nodes": []}
    assert one.data == {"node": None}


async def test_no_role_sees_nobody(project: Project) -> None:
    await make_contact(project)

    answer = await as_role(project=project).run(NAMES)

    assert answer.data == {"contacts": None} and answer.codes == ["FORBIDDEN"]


async def test_two_worlds_that_differ_in_what_is_hidden_look_alike(clock: Clock) -> None:
    """A telephonist learns nothing of billing data, a service technician nothing of sales, by any figure or order."""
    document = """query ($s: String) {
      contacts(search: $s, orderBy: [{updatedAt: DESC}, {name: ASC}]) { totalCount pageInfo { hasNextPage }
        nodes { name version updatedAt vatId creditLimit { amount } lastSalesActivityAt
                activities { totalCount nodes { summary } } viewerCan { update delete } } } }"""

    async def world(*, rich: bool) -> Any:
        project = await make_project()
        author = await make_employee(project, [Role.SALES_REP])
        contact = await make_contact(
            project,
            name="Novák",
            vat_id="CZ27082440" if rich else None,
            credit_limit_minor=100 if rich else None,
        )
        await make_contact(project, name="Zima")
        if rich:
            await make_activity(contact, author, area="BILLING")
            await make_activity(contact, author, area="SALES")
        clients = [as_role(Role.SERVICE_TECHNICIAN, project=project)]
        return [
            (await client.run(document, s=s)).data for client in clients for s in (None, "novak", "27082440")
        ]

    assert await world(rich=True) == await world(rich=False)
