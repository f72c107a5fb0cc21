"""The engine is tested through real documents: a database, settings, and lists in place of queue and doorbell."""

import pytest

from tests.graphql import bells, quick_passwords, rings, sent_jobs, settings

__all__ = ["bells", "quick_passwords", "rings", "sent_jobs", "settings"]


@pytest.fixture(autouse=True)
def _surroundings(database: str, settings: object, bells: object, quick_passwords: None) -> None:
    """Connected, configured, and nothing leaves."""


@pytest.fixture
def any_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is too much: for tests that go deep into few rows."""
    monkeypatch.setattr("app.engine.cost.MOST_OBJECTS", 10**40)
