"""Values in a document: as a literal, as a variable, and what they come to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_nullable_type,
)


class Absent:
    """Not given at all; null is something else."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True)
class Variable:
    """`type_text` is as it is declared. `default` and `given` may be ABSENT."""

    name: str
    type_text: str
    type: GraphQLInputType
    default: Any = ABSENT
    given: Any = ABSENT

    @property
    def declaration(self) -> str:
        default = "" if self.default is ABSENT else f" = {literal(self.default, self.type)}"
        return f"${self.name}: {self.type_text}{default}"

    @property
    def value(self) -> Any:
        return self.default if self.given is ABSENT else self.given


def literal(value: Any, type_: Any) -> str:
    """The value as it stands in a document, where a `type_` is expected."""
    type_ = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    match value:
        case Variable(name=name):
            return f"${name}"
        case list() if isinstance(type_, GraphQLList):
            return f"[{', '.join(literal(each, type_.of_type) for each in value)}]"
        case Mapping() if isinstance(type_, GraphQLInputObjectType):
            parts = (f"{name}: {literal(each, type_.fields[name].type)}" for name, each in value.items())
            return f"{{{', '.join(parts)}}}"
        case str() if isinstance(get_nullable_type(type_), GraphQLEnumType):
            return value
    return json.dumps(value, ensure_ascii=False)


def resolved(value: Any) -> Any:
    """The value without variables; what was not given is left out."""
    match value:
        case Variable():
            return resolved(value.value)
        case list():
            return [resolved(each) for each in value]
        case Mapping():
            found = {name: resolved(each) for name, each in value.items()}
            return {name: each for name, each in found.items() if each is not ABSENT}
    return value


def arguments_text(given: Mapping[str, Any], types: Mapping[str, GraphQLInputType]) -> str:
    """`(first: 5, where: $w)`; nothing for none."""
    parts = [f"{name}: {literal(value, types[name])}" for name, value in given.items()]
    return f"({', '.join(parts)})" if parts else ""
