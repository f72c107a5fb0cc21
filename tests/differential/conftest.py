"""The stage stands for the whole session: nothing on it changes."""

from collections.abc import AsyncIterator, Iterator, Mapping

import pytest

from tests.conftest import FINER
from tests.databases import Databases, Engine
from tests.differential.compare import Comparison
from tests.differential.stage import Stage, empty_databases, open_stage


@pytest.fixture(scope="session")
async def urls(databases: Databases) -> AsyncIterator[Mapping[Engine, str]]:
    """A migrated, empty database of each engine. What is written into it is in milliseconds."""
    urls = await empty_databases(databases)
    yield urls
    assert [await databases.finer_times(url) for url in urls.values()] == [[]] * len(urls), FINER


@pytest.fixture(scope="session")
def stage(urls: Mapping[Engine, str]) -> Iterator[Stage]:
    with open_stage(urls) as stage:
        yield stage


@pytest.fixture(scope="session")
def comparison(stage: Stage) -> Comparison:
    return Comparison.on(stage)
