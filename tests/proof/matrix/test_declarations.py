"""A part of the schema of which nobody said who may see it: the schema is not built, and a sentence says what to write."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
import strawberry
from tortoise import fields

from app import models
from app.engine import assemble
from app.engine.assemble import complete_tables, root_type
from app.engine.declare import TABLES, ById, Listing, Table, column
from app.engine.declared import HELP, UndeclaredError, check, check_tables
from app.engine.guards import GUARD, RequiresRole, directives_of, field, value
from app.policy import Level, PolicyError, Role, load_policy
from app.policy import Permission as P  # noqa: N817
from app.schema import build
from tests.proof.matrix.policy_table import POLICY

HERE = "tests/proof/matrix/test_declarations.py"
NEITHER = "has neither a level nor a permission: declare it with"


@pytest.fixture(autouse=True)
def _only_toys() -> Iterator[None]:
    """The types of the application are away meanwhile, built as they are."""
    build()
    with (
        patch.dict(TABLES, clear=True),
        patch.dict(assemble.CONNECTION_TYPES, clear=True),
        patch.dict(assemble._inputs, clear=True),
    ):
        yield


def built(**queries: Any) -> strawberry.Schema:
    """A schema of the toys declared so far, checked as the application's."""
    check_tables()
    complete_tables()
    schema = strawberry.Schema(root_type("Query", "What can be read.", queries), types=[*TABLES.values()])
    check(schema._schema)
    return schema


def nicks() -> dict[str, Any]:
    return {
        "nick": ById(guard=P.CONTACT_READ, description="One.", to="Nick"),
        "nicks": Listing(guard=P.CONTACT_READ, description="All.", to="Nick", order=("sort_key",)),
    }


def faults(**queries: Any) -> list[str]:
    with pytest.raises(UndeclaredError) as caught:
        built(**queries)
    return str(caught.value).split("\n")


def test_declarations_that_are_whole_are_built() -> None:
    class Nick(Table, model=models.Contact, see=P.CONTACT_READ):
        """A toy."""

        name = column(P.CONTACT_READ, "Its name.", filter=True, sort="sort_key")
        vat_id = column(P.CONTACT_BILLING_READ, "Its VAT id.", filter=True)

    printed = built(**nicks()).as_str()

    assert "vatId: String @requiresRole(anyOf: [SALES_REP, COMPLAINTS" in " ".join(printed.split())


def test_a_column_without_a_guard() -> None:
    class Nick(Table, model=models.Contact, see=P.CONTACT_READ):
        """A toy."""

        nickname = column("What they call it.")  # type: ignore[arg-type]

    assert faults(**nicks()) == [f"Nick.nickname {NEITHER} column(Permission.…, …) in {HERE}; {HELP}."]


def test_a_field_of_another_kind_in_a_table() -> None:
    class Nick(Table, model=models.Contact, see=P.CONTACT_READ):
        """A toy."""

        nickname: str | None
        other: str | None = strawberry.field(description="As other types have it.", default=None)

    assert faults(**nicks()) == [
        f"Nick.nickname {NEITHER} column(Permission.…, …) in {HERE}; {HELP}.",
        f"Nick.other {NEITHER} column(Permission.…, …) in {HERE}; {HELP}.",
    ]


def test_a_root_field_and_a_value_type_without_a_guard() -> None:
    @strawberry.type
    class Tip:
        text: str = strawberry.field(description="Words.")

    def tip() -> Tip:
        return Tip(text="x")

    found = faults(tip=strawberry.field(resolver=tip, description="One."))

    example = "field(Permission.…, …), or its type with @value(Level.…)"
    assert found == [
        f"Query.tip {NEITHER} {example} in {HERE}; {HELP}.",
        f"Tip.text {NEITHER} {example} in {HERE}; {HELP}.",
    ]


def test_a_guarded_field_that_cannot_be_null() -> None:
    @value(Level.MEMBER)
    class Tip:
        """A toy."""

        secret: str = field(P.CONTACT_BILLING_READ, "Not for all.")

    def tip() -> Tip | None:
        return None

    (found,) = faults(tip=strawberry.field(resolver=tip, description="One.", metadata={GUARD: Level.MEMBER}))

    assert found.startswith("Tip.secret needs CONTACT_BILLING_READ and cannot be null")
    assert f"let its type in {HERE} be `… | None`" in found


@pytest.mark.parametrize(("suffix", "what"), [("Where", "filter"), ("OrderBy", "sort")])
def test_a_guarded_field_with_an_unguarded_filter_or_sort(suffix: str, what: str) -> None:
    class Nick(Table, model=models.Contact, see=P.CONTACT_READ):
        """A toy."""

        name = column(P.CONTACT_READ, "Its name.", filter=True, sort="sort_key")
        price_level = column(P.CONTACT_BILLING_READ, "What it pays.", filter=True, sort="price_level")

    built(**nicks())
    twin = assemble._inputs["Nick", {"Where": "where", "OrderBy": "order"}[suffix]]
    (given,) = [each for each in _fields_of(twin) if each.python_name == "price_level"]
    given.metadata = {GUARD: P.CONTACT_READ}
    given.directives = []

    schema = strawberry.Schema(root_type("Query", "What can be read.", nicks()), types=[*TABLES.values()])
    with pytest.raises(UndeclaredError) as caught:
        check(schema._schema)

    assert f"Nick{suffix}.priceLevel is a {what} by a field with another guard (CONTACT_BILLING_READ)" in str(
        caught.value
    )


def _fields_of(made: Any) -> list[Any]:
    fields_: list[Any] = made.__strawberry_definition__.fields
    return fields_


@pytest.mark.parametrize("roles", [[], [Role.ADMIN]], ids=["nobody", "fewer"])
def test_a_directive_that_names_other_roles_than_the_guard(roles: list[Role]) -> None:
    @value(Level.MEMBER)
    class Tip:
        """A toy."""

        secret: str | None = strawberry.field(
            description="Not for all.",
            metadata={GUARD: P.CONTACT_BILLING_READ},
            directives=[RequiresRole(any_of=roles, permission=P.CONTACT_BILLING_READ)],
        )

    def tip() -> Tip | None:
        return None

    (found,) = faults(tip=strawberry.field(resolver=tip, description="One.", metadata={GUARD: Level.MEMBER}))

    assert found.startswith(f"Tip.secret prints @requiresRole for {'ADMIN' if roles else 'nobody'}, and ")
    assert "let directives_of(guard) make the directive" in found


def test_a_table_over_rows_that_do_not_say_who_sees_them() -> None:
    class Note(models.Table):
        text = fields.TextField()

    class Nick(Table, model=Note, see=P.CONTACT_READ):
        """A toy."""

        text = column(P.CONTACT_READ, "Words.")

    assert faults() == [
        f"Nick shows rows of Note, which does not say who sees them: give {HERE} a visible_q(cls, viewer); {HELP}."
    ]


def test_a_role_that_is_misspelt_in_the_policy() -> None:
    text = POLICY.read_text(encoding="utf-8").replace("| SALES_REP |", "| SALES_REPS |")

    with pytest.raises(PolicyError) as caught:
        load_policy(text)

    assert "the columns must be" in str(caught.value) and "SALES_REPS" in str(caught.value)


def test_a_right_that_nobody_has() -> None:
    lines = POLICY.read_text(encoding="utf-8").splitlines()
    row = next(line for line in lines if "| GDPR |" in line)
    text = "\n".join(row.replace("all", "-") if line == row else line for line in lines)

    with pytest.raises(PolicyError, match="no role has GDPR"):
        load_policy(text)


def test_a_guard_makes_the_directive_of_its_own_roles() -> None:
    (directive,) = directives_of(P.CONTACT_BILLING_READ)

    assert isinstance(directive, RequiresRole)
    assert [role.name for role in directive.any_of] == [
        "SALES_REP",
        "COMPLAINTS",
        "INVOICER",
        "DIRECTOR",
        "ADMIN",
    ]
