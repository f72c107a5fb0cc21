"""A reminder is given while its contact, or its assignee, goes out of sight: whoever cannot see the contact keeps none.

On PostgreSQL the moments of both are tried one after another; SQLite lets one transaction in at a time anyway.
"""

import asyncio
from typing import Any

from app.models import Contact, Employee, Reminder
from app.policy import Role
from app.services.members import member_of
from tests.factories import (
    make_contact,
    make_division,
    make_employee,
    make_lead_share,
    make_partner,
    make_project,
)
from tests.graphql import Answer, Client, as_employee
from tests.schema.reminder_cases import CREATE, DUE
from tests.schema.share_cases import RECALL

MOVE = "mutation ($input: ContactUpdateInput!) { contactUpdate(input: $input) { errors { code } } }"
CHANGE = "mutation ($input: EmployeeUpdateInput!) { employeeUpdate(input: $input) { errors { code } } }"
MOMENTS = 20
STEP_S = 0.0007


async def _later(moment: int, client: Client, document: str, **sent: Any) -> Answer:
    await asyncio.sleep(moment * STEP_S)
    return await client.run(document, input=sent)


async def _out_of_sight() -> list[str]:
    """The titles of reminders whose assignee does not see their contact."""
    given = await Reminder.filter(assignee_id__isnull=False).order_by("id")
    return [each.title for each in given if not await _is_in_sight(each)]


async def _is_in_sight(reminder: Reminder) -> bool:
    viewer = await member_of(await Employee.get(id=reminder.assignee_id))
    return await Contact.visible_to(viewer).filter(id=reminder.contact_id).exists()


async def test_a_contact_that_moves_takes_the_reminder_that_is_given_at_this_moment() -> None:
    project = await make_project()
    here, elsewhere = await make_division(project), await make_division(project)
    giver, mover = [as_employee(await make_employee(project, [Role.DIRECTOR])) for _ in range(2)]
    taker = await make_employee(project, [Role.SALES_REP], divisions=[here])
    for moment in range(MOMENTS):
        contact = await make_contact(project, division=here)
        given = {"contactId": contact, "assigneeId": taker, "dueAt": DUE}

        answers = await asyncio.gather(
            giver.run(CREATE, input={"title": f"{moment}", **given}),
            _later(moment, mover, MOVE, id=contact, divisionId=elsewhere),
        )

        assert [answer.codes for answer in answers] == [[], []]
        assert await _out_of_sight() == []


async def test_who_joins_a_partner_keeps_no_reminder_of_a_contact_that_is_recalled_at_this_moment() -> None:
    project = await make_project()
    partner = await make_partner(project)
    boss, other = [as_employee(await make_employee(project, [Role.ADMIN])) for _ in range(2)]
    for moment in range(MOMENTS):
        contact = await make_contact(project)
        joining = await make_employee(project, [Role.SALES_REP])
        share = await make_lead_share(project, partner, [contact])
        himself = as_employee(joining)

        await asyncio.gather(
            himself.run(CREATE, input={"title": f"{moment}", "contactId": contact, "dueAt": DUE}),
            boss.run(CHANGE, input={"id": joining, "partnerId": partner}),
            _later(moment, other, RECALL, id=share),
        )

        assert await _out_of_sight() == []
