"""What the published contract, `schema.graphql`, says that each part of the API needs.

Read from the text that clients get, so a guard that is enforced and not published, or published and not enforced, shows
as a wrong answer. A directive names one permission; where several open a field, its description's last line names them
all ("Needs A or B."), and for a type they stand in ANY_OF.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import parse

from tests.proof.matrix.policy_table import PolicyTable, the_policy

CONTRACT = Path(__file__).parents[3] / "schema.graphql"
DIRECTIVE = "requiresRole"
NEEDS = re.compile(r"Needs ([A-Z_]+(?: or [A-Z_]+)+)\.$")
#: Types that any of several permissions opens: SDL has no line to say so. The published roles are checked against it.
ANY_OF: Mapping[str, Sequence[str]] = {
    "Activity": ("ACTIVITY_SALES_READ", "ACTIVITY_SERVICE_READ", "ACTIVITY_BILLING_READ"),
}
TWINS = ("Where", "OrderBy")


@dataclass(frozen=True)
class Published:
    """One directive: where it stands, what it names, what any of the permissions behind it opens."""

    coordinate: str
    permission: str
    roles: Sequence[str]
    any_of: Sequence[str]


@dataclass(frozen=True, eq=False)
class Contract:
    """The directives, by coordinate: `Type`, `Type.field`, `Type.field(argument:)`, `Enum.VALUE`."""

    directives: Mapping[str, Published]

    @classmethod
    def read(cls, text: str | None = None) -> "Contract":
        ast = parse(text or CONTRACT.read_text(encoding="utf-8"))
        found = [each for definition in ast.definitions for each in _of_definition(definition)]
        return cls({each.coordinate: each for each in found})

    def own(self, coordinate: str) -> Sequence[str]:
        """The permissions of which one opens this very part; none if it prints no directive."""
        published = self.directives.get(coordinate)
        return published.any_of if published else ()

    def see(self, type_name: str) -> Sequence[str]:
        """The permissions of which one opens rows of the type."""
        return self.own(type_name)

    def input_field(self, type_name: str, field: str) -> Sequence[str]:
        """A filter or a sort that prints nothing needs what its type needs."""
        own = self.own(f"{type_name}.{field}")
        if own or field in ("and", "or", "not"):
            return own
        for twin in TWINS:
            if type_name.endswith(twin):
                return self.see(type_name.removesuffix(twin))
        return ()

    def faults(self, policy: PolicyTable) -> list[str]:
        """Sentences about directives that do not say what the policy says."""
        return [fault for each in self.directives.values() for fault in _faults(each, policy)]


def _of_definition(definition: Any) -> Iterator[Published]:
    if not hasattr(definition, "name") or definition.kind == "directive_definition":
        return
    owner = definition.name.value
    yield from _published(owner, definition)
    for value in getattr(definition, "values", None) or ():
        yield from _published(f"{owner}.{value.name.value}", value)
    for field in getattr(definition, "fields", None) or ():
        coordinate = f"{owner}.{field.name.value}"
        yield from _published(coordinate, field)
        for argument in getattr(field, "arguments", None) or ():
            yield from _published(f"{coordinate}({argument.name.value}:)", argument)


def _published(coordinate: str, node: Any) -> Iterator[Published]:
    for directive in node.directives or ():
        if directive.name.value == DIRECTIVE:
            given = {each.name.value: each.value for each in directive.arguments}
            permission = given["permission"].value
            roles = [each.value for each in given["anyOf"].values]
            yield Published(coordinate, permission, roles, _any_of(coordinate, permission, node))


def _any_of(coordinate: str, permission: str, node: Any) -> Sequence[str]:
    text = node.description.value if node.description else ""
    if named := NEEDS.search(text):
        return tuple(named[1].split(" or "))
    return ANY_OF.get(coordinate, (permission,))


def _faults(published: Published, policy: PolicyTable) -> Iterator[str]:
    where = published.coordinate
    unknown = [each for each in published.any_of if each not in policy.rows]
    if unknown:
        yield f"{where} needs {unknown[0]}, and app/policy.md has no such row."
        return
    if published.permission != published.any_of[0]:
        yield f"{where} prints {published.permission}; its description names {published.any_of[0]} first."
    roles = {role for each in published.any_of for role in policy.roles_with(each)}
    if set(published.roles) != roles or len(published.roles) != len(roles) or not roles:
        yield (
            f"{where} prints the roles {', '.join(published.roles) or 'nobody'}; by app/policy.md "
            f"{' or '.join(published.any_of)} is for {', '.join(sorted(roles))}. If several permissions open a type, "
            "say which in ANY_OF of tests/proof/matrix/contract.py."
        )


@lru_cache(maxsize=1)
def the_contract() -> Contract:
    return Contract.read()


def required_roles(permissions: Sequence[str]) -> list[str]:
    """The roles that a refusal names: those with the first of the permissions."""
    return the_policy().roles_with(permissions[0])
