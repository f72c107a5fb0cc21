"""Inputs made of what graphql-core coerced: how, is worked out once for each type of input.

Strawberry's own way asks its name converter and its registry of scalars about each field of each request.
"""

from collections.abc import Mapping
from typing import Any

from strawberry import Schema
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryList, StrawberryOptional, has_object_definition
from strawberry.types.field import StrawberryField


def built(input_type: Any, sent: Mapping[str, Any], schema: Schema) -> Any:
    """A value of an input type that is built by a plan."""
    converter = schema.schema_converter
    context = InputContext(
        info=None, config=converter.config, scalar_registry=converter.scalar_registry, path=()
    )
    return input_type.__strawberry_definition__.from_input(input_type, sent, context)


def build_by_plan(input_type: Any) -> None:
    """Has Strawberry make values of this input type, and of those in it, by a plan."""
    input_type.__strawberry_definition__.from_input = _Builder(input_type)


def keep_as_coerced(input_type: Any) -> None:
    """Has values of this input type stay the mappings that graphql-core made: a `where` is read as one."""
    input_type.__strawberry_definition__.from_input = lambda made, sent, context: sent


class _Builder:
    """`from_input` of one input type."""

    def __init__(self, input_type: Any) -> None:
        self._definition = input_type.__strawberry_definition__
        self._plan: list[tuple[str, str, Any]] | None = None

    def __call__(self, made: type, sent: Mapping[str, Any], context: InputContext) -> Any:
        if self._plan is None:  # the types of fields are known when the schema is complete
            self._plan = [self._step(field, context) for field in self._definition.fields]
        return made(
            **{
                python_name: sent[name] if type_ is None else context.convert(sent[name], type_, name)
                for name, python_name, type_ in self._plan
                if name in sent
            }
        )

    def _step(self, field: StrawberryField, context: InputContext) -> tuple[str, str, Any]:
        """The field's name in GraphQL and in Python, and its type unless values of it go in as they are."""
        type_ = field.resolve_type(type_definition=self._definition)
        inner = type_.of_type if isinstance(type_, StrawberryOptional) else type_
        goes_on = isinstance(inner, StrawberryList) or has_object_definition(inner)
        return context.config.name_converter.from_field(field), field.python_name, type_ if goes_on else None
