"""The whole web application on a real socket, in this process: real database, real doorbell, no worker.

async with serving(database_url, redis_url) as divize:
    phone = await divize.device(employee)
    await phone.query("{ viewer { roles } }")
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from app import config
from app.http.sockets import RECHECK_EVERY_S, Sockets
from app.main import SERVER_OPTIONS, Parts, create_app, make_parts, opened
from app.models import Account, Employee
from app.services import sessions
from tests.e2e.client import PATIENCE_S, Client
from tests.graphql import SETTINGS, as_account, as_employee
from tests.http.toy import QuietServer

NOWHERE = "unix:///nowhere/valkey.sock"


@dataclass
class Divize:
    """The running application. Factories write into its database."""

    settings: config.Settings
    parts: Parts
    http: httpx.AsyncClient
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}/graphql"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.address}/graphql"

    def client(self, token: str | None = None) -> Client:
        """A device that holds this token."""
        return Client(self.http, self.address, token)

    async def device(self, who: Employee | Account) -> Client:
        """A device of this employee, or of this account before any project, with a session of its own."""
        signed_in = await (as_employee(who) if isinstance(who, Employee) else as_account(who)).sign_in()
        return self.client(signed_in.token)

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        """A request as it is, for answers that are compared byte by byte."""
        return await self.http.post(self.url, json=body, headers=headers)


@contextlib.asynccontextmanager
async def serving(
    database_url: str, redis_url: str, *, recheck_every_s: float = RECHECK_EVERY_S, **settings: Any
) -> AsyncIterator[Divize]:
    """Serves until the block ends. `NOWHERE` as `redis_url`: the doorbell is dead."""
    chosen = config.load(**{**SETTINGS, "database_url": database_url, "redis_url": redis_url, **settings})
    config.use(chosen)
    made = make_parts(chosen)
    parts = Parts(made.queue, made.hub, Sockets(recheck_every_s=recheck_every_s))
    try:
        async with opened(chosen, parts), httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as http:
            if redis_url != NOWHERE:
                await asyncio.wait_for(parts.hub.connected(), PATIENCE_S)
            async with _listening(create_app(chosen, parts=parts)) as port:
                yield Divize(chosen, parts, http, port)
    finally:
        sessions.BELIEVED.clear()
        config.use(None)


@contextlib.asynccontextmanager
async def _listening(app: Any) -> AsyncIterator[int]:
    """The application on a free port of the loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        options = {**SERVER_OPTIONS, "timeout_graceful_shutdown": 2}
        server = QuietServer(uvicorn.Config(app, lifespan="off", **options))
        running = asyncio.create_task(server.serve([listener]))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not server.started and not running.done():
                    await asyncio.sleep(0.01)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait_for(running, PATIENCE_S)
