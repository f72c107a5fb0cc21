"""What a coerced `where` means: walked once for each request into a shape, which decides the SQL, and its values.

Conditions are two-valued: what is compared with nothing does not hold, and its negation holds. SQL's third truth value
is the same whether negated or not, so below a `not` a column that may be null is asked for first.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

from app import text
from app.engine.declare import Column, Counted, Table
from app.engine.dialects import Dialect
from app.engine.ids import local_id, type_and_id
from app.engine.types import field_of, graphql_name
from app.errors import BadUserInput

MOST_VALUES = 250
MOST_CONDITIONS = 100
DEEPEST_WHERE = 10
SHORTEST_SEARCH, LONGEST_SEARCH = 2, 100
COMPARISONS = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}

#: NUL, and halves of characters.
_NOT_STORED = re.compile("[\x00\ud800-\udfff]")

Shape = tuple[Any, ...]
TRUE: Shape = ("true",)
FALSE: Shape = ("false",)


def walk(table: type[Table], where: Mapping[str, Any], values: list[Any]) -> Shape:
    """The shape of `where`; its values are added to `values` in the order in which the SQL takes them.

    Raises BadUserInput for one too large to be asked of a database, and for a value that no column could hold.
    """
    if _size(where, depth=1) > MOST_CONDITIONS:
        raise BadUserInput(f"A `where` has at most {MOST_CONDITIONS} conditions.")
    return _Walk(table, values).meaning(where, below_not=False)


def _size(where: Mapping[str, Any], *, depth: int) -> int:
    """How many conditions there are, an empty branch counted as one."""
    if depth > DEEPEST_WHERE:
        raise BadUserInput(f"A `where` is at most {DEEPEST_WHERE} levels deep.")
    size = 0
    for key, given in where.items():
        if key == "not" and given is not None:
            size += _size(given, depth=depth + 1)
        elif key in ("and", "or"):
            size += sum(_size(each, depth=depth + 1) for each in given or ())
        else:
            size += len(given or ())
    return max(size, 1)


class _Walk:
    def __init__(self, table: type[Table], values: list[Any]) -> None:
        self.table = table
        self.values = values

    def meaning(self, where: Mapping[str, Any], *, below_not: bool) -> Shape:
        parts: list[Shape] = []
        for key, given in where.items():
            if given is None:
                continue
            match key:
                case "and":
                    parts += [self.meaning(each, below_not=below_not) for each in given]
                case "or":
                    branches = [self.meaning(each, below_not=below_not) for each in given]
                    parts.append(("any", *branches) if branches else FALSE)
                case "not":
                    parts.append(("not", self.meaning(given, below_not=True)))
                case _:
                    parts += self._conditions(key, given, below_not=below_not)
        return ("all", *parts) if parts else TRUE

    def _conditions(self, key: str, operators: Mapping[str, Any], *, below_not: bool) -> Iterator[Shape]:
        name, spec = filter_of(self.table, key)
        compared = name if isinstance(spec, Counted) else spec.column or name
        guarded = below_not and isinstance(spec, Column) and is_nullable(self.table, compared)
        for operator, given in operators.items():
            shape = self._condition(compared, spec, operator, given)
            null_safe = operator in ("isNull", "ne")
            yield ("all", ("isNull", compared, False), shape) if guarded and not null_safe else shape

    def _condition(self, column: str, spec: Column | Counted, operator: str, given: Any) -> Shape:
        if operator == "isNull":
            return ("isNull", column, given) if given is not None else TRUE
        if given is None:
            raise BadUserInput(f"`{operator}` cannot be null; use isNull.")
        if operator != "in":
            self.values.append(stored(self.table, column, spec, given))
            return (operator, column)
        if len(given) > MOST_VALUES:
            raise BadUserInput(f"At most {MOST_VALUES} values in one `in`; {len(given)} were given.")
        if not given:
            return FALSE
        self.values.append([stored(self.table, column, spec, each) for each in given])
        return ("in", column)


def filter_of(table: type[Table], key: str) -> tuple[str, Column | Counted]:
    """The declaration behind a field of a where input: its name there, and itself."""
    hashable: Any = table
    return _filters_of(hashable)[key]


def column_of(table: type[Table], key: str) -> tuple[str, Column]:
    """The declared column behind a field of an orderBy input: its name there, and its declaration."""
    name, spec = filter_of(table, key)
    assert isinstance(spec, Column)
    return name, spec


@cache
def _filters_of(table: Any) -> Mapping[str, tuple[str, Column | Counted]]:
    return {
        graphql_name(name): (name, spec)
        for name, spec in table.specs.items()
        if isinstance(spec, Column | Counted)
    }


def stored(table: type[Table], column: str, spec: Column | Counted, given: Any) -> Any:
    """The value as the column holds it, or the number. That ids are of the right type was looked at with the arguments."""
    if isinstance(spec, Counted):
        return given
    if spec.id_of is not None:
        return local_id(spec.id_of, given)
    if spec.id_in is not None:
        # No two rows have the same id, of whatever type they are.
        return type_and_id(given)[1]
    return comparable(table, column, given)


def comparable(table: type[Table], column: str, given: Any) -> Any:
    """A value that the column could hold: no database compares with another. Raises BadUserInput."""
    if isinstance(given, Enum):
        return given.value
    limits = field_of(table.model, column).constraints
    if isinstance(given, str):
        checked_text(given)
        if len(given) > limits.get("max_length", len(given)):
            raise BadUserInput(f"This field has no more than {limits['max_length']} characters.")
    elif type(given) is int and not limits.get("ge", given) <= given <= limits.get("le", given):
        raise BadUserInput(f"{given} is out of range here: {limits['ge']} to {limits['le']}.")
    return given


def checked_text(given: str) -> str:
    """Text that a database can compare with. Raises BadUserInput for NUL and lone surrogates."""
    if _NOT_STORED.search(given):
        raise BadUserInput("The text holds a character that cannot be stored.")
    return given


def is_nullable(table: type[Table], column: str) -> bool:
    return field_of(table.model, column).null


def sought(given: str | None) -> str | None:
    """What is searched for: nothing, if an empty field was sent or one in which nothing can be seen."""
    return None if given is None or text.is_blank(given) else given


def search_words(given: str | None) -> list[str]:
    """The folded words to find; none for a blank search. Raises BadUserInput for a search too short or too long."""
    if sought(given) is None:
        return []
    assert given is not None
    # Folding takes quadratic time on piled-up accents. A letter may be typed as several characters, never so many.
    folded = text.fold(checked_text(given)) if len(given) <= 4 * LONGEST_SEARCH else ""
    if not SHORTEST_SEARCH <= len(folded) <= LONGEST_SEARCH:
        raise BadUserInput(f"A search has {SHORTEST_SEARCH} to {LONGEST_SEARCH} characters.")
    return folded.split()


def condition_sql(
    shape: Shape, compared: Callable[[str], str], dialect: Dialect, value: Callable[[], str]
) -> str:
    """The SQL of a shape. `compared` gives what a name in it stands for in SQL, a column say; `value` gives the next
    parameter, in the order of the walk.
    """
    match shape:
        case ("true",):
            return "TRUE"
        case ("false",):
            return "FALSE"
        case ("all", *parts):
            return _joined(" AND ", parts, compared, dialect, value)
        case ("any", *parts):
            return _joined(" OR ", parts, compared, dialect, value)
        case ("not", part):
            return f"NOT {condition_sql(part, compared, dialect, value)}"
        case ("isNull", name, wanted):
            return f"{compared(name)} IS {'' if wanted else 'NOT '}NULL"
        case ("ne", name):
            left = compared(name)
            return f"({left} <> {value()} OR {left} IS NULL)"
        case ("in", name):
            return dialect.one_of(compared(name), value())
        case (operator, name):
            return f"{compared(name)} {COMPARISONS[operator]} {value()}"
    raise ValueError(f"not a condition: {shape!r}")


def _joined(
    between: str,
    parts: Sequence[Shape],
    compared: Callable[[str], str],
    dialect: Dialect,
    value: Callable[[], str],
) -> str:
    return f"({between.join(condition_sql(part, compared, dialect, value) for part in parts)})"
