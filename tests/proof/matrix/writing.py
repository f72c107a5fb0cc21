"""How values are written into an operation, and which rows a condition lets through."""

from collections.abc import Mapping
from typing import Any


class Word(str):
    """A value of an enum: written without quotes."""

    __slots__ = ()


def literal(value: Any) -> str:
    """The value as GraphQL writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(each) for each in value) + "]"
    return str(value) if isinstance(value, Word | int | float) else f'"{value}"'


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, Word) else value


def declaring(text: str, variable: str) -> str:
    """The operation with one more variable."""
    head, _, body = text.partition("{")
    if "(" in head:
        return f"{head.rstrip()[:-1]}, {variable}) {{{body}"
    return f"{head.rstrip()}({variable}) {{{body}"


def holds(operator: str, value: Any, operand: Any) -> bool:
    """Whether a row with this value passes; one without a value passes `ne` and `isNull` alone."""
    match operator:
        case "eq":
            return bool(value == operand)
        case "ne":
            return bool(value != operand)
        case "in":
            return value in operand
        case "isNull":
            return (value is None) is operand
    if value is None:
        return False
    passes = {
        "lt": lambda: value < operand,
        "lte": lambda: value <= operand,
        "gt": lambda: value > operand,
        "gte": lambda: value >= operand,
    }
    return bool(passes[operator]())
