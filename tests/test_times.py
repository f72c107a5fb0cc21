"""The precision of times: cut in Python and in both databases alike, and by nobody's clock but the database's."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from app import db, times

ROOT = Path(__file__).parent.parent
#: Where the databases' clocks stand; everything else takes them from there.
CLOCKS = {"app/times.py", "app/db.py", "app/models/base.py", "app/engine/dialects.py"}
CLOCK = re.compile(
    r"\b(clock_timestamp|statement_timestamp|transaction_timestamp|strftime|now)\(|CURRENT_TIME"
)
#: Of this process: never of a row.
OWN_CLOCK = {"app/doctor.py", "app/integrations/ares.py", "app/integrations/mail_catcher.py"}


@pytest.mark.parametrize(
    ("given", "kept"), [(0, 0), (999, 0), (1_000, 1_000), (123_999, 123_000), (999_999, 999_000)]
)
async def test_all_sides_cut_alike(database: str, given: int, kept: int) -> None:
    """Before 1970 too, where a cut towards zero would be one into the future."""
    for year in (1938, 2026):
        at = datetime(year, 3, 2, 23, 59, 59, given, tzinfo=timezone(timedelta(hours=1)))
        whole = at.replace(microsecond=kept)
        parameter = "$1::timestamptz" if database == "postgres" else "$1"

        [row] = await db.fetch(f"SELECT {parameter} AS at", [at])

        assert times.cut(at) == db.as_datetime(row["at"]) == whole
    if database == "postgres":
        sql = times.postgres_cut(f"'{at.isoformat()}'::timestamptz")
        assert (await db.fetch(f"SELECT {sql} AS at"))[0]["at"] == whole


@pytest.mark.parametrize("fraction", ["000", "007", "120"])
def test_the_clock_of_sqlite_is_written_as_times_are_stored(fraction: str) -> None:
    now = f"2026-03-02 09:30:15.{fraction}"
    for modifier, moved in (("", timedelta()), ("-5 seconds", timedelta(seconds=-5))):
        sql = times.sqlite_clock(modifier).replace("'now'", f"'{now}'")

        [(written,)] = sqlite3.connect(":memory:").execute(f"SELECT {sql}")

        assert written == times.stored_text(datetime.fromisoformat(now).replace(tzinfo=UTC) + moved)


async def test_the_clock_of_the_database_is_in_milliseconds(database: str) -> None:
    moments = [await db.now() for _ in range(5)]

    assert [each.microsecond % 1_000 for each in moments] == [0] * 5
    assert abs(moments[-1] - datetime.now(UTC)) < timedelta(minutes=1)


def test_no_statement_and_no_row_takes_a_clock_of_its_own() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if CLOCK.search(re.sub(r"\b(db|datetime)\.now\(|def now\(|`[^`]*`|\"now\(\)\"", "", path.read_text()))
    }
    own = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if re.search(r"datetime\.now\(|utcnow|time\.time\(|fromtimestamp", path.read_text())
    }

    assert found <= CLOCKS, "Take db.CLOCK, db.now() or DatabaseNow."
    assert own <= OWN_CLOCK, "Take db.now()."
