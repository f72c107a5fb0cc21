"""The firm is founded once a module, on each engine; a test gets it as it was."""

from collections.abc import AsyncIterator

import pytest

from tests.databases import Databases, Engine
from tests.proof.invariants.play import open_firm
from tests.proof.invariants.stage import Stage


@pytest.fixture(scope="module", params=("sqlite", "postgres"))
def stage_engine(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.param
    return engine


@pytest.fixture(scope="module")
async def opened_stage(stage_engine: Engine, databases: Databases) -> AsyncIterator[Stage]:
    async with open_firm(databases, stage_engine) as stage:
        yield stage


@pytest.fixture
async def stage(opened_stage: Stage) -> Stage:
    """The firm, and nobody has done anything yet."""
    await opened_stage.start_again()
    return opened_stage
