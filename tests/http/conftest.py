from collections.abc import AsyncIterator

import httpx
import pytest

from tests.http.toy import Client, Toy, running


@pytest.fixture(scope="module")
async def one_toy() -> AsyncIterator[Toy]:
    async with running() as toy:
        yield toy


@pytest.fixture
def toy(one_toy: Toy) -> Toy:
    """A running server without sessions or memories. A test that wants another kind runs its own."""
    one_toy.reset()
    return one_toy


@pytest.fixture
async def client(toy: Toy) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(timeout=15) as http:
        yield Client(http, toy)
