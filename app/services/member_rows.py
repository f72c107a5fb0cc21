"""Employees as viewers, out of rows that a raw statement fetched: for many of them at once."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from app import db
from app.models import DivisionScope, Employee
from app.policy import Member, Permission
from app.services import members

_NOBODY = UUID(int=0)
_CONCAT = {"postgres": "string_agg", "sqlite": "group_concat"}


def columns(dialect: db.Dialect, employee: str) -> str:
    """What `member_of` and `may` want of the employees under this alias; their ids besides."""
    facts = ", ".join(f"{employee}.{name}" for name in members.FACTS)
    return f"""{facts}, CASE WHEN {employee}.division_scope = 'CHOSEN' THEN (
        SELECT {_CONCAT[dialect]}(CAST(chosen.division_id AS text), ',') FROM employee_divisions chosen
        WHERE chosen.employee_id = {employee}.id AND chosen.project_id = {employee}.project_id
    ) END AS chosen_divisions"""  # noqa: S608  Names of our own.


def member_of(
    row: Mapping[str, Any], *, employee_id: UUID, project_id: UUID, account_id: UUID, session_id: UUID
) -> Member:
    """The viewer that the employee of this row is."""
    return members.member_with(
        _facts(*(row[name] for name in members.FACTS)),
        frozenset(UUID(each) for each in (row["chosen_divisions"] or "").split(",") if each),
        employee_id=employee_id,
        project_id=project_id,
        account_id=account_id,
        session_id=session_id,
    )


def viewer_of(row: Mapping[str, Any]) -> Member:
    """The same for a row with the `id` and `project_id` of the employee, for what is done without a session of theirs."""
    id_ = db.as_uuid(row["id"])
    return member_of(
        row, employee_id=id_, project_id=db.as_uuid(row["project_id"]), account_id=id_, session_id=id_
    )


def may(row: Mapping[str, Any], permission: Permission) -> bool:
    """Whether the employee of this row holds the right, without making a viewer of him."""
    return _may(permission, *(row[name] for name in members.FACTS))


@lru_cache(maxsize=4_096)
def _may(permission: Permission, *values: Any) -> bool:
    nobody = dict.fromkeys(("employee_id", "project_id", "account_id", "session_id"), _NOBODY)
    return permission.granted_to(members.member_with(_facts(*values), frozenset(), **nobody))


@lru_cache(maxsize=4_096)
def _facts(*values: Any) -> Mapping[str, Any]:
    """As the model gives them. Many people share the same; the mapping is not to be changed."""
    raw = dict(zip(members.FACTS, values, strict=True))
    return {
        **{name: bool(raw[name]) for name in members.FLAGS.values()},
        "roles": Employee._meta.fields_map["roles"].to_python_value(raw["roles"]),
        "division_scope": DivisionScope(raw["division_scope"]),
        "partner_id": db.as_uuid(raw["partner_id"]) if raw["partner_id"] else None,
    }
