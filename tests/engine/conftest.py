"""The engine is tested through real documents: a database, settings, and lists in place of queue and doorbell."""

import pytest

from tests.graphql import bells, quick_passwords, rings, sent_jobs, settings

__all__ = ["bells", "quick_passwords", "rings", "sent_jobs", "settings"]


@pytest.fixture(autouse=True)
def _surroundings(database: str, settings: object, bells: object, quick_passwords: None) -> None:
    """Connected, configured, and nothing leaves."""
