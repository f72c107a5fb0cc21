"""Variables coerced in one step come out as graphql-core has them, of every type of input that is simple."""

from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, Undefined, get_named_type, parse
from graphql.execution.values import VariableValues, get_variable_values
from graphql.utilities import coerce_input_value

from app.engine.coercing import coercer_of
from app.engine.variables import Variables
from app.schema import build

SCHEMA: Any = build()._schema
INPUTS = [each for each in SCHEMA.type_map.values() if isinstance(each, GraphQLInputObjectType)]
SIMPLE = [each for each in INPUTS if coercer_of(each) is not None]
ODD: Any = (None, "", "x", "2026-11-24T09:00:00+01:00", 0, 7, 7.0, 2**31, True, ["x"], {}, {"x": 1})


def values(type_: Any) -> list[Any]:
    """For a scalar or an enum right ones and wrong ones, for an object each field with each of them, left out, and unknown."""
    named = get_named_type(type_)
    if not isinstance(named, GraphQLInputObjectType):
        return [*ODD, *(named.values if isinstance(named, GraphQLEnumType) else ())]
    choices = {name: values(field.type) for name, field in named.fields.items()}
    right = {name: _fitting(some, named.fields[name].type) for name, some in choices.items()}
    one_other = [{**right, name: value} for name, some in choices.items() for value in some]
    one_left_out = [{key: each for key, each in right.items() if key != name} for name in right]
    return [*ODD, right, *one_other, *one_left_out, {**right, "unknown": 1}]


def _fitting(some: list[Any], type_: Any) -> Any:
    return next((each for each in some[::-1] if coerce_input_value(each, type_) is not Undefined), None)


def shown(coerced: Any) -> Any:
    if isinstance(coerced, VariableValues):
        return repr(coerced.coerced)
    return [error.message for error in coerced]


@pytest.mark.parametrize("type_", SIMPLE, ids=str)
def test_a_simple_input_is_coerced_as_graphql_core_does(type_: GraphQLInputObjectType) -> None:
    operation: Any = parse(f"query ($given: {type_}!) {{ __typename }}").definitions[0]
    variables = Variables(SCHEMA, operation)

    for given in ({}, *({"given": each} for each in values(type_))):
        wanted = get_variable_values(SCHEMA, operation.variable_definitions, given)
        assert shown(variables.coerced(given)) == shown(wanted), given


def test_the_inputs_of_most_mutations_are_simple() -> None:
    names = {each.name for each in SIMPLE}

    assert {"ActivityRecordInput", "ContactUpdateInput", "ReminderUpdateInput", "SignInInput"} <= names
