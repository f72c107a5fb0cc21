"""Puts the web application together: routes, middleware, what it opens and closes. No rules."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from app import config, db, logs
from app.config import Settings
from app.http import dev_mail, health
from app.http.health import Unwell
from app.workers import HEARTBEAT_KEY
from app.workers.pool import bound

#: How uvicorn serves Divize, in one process or in many.
SERVER_OPTIONS: Mapping[str, Any] = {
    "http": "httptools",
    "ws": "websockets-sansio",
    # 44 KiB a socket instead of 148.
    "ws_per_message_deflate": False,
    "ws_max_size": 65_536,
    "timeout_graceful_shutdown": 20,
    # A query string may hold what nobody should read in a log.
    "access_log": False,
    "log_config": None,
    "server_header": False,
}


@dataclass(frozen=True)
class Parts:
    """What this process holds open for its requests."""

    redis: "Redis"


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    """The database, the queue and the doorbell, open for the length of the block."""
    await db.connect(settings.database_url, pool_size=settings.pool_size)
    try:
        async with bound(settings) as redis:
            yield Parts(redis)
    finally:
        await db.close()


def create_app(
    settings: Settings, *, parts: Parts | None = None, mail_folder: Path | None = None
) -> Starlette:
    """The application. It opens and closes its own parts, unless somebody holds `parts` open for it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with nullcontext(parts) if parts else opened(settings) as app.state.parts:
            yield

    app = Starlette(lifespan=lifespan)
    app.router.routes.extend(_routes(app, mail_folder))
    return app


def from_environment() -> Starlette:
    """The application for uvicorn's processes, each of which reads the environment itself."""
    settings = config.settings()
    logs.configure(settings.log_level, as_json=settings.environment == "production")
    return create_app(settings)


def _routes(app: Starlette, mail_folder: Path | None) -> list[BaseRoute]:
    return [
        *health.routes(
            {
                "database": _database_answers,
                "migrations": _migrations_are_applied(),
                "redis": lambda: _redis_answers(app.state.parts.redis),
                "worker": lambda: _a_worker_works(app.state.parts.redis),
            }
        ),
        *(dev_mail.routes(mail_folder) if mail_folder else []),
    ]


async def _database_answers() -> None:
    await db.now()


def _migrations_are_applied() -> health.Probe:
    were_applied = False

    async def probe() -> None:
        nonlocal were_applied
        if not were_applied and (names := await db.pending()):
            raise Unwell(f"{len(names)} pending; run: python -m app migrate")
        # This process knows no later ones.
        were_applied = True

    return probe


async def _redis_answers(redis: "Redis") -> None:
    await redis.ping()


async def _a_worker_works(redis: "Redis") -> None:
    if not await redis.exists(HEARTBEAT_KEY):
        raise Unwell("no sign of life; run: python -m app worker")
