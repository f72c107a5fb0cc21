"""Which abuse cases wait for parts that are not built: the table in `not_yet.md`, read and told."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
_ROW = re.compile(r"\| *(\d+)( \(part\))? *\| *(.*?) *\| *(.*?) *\|")
_CASES = re.compile(r"^(?:async )?def test_case_(\d+(?:_and_\d+)*)_\w+", re.MULTILINE)


class NotYet(NamedTuple):
    """One line of the table. Of a case in part the rest is tested."""

    case: int
    in_part: bool
    missing: str
    where: str


def rows() -> list[NotYet]:
    """The table, in its order. Raises ValueError for a line that is none."""
    lines = [line for line in (HERE / "not_yet.md").read_text("utf-8").splitlines() if line.startswith("|")]
    return [_row(line) for line in lines[2:]]


def _row(line: str) -> NotYet:
    found = _ROW.fullmatch(line)
    if found is None:
        raise ValueError(f"Not a row of the table: {line}")
    return NotYet(int(found[1]), bool(found[2]), found[3], found[4])


def cases_tested() -> set[int]:
    """The numbers of the cases that a test function here is named after: one, or `59_and_60`."""
    return {
        int(number)
        for path in HERE.glob("test_*.py")
        for named in _CASES.findall(path.read_text("utf-8"))
        for number in named.split("_and_")
    }


def lines(reports: Iterable[Any]) -> Iterator[str]:
    """What the end of a test run tells, if any abuse case ran in it, whichever processes it ran in."""
    if not any("tests/abuse/" in getattr(report, "nodeid", "") for report in reports):
        return
    found = rows()
    whole = sum(not row.in_part for row in found)
    yield f"abuse cases that wait: {whole} whole, {len(found) - whole} in part (tests/abuse/not_yet.md)"
    for row in found:
        yield f"  {row.case}{' in part' if row.in_part else ''}: {row.missing} ({row.where})"
