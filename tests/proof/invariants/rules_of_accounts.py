"""Everybody acts under his own account alone: no password, address, session or invitation changes hands."""

from collections.abc import Iterator

from app.security import token_hash
from tests.proof.invariants.hands import changed
from tests.proof.invariants.picture import Row
from tests.proof.invariants.play import Change

#: Purposes of links that prove the address which an account has.
OF_THE_ADDRESS = ("PASSWORD_RESET", "EMAIL_VERIFICATION")


def accounts_are_changed_by_their_owners(change: Change) -> Iterator[str]:
    for each in changed(change, "accounts"):
        if each.after is None:
            yield f"an account is gone: {each}"
        elif each.before is None:
            if each.after["email_verified_at"] and not _reader_acted(change, each.after["email"]):
                yield f"an account was opened, proved, by somebody who does not read its mail: {each}"
        elif not _reader_acted(change, each.before["email"]):
            owned = _owner(change, each.before) is not None
            if owned or not any(act.account_id == each.id for act in change.done):
                yield f"an account was changed by another: {each}"


def _owner(change: Change, account: Row) -> str | None:
    """Who reads its mail, has proved that and knows its password; None for an account that nobody owns so.

    Anybody may sign up under anybody's address. As long as the reader of its mail has not taken the account over, by
    a new password or by an invitation, it is the other's: also if the reader opened the link that came unasked, since
    that proves the address and says nothing of who signed up.
    """
    owner = change.firm.owner_of(account["email"])
    if account["email_verified_at"] is None or owner is None:
        return None
    return owner if account["id"] in change.firm.humans[owner].passwords else None


def _reader_acted(change: Change, address: str) -> bool:
    return any(change.firm.owner_of(address) in (act.human.name, None) for act in change.done)


def everybody_acts_under_his_own_account(change: Change) -> Iterator[str]:
    """Also whoever signed up under another's address: once the owner has the account, his sessions are over."""
    alive = {each["token_hash"]: each for each in change.after["sessions"].values() if not each["revoked_at"]}
    for human in change.firm.humans.values():
        for token in (human.token, *human.old_tokens):
            session = alive.get(token_hash(token)) if token else None
            account = change.after["accounts"][session["account_id"]] if session else None
            if account and _owner(change, account) not in (human.name, None):
                yield f"{human.name} has a session of the account {account['email']}"


def sessions_begin_for_their_owners(change: Change) -> Iterator[str]:
    for each in changed(change, "sessions"):
        account = change.after["accounts"][each.row["account_id"]]
        if each.before is None and _owner(change, account) and not _reader_acted(change, account["email"]):
            yield f"a session of {account['email']} began for somebody else: {each}"


def sessions_fit_their_employees(change: Change) -> Iterator[str]:
    for session in change.after["sessions"].values():
        employee = change.after["employees"].get(session["employee_id"] or "")
        if session["revoked_at"] is not None or employee is None:
            continue
        links = [(each["account_id"], each["project_id"]) for each in (session, employee)]
        if links[0] != links[1] or employee["status"] != "ACTIVE":
            yield f"session {session['id']} is alive, of account and project {links[0]}, for {employee}"


def who_was_invited_is_who_came(change: Change) -> Iterator[str]:
    for employee in change.after["employees"].values():
        account = change.after["accounts"].get(employee["account_id"] or "")
        invited = change.firm.owner_of(employee["email"])
        if account and invited and change.firm.owner_of(account["email"]) != invited:
            yield f"{employee['email']} was invited, {account['email']} works here"


def links_go_where_they_belong(change: Change) -> Iterator[str]:
    for each in (each for each in changed(change, "account_tokens") if each.before is None):
        account = change.before["accounts"].get(each.row["account_id"])
        if account and each.row["purpose"] in OF_THE_ADDRESS and each.row["email"] != account["email"]:
            yield f"a link for {account['email']} was mailed to another address: {each}"
    for each in (each for each in changed(change, "email_recipients") if each.before is None):
        email = change.after["emails"][each.row["email_id"]]
        if email["template_ref"] and each.row["address"] != _belongs_to(change, email):
            yield f"a link went to an address that it is not for: {each}"


def _belongs_to(change: Change, email: Row) -> str | None:
    if email["purpose"] == "INVITATION":
        invitation = change.after["invitations"][email["template_ref"]]
        return str(change.after["employees"][invitation["employee_id"]]["email"])
    return str(change.after["account_tokens"][email["template_ref"]]["email"])


RULES = (
    accounts_are_changed_by_their_owners,
    everybody_acts_under_his_own_account,
    sessions_begin_for_their_owners,
    sessions_fit_their_employees,
    who_was_invited_is_who_came,
    links_go_where_they_belong,
)
