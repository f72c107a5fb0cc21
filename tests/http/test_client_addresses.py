"""What a proxy says of its client, over the real roads: an address is kept, and nothing else keeps anybody out."""

from typing import Any

import pytest

from app.models import AuditEntry, Session
from tests.abuse.serving import NOWHERE, Divize, serving
from tests.factories import make_employee, make_project
from tests.graphql import PASSWORD, make_account_with_password, quick_passwords

__all__ = ["quick_passwords"]

TOLD = {
    "203.0.113.9": "203.0.113.9",
    "203.0.113.9:4711": "203.0.113.9",
    "[2001:db8::7]:443": "2001:db8::7",
    "[2001:db8::7]": "2001:db8::7",
    "2001:DB8:0:0:0:0:0:7": "2001:db8::7",
    "::ffff:203.0.113.9": "203.0.113.9",
    "fe80::1%eth0": "fe80::1",
    "0000:0000:0000:0000:0000:ffff:192.168.100.228%enp0s31f6": "192.168.100.228",
    "unknown": "",
    "_hidden": "",
    "1.2.3.4.5": "",
    "nobody.example.com": "",
    "'; --": "",
    "[": "",
    # uvicorn finds no host in it, and keeps the address of the proxy.
    "[]:80": "127.0.0.1",
    "x" * 46: "",
    "x" * 5_000: "",
    "1" * 5_000 + ":80": "",
    "\u00e9\u00e8": "",
}
SIGN_IN = (
    """mutation ($input: SignInInput!) { signIn(input: $input) { session { token } errors { message } } }"""
)
REMIND = """
    mutation { reminderCreate(input: {title: "Zavolat", dueAt: "2030-01-01T00:00:00Z"}) { errors { message } } }
"""
#: What makes a request take the full road.
FROM_A_PAGE = {"Origin": "https://crm.example.com"}


@pytest.mark.parametrize("road", [{}, FROM_A_PAGE], ids=["hot", "full"])
async def test_an_address_is_kept_and_what_is_none_is_empty(
    database_url: str, quick_passwords: None, road: dict[str, str]
) -> None:
    async with serving(database_url, NOWHERE) as divize:
        account = await make_account_with_password()
        await make_employee(await make_project(), ["SALES_REP"], account=account)
        kept = {told: await _kept(divize, account.email, told, road) for told in TOLD}

    assert kept == {told: (address, address) for told, address in TOLD.items()}


async def _kept(divize: Divize, email: str, told: str, road: dict[str, str]) -> tuple[str, str]:
    """As the new session has it, and the entry of a mutation made with it."""
    said = {
        "X-Forwarded-For": told.encode("latin-1"),
        **{name: value.encode() for name, value in road.items()},
    }
    variables = {"input": {"email": email, "password": PASSWORD}}
    signed_in = await _posted(divize, {"query": SIGN_IN, "variables": variables}, said)
    assert "errors" not in signed_in, (told, signed_in)
    token = signed_in["data"]["signIn"]["session"]["token"]
    made = await _posted(divize, {"query": REMIND}, {**said, "Authorization": f"Bearer {token}".encode()})
    assert made == {"data": {"reminderCreate": {"errors": []}}}, (told, made)
    session = await Session.all().order_by("-id").first()
    entry = await AuditEntry.filter(action="reminderCreate").order_by("-id").first()
    assert session is not None and entry is not None
    return session.client_ip, entry.client_ip


async def _posted(divize: Divize, body: Any, headers: dict[str, bytes]) -> Any:
    sent = [(name.encode(), value) for name, value in headers.items()]
    return (await divize.http.post(divize.url, json=body, headers=sent)).json()
