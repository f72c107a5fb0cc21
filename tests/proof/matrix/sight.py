"""Who sees which rows of the world: the rules of rows, in a second form.

By default the permission that a type prints decides: `all` shows every row, `own` those that are mine, and a row about a
contact needs the contact besides. What follows other rules stands in RULES.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.proof.matrix.contract import Contract
from tests.proof.matrix.policy_table import PolicyTable, Who
from tests.proof.matrix.world import Row, World

AREA_PERMISSION: Mapping[str, str] = {
    "SALES": "ACTIVITY_SALES_READ",
    "SERVICE": "ACTIVITY_SERVICE_READ",
    "COMPLAINT": "ACTIVITY_SERVICE_READ",
    "BILLING": "ACTIVITY_BILLING_READ",
}


@dataclass(eq=False)
class Sight:
    """What one viewer sees."""

    who: Who
    policy: PolicyTable
    contract: Contract
    world: World
    known: dict[Row, bool] = field(default_factory=dict)

    def of(self, type_name: str) -> list[Row]:
        """The rows of a type that he sees."""
        return [row for row in self.world.of_type(type_name) if self.sees(row)]

    def sees(self, row: Row) -> bool:
        if row not in self.known:
            self.known[row] = RULES.get(row.type_name, _by_default)(self, row)
        return self.known[row]

    def may(self, *permissions: str) -> bool:
        return self.policy.may(self.who, permissions)

    def reaches(self, permission: str, row: Row) -> bool:
        """Does this permission of his reach as far as this row?"""
        reach = self.policy.reach(self.who, permission)
        return reach == "all" or (reach == "own" and row.is_mine)

    def sees_contact_of(self, row: Row) -> bool:
        """True also of a row that is about no contact."""
        contact_id = getattr(row.record, "contact_id", None)
        return contact_id is None or self.sees(self.world.by_id[contact_id])


def _by_default(sight: Sight, row: Row) -> bool:
    permissions = sight.contract.see(row.type_name)
    is_reached = not permissions or any(sight.reaches(each, row) for each in permissions)
    return is_reached and sight.sees_contact_of(row)


def _contact(sight: Sight, row: Row) -> bool:
    """An external sees what is shared with his partner, and without a partner nothing."""
    if sight.who.is_external and not (sight.who.partner and row.kind == "A"):
        return False
    return sight.reaches("CONTACT_READ", row)


def _employee(sight: Sight, row: Row) -> bool:
    """Everybody sees himself."""
    return row.kind == "A" or sight.policy.reach(sight.who, "EMPLOYEE_READ") == "all"


def _within_area(sight: Sight, row: Row) -> bool:
    area = row.record.area
    return area is None or sight.reaches(AREA_PERMISSION[area.name], row)


def _activity(sight: Sight, row: Row) -> bool:
    return sight.sees_contact_of(row) and _within_area(sight, row)


def _email(sight: Sight, row: Row) -> bool:
    return sight.reaches("EMAIL_READ", row) and sight.sees_contact_of(row) and _within_area(sight, row)


def _recipient(sight: Sight, row: Row) -> bool:
    return sight.sees(sight.world.by_id[row.record.email_id])


def _reminder(sight: Sight, row: Row) -> bool:
    is_held = sight.may("REMINDER_ASSIGN") or (sight.may("REMINDER_OWN") and row.is_mine)
    return is_held and sight.sees_contact_of(row)


def _proposal(sight: Sight, row: Row) -> bool:
    """Whoever decides sees them all, whoever proposes his own."""
    if sight.may("CONTACT_IMPORT"):
        return sight.sees_contact_of(row)
    return sight.may("CONTACT_PROPOSE") and row.is_mine


def _mine(sight: Sight, row: Row) -> bool:
    return row.is_mine


RULES: Mapping[str, Callable[[Sight, Row], bool]] = {
    "Contact": _contact,
    "Employee": _employee,
    "Activity": _activity,
    "Email": _email,
    "EmailRecipient": _recipient,
    "Reminder": _reminder,
    "ContactProposal": _proposal,
    "Account": _mine,
    "Session": _mine,
    "Project": lambda sight, row: True,
}
