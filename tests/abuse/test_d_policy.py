"""D. The table of rights itself: what role sets bring, and that a broken table or a bare field stops the start."""

from itertools import combinations
from pathlib import Path

import pytest
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLNonNull, GraphQLObjectType

from app import models
from app.engine.declare import TABLES, Table, column
from app.engine.declared import UndeclaredError, check_tables
from app.engine.guards import guard_of
from app.policy import Flag, Level, Permission, PolicyError, Role, grants_of, is_external, load_policy
from app.schema import build
from tests.abuse.rights import guarded_fields
from tests.factories import make_project
from tests.graphql import as_role

TABLE = (Path(__file__).parents[2] / "app" / "policy.md").read_text(encoding="utf-8")
WIDTH = {"-": 0, "own": 1, "all": 2}
SETS = [each for size in range(len(Role) + 1) for each in combinations(Role, size)]


def rows() -> dict[str, dict[str, str]]:
    """The table, read again in the plainest way: permission → column → cell."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TABLE.splitlines()
        if line.startswith("|")
    ]
    return {line[1]: dict(zip(lines[0], line, strict=True)) for line in lines[2:]}


def expected(roles: tuple[Role, ...], permission: Permission, *, has_flag: bool) -> int:
    row = rows_once[permission.name]
    widths = [2 * has_flag if row[role.name] == "flag" else WIDTH[row[role.name]] for role in roles]
    widest = max(widths, default=0)
    if Role.EXTERNAL_TELEPHONIST in roles:
        return min(widest, WIDTH[row["EXTERNAL ≤"]])
    return widest


rows_once = rows()


@pytest.mark.parametrize("has_flag", [False, True])
def test_case_41_each_of_256_role_sets_brings_the_union_of_its_roles_cut_to_the_ceiling(
    has_flag: bool,
) -> None:
    assert len(SETS) == 256 and set(rows_once) == {each.name for each in Permission}
    for roles in SETS:
        grants = grants_of(roles, list(Flag) if has_flag else [], external=is_external(roles, None))
        for permission in Permission:
            brought = int(grants.get(permission, 0))
            assert brought == expected(roles, permission, has_flag=has_flag), (roles, permission)


async def test_case_41_the_viewers_permissions_are_those(inside: None) -> None:
    project = await make_project()
    for roles in [(), *((role,) for role in Role), (Role.TELEPHONIST, Role.SALES_REP), tuple(Role)]:
        answer = await as_role(*roles, project=project).run("{ viewer { permissions } }")
        granted = {each.name for each in Permission if expected(roles, each, has_flag=False)}
        assert set(answer.data["viewer"]["permissions"]) == granted, roles


def test_case_41_no_role_takes_away_what_another_brings() -> None:
    """But for the external's, which is a ceiling."""
    for roles in SETS:
        if Role.EXTERNAL_TELEPHONIST not in roles:
            together, alone = grants_of(roles), [grants_of([role]) for role in roles]
            for permission in Permission:
                widest = max((grants.get(permission, 0) for grants in alone), default=0)
                assert together.get(permission, 0) == widest, (roles, permission)


BROKEN = {
    "a misspelt role": TABLE.replace("| SALES_REP |", "| SALESREP |", 1),
    "a misspelt permission": TABLE.replace("| CONTACT_READ |", "| CONTACT_RAED |", 1),
    "a right of nobody": "\n".join(
        line.replace("| all |", "| - |") if "| PROJECT_DELETE |" in line else line
        for line in TABLE.splitlines()
    ),
    "a right left out": "\n".join(line for line in TABLE.splitlines() if "| GDPR |" not in line),
    "a right twice": TABLE.replace("| Export or erase", "| Twice | GDPR |", 1),
    "no cell": TABLE.replace("| - |", "| |", 1),
    "another word": TABLE.replace("| - |", "| none |", 1),
    "a flag that is none": TABLE.replace("| own |", "| flag |", 1),
    "no table": "",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_case_56_with_a_broken_table_nothing_starts(text: str) -> None:
    load_policy(TABLE)
    with pytest.raises(PolicyError):
        load_policy(text)


def test_case_56_with_a_field_of_which_nobody_said_who_sees_it_nothing_starts() -> None:
    """Its description in the guard's place, that is; a type without `see` is not even read."""
    with pytest.raises(TypeError, match="see"):

        class Nobodys(Table, model=models.Contact):  # type: ignore[call-arg]
            """A type that does not say who sees it."""

    class Bare(Table, model=models.Contact, see=Permission.CONTACT_READ):
        """A type with such a field."""

        name = column("Its name.")  # type: ignore[arg-type]

    try:
        with pytest.raises(UndeclaredError, match=r"Bare\.name"):
            check_tables()
    finally:
        del TABLES["Bare"]
    check_tables()


def test_case_56_no_field_of_the_schema_is_without_a_guard() -> None:
    bare = [
        f"{type_.name}.{name}"
        for type_ in build()._schema.type_map.values()
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and not type_.name.startswith("__")
        for name, field in type_.fields.items()
        if guard_of(field) is None
    ]

    assert bare == []


def test_case_51_a_guarded_field_is_nullable() -> None:
    """Or its refusal would take whole lists along."""
    found = list(guarded_fields())

    assert len(found) >= 20
    assert [str(each) for each in found if isinstance(each.field.type, GraphQLNonNull)] == []


def test_case_51_so_is_whatever_leads_to_a_type_that_one_may_not_see() -> None:
    schema = build()._schema
    for root in (schema.query_type, schema.mutation_type):
        assert root is not None
        for name, field in root.fields.items():
            is_free = isinstance(guard_of(field), Level)
            assert is_free or not isinstance(field.type, GraphQLNonNull), name


def test_case_53_no_input_has_room_for_what_the_server_decides() -> None:
    """Creating takes no id; nothing takes a project, an author or a time of creation."""
    decided = {
        "projectId",
        "createdAt",
        "updatedAt",
        "createdBy",
        "createdById",
        "authorId",
        "accountId",
        "version",
    }
    enters = {"ProjectEnterInput", "ProjectRestoreInput", "SignInInput"}
    wrong = [
        f"{name}.{field}"
        for name, type_ in build()._schema.type_map.items()
        if isinstance(type_, GraphQLInputObjectType) and name.endswith("Input")
        for field in type_.fields
        if (field in decided and name not in enters) or (field == "id" and "Create" in name)
    ]

    assert wrong == []
