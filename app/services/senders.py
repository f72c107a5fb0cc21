"""Whose name and address a mail carries: a pure function of the project, never a client's choice.

First a connected mailbox (the employee's own for personal mail only, the division's, the project's), then an e-mail
address that the relay sends for (the division's, the project's). An address that nobody proved yet is answered to, not
sent from.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.models import Division, EmailVia, Employee, Mailbox, Project

INSTALLATION_NAME = "Divize"
_AT_SIGNS = re.compile("[@\N{FULLWIDTH COMMERCIAL AT}\N{SMALL COMMERCIAL AT}]")


@dataclass(frozen=True, slots=True)
class Sender:
    """What stands in From and Reply-To, and the road. `mailbox_id` is set for MAILBOX alone."""

    address: str
    display_name: str
    reply_to: str | None
    via: EmailVia
    mailbox_id: UUID | None = None


def resolve(
    project: Project,
    division: Division | None,
    mailboxes: Iterable[Mailbox] = (),
    *,
    employee: Employee | None = None,
    smtp_from: str,
    trusts_addresses: bool = False,
) -> Sender | None:
    """The sender of a mail of `project`, or of its `division`; None if nothing was set up.

    `employee` makes it personal mail: it carries his name, and answers go to him. `mailboxes` are the project's; those
    not verified do not count. `trusts_addresses` skips the proof of addresses (development only).
    """
    mailbox = _mailbox([each for each in mailboxes if each.verified_at], division, employee)
    if mailbox is not None:
        named = mailbox.display_name or (division or project).name
        return _sender(mailbox.address, named, EmailVia.MAILBOX, employee, mailbox_id=mailbox.id)
    for level in (division, project):
        if level is not None and level.email:
            if trusts_addresses or level.email_verified_at:
                return _sender(level.email, level.name, EmailVia.RELAY, employee)
            return _sender(smtp_from, level.name, EmailVia.INSTALLATION, employee, reply_to=level.email)
    return None


def installation(smtp_from: str) -> Sender:
    """The sender of mail about an account, which belongs to no project."""
    return Sender(smtp_from, INSTALLATION_NAME, None, EmailVia.INSTALLATION)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def _mailbox(
    mailboxes: Iterable[Mailbox], division: Division | None, employee: Employee | None
) -> Mailbox | None:
    by_owner = {(each.employee_id, each.division_id): each for each in mailboxes}
    owners = (
        (employee.id, None) if employee else None,
        (None, division.id) if division else None,
        (None, None),
    )
    return next((by_owner[owner] for owner in owners if owner in by_owner), None)


def _sender(
    address: str,
    name: str,
    via: EmailVia,
    employee: Employee | None,
    *,
    reply_to: str | None = None,
    mailbox_id: UUID | None = None,
) -> Sender:
    if employee is not None:
        name, reply_to = employee.name, employee.email
    return Sender(address, _display_name(name), None if reply_to == address else reply_to, via, mailbox_id)


def _display_name(name: str) -> str:
    """Without @, full-width and small ones too: a name that looks like an address would pose as one."""
    return " ".join(_AT_SIGNS.sub(" ", name).split())
