"""Fixtures of all tests. `-k sqlite` or `-k postgres` picks an engine."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app import db
from tests.abuse.not_yet import lines as abuse_lines
from tests.databases import ENGINES, Databases, Engine
from tests.db_models.league import connect_league
from tests.differential.summary import lines as differential_lines

FINER = "A time was written that is finer than a millisecond, or on SQLite in another form than the rest."


@pytest.fixture(scope="session")
async def databases() -> AsyncIterator[Databases]:
    databases = Databases()
    yield databases
    databases.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """The database engine. A test that uses it, or any database, runs once on each."""
    engine: Engine = request.param
    return engine


@pytest.fixture
async def database(engine: Engine, databases: Databases) -> AsyncIterator[Engine]:
    """This process is connected to a migrated, empty database. Transactions really commit."""
    url = None
    if engine == "postgres":
        await databases.connect_shared()
    else:
        url = await databases.fresh(engine)
        await db.connect(url)
    yield engine
    await db.close()
    finer = await databases.finer_times(url)
    if url:
        await databases.drop(url)
    assert finer == [], FINER


@pytest.fixture
async def database_url(engine: Engine, databases: Databases) -> AsyncIterator[str]:
    """The URL of a migrated, empty database of this test's own, for processes that it starts."""
    url = await databases.fresh(engine)
    yield url
    finer = await databases.finer_times(url)
    await databases.drop(url)
    assert finer == [], FINER


@pytest.fixture
async def own_database(database_url: str) -> AsyncIterator[str]:
    """As `database_url`, and this process is connected to it too."""
    await db.connect(database_url)
    yield database_url
    await db.close()


@pytest.fixture
async def blank_url(engine: Engine, databases: Databases) -> AsyncIterator[str]:
    """The URL of a database without any table. Closes the connection that the test opens."""
    url = await databases.blank(engine)
    yield url
    await db.close()
    await databases.drop(url)


@pytest.fixture
async def league(blank_url: str) -> str:
    """A database of three small tables, for what is about databases and not about the application."""
    await connect_league(blank_url)
    return blank_url


@dataclass
class Clock:
    """What `db.now()` says: stands still until told otherwise."""

    at: datetime

    def advance(self, by: timedelta) -> datetime:
        self.at += by
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A Monday morning, 2 March 2026, 9:00 UTC (10:00 in Prague)."""
    clock = Clock(datetime(2026, 3, 2, 9, tzinfo=UTC))

    async def now() -> datetime:
        return clock.at

    monkeypatch.setattr(db, "now", now)
    monkeypatch.setattr(db, "clock_of", lambda fetched: clock.at)
    return clock


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for processes of their own."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the differential test and the proof asked, whatever became of it, and which abuse cases wait for parts not built."""
    reports = [
        report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, ())
    ]
    for line in [*differential_lines(reports), *abuse_lines(reports)]:
        terminalreporter.write_line(line)
