"""Employees: changing who they are here and what they may. Inviting is in `hiring`, leaving in `employment`."""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import formats, jobs
from app.models import DivisionScope, Employee, audit_notes
from app.policy import Grants, Member, Permission, Role, grants_of, is_external
from app.services import (
    colleagues,
    employee_rights,
    employee_scopes,
    members,
    partners,
    popups,
    reminder_handover,
    reminder_intervals,
    sessions,
    unassigned_windows,
)
from app.services.employee_rights import RIGHTS, runs_project
from app.services.versions import differing, require_version, sent_anew
from app.text import fold, sort_key
from app.validation import Rule, check, choice, flag, items, name, nullable, of

MOST_DIVISIONS = 250


def _any_id(value: Any) -> Any:
    """Ids were read by the edge; whether they are somebody's is asked later."""
    return value


RULES: Mapping[str, Rule] = {
    "name": name(200),
    "roles": items(choice(Role), 2 * len(Role)),
    "division_scope": choice(DivisionScope),
    "division_ids": nullable(items(_any_id, MOST_DIVISIONS)),
    "partner_id": nullable(_any_id),
    "reminder_interval_minutes": reminder_intervals.INTERVAL,
    "can_delete_contacts": flag,
    "can_send_bulk_email": flag,
    "time_zone": nullable(of(formats.time_zone)),
}
OWN_RULES: Mapping[str, Rule] = {"reminder_interval_minutes": reminder_intervals.INTERVAL}
NOT_NULL = ("name", "roles", "division_scope", "can_delete_contacts", "can_send_bulk_email")


async def update(
    viewer: Member,
    *,
    now: datetime,
    id: UUID,
    expected_version: int | None = None,
    reassign_reminders_to: UUID | None = None,
    **sent: Any,
) -> Employee:
    """Changes an employee. What is sent as it stands already is no change, and asks for no right.

    Whoever may have no reminders any more, or may no longer see what some are about, leaves them to the colleague named.
    Raises Forbidden for an admin changed by another, for rights and scopes wider than the viewer's, and for one's own
    rights; Invalid: LAST_ADMIN if nobody would be an admin any more, OPEN_REMINDERS if they have some which their roles or
    partner take from them, and no colleague is named.
    """
    await Employee.get_visible(viewer, id)
    viewer.require(Permission.EMPLOYEE_MANAGE)
    heirs = [] if reassign_reminders_to is None else [reassign_reminders_to]
    viewer, employee = await employee_rights.lock(viewer, id, *heirs)
    require_version(employee, expected_version)
    clean = _read(employee, sent)
    heir = await colleagues.get_heir(viewer, employee, reassign_reminders_to)
    before = await employee_scopes.of(employee)
    scope = await employee_scopes.asked(viewer, clean, before)
    changes = differing(employee, _columns(clean, scope))
    changed = changes.keys() | ({"division_ids"} if scope.division_ids != before.division_ids else set())
    if not changed:
        return employee
    await _authorise(viewer, employee, changes, changed)
    if employee.id != viewer.employee_id:
        held = None if _gains_rights(employee, changes) else before
        employee_scopes.require_within(viewer, scope, held)
    await _keep_an_admin(employee, changes)
    if _loses_reminders(employee, changes):
        await colleagues.hand_over(viewer, employee, heir, now)
    elif heir is None and changes.keys() & {"roles", "partner_id"}:
        count = await reminder_handover.hidden_count(employee.id, _with_roles_of(changes, employee, before))
        colleagues.require_heir(employee, heir, count)
    shown = await unassigned_windows.showing(employee, now) if RIGHTS & changed else None
    await _save(employee, changes, now=now, besides=_chosen(before, scope))
    await employee_scopes.write(employee, scope, before)
    await _tell(employee, changed, heir, now=now)
    await unassigned_windows.shrank(employee, shown, now=now)
    return employee


async def update_own(viewer: Member, *, now: datetime, **sent: Any) -> Employee:
    """Changes what everybody decides of themselves: the interval of their window, up to the project's longest.

    What is sent as it stands already is no change, whoever decided it. Raises Invalid (NOT_ALLOWED) for turning the window
    off, (OUT_OF_RANGE) for an interval that is too long.
    """
    employee = await employee_rights.lock_own(viewer)
    changes = differing(employee, check(sent_anew(employee, sent), OWN_RULES))
    if changes:
        await reminder_intervals.require_choosable(viewer.project_id, changes[reminder_intervals.NAME])
        await _save(employee, changes, now=now, besides={})
        await popups.refresh_window(employee.id, now=now)
    return employee


def worked_out(name: str, email: str) -> dict[str, str]:
    """The columns that follow from others."""
    return {"sort_key": sort_key(name), "search_text": fold(f"{name} {email}")}


def _read(employee: Employee, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, in the form we store, without what they have already. Of the scope all: its parts explain each other."""
    scope = {name: sent[name] for name in ("division_scope", "division_ids") if name in sent}
    typed = {**sent_anew(employee, sent), **scope}
    return check(typed, RULES, required=[name for name in NOT_NULL if name in typed])


def _columns(clean: Mapping[str, Any], scope: employee_scopes.Scope) -> dict[str, Any]:
    """Checked values under the names of the table's columns."""
    values = {name: value for name, value in clean.items() if name != "division_ids"}
    if "roles" in values:
        held = set(values["roles"])
        values["roles"] = tuple(role for role in Role if role in held)
    return {**values, "division_scope": scope.kind}


async def _authorise(
    viewer: Member, employee: Employee, changes: Mapping[str, Any], changed: Collection[str]
) -> None:
    employee_rights.require_not_himself(viewer, employee, changed)
    if changes.get("partner_id") is not None:
        await partners.get_living(viewer, changes["partner_id"])
    if changes.keys() & {"roles", "partner_id"}:
        roles = changes.get("roles", employee.roles)
        employee_rights.require_grantable(viewer, roles, changes.get("partner_id", employee.partner_id))


def _gains_rights(employee: Employee, changes: Mapping[str, Any]) -> bool:
    """Whether his roles bring more from now on, as also when he ceases to be external.

    They reach as far as his divisions do, so those are given with them.
    """
    before, after = _grants(employee), _grants(employee, changes)
    return any(reach > before.get(right, 0) for right, reach in after.items())


def _loses_reminders(employee: Employee, changes: Mapping[str, Any]) -> bool:
    """Whether they may have no reminders any more."""
    return Permission.REMINDER_OWN in _grants(employee).keys() - _grants(employee, changes).keys()


def _with_roles_of(changes: Mapping[str, Any], employee: Employee, before: employee_scopes.Scope) -> Member:
    """The employee with the roles and the partner of these changes, and the divisions of before."""
    facts = {name: changes.get(name, getattr(employee, name)) for name in members.FACTS}
    return members.member_with(
        {**facts, "division_scope": before.kind},
        frozenset(before.division_ids),
        employee_id=employee.id,
        project_id=employee.project_id,
        account_id=employee.id,
        session_id=employee.id,
    )


def _grants(employee: Employee, changes: Mapping[str, Any] = MappingProxyType({})) -> Grants:
    """What their roles bring, after these changes; flags are not looked at."""
    roles, partner_id = changes.get("roles", employee.roles), changes.get("partner_id", employee.partner_id)
    return grants_of(roles, external=is_external(roles, partner_id))


async def _keep_an_admin(employee: Employee, changes: Mapping[str, Any]) -> None:
    roles = changes.get("roles", employee.roles)
    external = is_external(roles, changes.get("partner_id", employee.partner_id))
    if runs_project(employee) and Permission.ADMIN_GRANT not in grants_of(roles, external=external):
        path = "roles" if "roles" in changes else "partner_id"
        await employee_rights.require_another_admin(employee, path=path)


def _chosen(before: employee_scopes.Scope, scope: employee_scopes.Scope) -> dict[str, Any]:
    """The change of divisions for the audit log."""
    if scope.division_ids == before.division_ids:
        return {}
    return {"division_ids": [sorted(map(str, before.division_ids)), sorted(map(str, scope.division_ids))]}


async def _save(
    employee: Employee, changes: Mapping[str, Any], *, now: datetime, besides: Mapping[str, Any]
) -> None:
    """Writes what differs, as a new version. The row is locked, so nobody else's change is lost."""
    jobs.note(employee, {**audit_notes.differences(employee, changes), **besides})
    values = {**changes, **worked_out(changes.get("name", employee.name), employee.email)}
    if changes.get("reminder_interval_minutes", employee.reminder_interval_minutes) is None:
        values["next_popup_at"] = None
    await Employee.filter(id=employee.id).update(**values, version=F("version") + 1, updated_at=now)
    employee.update_from_dict({**values, "version": employee.version + 1, "updated_at": now})


async def _tell(
    employee: Employee, changed: Collection[str], heir: Employee | None, *, now: datetime
) -> None:
    """What else follows: sessions learn their rights, reminders go from whom may no longer see them, the window moves."""
    if RIGHTS & set(changed):
        if employee.account_id is not None:
            sessions.viewers_changed(employee.account_id)
        await reminder_handover.give_away_unseen(employee_id=employee.id, heir=heir, now=now)
    if (RIGHTS | {"reminder_interval_minutes"}) & set(changed):
        await popups.refresh_window(employee.id, now=now)
