"""Every row that appeared, changed or went: one of those who acted had, in its project, the right that it takes.

A table of its own beside the application's guards: what is written, whatever the mutation is called.
"""

from collections.abc import Callable, Iterator, Mapping

from tests.models.test_crossings import links_within_projects
from tests.proof.invariants import oracle
from tests.proof.invariants.hands import Hand, hands
from tests.proof.invariants.picture import Difference, Row, differences
from tests.proof.invariants.play import Change
from tests.proof.invariants.rules_of_rights import ACCEPTED, OWN_INTERVAL, WINDOW

AREAS = {
    "SALES": "ACTIVITY_SALES_WRITE",
    "SERVICE": "ACTIVITY_SERVICE_WRITE",
    "COMPLAINT": "ACTIVITY_SERVICE_WRITE",
    "BILLING": "ACTIVITY_BILLING_WRITE",
}
BILLING = {
    "vat_id",
    "tax_number",
    "bank_account",
    "credit_limit_minor",
    "credit_limit_currency",
    "price_level",
    "internal_rating",
}
LIMITS = {"daily_delete_limit"}
DELETION = {"deletion_requested_at", "purge_after"}
#: Reminders of whom loses a contact or leaves go to another, or to nobody.
HANDED_OVER = {"assignee_id", "snoozed_until", "alert_at", "version", "updated_at"}


def _project(hand: Hand) -> bool:
    each = hand.difference
    if each.before is None:
        return hand.did("projectCreate")
    if each.after is None:
        return False
    if _address_proved(hand):
        return True
    if each.columns & DELETION:
        return _deleted(hand) if each.after["deletion_requested_at"] else _restored(hand)
    if each.columns & LIMITS and not _may_in(hand, each.id, "ADMIN_GRANT"):
        return False
    return _may_in(hand, each.id, "PROJECT_SETTINGS")


def _deleted(hand: Hand) -> bool:
    known = hand.act.human.passwords.get(hand.act.account_id or "")
    proved = hand.act.variables.get("password") == known is not None
    return hand.did("projectDelete") and proved and _may_in(hand, hand.difference.id, "PROJECT_DELETE")


def _restored(hand: Hand) -> bool:
    of_account = [
        each
        for each in hand.change.before["employees"].values()
        if each["account_id"] == hand.act.account_id and each["project_id"] == hand.difference.id
    ]
    may = any("PROJECT_DELETE" in oracle.rights(each) and each["status"] == "ACTIVE" for each in of_account)
    return hand.did("projectRestore") and may


def _may_in(hand: Hand, project_id: str, permission: str) -> bool:
    inside = Difference("", "", None, {"project_id": project_id})
    return Hand(hand.change, hand.act, inside).may(permission)


def _address_proved(hand: Hand) -> bool:
    """By whoever reads the mail that goes there."""
    row, owner = hand.difference.row, hand.change.firm.owner_of(hand.difference.row["email"] or "")
    return (
        hand.difference.columns == {"email_verified_at"}
        and row["email_verified_at"] is not None
        and hand.did("addressVerify")
        and owner in (hand.act.human.name, None)
    )


def _division(hand: Hand) -> bool:
    if hand.difference.after is None:
        return False
    return _address_proved(hand) or hand.may("PROJECT_SETTINGS")


def _employee(hand: Hand) -> bool:
    """What he may give, and to whom, is in `rules_of_rights`."""
    columns = hand.difference.columns
    if columns <= WINDOW:
        return True
    accepted = hand.did("invitationAccept") and columns - WINDOW <= ACCEPTED
    known = hand.difference.before is not None
    return (known and (accepted or _own_interval(hand))) or hand.may("EMPLOYEE_MANAGE")


def _own_interval(hand: Hand) -> bool:
    """One's own, never off, and no longer than the project lets employees choose."""
    row, projects = hand.difference.row, (hand.change.before["projects"], hand.change.after["projects"])
    longest = max(each[row["project_id"]]["reminder_interval_max_minutes"] for each in projects)
    return (
        hand.did("viewerUpdate")
        and hand.difference.id == hand.employee_id
        and hand.may("REMINDER_OWN")
        and hand.difference.columns - WINDOW <= OWN_INTERVAL
        and row["reminder_interval_minutes"] in range(1, longest + 1)
    )


def _invitation(hand: Hand) -> bool:
    accepted = hand.did("invitationAccept") and hand.difference.columns <= {"accepted_at", "revoked_at"}
    return accepted or hand.may("EMPLOYEE_MANAGE")


def _contact(hand: Hand) -> bool:
    each = hand.difference
    if each.after is None:
        return hand.may("CONTACT_DELETE") and hand.reaches(each.before)
    if not hand.may("CONTACT_WRITE", "CONTACT_IMPORT"):
        return False
    touched = {name for name in each.columns & BILLING if each.before or each.after[name] is not None}
    if touched and not hand.may("CONTACT_BILLING_WRITE"):
        return False
    return _stays_in_scope(hand)


def _stays_in_scope(hand: Hand) -> bool:
    """Into a division of one's own; out of all divisions only by who works in all of them."""
    was, now = hand.difference.before, hand.difference.after
    assert now is not None
    if was is not None and not hand.reaches(was):
        return False
    if was is not None and was["division_id"] is not None and now["division_id"] is None:
        return None in hand.scopes
    return any(scope is None or now["division_id"] in (None, *scope) for scope in hand.scopes)


def _person(hand: Hand) -> bool:
    may = hand.may("CONTACT_WRITE", "CONTACT_IMPORT") or (
        hand.difference.after is None and hand.may("CONTACT_DELETE")
    )
    return may and hand.reaches(_contact_of(hand))


def _activity(hand: Hand) -> bool:
    each = hand.difference
    if each.after is None:
        return hand.may("CONTACT_DELETE")
    is_new = each.before is None and each.after["author_id"] == hand.employee_id
    return is_new and hand.may(AREAS[each.after["area"]]) and hand.reaches(_contact_of(hand))


def _contact_of(hand: Hand) -> Row | None:
    id_ = hand.difference.row["contact_id"]
    return hand.change.before["contacts"].get(id_) or hand.change.after["contacts"].get(id_)


def _reminder(hand: Hand) -> bool:
    each, contact = hand.difference, _contact_of(hand)
    if each.before is None:
        own = each.row["assignee_id"] == hand.employee_id and hand.may("REMINDER_OWN")
        return (own or hand.may("REMINDER_ASSIGN")) and (contact is None or hand.reaches(contact))
    if each.columns <= HANDED_OVER and hand.may("EMPLOYEE_MANAGE", "CONTACT_WRITE", "LEAD_SHARE"):
        return True
    his = each.before["assignee_id"] == hand.employee_id or len(hand.change.acts) > 1
    handles = (his and hand.may("REMINDER_OWN")) or hand.may("REMINDER_ASSIGN")
    return handles or (contact is not None and hand.may("CONTACT_DELETE") and hand.did("contactDelete"))


def _email(hand: Hand) -> bool:
    each = hand.difference
    if each.before is not None:
        return each.after is not None and hand.may("EMAIL_SEND", "CONTACT_DELETE")
    needed = {
        "BUSINESS": "EMAIL_SEND",
        "PERSONAL": "EMAIL_SEND",
        "INVITATION": "EMPLOYEE_MANAGE",
        "ADDRESS_VERIFICATION": "PROJECT_SETTINGS",
    }.get(each.row["purpose"])
    if needed is None:
        return each.row["project_id"] is None
    contact = _contact_of(hand)
    return hand.may(needed) and (contact is None or hand.reaches(contact))


def _recipient(hand: Hand) -> bool:
    id_ = hand.difference.row["email_id"]
    was, now = hand.change.before["emails"].get(id_), hand.change.after["emails"].get(id_)
    return _email(Hand(hand.change, hand.act, Difference("emails", id_, was, now)))


def _proposal(hand: Hand) -> bool:
    each = hand.difference
    if each.after is None:
        return hand.may("CONTACT_DELETE")
    if each.before is None:
        return hand.may("CONTACT_PROPOSE") and each.after["proposed_by_id"] == hand.employee_id
    return hand.may("CONTACT_IMPORT")


def _own_repeat(hand: Hand) -> bool:
    return hand.difference.row["scope_id"] in (hand.employee_id, hand.act.account_id)


def _needs(*any_of: str) -> Callable[[Hand], bool]:
    return lambda hand: hand.may(*any_of)


def _appended(hand: Hand) -> bool:
    return hand.difference.before is None


def _anybody(hand: Hand) -> bool:
    """Those of accounts have rules of their own; the others tell what was done, and do nothing."""
    return True


WRITERS: Mapping[str, Callable[[Hand], bool]] = {
    "projects": _project,
    "divisions": _division,
    "employees": _employee,
    "employee_divisions": _needs("EMPLOYEE_MANAGE"),
    "invitations": _invitation,
    "partners": _needs("LEAD_SHARE"),
    "lead_shares": _needs("LEAD_SHARE"),
    "lead_share_contacts": _needs("LEAD_SHARE", "CONTACT_DELETE"),
    "contacts": _contact,
    "persons": _person,
    "activities": _activity,
    "reminders": _reminder,
    "reminder_events": _appended,
    "emails": _email,
    "email_recipients": _recipient,
    "mailboxes": _needs("PROJECT_SETTINGS", "EMAIL_MAILBOX_OWN"),
    "contact_proposals": _proposal,
    "external_reads": _anybody,
    "external_searches": _anybody,
    "external_questions": _anybody,
    "idempotency_records": _own_repeat,
    "audit_entries": _appended,
    "accounts": _anybody,
    "account_tokens": _anybody,
    "sessions": _anybody,
    "sign_in_attempts": _anybody,
}


def rows_are_written_by_those_who_may(change: Change) -> Iterator[str]:
    for each in differences(change.before, change.after):
        if not change.done or _is_of_a_new_project(change, each):
            continue
        if each.table not in WRITERS:
            yield f"nobody says who may write into {each.table}: {each}"
        elif not any(WRITERS[each.table](hand) for hand in hands(change, each)):
            yield f"nobody who acted may write this: {each}"


def _is_of_a_new_project(change: Change, each: Difference) -> bool:
    """Whose founder is its admin."""
    project_id = each.row.get("project_id")
    founded = any(act.step.mutation == "projectCreate" for act in change.done)
    return founded and project_id is not None and project_id not in change.before["projects"]


def no_link_leaves_its_project(change: Change) -> Iterator[str]:
    now = change.after
    for model, column, target in links_within_projects():
        rows, others = now[model._meta.db_table], now[target._meta.db_table]
        for row in rows.values():
            other = others.get(row[column]) if row[column] else None
            if other is not None and row["project_id"] != other["project_id"]:
                yield f"{model._meta.db_table}.{column} of {row['id']} points into another project"


def what_was_done_is_in_the_log(change: Change) -> Iterator[str]:
    was, now = change.before["audit_entries"], change.after["audit_entries"]
    if lost := [id_ for id_, row in was.items() if now.get(id_) != row]:
        yield f"entries of the log were changed or lost: {lost}"
    written = {row["action"] for id_, row in now.items() if id_ not in was}
    if not any(_matters(each) for each in differences(change.before, change.after)):
        return
    succeeded = [act for act in change.acts if act.succeeded]
    if len(succeeded) > 1 and written.intersection(act.step.mutation for act in succeeded):
        return  # of several at once one may have found done what it was asked for
    for act in succeeded:
        if act.step.mutation not in written:
            yield f"the log does not tell of {act}"


def _matters(each: Difference) -> bool:
    counting = ("external_reads", "external_searches", "external_questions")
    return each.table not in ("sign_in_attempts", *counting)


RULES = (rows_are_written_by_those_who_may, no_link_leaves_its_project, what_was_done_is_in_the_log)
