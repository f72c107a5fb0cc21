"""Where a contact belongs: its division and its owner."""

from typing import Any

import pytest

from app.models import Employee, EmployeeStatus, Project, ReminderEvent
from app.policy import Role
from tests.conftest import Clock
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_project,
    make_reminder,
)
from tests.graphql import as_employee, code_of_id, gid
from tests.schema.contact_cases import (
    CREATE,
    ONE,
    UPDATE,
    everything,
)


@pytest.fixture
async def project(clock: Clock) -> Project:
    return await make_project()


@pytest.fixture
async def rep(project: Project) -> Employee:
    return await make_employee(project, [Role.SALES_REP])


class TestDivisions:
    """A contact goes only into a division that the viewer works with."""

    @pytest.fixture
    async def mine(self, project: Project) -> Any:
        return await make_division(project, name="B2B")

    @pytest.fixture
    async def other(self, project: Project) -> Any:
        return await make_division(project, name="B2C")

    @pytest.fixture
    async def chooser(self, project: Project, mine: Any) -> Employee:
        return await make_employee(project, [Role.SALES_REP], divisions=[mine])

    async def test_one_of_his_own(self, chooser: Employee, mine: Any) -> None:
        answer = await as_employee(chooser).run(CREATE, input={"name": "Novák", "divisionId": mine})

        assert answer.faults("contactCreate") == []
        assert answer.data["contactCreate"]["contact"]["division"] == {"id": gid(mine)}

    async def test_none_at_all_is_seen_by_everyone(self, chooser: Employee, rep: Employee) -> None:
        created = await as_employee(chooser).run(CREATE, input={"name": "Novák"})
        contact = created.data["contactCreate"]["contact"]

        seen = await as_employee(rep).run(ONE, id=contact["id"])

        assert contact["division"] is None and seen.data["contact"]["name"] == "Novák"

    async def test_a_colleagues_is_not_allowed(
        self, chooser: Employee, project: Project, mine: Any, other: Any
    ) -> None:
        contact = await make_contact(project, division=mine)
        before = await everything()

        created = await as_employee(chooser).run(CREATE, input={"name": "Novák", "divisionId": other})
        moved = await as_employee(chooser).run(UPDATE, input={"id": contact, "divisionId": other})

        assert created.faults("contactCreate") == [("input.divisionId", "NOT_ALLOWED")]
        assert moved.faults("contactUpdate") == [("input.divisionId", "NOT_ALLOWED")]
        assert await everything() == before

    async def test_only_whoever_works_with_all_clears_it(
        self, chooser: Employee, rep: Employee, project: Project, mine: Any
    ) -> None:
        contact = await make_contact(project, division=mine)

        refused = await as_employee(chooser).run(UPDATE, input={"id": contact, "divisionId": None})
        cleared = await as_employee(rep).run(UPDATE, input={"id": contact, "divisionId": None})

        assert refused.faults("contactUpdate") == [("input.divisionId", "NOT_ALLOWED")]
        assert cleared.faults("contactUpdate") == []
        assert cleared.data["contactUpdate"]["contact"]["division"] is None

    async def test_an_archived_one_takes_no_more(self, rep: Employee, project: Project, clock: Clock) -> None:
        archived = await make_division(project, archived_at=clock.at)
        inside = await make_contact(project, division=archived)

        created = await as_employee(rep).run(CREATE, input={"name": "Novák", "divisionId": archived})
        kept = await as_employee(rep).run(
            UPDATE, input={"id": inside, "divisionId": archived, "name": "Nový"}
        )

        assert created.faults("contactCreate") == [("input.divisionId", "WRONG_STATE")]
        assert kept.faults("contactUpdate") == []

    @pytest.mark.parametrize("field", ["divisionId", "ownerId"])
    async def test_one_of_another_project_or_type_is_not_found(
        self, rep: Employee, project: Project, field: str
    ) -> None:
        elsewhere = await make_project()
        contact = await make_contact(project)
        foreign = await (
            make_division(elsewhere) if field == "divisionId" else make_employee(elsewhere, [Role.ADMIN])
        )
        before = await everything()

        for wrong in (foreign, contact, "%%%", ""):
            created = await as_employee(rep).run(CREATE, input={"name": "Novák", field: wrong})
            updated = await as_employee(rep).run(UPDATE, input={"id": contact, field: wrong})
            for answer in (created, updated):
                assert answer.codes == [code_of_id(wrong, type(foreign).__name__)]
                assert answer.errors[0]["extensions"]["inputPath"] == ["input", field]
        assert await everything() == before

    async def test_a_move_takes_the_reminder_from_whoever_no_longer_sees_the_contact(
        self, chooser: Employee, rep: Employee, project: Project, mine: Any, other: Any
    ) -> None:
        contact = await make_contact(project, division=mine)
        taken, kept = await make_reminder(chooser, contact=contact), await make_reminder(rep, contact=contact)

        answer = await as_employee(rep).run(UPDATE, input={"id": contact, "divisionId": other})

        assert answer.faults("contactUpdate") == []
        await taken.refresh_from_db()
        await kept.refresh_from_db()
        assert (taken.assignee_id, kept.assignee_id) == (None, rep.id)
        (event,) = await ReminderEvent.all()
        assert (event.employee_id, event.reminder_id, event.closed_reason) == (
            chooser.id,
            taken.id,
            "GIVEN_AWAY",
        )


@pytest.mark.parametrize("status", [EmployeeStatus.INVITED, EmployeeStatus.DEACTIVATED])
async def test_an_owner_works_here_now(
    rep: Employee, project: Project, clock: Clock, status: EmployeeStatus
) -> None:
    left = clock.at if status is EmployeeStatus.DEACTIVATED else None
    absent = await make_employee(project, [Role.SALES_REP], status=status, deactivated_at=left)
    contact = await make_contact(project, owner=absent)
    before = await everything()

    created = await as_employee(rep).run(CREATE, input={"name": "Novák", "ownerId": absent})
    assert created.faults("contactCreate") == [("input.ownerId", "WRONG_STATE")]
    assert await everything() == before

    kept = await as_employee(rep).run(UPDATE, input={"id": contact, "ownerId": absent, "name": "Nový"})
    assert kept.faults("contactUpdate") == []
