"""Coercing variables: simple ones in one step, all others as graphql-core does it, which says what does not fit."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    type_from_ast,
)
from graphql.execution.values import VariableValues, get_variable_values

from app.engine.coercing import Coercer, coercer_of

NONE = VariableValues({}, {})


class Variable(NamedTuple):
    name: str
    coerce: Coercer
    #: It must be given, or graphql-core knows what stands for it.
    is_needed: bool


class Variables:
    """The variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._variables = self._simple_ones()

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | Sequence[GraphQLError]:
        """The values, or what is wrong with them."""
        if not self._definitions:
            return NONE
        if (found := self._quickly(given)) is not None:
            return VariableValues({}, found)
        return get_variable_values(self._schema, self._definitions, dict(given))

    def _quickly(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """None if any is not simple, or does not fit: graphql-core finds the words then."""
        if self._variables is None:
            return None
        found: dict[str, Any] = {}
        for name, coerce, is_needed in self._variables:
            if name not in given:
                if is_needed:
                    return None
                continue
            found[name] = value = coerce(given[name])
            if value is Undefined:
                return None
        return found

    def _simple_ones(self) -> tuple[Variable, ...] | None:
        """All variables, if all are simple."""
        found: list[Variable] = []
        for definition in self._definitions:
            type_: Any = type_from_ast(self._schema, definition.type)
            coerce = coercer_of(type_)
            if coerce is None:
                return None
            is_needed = isinstance(type_, GraphQLNonNull) or definition.default_value is not None
            found.append(Variable(definition.variable.name.value, coerce, is_needed))
        return tuple(found)
