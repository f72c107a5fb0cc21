"""One process's application over one database, in which the two worlds stand one after the other."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from unittest.mock import patch

from starlette.types import ASGIApp
from tortoise.transactions import in_transaction

from app import config, db
from app.engine.declare import TABLES
from app.engine.ids import global_id
from app.integrations.pubsub import Hub
from app.main import Parts, create_app, make_parts
from app.schema import build
from tests.databases import Engine
from tests.differential.sight import Sight
from tests.differential.stage import Request
from tests.engine.asking import recorded
from tests.graphql import SETTINGS
from tests.proof.worlds import still, transport
from tests.proof.worlds.catalogue import all_secrets
from tests.proof.worlds.planting import Secret
from tests.proof.worlds.scene import Scene, planted_id, set_scene, token_of
from tests.proof.worlds.transport import Headers, Heard


class Ask(NamedTuple):
    """One operation, and how it is sent. Chance is the same whenever it is asked: `chance`."""

    request: Request
    road: Literal["post", "socket"]
    headers: Headers
    chance: str


class Told(NamedTuple):
    """What came back, and which statements the database saw (not told of sockets)."""

    heard: Heard
    statements: Sequence[str]


class _Undo(Exception):
    """Ends a transaction of which nothing is to be left."""


@asynccontextmanager
async def undone() -> AsyncIterator[None]:
    """What is written in the block is gone after it."""
    try:
        async with in_transaction():
            yield
            raise _Undo
    except _Undo:
        pass


@dataclass
class Theatre:
    """Everything runs in the loop of `runner`."""

    engine: Engine
    runner: asyncio.Runner
    app: ASGIApp
    scene: Scene
    sights: Mapping[str, Sight]
    everything: Mapping[str, Sequence[str]]
    secrets: Sequence[Secret]
    chance: still.Chance

    @asynccontextmanager
    async def world(self, secret: Secret, *, is_other: bool) -> AsyncIterator[None]:
        """The project with the one value of the secret, or with the other."""
        async with undone():
            await still.look_at_stopped_clock()
            await secret.difference.plant(is_other=is_other)
            yield

    async def ask(self, ask: Ask) -> Told:
        """Asks the application of the present world."""
        still.forget()
        self.chance.restart(ask.chance)
        request = ask.request
        token = token_of(request.viewer) if request.viewer in self.scene.emails else None
        sent = {"query": request.document, "variables": dict(request.variables)}
        road = transport.post if ask.road == "post" else transport.subscribe
        with recorded() as statements:
            heard = await road(self.app, token, sent, ask.headers)
        if ask.road == "socket":  # it was hung up while something may have been read for later
            await _until_quiet()
            return Told(heard, ())
        return Told(heard, [each.sql for each in statements])


@contextmanager
def open_theatre(engine: Engine, url: str) -> Iterator[Theatre]:
    """The theatre over a database that is migrated and empty."""
    settings = config.load(**SETTINGS)
    config.use(settings)
    build()
    with still.standing_still() as chance, _heard_by_us_alone(), asyncio.Runner() as runner:
        scene = runner.run(_opened(url))
        # A doorbell that nobody rings.
        parts = make_parts(settings)
        parts = Parts(parts.queue, Hub("unix:///nowhere"), parts.sockets)
        sights = runner.run(_sights(scene))
        app = create_app(settings, parts=parts)
        yield Theatre(engine, runner, app, scene, sights, _everything(scene), all_secrets(scene), chance)
        runner.run(db.close())
    config.use(None)


async def _until_quiet() -> None:
    """Until nothing goes on in the background: it would disturb the other world."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, pending = await asyncio.wait(others, timeout=transport.PATIENCE_S)
        assert not pending, pending


def _heard_by_us_alone() -> Any:
    """Statements are written down for each operation; nobody else is to format them."""
    return patch.object(logging.getLogger("tortoise.db_client"), "propagate", False)


async def _opened(url: str) -> Scene:
    await db.connect(url, pool_size=2)
    await still.stop_clock()
    return await set_scene()


async def _sights(scene: Scene) -> dict[str, Sight]:
    async with undone():
        await still.look_at_stopped_clock()
        return {name: await Sight.of(viewer) for name, viewer in scene.cast.items()}


def _everything(scene: Scene) -> dict[str, list[str]]:
    """All ids there are, by type; of a type without rows one that nobody has."""
    rows = {name: scene.world.rows.get(table.model, []) for name, table in TABLES.items()}
    nobody = planted_id("nobody's")
    return {
        name: [global_id(name, row.id) for row in each] or [global_id(name, nobody)]
        for name, each in rows.items()
    }
