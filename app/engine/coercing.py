"""Making Python's values of JSON, for types of input that are simple: scalars, enums, and objects of such.

graphql-core asks each type anew at each value what kind it is. Here the steps are worked out once, and kept with the type.
Lists and what may nest without end stay graphql-core's, and so do the words for what does not fit.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
    Undefined,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

#: What JSON brings for a scalar, where coercing gives the very same.
PLAIN: Mapping[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
MOST_INT = 2**31 - 1
_KEY = "coercer"


class Coercer:
    """Call it with what JSON brought for a type, whose value it gives: Undefined for what does not fit, or may not."""

    def __init__(self, type_: Any) -> None:
        self.type = type_

    def __call__(self, given: Any) -> Any:
        return coerce_input_value(given, self.type)


def coercer_of(type_: GraphQLInputType) -> Coercer | None:
    """The same for each use of a type. None for one that is not simple."""
    if isinstance(type_, GraphQLNonNull):
        inner = coercer_of(type_.of_type)
        return None if inner is None else _Required(type_, inner)
    if isinstance(type_, GraphQLList):
        return None
    if _KEY not in type_.extensions:
        type_.extensions[_KEY] = None  # of a type that leads back to itself
        type_.extensions[_KEY] = _coercer(type_)
    found: Coercer | None = type_.extensions[_KEY]
    return found


def _coercer(type_: Any) -> Coercer | None:
    if type_ in PLAIN:
        return _Plain(type_)
    if type_ is GraphQLInt:
        return _Int(type_)
    if isinstance(type_, GraphQLEnumType):
        return _Enum(type_)
    if not isinstance(type_, GraphQLInputObjectType):
        return Coercer(type_)
    coercers = {name: coercer_of(field.type) for name, field in type_.fields.items()}
    is_itself = (
        type_.out_type is GraphQLInputObjectType.out_type
    )  # and nothing else is made of it, as of one of many
    if not is_itself or type_.is_one_of or None in coercers.values():
        return None
    return _Object(type_, [_step(name, type_.fields[name], each) for name, each in coercers.items() if each])


class _Required(Coercer):
    def __init__(self, type_: Any, inner: Coercer) -> None:
        super().__init__(type_)
        self.inner = inner

    def __call__(self, given: Any) -> Any:
        return Undefined if given is None else self.inner(given)


class _Plain(Coercer):
    def __init__(self, type_: Any) -> None:
        super().__init__(type_)
        self.kind = PLAIN[type_]

    def __call__(self, given: Any) -> Any:
        return given if given is None or type(given) is self.kind else Undefined


class _Int(Coercer):
    def __call__(self, given: Any) -> Any:
        if given is None or (type(given) is int and -MOST_INT - 1 <= given <= MOST_INT):
            return given
        return Undefined


class _Enum(Coercer):
    def __init__(self, type_: Any) -> None:
        super().__init__(type_)
        self.members = {name: self.type.coerce_input_value(name) for name in self.type.values}

    def __call__(self, given: Any) -> Any:
        if given is None:
            return None
        return self.members.get(given, Undefined) if type(given) is str else Undefined


class _Step(NamedTuple):
    """One field of an input object."""

    name: str
    out_name: str
    coerce: Coercer
    is_required: bool
    #: If it has a default.
    default_of: GraphQLInputField | None


class _Object(Coercer):
    def __init__(self, type_: Any, steps: Sequence[_Step]) -> None:
        super().__init__(type_)
        self.steps = steps

    def __call__(self, given: Any) -> Any:
        if given is None:
            return None
        if type(given) is not dict:
            return Undefined
        found, unknown = {}, len(given)
        for name, out_name, coerce, is_required, default_of in self.steps:
            if name in given:
                found[out_name] = value = coerce(given[name])
                if value is Undefined:
                    return Undefined
                unknown -= 1
            elif is_required:
                return Undefined
            elif default_of is not None:
                found[out_name] = coerce_default_value(default_of)
        return Undefined if unknown else found


def _step(name: str, field: GraphQLInputField, coerce: Coercer) -> _Step:
    has_default = field.default is not None or field.default_value is not Undefined
    is_required = is_required_input_field(field)
    return _Step(name, field.out_name or name, coerce, is_required, field if has_default else None)
