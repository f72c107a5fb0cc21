"""How services check what a person typed: all fields at once, all faults at once.

    clean = check(changes, {"name": line(200), "ico": nullable(of(formats.ico))}, required=("name",))

A rule takes one value and gives it in the form we store, or raises Invalid with paths that begin at the value.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from app import times
from app.errors import Fault, FaultCode, Invalid
from app.text import TooLong, clean_line, clean_name, clean_text, is_blank, shown

Rule = Callable[[Any], Any]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


def check(
    changes: Mapping[str, object], rules: Mapping[str, Rule], *, required: Collection[str] = ()
) -> dict[str, Any]:
    """`changes` in the form we store. Only the fields that were sent are in the answer.

    Raises one Invalid with every fault, in the order of `rules`. A field without a rule is a mistake of the program:
    KeyError.
    """
    if unknown := sorted((set(changes) | set(required)) - set(rules)):
        raise KeyError(f"No rule for {', '.join(unknown)}.")
    clean: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, rule in rules.items():
        if name in required and _is_blank(changes.get(name)):
            faults.append(Fault(_FILL_IN, FaultCode.REQUIRED, (name,)))
        elif name in changes:
            faults.extend(_apply(rule, changes[name], name, clean.__setitem__))
    _raise_any(faults)
    return clean


def _apply(rule: Rule, value: object, step: str, keep: Callable[[str, Any], None]) -> Iterable[Fault]:
    try:
        keep(step, rule(value))
    except Invalid as invalid:
        return [Fault(fault.message, fault.code, (step, *fault.path)) for fault in invalid.faults]
    return ()


def nullable(rule: Rule) -> Rule:
    """Nothing is fine: None, an empty string and blanks become None."""

    def clean(value: Any) -> Any:
        return None if _is_blank(value) else rule(value)

    return clean


def line(max_length: int, *, min_length: int = 1) -> Rule:
    """One line of text, not blank."""
    return of(lambda value: clean_line(value, max_length), min_length=min_length)


def name(max_length: int) -> Rule:
    """What somebody or something is called: one line, with a letter or digit that can be seen."""
    return of(lambda value: clean_name(value, max_length))


def text(max_length: int, *, min_length: int = 1) -> Rule:
    """Text of several lines, not blank."""
    return of(lambda value: clean_text(value, max_length), min_length=min_length)


def of(form: Callable[[str], str], *, min_length: int = 1) -> Rule:
    """A form of `app.formats`, or any function from str to str that raises ValueError with a sentence."""

    def clean(value: Any) -> str:
        if _is_blank(value):
            raise _refused(FaultCode.REQUIRED, _FILL_IN)
        if not isinstance(value, str):
            raise _refused(FaultCode.INVALID, "This must be text.")
        try:
            cleaned = form(value)
        except TooLong as fault:
            raise _refused(FaultCode.TOO_LONG, str(fault)) from None
        except ValueError as fault:
            raise _refused(FaultCode.INVALID, str(fault)) from None
        if not cleaned:
            raise _refused(FaultCode.REQUIRED, _FILL_IN)
        if len(cleaned) < min_length:
            raise _refused(
                FaultCode.TOO_SHORT, f"{shown(cleaned)} is too short. Write {min_length:,} characters."
            )
        return cleaned

    return clean


def whole(minimum: int, maximum: int) -> Rule:
    """A whole number from `minimum` to `maximum`; true, 3.0 and "3" are none."""

    def clean(value: Any) -> int:
        _require(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _refused(FaultCode.INVALID, "This must be a whole number.")
        if not minimum <= value <= maximum:
            sentence = f"{_number(value)} is out of range. Enter a number from {minimum:,} to {maximum:,}."
            raise _refused(FaultCode.OUT_OF_RANGE, sentence)
        return value

    return clean


def flag(value: Any) -> bool:
    """True or false, and nothing that merely counts as such."""
    _require(value)
    if not isinstance(value, bool):
        raise _refused(FaultCode.INVALID, "This must be true or false.")
    return value


def choice(members: type[Enum], *, among: Collection[Enum] | None = None) -> Rule:
    """A member of an enumeration, given as such or by its value; `among` narrows it."""
    offered = list(members) if among is None else list(among)

    def clean(value: Any) -> Enum:
        _require(value)
        for member in offered:
            if value is member or (not isinstance(value, Enum) and value == member.value):
                return member
        names = ", ".join(str(member.value) for member in offered)
        raise _refused(FaultCode.INVALID, f"{shown(str(value))} is not offered here. Choose one of {names}.")

    return clean


def moment(minimum: datetime = EARLIEST, maximum: datetime = LATEST) -> Rule:
    """A point in time with its offset, given back in UTC and cut to milliseconds."""

    def clean(value: Any) -> datetime:
        _require(value)
        if not isinstance(value, datetime) or value.utcoffset() is None:
            raise _refused(
                FaultCode.INVALID,
                "This must be a date and time with its offset, as 2026-11-24T09:00:00+01:00.",
            )
        if not minimum <= value <= maximum:
            span = f"from {minimum:%Y-%m-%d %H:%M} to {maximum:%Y-%m-%d %H:%M} UTC"
            raise _refused(
                FaultCode.OUT_OF_RANGE, f"{value:%Y-%m-%d %H:%M} is out of range. Choose a time {span}."
            )
        return times.cut(value.astimezone(UTC))

    return clean


def items(rule: Rule, max_items: int, *, min_items: int = 0) -> Rule:
    """A list, each item by `rule`. A fault's path names the item by its index: `("emails", "0")`."""

    def clean(value: Any) -> list[Any]:
        _require(value)
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise _refused(FaultCode.INVALID, "This must be a list.")
        if len(value) > max_items:
            raise _refused(
                FaultCode.TOO_LONG, f"There are {len(value):,} of them, {max_items:,} fit. Remove some."
            )
        if len(value) < min_items:
            raise _refused(
                FaultCode.TOO_SHORT, f"There are {len(value):,} of them. Give {min_items:,} or more."
            )
        cleaned: dict[str, Any] = {}
        faults = [
            fault for i, item in enumerate(value) for fault in _apply(rule, item, str(i), cleaned.__setitem__)
        ]
        _raise_any(faults)
        return list(cleaned.values())

    return clean


def fields(rules: Mapping[str, Rule], *, required: Collection[str] = ()) -> Rule:
    """A nested input (an address): checked as `check` does, faults under its own path."""

    def clean(value: Any) -> dict[str, Any]:
        _require(value)
        if not isinstance(value, Mapping):
            raise _refused(FaultCode.INVALID, "This must be a group of fields.")
        return check(value, rules, required=required)

    return clean


_FILL_IN = "This must be filled in."


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and is_blank(value))


def _require(value: object) -> None:
    if _is_blank(value):
        raise _refused(FaultCode.REQUIRED, _FILL_IN)


def _refused(code: FaultCode, message: str) -> Invalid:
    return Invalid([Fault(message, code)])


def _raise_any(faults: Sequence[Fault]) -> None:
    if faults:
        raise Invalid(faults)


def _number(value: int) -> str:
    # Digits of a huge number take quadratic time, and nobody reads them.
    return f"{value:,}" if abs(value) < 10**18 else "This number"
