"""What objects take in memory: measured, since nothing about a document's text tells it."""

import gc
from collections import Counter
from collections.abc import Collection
from enum import Enum
from itertools import chain
from sys import getsizeof
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLArgument,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLSchema,
    GraphQLType,
    Location,
    Node,
    Source,
    Token,
)

from app.engine.cache import Bounded, Weight
from app.engine.coercing import Coercer
from app.engine.declare import Spec
from app.viewers import Shape

#: What no cache alone holds: classes, code, and the small objects that Python keeps for everybody.
_PROGRAM = (type, ModuleType, Enum, CodeType, BuiltinFunctionType)
#: What a plan leads to and is not its own; what is weighed by itself.
_SCHEMAS = (
    GraphQLSchema,
    GraphQLType,
    GraphQLField,
    GraphQLArgument,
    GraphQLInputField,
    GraphQLEnumValue,
    Coercer,
    Spec,
    Shape,
)
_DOCUMENTS = (Node, Location, Token, Source, Bounded, Weight)
_EVERYBODYS = frozenset(
    map(id, chain(range(-5, 257), map(chr, range(256)), ("", b"", (), None, True, False)))
)
#: Of types whose instances keep their attributes in an array beside them, which `getsizeof` leaves out.
_HAS_ARRAY = 1 << 4


def weigh(value: Any) -> int:
    """Bytes of what was made of a document and is reached from `value`: without the schema and the document itself.

    It takes about as long as it took to make that: for what is kept, never for each request.
    """
    return _weigh(value, (*_PROGRAM, *_SCHEMAS, *_DOCUMENTS))


def weigh_tree(ast: DocumentNode) -> int:
    """Bytes of a parsed document: its tree, its tokens, and its text."""
    return _weigh(ast, _PROGRAM)


def _weigh(value: Any, shared: tuple[type, ...]) -> int:
    """Without instances of `shared`, and what only those lead to."""
    seen, found, total = {id(value), *_EVERYBODYS}, [value], 0
    while found:
        total += _sizes(found)
        below = {id(each): each for each in _referents(found) if id(each) not in seen}
        seen.update(below)
        others = {kind for kind in set(map(type, below.values())) if issubclass(kind, shared)}
        found = [each for each in below.values() if type(each) not in others]
    return total


def _referents(objects: Collection[Any]) -> list[Any]:
    """Of a function only what it closes over: its globals are the program's."""
    functions = [each for each in objects if type(each) is FunctionType]
    if not functions:
        return gc.get_referents(*objects)
    others = [each for each in objects if type(each) is not FunctionType]
    return [*gc.get_referents(*others), *(each.__closure__ for each in functions)]


def _sizes(objects: Collection[Any]) -> int:
    examples = {type(each): each for each in objects}
    arrays = {kind: size for kind, each in examples.items() if (size := _array_size(kind, each))}
    counts = Counter(map(type, objects)) if arrays else {}
    return sum(map(getsizeof, objects)) + sum(size * counts[kind] for kind, size in arrays.items())


def _array_size(kind: type, example: Any) -> int:
    """A word for each attribute and one to spare, and a byte for each to tell their order."""
    attributes = len(gc.get_referents(example)) if kind.__flags__ & _HAS_ARRAY else 0
    return 10 * attributes + 8 if attributes else 0
