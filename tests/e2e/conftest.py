"""One installation for an engine's journeys, with a firm in it. Tests add what they need, and change nobody else's."""

from collections.abc import AsyncIterator

import pytest

from tests.databases import ENGINES, Databases, Engine
from tests.e2e.firm import Firm, found_and_hire
from tests.e2e.installation import Installation, installation


@pytest.fixture(scope="package", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """The database engine of an installation."""
    engine: Engine = request.param
    return engine


@pytest.fixture(scope="package")
async def divize(
    engine: Engine, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """An installation with one web and one worker process."""
    url = await databases.fresh(engine)
    async with installation(tmp_path_factory.mktemp(f"divize-{engine}"), url) as started:
        yield started
    await databases.drop(url)


@pytest.fixture(scope="package")
async def firm(divize: Installation) -> Firm:
    """A firm as the guide sets it up."""
    return await found_and_hire(divize)
