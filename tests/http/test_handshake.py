"""Who may open a socket: the subprotocol, the address, the page it is opened from."""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.http.socket_client import opened
from tests.http.toy import Toy, running


@pytest.mark.parametrize("protocols", [["graphql-ws"], ["nonsense"], None])
async def test_other_subprotocols_are_refused_with_4406(toy: Toy, protocols: Any) -> None:
    async with opened(toy, subprotocols=protocols) as client:
        assert (await client.closed())[0] == 4406


@pytest.mark.parametrize("name", ["token", "access_token", "authorization"])
async def test_a_token_in_the_address_is_refused(toy: Toy, name: str) -> None:
    token = toy.sign_in()
    with pytest.raises(InvalidStatus) as refusal:
        async with opened(toy, path=f"?{name}={token}"):
            pass

    assert refusal.value.response.status_code == 400
    assert token not in refusal.value.response.body.decode()


async def origin_status(toy: Toy, origin: str | None, **options: Any) -> int:
    try:
        async with opened(toy, origin=origin, **options):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


@pytest.mark.parametrize(
    ("origin", "environment", "status"),
    [
        (None, "production", 101),
        ("https://crm.example.com", "production", 101),
        ("https://CRM.example.com:443", "production", 101),
        ("http://crm.example.com", "production", 403),
        ("https://crm.example.com.evil.com", "production", 403),
        ("https://evil.com", "production", 403),
        ("null", "production", 403),
        ("https://[", "production", 403),
        ("http://localhost:5173", "production", 403),
        ("http://localhost:5173", "dev", 101),
        ("http://127.0.0.1:3000", "dev", 101),
        ("http://[::1]:3000", "dev", 101),
        ("http://localhost.evil.com", "dev", 403),
        ("https://evil.com", "dev", 403),
    ],
)
async def test_only_our_own_pages_may_open_a_socket(
    origin: str | None, environment: str, status: int
) -> None:
    async with running(public_url="https://crm.example.com", environment=environment) as toy:
        assert await origin_status(toy, origin) == status


async def test_a_name_bound_again_to_our_address_does_not_help(toy: Toy) -> None:
    evil = f"http://evil.com:{toy.port}"

    assert await origin_status(toy, evil, additional_headers={"Host": f"evil.com:{toy.port}"}) == 403
