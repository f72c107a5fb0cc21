"""Every row that what was done made, changed or took away has an entry in the audit log: its own, or that of what it is a part of."""

from collections.abc import Iterator, Mapping

from tests.proof.invariants.picture import Difference, differences
from tests.proof.invariants.play import Change
from tests.proof.invariants.rules_of_rights import WINDOW

#: Of whose rows each has an entry; and parts of rows, with the column that holds what has the entry.
NOTED = {
    "projects",
    "divisions",
    "employees",
    "partners",
    "lead_shares",
    "contacts",
    "persons",
    "activities",
    "reminders",
    "emails",
    "contact_proposals",
}
PARTS: Mapping[str, str] = {
    "employee_divisions": "employee_id",
    "invitations": "employee_id",
    "email_recipients": "email_id",
    "lead_share_contacts": "contact_id",
}
#: Worked out, or for the system.
WORKED_OUT = {
    "version",
    "updated_at",
    "sort_key",
    "search_text",
    "alert_at",
    "closed_at",
    "account_id",
    *WINDOW,
}


def every_changed_row_is_in_the_log(change: Change) -> Iterator[str]:
    was, now = change.before["audit_entries"], change.after["audit_entries"]
    told = {row["subject_id"] for id_, row in now.items() if id_ not in was}
    for each in differences(change.before, change.after):
        if change.done and _is_to_be_told(change, each) and not told.intersection(_whose(each)):
            yield f"no entry of the log tells of this row: {each}"


def _whose(each: Difference) -> set[str]:
    return {each.row[PARTS[each.table]] if each.table in PARTS else each.id}


def _is_to_be_told(change: Change, each: Difference) -> bool:
    """Mail of the system is what was done to somebody, and a link that was used up is part of what it was used for."""
    if each.table not in NOTED and each.table not in PARTS:
        return False
    if each.table == "email_recipients":
        email = (
            change.after["emails"].get(each.row["email_id"]) or change.before["emails"][each.row["email_id"]]
        )
        return each.before is None and email["template"] is None
    if each.table == "emails" and each.row["template"] is not None:
        return False
    return bool(each.columns - WORKED_OUT)


RULES = (every_changed_row_is_in_the_log,)
