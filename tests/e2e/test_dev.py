"""The first five minutes: `python -m app dev` in an empty folder, used with what it prints."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from app.integrations import valkey
from app.policy import Role
from tests.e2e.client import PATIENCE_S, Client
from tests.e2e.installation import until
from tests.test_embedded import ROOT, Running

#: The reminder that is seeded falls due 20 s after the start.
FIRST_POPUP_WITHIN_S = 60
SEEDED = "Podívat se, jak vyskakuje okno"
PERSON = {"name", "email", "password", "roles", "token"}
GOING_AWAY = 1012


@dataclass
class Dev:
    """`make run` in its folder, which outlives it."""

    running: Running
    http: httpx.AsyncClient

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = orjson.loads(self.running.kept("dev.json"))
        return facts

    def client(self, role: str) -> Client:
        """Whoever has this role alone, with the token that was printed."""
        person = next(each for each in self.facts["people"] if each["roles"] == [role])
        return Client(self.http, self.running.address.removeprefix("http://"), person["token"])

    def start(self) -> None:
        self.running = Running(self.running.folder)

    async def end(self, how: signal.Signals) -> float:
        """The seconds until it was gone. Sockets of this process go on meanwhile."""
        return await asyncio.to_thread(self.running.end, how)


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Dev]:
    """Whatever was started there last is killed afterwards."""
    (folder / "migrations").symlink_to(ROOT / "migrations")
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as http:
        dev = Dev(Running(folder), http)
        try:
            yield dev
        finally:
            dev.running.process.kill()
            dev.running.process.communicate()
            valkey.stop_left_behind(folder / "var" / "valkey")


@pytest.fixture(scope="module")
async def dev(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Dev]:
    """One for the tests that do not end it."""
    async with started(tmp_path_factory.mktemp("dev")) as dev:
        yield dev


def test_the_facts_name_everything_and_somebody_for_each_role(dev: Dev) -> None:
    facts, port = dev.facts, dev.running.port

    assert {name: facts[name] for name in ("graphql", "ws", "mail")} == {
        "graphql": f"http://127.0.0.1:{port}/graphql",
        "ws": f"ws://127.0.0.1:{port}/graphql",
        "mail": f"http://127.0.0.1:{port}/dev/mail",
    }
    assert [set(person) for person in facts["people"]] == [PERSON] * 9
    roles = Counter(tuple(person["roles"]) for person in facts["people"])
    assert roles == Counter([*((role.value,) for role in Role), ("SALES_REP", "SERVICE_TECHNICIAN")])


async def test_every_token_and_password_works(dev: Dev) -> None:
    for person in dev.facts["people"]:
        client = Client(dev.http, f"127.0.0.1:{dev.running.port}", person["token"])
        employee = (await client.ask("Me"))["employee"]
        assert (employee["name"], employee["roles"]) == (person["name"], person["roles"])

    admin = dev.facts["people"][0]
    signed_in = await client.do("SignIn", email=admin["email"], password=admin["password"])
    assert signed_in["session"]["employee"]["roles"] == ["ADMIN"]


async def test_the_page_of_graphiql_is_whole_without_a_network(dev: Dev) -> None:
    page = await dev.http.get(dev.facts["graphql"], headers={"Accept": "text/html"}, follow_redirects=True)

    assets = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page.text)
    assert page.status_code == 200 and len(assets) >= 4
    for asset in assets:
        url = page.url.join(asset)
        assert url.host == "127.0.0.1" and (await dev.http.get(url)).status_code == 200


async def test_roles_differ_in_what_they_see_of_the_demo_data(dev: Dev) -> None:
    pages = {role: await dev.client(role).ask("Page", first=1) for role in ("ADMIN", "EXTERNAL_TELEPHONIST")}
    contact = pages["EXTERNAL_TELEPHONIST"]["edges"][0]["node"]["id"]
    refused = await dev.client("EXTERNAL_TELEPHONIST").run("ContactWhole", id=contact)

    assert {role: page["totalCount"] for role, page in pages.items()} == {
        "ADMIN": 300,
        "EXTERNAL_TELEPHONIST": 30,
    }
    assert "Contact.vatId" in [error["extensions"]["coordinate"] for error in refused.errors]


async def test_a_mail_that_is_sent_is_shown(dev: Dev) -> None:
    admin = dev.client("ADMIN")
    contact = (await admin.ask("Page", first=1))["edges"][0]["node"]["id"]
    sent = await admin.do("Send", contactId=contact, to=["a@example.cz"], subject="Ahoj", text="Zde.")

    async def shown() -> Any:
        mails = (await dev.http.get(f"{dev.facts['mail']}.json")).json()
        return next((mail for mail in mails if mail["subject"] == "Ahoj"), None)

    mail = await until(shown)
    assert mail["recipients"] == ["a@example.cz"]
    assert dict(mail["headers"])["Message-ID"] == sent["email"]["messageId"]
    assert sent["email"]["fromAddress"] in mail["from"]
    assert "Ahoj" in (await dev.http.get(dev.facts["mail"])).text


async def test_data_and_tokens_stay_however_it_ends(dev: Dev, tmp_path: Path) -> None:
    async with started(tmp_path) as own:
        people = own.facts["people"]
        contact = (await own.client("ADMIN").do("CreateContact", name="Zůstane"))["contact"]["id"]

        async with own.client("ADMIN").socket() as socket:
            await (await socket.subscribe("Feed")).next()
            assert await own.end(signal.SIGINT) < 2
            assert await socket.closed() == GOING_AWAY
        own.start()
        assert own.facts["people"] == people
        assert (await own.client("ADMIN").ask("ContactWhole", id=contact))["name"] == "Zůstane"

        await own.end(signal.SIGKILL)
        own.start()
        assert own.facts["people"] == people
        assert (await own.client("ADMIN").ask("ContactWhole", id=contact))["name"] == "Zůstane"
        assert await own.end(signal.SIGINT) < 2
        assert own.running.process.returncode == 0


async def test_the_seeded_reminder_pops_up_within_a_minute(dev: Dev) -> None:
    async with dev.client("ADMIN").socket() as socket:
        feed = await socket.subscribe("Feed")
        event = await feed.next()
        while not event.get("reminders"):
            event = await feed.next(within_s=FIRST_POPUP_WITHIN_S)

    assert event["repeatMinutes"] == 10  # the default: nobody set one for the founder
    assert SEEDED in [reminder["title"] for reminder in event["reminders"]]
