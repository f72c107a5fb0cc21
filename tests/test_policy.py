"""The table of permissions: what it grants, and that a broken one stops the start."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from app.errors import Forbidden, Unauthenticated
from app.ids import uuid7
from app.policy import (
    POLICY,
    AccountViewer,
    Flag,
    Level,
    Member,
    Permission,
    PolicyError,
    Reach,
    Role,
    Viewer,
    grants_of,
    load_policy,
    roles_with,
)

TEXT = (Path(__file__).parent.parent / "app" / "policy.md").read_text(encoding="utf-8")
LINES = TEXT.splitlines()
TABLE = next(number for number, line in enumerate(LINES) if line.startswith("|"))


def line_of(permission: Permission) -> int:
    return next(number for number, line in enumerate(LINES) if f"| {permission.name} |" in line)


def changed(number: int, old: str, new: str) -> str:
    """The table with one line changed; fails if nothing was."""
    lines = list(LINES)
    lines[number] = lines[number].replace(old, new, 1)
    assert lines[number] != LINES[number]
    return "\n".join(lines)


def without(number: int) -> str:
    return "\n".join(LINES[:number] + LINES[number + 1 :])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(TABLE, "SALES_REP", "SALESMAN"), rf"Line {TABLE + 1}: the columns must be .*SALES_REP"),
        (changed(TABLE, " ADMIN |", ""), rf"Line {TABLE + 1}: the columns must be"),
        (
            changed(TABLE + 2, "PROJECT_READ", "PROJECT_RAED"),
            rf"Line {TABLE + 3}: unknown permission 'PROJECT_RAED'",
        ),
        (changed(TABLE + 2, "| all |", "| any |"), rf"Line {TABLE + 3}: PROJECT_READ has the cell 'any'"),
        (changed(TABLE + 2, "| all |", "| flag |"), rf"Line {TABLE + 3}: PROJECT_READ has the cell 'flag'"),
        (changed(TABLE + 2, "| all |", "|"), rf"Line {TABLE + 3}: 11 cells wanted, 10 found"),
        (
            changed(TABLE + 3, "PROJECT_SETTINGS", "PROJECT_READ"),
            rf"Line {TABLE + 4}: PROJECT_READ stands twice",
        ),
        (without(line_of(Permission.GDPR)), "without a row for GDPR"),
        (
            re.sub(r"all \| - \|$", "all | flag |", TEXT, count=1, flags=re.MULTILINE),
            "the ceiling of PROJECT_READ is 'flag'",
        ),
        ("no table at all", "There is no table"),
    ],
)
def test_a_broken_table_stops_the_start_and_names_the_line(text: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_policy(text)


def test_a_right_that_no_role_has_stops_the_start() -> None:
    number = line_of(Permission.PROJECT_DELETE)
    lines = [*LINES[:number], LINES[number].replace("| all |", "| - |"), *LINES[number + 1 :]]

    with pytest.raises(PolicyError, match=f"Line {number + 1}: no role has PROJECT_DELETE"):
        load_policy("\n".join(lines))


def test_roles_combine_by_union_for_every_set_of_roles() -> None:
    singles = {role: grants_of([role]) for role in Role}

    for size in range(len(Role) + 1):
        for held in combinations(Role, size):
            union: dict[Permission, Reach] = {}
            for role in held:
                for permission, reach in singles[role].items():
                    union[permission] = max(reach, union.get(permission, reach))
            assert dict(grants_of(held)) == union


def test_no_role_at_all_grants_nothing() -> None:
    assert dict(grants_of([])) == {}


def test_the_ceiling_holds_for_an_external_with_every_role_and_flag() -> None:
    grants = grants_of(Role, Flag, external=True)

    assert {permission.name: reach for permission, reach in grants.items()} == {
        "EMPLOYEE_READ": Reach.OWN,
        "CONTACT_READ": Reach.ALL,
        "CONTACT_PROPOSE": Reach.ALL,
        "ACTIVITY_SALES_READ": Reach.OWN,
        "ACTIVITY_SALES_WRITE": Reach.ALL,
        "REMINDER_OWN": Reach.ALL,
    }


@pytest.mark.parametrize("role", [Role.TELEPHONIST, Role.SALES_REP, Role.DIRECTOR])
def test_a_flag_grants_only_to_who_has_it(role: Role) -> None:
    without_flag, with_flag = grants_of([role]), grants_of([role], [Flag.CAN_DELETE_CONTACTS])

    assert Permission.CONTACT_DELETE not in without_flag
    assert with_flag[Permission.CONTACT_DELETE] is Reach.ALL
    assert Permission.EMAIL_BULK not in with_flag


def test_a_flag_brings_no_right_without_a_role_that_has_it() -> None:
    assert dict(grants_of([], Flag)) == {}
    assert Permission.CONTACT_DELETE not in grants_of([Role.EXTERNAL_TELEPHONIST], Flag)


def test_an_admin_needs_no_flag() -> None:
    assert grants_of([Role.ADMIN])[Permission.CONTACT_DELETE] is Reach.ALL


def test_a_director_may_everything_but_delete_the_project_and_make_admins() -> None:
    admin, director = grants_of([Role.ADMIN]), grants_of([Role.DIRECTOR], Flag)

    assert set(admin) - set(director) == {Permission.PROJECT_DELETE, Permission.ADMIN_GRANT}
    assert set(admin) == set(Permission)


def test_every_right_says_what_it_means_and_who_has_it() -> None:
    for permission in Permission:
        assert POLICY[permission].meaning
        assert roles_with(permission)


def test_levels_contain_one_another() -> None:
    account = AccountViewer(account_id=uuid7(), session_id=uuid7())
    member = Member(
        account_id=uuid7(), session_id=uuid7(), employee_id=uuid7(), project_id=uuid7(), roles=frozenset()
    )

    allowed = [[level.granted_to(viewer) for level in Level] for viewer in (Viewer(), account, member)]

    assert allowed == [[True, False, False], [True, True, False], [True, True, True]]


def test_a_refusal_says_what_is_missing() -> None:
    member = Member(
        account_id=uuid7(),
        session_id=uuid7(),
        employee_id=uuid7(),
        project_id=uuid7(),
        roles=frozenset({Role.TELEPHONIST}),
        grants=grants_of([Role.TELEPHONIST]),
    )

    with pytest.raises(Forbidden) as refused:
        member.require(Permission.INVOICE_WRITE)
    assert refused.value.extensions == {
        "requiredPermission": "INVOICE_WRITE",
        "requiredRoles": ["INVOICER", "DIRECTOR", "ADMIN"],
    }
    with pytest.raises(Unauthenticated):
        Viewer().require(Permission.INVOICE_WRITE)
    with pytest.raises(Forbidden, match="Enter a project first"):
        AccountViewer(account_id=uuid7(), session_id=uuid7()).require(Permission.INVOICE_WRITE)


@pytest.mark.parametrize(
    ("roles", "sentence"),
    [
        ({Role.TELEPHONIST}, "only with your own flag"),
        ({Role.TELEPHONIST, Role.EXTERNAL_TELEPHONIST}, "not for people of outside firms"),
        ({Role.EXTERNAL_TELEPHONIST}, "None of your roles"),
        (set(), "None of your roles"),
    ],
)
def test_a_refusal_tells_a_missing_flag_and_the_ceiling_from_a_missing_role(
    roles: set[Role], sentence: str
) -> None:
    external = Role.EXTERNAL_TELEPHONIST in roles
    member = Member(
        account_id=uuid7(),
        session_id=uuid7(),
        employee_id=uuid7(),
        project_id=uuid7(),
        roles=frozenset(roles),
        grants=grants_of(roles, external=external),
    )

    with pytest.raises(Forbidden, match=sentence):
        member.require(Permission.CONTACT_DELETE)
