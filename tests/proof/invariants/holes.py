"""Holes that are made on purpose, to see that they are found: a rule is taken away from the application for a while.

Each with the steps that go through it. `python -m tests.proof invariants --hole NAME` lets random people look for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from app import jobs, security
from app.models import Project
from app.services import (
    colleagues,
    contact_deletion,
    contacts,
    emails,
    employee_rights,
    employee_scopes,
    givers,
    lead_share_log,
    members,
    reminder_handover,
    reminder_intervals,
    session_rows,
    sessions,
    sign_in,
    stranded,
)
from tests.proof.invariants.steps import Step
from tests.proof.invariants.words import Mailed, Password, ProjectName, RowOf


@dataclass(frozen=True)
class Hole:
    """`what` stands in `where` in the place of what keeps the rule; `found` are words of what is then told."""

    where: Any
    name: str
    what: Any
    steps: Sequence[Step]
    found: str

    @contextmanager
    def open(self) -> Iterator[None]:
        """Viewers that were worked out before or meanwhile are not believed."""
        session_rows._viewer.cache_clear()
        with mock.patch.object(self.where, self.name, self.what):
            yield
        session_rows._viewer.cache_clear()


def nothing(*_: Any, **__: Any) -> None:
    """Asks for no right."""


async def nothing_later(*_: Any, **__: Any) -> None:
    """Asks for no right, and does nothing."""


async def _nobody(*_: Any, **__: Any) -> set[Any]:
    return set()


async def _in_no_project(*_: Any, **__: Any) -> dict[Any, Any]:
    return {}


async def _always(*_: Any, **__: Any) -> bool:
    return True


def _staff(*_: Any, **__: Any) -> bool:
    return False


def _no_entries(*_: Any, **__: Any) -> list[Any]:
    return []


def _fails(*_: Any, **__: Any) -> None:
    raise RuntimeError("broken")


async def _renames_first(begin: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """In a transaction of its own, before what it belongs to may be refused."""
    await Project.all().update(name="Prohlížený")
    return await begin(*args, **more)


async def _to_mallory(write: Callable[..., Any], *args: Any, **more: Any) -> Any:
    purpose, ref, _ = args
    return await write(purpose, ref, "mallory@mallory.example.cz", **more)


def _employee(name: str) -> RowOf:
    return RowOf("Employee", named=name)


def _update(who: str, whom: str, **changes: Any) -> Step:
    return Step(who, "employeeUpdate", {"id": _employee(whom), **changes})


def _deletions(who: str, many: int) -> list[Step]:
    return [Step(who, "contactDelete", {"id": RowOf("Contact", 2)}) for _ in range(many)]


_queue_system = emails.queue_system
_begin_of = sign_in.begin_of
ADDRESS = "iva@iva.example.cz"
SIGNS_UP_AS_ANOTHER = Step(
    "mallory", "accountCreate", {"email": ADDRESS, "password": Password("new"), "name": "Iva"}
)
#: The last was made for ema, who has a reminder of its contact.
RECALL = Step("dita", "leadShareRecall", {"id": RowOf("LeadShare", -1)})
#: Who gives reminders to others, but for anna.
OTHER_GIVERS = ("adam", "dita", "dan", "kamila", "cyril")
ACCEPTS = Step("iva", "invitationAccept", {"token": Mailed("INVITATION"), "password": Password("new")})

HOLES: Mapping[str, Hole] = {
    "grants beyond one's own": Hole(
        employee_rights,
        "require_grantable",
        nothing,
        [_update("dita", "rudolf", roles=["ADMIN"])],
        "became an admin, and no admin acted",
    ),
    "one's own rights": Hole(
        employee_rights,
        "require_not_himself",
        nothing,
        [_update("dita", "dita", canSendBulkEmail=True)],
        "by nobody else who manages employees",
    ),
    "a scope beyond one's own": Hole(
        employee_scopes,
        "require_within",
        nothing,
        [_update("dan", "tereza", divisionScope="ALL")],
        "works in divisions that nobody who acted has",
    ),
    "admins changed by others": Hole(
        employee_rights,
        "require_may_change",
        nothing,
        [_update("dita", "anna", name="Jiná")],
        "an admin was changed by none",
    ),
    "no admin left": Hole(
        employee_rights,
        "require_another_admin",
        nothing_later,
        [_update("anna", "adam", roles=["DIRECTOR"]), _update("anna", "anna", roles=[])],
        "has no active admin any more",
    ),
    "deleting without a limit": Hole(
        contact_deletion,
        "_require_below_limit",
        nothing_later,
        _deletions("dita", 4),
        "allowed a day",
    ),
    "sessions that outlive their owner's work": Hole(
        sessions,
        "revoke_of_employee",
        nothing_later,
        [Step("dita", "employeeDeactivate", {"id": _employee("kamila")})],
        "is alive",
    ),
    "who signed up first owns the invitation": Hole(
        sessions,
        "revoke_all",
        nothing_later,
        [SIGNS_UP_AS_ANOTHER, ACCEPTS],
        "mallory has a session of the account",
    ),
    "contacts in divisions of others": Hole(
        contacts,
        "_require_division",
        nothing_later,
        [Step("tereza", "contactCreate", {"name": "Nový", "divisionId": RowOf("Division", 0)})],
        "nobody who acted may write this: contacts",
    ),
    "a window that its owner turns off": Hole(
        reminder_intervals,
        "require_choosable",
        nothing_later,
        [Step("rudolf", "viewerUpdate", {"reminderIntervalMinutes": None})],
        "nobody who acted may write this: employees",
    ),
    "no ceiling for externals": Hole(
        members,
        "is_external",
        _staff,
        [Step("ester", "divisionCreate", {"name": "Nová"})],
        "nobody who acted may write this: divisions",
    ),
    "any password deletes the project": Hole(
        security,
        "verify_password",
        _always,
        [Step("anna", "projectDelete", {"password": Password("wrong"), "name": ProjectName()})],
        "nobody who acted may write this: projects",
    ),
    "links to whom they are not for": Hole(
        emails,
        "queue_system",
        lambda *args, **more: _to_mallory(_queue_system, *args, **more),
        [Step("mallory", "passwordResetRequest", {"email": "anna@anna.example.cz"})],
        "a link went to an address that it is not for",
    ),
    "reminders left with whom has no role": Hole(
        colleagues,
        "hand_over",
        nothing_later,
        [
            Step("rudolf", "reminderCreate", {"title": "Zavolat", "dueAt": "2026-03-02T12:00:00Z"}),
            _update("dita", "rudolf", roles=[], reassignRemindersTo=_employee("dita")),
        ],
        "is with rudolf, who may not have it",
    ),
    "reminders left with whom sees no contact": Hole(
        reminder_handover,
        "give_away_unseen",
        nothing_later,
        [RECALL],
        "is with ema, who may not have it",
    ),
    "reminders that are nobody's, in no window": Hole(
        givers,
        "ids",
        _nobody,
        [RECALL],
        "and the window of anna does not open for it",
    ),
    "reminders that nobody sees, in no admin's window": Hole(
        stranded,
        "in_projects",
        _in_no_project,
        [
            RECALL,
            *(Step("anna", "employeeDeactivate", {"id": _employee(each)}) for each in OTHER_GIVERS),
            _update("anna", "anna", divisionScope="CHOSEN", divisionIds=[]),
        ],
        "and the window of anna does not open for it",
    ),
    "what was done is not written down": Hole(
        jobs,
        "_audit_entries",
        _no_entries,
        [Step("dita", "divisionCreate", {"name": "Nová"})],
        "the log does not tell of",
    ),
    "what was lent is not written down at what was lent": Hole(
        lead_share_log,
        "note_contacts",
        nothing_later,
        [
            Step(
                "dita", "leadShareCreate", {"partnerId": RowOf("Partner", 0), "campaign": "Jaro", "all": True}
            )
        ],
        "no entry of the log tells of this row: lead_share_contacts",
    ),
    "a refusal that leaves something": Hole(
        sign_in,
        "begin_of",
        lambda *args, **more: _renames_first(_begin_of, *args, **more),
        [Step("anna", "projectDelete", {"password": Password("wrong"), "name": ProjectName()})],
        "refused, and yet",
    ),
    "a fault inside": Hole(
        employee_rights,
        "require_not_himself",
        _fails,
        [_update("dita", "rudolf", name="Jiný")],
        "answered INTERNAL_SERVER_ERROR",
    ),
}
