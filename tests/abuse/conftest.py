"""What the abuse cases need: the running application, or a database and the client without a network."""

from collections.abc import AsyncIterator

import pytest

from app.services import sessions
from tests.abuse.serving import Divize, serving
from tests.graphql import bells, quick_passwords, rings, sent_jobs, settings
from tests.valkey import redis_url

__all__ = ["bells", "quick_passwords", "redis_url", "rings", "sent_jobs", "settings"]


@pytest.fixture
async def divize(database_url: str, redis_url: str, quick_passwords: None) -> AsyncIterator[Divize]:
    """The application on a real socket."""
    async with serving(database_url, redis_url) as running:
        yield running


@pytest.fixture
async def inside(
    database: str, settings: object, bells: object, quick_passwords: None
) -> AsyncIterator[None]:
    """Database, settings, and lists in place of queue and doorbell: for cases that no transport changes."""
    sessions.BELIEVED.clear()
    yield
    sessions.BELIEVED.clear()
