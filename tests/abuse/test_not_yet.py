"""No case is forgotten: each has a test, or stands among those that wait, with the reason."""

from collections import Counter

from tests.abuse.not_yet import cases_tested, lines, rows

#: Groups A to F; the others come with the parts they attack.
CASES = range(1, 75)


def test_every_case_is_tested_or_waits_as_a_whole() -> None:
    waiting = {row.case for row in rows() if not row.in_part}

    assert set(CASES) - cases_tested() - waiting == set()


def test_no_case_that_is_tested_is_said_to_wait_as_a_whole() -> None:
    assert {row.case for row in rows() if not row.in_part} & cases_tested() == set()


def test_a_case_that_waits_in_part_is_tested_in_part() -> None:
    assert {row.case for row in rows() if row.in_part} - cases_tested() == set()


def test_every_case_that_waits_stands_once_with_its_reason() -> None:
    found = rows()

    assert [case for case, times in Counter(row.case for row in found).items() if times > 1] == []
    assert [row for row in found if not (row.missing and row.where) or row.case not in CASES] == []
    assert [row.case for row in found] == sorted(row.case for row in found)


def test_the_end_of_a_run_tells_what_waits() -> None:
    class Report:
        nodeid = "tests/abuse/test_a_authentication.py::test_case_01_x"

    told = list(lines([Report()]))

    assert len(told) == len(rows()) + 1
    assert list(lines([])) == []
