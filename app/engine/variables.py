"""Coercing variables: those of plain scalars in one step, all others as graphql-core does it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    type_from_ast,
)
from graphql.execution.values import VariableValues, get_variable_values

#: What JSON brings for a scalar, where coercing gives the very same. An Int must fit 32 bits besides.
PLAIN: Mapping[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool, GraphQLInt: int}
MOST_INT = 2**31 - 1

NONE = VariableValues({}, {})


class Plain(NamedTuple):
    """A variable of a plain scalar."""

    name: str
    kind: type
    is_required: bool
    has_default: bool


class Variables:
    """The variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._plain = self._plain_ones()

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | Sequence[GraphQLError]:
        """The values, or what is wrong with them."""
        if not self._definitions:
            return NONE
        if (plain := self._quickly(given)) is not None:
            return VariableValues({}, plain)
        return get_variable_values(self._schema, self._definitions, dict(given))

    def _quickly(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """None if any is not as plain as it might be: graphql-core finds the words then."""
        if self._plain is None:
            return None
        found: dict[str, Any] = {}
        for name, kind, is_required, has_default in self._plain:
            if name not in given:
                if is_required or has_default:
                    return None
                continue
            value = given[name]
            found[name] = value
            if type(value) is not kind and (value is not None or is_required):
                return None
            if isinstance(value, int) and not -MOST_INT - 1 <= value <= MOST_INT:
                return None
        return found

    def _plain_ones(self) -> tuple[Plain, ...] | None:
        """All variables, if all are of plain scalars."""
        found: list[Plain] = []
        for definition in self._definitions:
            type_: Any = type_from_ast(self._schema, definition.type)
            is_required = isinstance(type_, GraphQLNonNull)
            kind = PLAIN.get(type_.of_type if is_required else type_)
            if kind is None:
                return None
            name = definition.variable.name.value
            found.append(Plain(name, kind, is_required, definition.default_value is not None))
        return tuple(found)
