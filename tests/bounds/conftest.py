"""Every test here has a database, and asks as people do."""

import pytest

from app.schema import build
from tests.graphql import bells, quick_passwords, rings, sent_jobs, settings

__all__ = ["bells", "quick_passwords", "rings", "sent_jobs", "settings"]


@pytest.fixture(autouse=True)
def _ready(database: str, settings: object, bells: object, quick_passwords: None) -> None:
    """Each test asks of a database of its own; what is made once for a process weighs in none of them."""
    build()
