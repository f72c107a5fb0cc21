"""Colleagues who are named in an act: they must be at work, and whoever gets reminders must be able to have some."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.errors import FaultCode, Invalid
from app.models import Employee, EmployeeStatus
from app.policy import Member, Permission
from app.services import reminder_handover
from app.services.members import grants_of_employee

HEIR = "reassign_reminders_to"


async def get_active(viewer: Member, id: UUID, *, path: Sequence[str] = ("id",)) -> Employee:
    """The employee, if they are at work. Raises NotFound, and Invalid (WRONG_STATE) for one who is not, at `path`."""
    employee = await Employee.get_visible(viewer, id, path=path)
    if employee.status is not EmployeeStatus.ACTIVE:
        sentence = f"{employee.name} does not work here now. Choose an active employee."
        raise Invalid.at(path, sentence, FaultCode.WRONG_STATE)
    return employee


async def get_heir(viewer: Member, employee: Employee, heir_id: UUID | None) -> Employee | None:
    """Who gets the reminders of an employee who may have none any more. Raises NotFound, and Invalid for one who cannot."""
    if heir_id is None:
        return None
    heir = await get_active(viewer, heir_id, path=(HEIR,))
    if heir.id == employee.id:
        raise Invalid.at(HEIR, "Choose another colleague: these are their reminders.", FaultCode.INVALID)
    if Permission.REMINDER_OWN not in grants_of_employee(heir):
        sentence = f"{heir.name} has no role, and so no reminders. Choose a colleague who has one."
        raise Invalid.at(HEIR, sentence, FaultCode.NOT_ALLOWED)
    return heir


async def hand_over(viewer: Member, employee: Employee, heir: Employee | None, now: datetime) -> None:
    """Before an employee may have no reminders any more. Raises Invalid (OPEN_REMINDERS) if they have some and there is no heir."""
    require_heir(employee, heir, await reminder_handover.open_count(employee.id))
    if heir is not None:
        await reminder_handover.reassign_all(viewer, from_employee_id=employee.id, to_employee=heir, now=now)


def require_heir(employee: Employee, heir: Employee | None, count: int) -> None:
    """Raises Invalid (OPEN_REMINDERS) if the employee would lose so many, and nobody is named who gets them."""
    if count and heir is None:
        sentence = f"Open reminders of {employee.name}: {count:,}. Say which colleague gets them."
        raise Invalid.at(HEIR, sentence, FaultCode.OPEN_REMINDERS)
