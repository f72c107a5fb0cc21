"""Nobody gives more than he has, nobody helps himself, admins are made and changed by admins, one of them stays."""

from collections.abc import Iterator

from tests.proof.invariants import oracle
from tests.proof.invariants.hands import Hand, changed, hands
from tests.proof.invariants.oracle import Scope
from tests.proof.invariants.picture import Difference, Row
from tests.proof.invariants.play import Change

#: What nobody changes of himself.
OWN_RIGHTS = {
    "roles",
    "division_scope",
    "partner_id",
    "can_delete_contacts",
    "can_send_bulk_email",
}
#: What follows from reminders, whoever made them.
WINDOW = {"next_popup_at", "last_popup_at", "feed_number"}
#: What accepting an invitation writes.
ACCEPTED = {"status", "account_id", "version", "updated_at"}
#: What one chooses of oneself.
OWN_INTERVAL = {"reminder_interval_minutes", "version", "updated_at"}


def an_admin_stays(change: Change) -> Iterator[str]:
    had = {each["project_id"] for each in change.before["employees"].values() if oracle.runs_project(each)}
    has = {each["project_id"] for each in change.after["employees"].values() if oracle.runs_project(each)}
    for project_id in sorted(had - has):
        yield f"project {project_id} has no active admin any more"
    for project_id in sorted(change.after["projects"].keys() - change.before["projects"].keys() - has):
        yield f"project {project_id} was founded without an admin"


def nobody_gives_more_than_he_has(change: Change) -> Iterator[str]:
    for each in _employees(change):
        if each.after is None:
            yield f"an employee is gone: {each}"
            continue
        givers = [hand for hand in hands(change, each) if hand.may("EMPLOYEE_MANAGE")]
        yield from _rights_given(each, givers)
        yield from _scope_given(change, each, givers)


def _rights_given(employee: Difference, givers: list[Hand]) -> Iterator[str]:
    assert employee.after is not None
    earlier = oracle.rights(_as_at_work(employee), with_flags=False)
    now = oracle.rights(employee.after, with_flags=False)
    given = {name: reach for name, reach in now.items() if reach > earlier.get(name, 0)}
    if more := oracle.beyond(given, oracle.union(giver.rights for giver in givers)):
        yield f"{employee} got what nobody who acted has: {', '.join(more)}"
    was = _as_at_work(employee)
    became_admin = oracle.would_be_admin(employee.after) and not (was and oracle.would_be_admin(was))
    if became_admin and not any(giver.may("ADMIN_GRANT") for giver in givers):
        yield f"{employee} became an admin, and no admin acted"


def _scope_given(change: Change, employee: Difference, givers: list[Hand]) -> Iterator[str]:
    assert employee.after is not None
    was = _as_at_work(employee)
    earlier: Scope = oracle.scope(change.before, was) if was else frozenset()
    more = oracle.widened(earlier, oracle.scope(change.after, employee.after))
    if more == frozenset() or any(_is_his_own_admin(giver, employee) for giver in givers):
        return
    scopes = [scope for giver in givers for scope in giver.scopes]
    widest = None if None in scopes else frozenset().union(*[each for each in scopes if each is not None])
    if not oracle.covers(widest, more):
        yield f"{employee} works in divisions that nobody who acted has"


def _as_at_work(employee: Difference) -> Row | None:
    """What he had before; who comes back had nothing."""
    was, now = employee.before, employee.after
    if was and now and was["status"] == "DEACTIVATED" and now["status"] != "DEACTIVATED":
        return None
    return was


def _is_his_own_admin(giver: Hand, employee: Difference) -> bool:
    return giver.employee_id == employee.id and giver.may("ADMIN_GRANT")


def nobody_changes_his_own_rights(change: Change) -> Iterator[str]:
    for each in _employees(change):
        rights_changed = (each.before and each.columns & OWN_RIGHTS) or _has_other_divisions(change, each.id)
        others = [
            hand
            for hand in hands(change, each)
            if hand.may("EMPLOYEE_MANAGE") and (hand.employee_id != each.id or hand.may("ADMIN_GRANT"))
        ]
        if rights_changed and not others:
            yield f"{each}: rights changed, by nobody else who manages employees"


def admins_are_changed_by_admins(change: Change) -> Iterator[str]:
    for each in _employees(change):
        was = each.before
        if was is None or not oracle.would_be_admin(was):
            continue
        if each.columns - WINDOW <= OWN_INTERVAL and _chose_it(change, each):
            continue
        touched = each.columns - WINDOW or _has_other_divisions(change, each.id)
        accepted = each.columns - WINDOW <= ACCEPTED and was["status"] == "INVITED"
        if touched and not _an_admin_acted(change, each) and not (accepted and _was_accepted(change)):
            yield f"an admin was changed by none: {each}"
    for each in (each for each in changed(change, "invitations") if each.before is None):
        invited = change.after["employees"][each.row["employee_id"]]
        if oracle.would_be_admin(invited) and not _an_admin_acted(change, each):
            yield f"an admin was invited by none: {each}"


def _chose_it(change: Change, employee: Difference) -> bool:
    return any(
        hand.did("viewerUpdate") and hand.employee_id == employee.id for hand in hands(change, employee)
    )


def the_address_of_an_employee_stays(change: Change) -> Iterator[str]:
    for each in _employees(change):
        if each.before and each.after and each.before["email"] != each.after["email"]:
            yield f"{each}: the address he was invited under changed"


def _employees(change: Change) -> Iterator[Difference]:
    """Those whose row or divisions changed."""
    found = {each.id: each for each in changed(change, "employees")}
    for link in changed(change, "employee_divisions"):
        id_ = link.row["employee_id"]
        was, now = change.before["employees"].get(id_), change.after["employees"].get(id_)
        found.setdefault(id_, Difference("employees", id_, was, now))
    yield from found.values()


def _has_other_divisions(change: Change, employee_id: str) -> bool:
    if employee_id not in change.before["employees"]:
        return False
    return any(each.row["employee_id"] == employee_id for each in changed(change, "employee_divisions"))


def _an_admin_acted(change: Change, difference: Difference) -> bool:
    return any(hand.may("ADMIN_GRANT") for hand in hands(change, difference))


def _was_accepted(change: Change) -> bool:
    return any(act.step.mutation == "invitationAccept" for act in change.done)


RULES = (
    an_admin_stays,
    nobody_gives_more_than_he_has,
    nobody_changes_his_own_rights,
    admins_are_changed_by_admins,
    the_address_of_an_employee_stays,
)
