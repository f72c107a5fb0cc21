"""Puts the web application together: routes, middleware, what it opens and closes. No rules."""

import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arq.connections import ArqRedis
from starlette.applications import Starlette
from starlette.types import ASGIApp

from app import config, db, logs
from app.config import Settings
from app.http import dev_mail, health
from app.http.graphiql import graphiql_routes
from app.http.graphql import GraphQLEndpoint
from app.http.health import Unwell
from app.http.hot import HotRoads
from app.http.middleware import middleware
from app.http.protocol import BoundedProtocol
from app.http.sockets import Sockets
from app.integrations.ares import RedisCache
from app.integrations.pubsub import Hub
from app.schema import build
from app.services import companies, readiness, sessions
from app.workers import HEARTBEAT_KEY
from app.workers.pool import bound, create_pool

#: How uvicorn serves Divize, in one process or in many.
SERVER_OPTIONS: Mapping[str, Any] = {
    "http": BoundedProtocol,
    "ws": "websockets-sansio",
    # It would take 100 KiB a socket.
    "ws_per_message_deflate": False,
    "ws_max_size": 65_536,
    "timeout_graceful_shutdown": 20,
    # Longer than proxies keep theirs (nginx and most balancers 60 s): who closes first must not be us, or a request that
    # is on its way at that moment is lost.
    "timeout_keep_alive": 75,
    # A query string may hold what nobody should read in a log.
    "access_log": False,
    "log_config": None,
    "server_header": False,
}


@dataclass(frozen=True)
class Parts:
    """What this process holds open for its requests."""

    queue: ArqRedis
    hub: Hub
    sockets: Sockets


def make_parts(settings: Settings) -> Parts:
    """Nothing is open yet: that is for `opened`."""
    return Parts(create_pool(settings), Hub(settings.redis_url), Sockets())


@asynccontextmanager
async def opened(settings: Settings, parts: Parts) -> AsyncIterator[None]:
    """The database and the parts, open for the length of the block.

    A database that is away does not keep a process from serving: it answers 503 until it is back, as it would if the
    database had gone a moment later.
    """
    await db.connect(settings.database_url, pool_size=settings.pool_size, must_answer=False)
    try:
        async with (
            bound(parts.queue, parts.hub),
            companies.register_open(settings, RedisCache(parts.queue, parts.hub.breaker)),
        ):
            _hear_of_viewers(parts)
            await parts.hub.start()
            yield
    finally:
        await db.close()


def create_app(settings: Settings, *, parts: Parts | None = None, mail_folder: Path | None = None) -> ASGIApp:
    """The application. It opens and closes its own parts, unless somebody holds `parts` open for it."""
    own = parts or make_parts(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with nullcontext() if parts else opened(settings, own):
            yield

    endpoint = GraphQLEndpoint(
        build(), authenticate=sessions.authenticate, hub=own.hub, settings=settings, sockets=own.sockets
    )
    app = Starlette(
        lifespan=lifespan,
        routes=[
            endpoint.route(),
            *graphiql_routes(),
            *health.routes(_needed(), _optional(own)),
            *(dev_mail.routes(mail_folder) if mail_folder else []),
        ],
        middleware=middleware(settings),
    )
    return HotRoads(app, endpoint)


def from_environment() -> ASGIApp:
    """The application for uvicorn's processes, each of which reads the environment itself."""
    settings = config.settings()
    logs.configure(settings.log_level, as_json=settings.environment == "production")
    app = create_app(settings)
    _collect_garbage_seldom()
    return app


def _collect_garbage_seldom() -> None:
    """What is there now stays, and what comes later mostly goes by itself.

    With a thousand sockets a full collection took a tenth of a second, in which nobody is answered, and came with every
    second event for all of them: half of the processor time of a pop-up.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 40)


def _hear_of_viewers(parts: Parts) -> None:
    """What a session may changes everywhere within a second of a revocation, and its sockets close."""

    def hear(account_id: str, _: str) -> None:
        sessions.forget(account_id)
        parts.sockets.account_changed(account_id)

    def look_again() -> None:
        sessions.BELIEVED.clear()
        parts.sockets.messages_missed()

    parts.hub.on(sessions.CHANNEL, hear, missed=look_again)


def _needed() -> Mapping[str, health.Probe]:
    migrations = Migrations()
    return {"database": lambda: _database_works(migrations), "migrations": migrations.are_applied}


def _optional(parts: Parts) -> Mapping[str, health.Probe]:
    """Reminders, mail and their bells come later without them; none is lost."""
    return {
        "redis": lambda: _redis_answers(parts.queue),
        "worker": lambda: _a_worker_works(parts.queue),
    }


class Migrations:
    """Asked until they are applied: this process knows no later ones."""

    def __init__(self) -> None:
        self._pending: list[str] | None = None

    async def pending(self) -> list[str]:
        if self._pending != []:
            self._pending = await db.pending()
        return self._pending

    async def are_applied(self) -> None:
        if names := await self.pending():
            raise Unwell(f"{len(names)} pending; run: python -m app migrate")


async def _database_works(migrations: Migrations) -> None:
    await db.now()
    if not await migrations.pending():
        await readiness.check_writes()


async def _redis_answers(redis: ArqRedis) -> None:
    await redis.ping()


async def _a_worker_works(redis: ArqRedis) -> None:
    if not await redis.exists(HEARTBEAT_KEY):
        raise Unwell("no sign of life; run: python -m app worker")
