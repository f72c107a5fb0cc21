"""Who works here, and changing what they may."""

from datetime import timedelta

import pytest

from app.models import (
    AuditEntry,
    DivisionScope,
    Employee,
    EmployeeDivision,
    EmployeeStatus,
    Project,
    Reminder,
    ReminderClosedReason,
    ReminderEvent,
)
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    NOON,
    make_contact,
    make_division,
    make_employee,
    make_partner,
    make_project,
    make_reminder,
)
from tests.graphql import as_employee, as_role, gid
from tests.schema.employee_cases import UPDATE, admin, director, fresh, project, rep

__all__ = ["admin", "director", "project", "rep"]

EMPLOYEES = """
query Employees($first: Int, $after: String) {
  employees(first: $first, after: $after) {
    edges { node { id name email roles status divisionScope divisions { id name } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
PROFILE = """
query { viewer { employee {
  id name email roles status divisionScope divisions { name } partnerId partner { name }
  reminderIntervalMinutes canDeleteContacts canSendBulkEmail timeZone version project { id name }
} } }
"""
VIEWER_CAN = (
    "query($id: ID!) { employee(id: $id) { viewerCan { update deactivate reactivate resendInvitation } } }"
)


async def test_employees_are_listed_the_czech_way_with_their_divisions(
    project: Project, director: Employee
) -> None:
    b2b = await make_division(project, name="B2B")
    await make_employee(project, [Role.TELEPHONIST, Role.INVOICER], name="Čeněk", divisions=[b2b])
    await make_employee(await make_project(), [Role.ADMIN], name="Cizí")

    answer = await as_employee(director).run(EMPLOYEES)

    nodes = [edge["node"] for edge in answer.data["employees"]["edges"]]
    assert [(node["name"], node["roles"], node["divisionScope"], node["divisions"]) for node in nodes] == [
        ("Čeněk", ["TELEPHONIST", "INVOICER"], "CHOSEN", [{"id": gid(b2b), "name": "B2B"}]),
        ("Dana", ["DIRECTOR"], "ALL", []),
    ]


async def test_employees_are_found_by_name_and_by_status(project: Project, director: Employee) -> None:
    await make_employee(project, name="Řehoř", status=EmployeeStatus.INVITED)

    answer = await as_employee(director).run(
        """{ found: employees(search: "rehor") { nodes { name } }
             waiting: employees(where: {status: {eq: INVITED}}) { totalCount } }"""
    )

    assert answer.data == {"found": {"nodes": [{"name": "Řehoř"}]}, "waiting": {"totalCount": 1}}


async def test_who_has_no_role_sees_his_own_profile_and_nobody_else(project: Project, rep: Employee) -> None:
    nobody = await make_employee(project, name="Nikdo")

    own = await as_employee(nobody).run(PROFILE)
    others = await as_employee(nobody).run("query($id: ID!) { node(id: $id) { id } }", id=rep)
    listed = await as_employee(nobody).run(EMPLOYEES)

    assert own.errors == []
    assert own.data["viewer"]["employee"]["name"] == "Nikdo"
    assert own.data["viewer"]["employee"]["project"] == {"id": gid(project), "name": "Pekárna Šťastný"}
    assert others.data == {"node": None} and listed.codes == ["FORBIDDEN"]


async def test_an_external_sees_himself_alone(project: Project, rep: Employee) -> None:
    client = as_role(Role.EXTERNAL_TELEPHONIST, project=project, name="Externista")

    answer = await client.run(EMPLOYEES)

    assert [edge["node"]["name"] for edge in answer.data["employees"]["edges"]] == ["Externista"]


@pytest.mark.parametrize(
    ("viewer", "target", "update"),
    [
        ("admin", "admin", True),
        ("director", "rep", True),
        ("director", "admin", False),
        ("rep", "rep", False),
    ],
)
async def test_a_front_end_learns_what_it_may_offer(
    admin: Employee, director: Employee, rep: Employee, viewer: str, target: str, update: bool
) -> None:
    people = {"admin": admin, "director": director, "rep": rep}

    answer = await as_employee(people[viewer]).run(VIEWER_CAN, id=people[target])

    assert answer.data["employee"]["viewerCan"] == {
        "update": update,
        "deactivate": update,
        "reactivate": False,
        "resendInvitation": False,
    }


async def test_a_director_changes_an_employee_and_his_open_sessions_learn_it(
    project: Project, director: Employee, rep: Employee, rings: list[str]
) -> None:
    b2b = await make_division(project, name="B2B")

    answer = await as_employee(director).run(
        UPDATE,
        input={
            "id": rep,
            "name": "Žofie",
            "roles": ["INVOICER", "SALES_REP", "INVOICER"],
            "divisionIds": [b2b],
            "canDeleteContacts": True,
            "timeZone": "Europe/London",
            "expectedVersion": 1,
        },
    )

    assert answer.faults("employeeUpdate") == []
    assert answer.data["employeeUpdate"]["employee"] == {
        "id": gid(rep),
        "name": "Žofie",
        "roles": ["SALES_REP", "INVOICER"],
        "divisionScope": "CHOSEN",
        "divisions": [{"name": "B2B"}],
        "reminderIntervalMinutes": None,
        "version": 2,
    }
    changed = await fresh(rep)
    assert (changed.can_delete_contacts, changed.time_zone, changed.search_text) == (
        True,
        "Europe/London",
        f"zofie {rep.email}",
    )
    assert rings == [f"viewers:{rep.account_id}"]
    entry = await AuditEntry.get(action="employeeUpdate")
    assert entry.subject_id == rep.id
    assert entry.changes["roles"] == [["SALES_REP"], ["SALES_REP", "INVOICER"]]
    assert entry.changes["division_ids"] == [[], [str(b2b.id)]]


async def test_what_is_sent_as_it_stands_is_no_change(director: Employee, rings: list[str]) -> None:
    answer = await as_employee(director).run(
        UPDATE,
        input={
            "id": director,
            "roles": ["DIRECTOR"],
            "divisionScope": "ALL",
            "divisionIds": [],
            "partnerId": None,
            "canDeleteContacts": False,
            "name": "Dana",
        },
    )

    assert answer.data["employeeUpdate"]["employee"]["version"] == 1 and rings == []


async def test_all_divisions_take_the_place_of_chosen_ones(project: Project, director: Employee) -> None:
    chooser = await make_employee(
        project, [Role.SALES_REP], divisions=[await make_division(project), await make_division(project)]
    )

    answer = await as_employee(director).run(UPDATE, input={"id": chooser, "divisionScope": "ALL"})

    assert answer.data["employeeUpdate"]["employee"]["divisions"] == []
    assert await EmployeeDivision.filter(employee_id=chooser.id).count() == 0


async def test_a_division_that_was_archived_may_stay_but_not_be_given_anew(
    project: Project, director: Employee, rep: Employee
) -> None:
    old, living = await make_division(project, archived_at=NOON), await make_division(project)
    chooser = await make_employee(project, [Role.SALES_REP], divisions=[old])

    kept = await as_employee(director).run(UPDATE, input={"id": chooser, "divisionIds": [old, living]})
    given = await as_employee(director).run(UPDATE, input={"id": rep, "divisionIds": [living, old]})

    assert kept.faults("employeeUpdate") == []
    assert given.faults("employeeUpdate") == [("input.divisionIds.1", "WRONG_STATE")]
    assert (await fresh(rep)).division_scope is DivisionScope.ALL


async def test_the_interval_takes_effect_at_once(project: Project, director: Employee, clock: Clock) -> None:
    person = await make_employee(project, [Role.TELEPHONIST], last_popup_at=clock.at)
    await make_reminder(person, due_at=clock.at - timedelta(hours=1))

    for interval, opens_at in ((10, clock.at + timedelta(minutes=10)), (1, clock.at + timedelta(minutes=1))):
        await as_employee(director).run(UPDATE, input={"id": person, "reminderIntervalMinutes": interval})
        assert (await fresh(person)).next_popup_at == opens_at

    await as_employee(director).run(UPDATE, input={"id": person, "reminderIntervalMinutes": None})
    assert (await fresh(person)).next_popup_at is None


async def test_reminders_of_contacts_they_may_no_longer_see_leave_their_window(
    project: Project, director: Employee, clock: Clock
) -> None:
    person = await make_employee(project, [Role.SALES_REP], reminder_interval_minutes=10)
    contact = await make_contact(project, division=await make_division(project))
    reminder = await make_reminder(person, contact=contact)

    answer = await as_employee(director).run(UPDATE, input={"id": person, "divisionScope": "CHOSEN"})

    assert answer.faults("employeeUpdate") == []
    assert (await Reminder.get()).assignee_id is None
    event = await ReminderEvent.get(employee_id=person.id)
    assert (event.reminder_id, event.closed_reason) == (reminder.id, ReminderClosedReason.GIVEN_AWAY)
    assert (await fresh(person)).next_popup_at is None


async def test_a_partner_makes_him_external_at_once(project: Project, admin: Employee, rep: Employee) -> None:
    partner = await make_partner(project)
    client = await as_employee(rep).sign_in()

    await as_employee(admin).run(UPDATE, input={"id": rep, "partnerId": partner})

    answer = await client.run("{ viewer { permissions } }")
    assert "OFFER_READ" not in answer.data["viewer"]["permissions"]


async def test_a_partner_must_be_the_projects_and_in_use(
    project: Project, director: Employee, rep: Employee
) -> None:
    old, foreign = await make_partner(project, archived_at=NOON), await make_partner(await make_project())

    archived = await as_employee(director).run(UPDATE, input={"id": rep, "partnerId": old})
    missing = await as_employee(director).run(UPDATE, input={"id": rep, "partnerId": foreign})

    assert archived.faults("employeeUpdate") == [("input.partnerId", "WRONG_STATE")]
    assert missing.codes == ["NOT_FOUND"]
    assert missing.errors[0]["extensions"]["inputPath"] == ["input", "partnerId"]
    assert (await fresh(rep)).partner_id is None


async def test_partners_are_listed_for_whoever_may_add_their_people(
    project: Project, director: Employee
) -> None:
    await make_partner(project, name="Call centrum")
    await make_partner(await make_project())
    document = "{ partners { nodes { name archivedAt } } }"

    seen = await as_employee(director).run(document)
    hidden = await as_role(Role.SALES_REP, project=project).run(document)

    assert seen.data == {"partners": {"nodes": [{"name": "Call centrum", "archivedAt": None}]}}
    assert hidden.codes == ["FORBIDDEN"]
