"""From due to delivered: starts the single-process mode in a folder of its own and measures pop-ups over a socket.

    python -m bench.popup_lag [--count 200] [--gap-ms 200]

Each reminder falls due at a moment of its own; its lag is the time from there to the arrival of the first pop-up that
shows it. It is resolved then, as a person would, so that windows stay small. Both ends share one clock: this machine's.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60
#: Time to make all the reminders before the first falls due.
LEAD_S = 3.0
CREATION_S = 0.05

SIGN_UP = "mutation ($input: AccountCreateInput!) { accountCreate(input: $input) { session { token } errors { message } } }"
PROJECT = "mutation ($input: ProjectCreateInput!) { projectCreate(input: $input) { session { token employee { id } } errors { message } } }"
INTERVAL = "mutation ($input: EmployeeUpdateInput!) { employeeUpdate(input: $input) { errors { message } } }"
REMIND = "mutation ($input: ReminderCreateInput!) { reminderCreate(input: $input) { reminder { id dueAt } errors { message } } }"
RESOLVE = "mutation ($input: ReminderResolveInput!) { reminderResolve(input: $input) { errors { message } } }"
FEED = "subscription { reminderFeed { __typename ... on ReminderPopup { reminders { id } } } }"


@contextmanager
def running_server(port: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="dvl-") as folder:
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        command = [sys.executable, "-m", "app", "dev", "--port", str(port)]
        environment["PYTHONPATH"] = str(ROOT)
        with (Path(folder) / "log").open("w") as log:
            server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_ready(server, port, Path(folder) / "log")
            yield
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(PATIENCE_S)


def _wait_until_ready(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_at and server.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").json()["status"] == "ok":
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.1)
    raise SystemExit(f"The server did not start:\n{log.read_text()}")


@dataclass
class Client:
    http: httpx.AsyncClient
    token: str | None = None

    async def run(self, query: str, **sent: Any) -> Any:
        """The payload of a mutation. Raises RuntimeError with whatever went wrong."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = {"query": query, "variables": {"input": sent}}
        answer = (await self.http.post("/graphql", json=body, headers=headers)).json()
        payload = next(iter((answer.get("data") or {}).values()), None)
        if answer.get("errors") or payload is None or payload["errors"]:
            raise RuntimeError(f"{query.split('{')[1].strip()} failed: {answer}")
        return payload


async def measure(port: int, count: int, gap: timedelta) -> list[float]:
    """The lag of each reminder, in milliseconds."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as http:
        client = await _employee(http)
        async with _feed(port, client.token) as events:
            due = await _make_reminders(client, count, gap)
            return await _lags(client, events, due)


async def _employee(http: httpx.AsyncClient) -> Client:
    """Somebody in a project of his own whose window comes back after a day, so that no repeat is in the way."""
    client = Client(http)
    account = {"email": "mereni@example.cz", "password": "prodleva oken", "name": "Měření"}
    client.token = (await client.run(SIGN_UP, **account))["session"]["token"]
    session = (await client.run(PROJECT, name="Měření", email="mereni@example.cz"))["session"]
    client.token = session["token"]
    await client.run(INTERVAL, id=session["employee"]["id"], reminderIntervalMinutes=1440)
    return client


@asynccontextmanager
async def _feed(port: int, token: str | None) -> AsyncIterator[ClientConnection]:
    """A socket whose feed is live."""
    subprotocols = [Subprotocol("graphql-transport-ws")]
    async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=subprotocols) as connection:
        await _send(connection, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        await connection.recv()
        await _send(connection, type="subscribe", id="1", payload={"query": FEED})
        while (await _event(connection))["__typename"] != "ReminderFeedLive":
            pass
        yield connection


async def _send(connection: ClientConnection, **message: Any) -> None:
    await connection.send(orjson.dumps(message).decode())


async def _event(connection: ClientConnection) -> Any:
    message = orjson.loads(await asyncio.wait_for(connection.recv(), PATIENCE_S))
    if message["type"] != "next" or "errors" in message["payload"]:
        raise RuntimeError(f"The feed broke: {message}")
    return message["payload"]["data"]["reminderFeed"]


async def _make_reminders(client: Client, count: int, gap: timedelta) -> dict[str, datetime]:
    first = datetime.now(UTC) + timedelta(seconds=LEAD_S + CREATION_S * count)
    due: dict[str, datetime] = {}
    for number in range(count):
        at = first + number * gap
        made = await client.run(REMIND, title=f"Úkol {number}", dueAt=at.isoformat(timespec="milliseconds"))
        due[made["reminder"]["id"]] = datetime.fromisoformat(made["reminder"]["dueAt"])
    if datetime.now(UTC) > first:
        raise RuntimeError("Making the reminders took too long for this measurement.")
    return due


async def _lags(client: Client, connection: ClientConnection, due: dict[str, datetime]) -> list[float]:
    waiting, lags = dict(due), []
    async with asyncio.TaskGroup() as resolving:
        while waiting:
            event = await _event(connection)
            arrived = datetime.now(UTC)
            for reminder in event.get("reminders", ()):
                if (due_at := waiting.pop(reminder["id"], None)) is not None:
                    lags.append((arrived - due_at).total_seconds() * 1_000)
                    resolving.create_task(client.run(RESOLVE, id=reminder["id"]))
    return lags


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--gap-ms", type=int, default=200)
    options = parser.parse_args()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with running_server(port):
        lags = asyncio.run(measure(port, options.count, timedelta(milliseconds=options.gap_ms)))
    percentiles = quantiles(lags, n=100, method="inclusive")
    print(
        f"popups lag_p50_ms {percentiles[49]:.0f} lag_p99_ms {percentiles[98]:.0f} "
        f"lag_max_ms {max(lags):.0f} n {len(lags)}"
    )


if __name__ == "__main__":
    main()
