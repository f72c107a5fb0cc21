"""Two databases with the same rows, and the roads by which one operation can be answered."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import orjson
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.context import TortoiseContext

from app import config, db, db_engines, db_migrator
from app.policy import Viewer
from app.schema import build, execution
from app.schema.context import ClientInfo, Context
from app.services import sessions
from tests.databases import ENGINES, Databases, Engine
from tests.differential.cast import viewers
from tests.differential.world import World, make_world, write
from tests.graphql import SETTINGS

T = TypeVar("T")
Wire = dict[str, Any]

CLIENT = ClientInfo("192.0.2.1", "differential")


@dataclass(frozen=True)
class Request:
    """One operation as a client sends it, and who he is."""

    document: str
    variables: Mapping[str, Any]
    viewer: str


class Uncounted(Context):
    """Nothing changes here: what people of outside firms are shown is selected as ever, and not counted."""

    async def count_shown(self, ids: Collection[UUID], *, is_done: bool) -> None:
        """Keeps nothing."""

    async def count_searches(self, questions: Collection[bytes]) -> None:
        """Keeps nothing."""


class Database:
    """One of several databases that this process is connected to at once: only inside `using` is it the one."""

    def __init__(self, context: TortoiseContext) -> None:
        self._context = context
        self._queries = {model: _queries_of(model) for model in _models(context)}

    @classmethod
    async def connect(cls, url: str) -> "Database":
        context = TortoiseContext()
        connections = {db_migrator.CONNECTION: db_engines.settings_of(url, 2)}
        settings = {"connections": connections, "apps": db_migrator.apps_config(db.MODELS, db.MIGRATIONS)}
        with context:
            await context.init(config=settings, use_tz=True, timezone="UTC")
        return cls(context)

    @contextmanager
    def using(self) -> Iterator[None]:
        """Tortoise keeps each model's first half of a query in the dialect that was connected last."""
        for model, queries in self._queries.items():
            model._meta.basequery, model._meta.basequery_all_fields = queries
        with self._context:
            yield
        EXECUTOR_CACHE.clear()

    async def close(self) -> None:
        with self._context:
            await self._context.close_connections()


def _models(context: TortoiseContext) -> list[Any]:
    assert context.apps is not None
    return [model for app in context.apps.values() for model in app.values()]


def _queries_of(model: Any) -> tuple[Any, Any]:
    return model._meta.basequery, model._meta.basequery_all_fields


@dataclass
class Stage:
    """The same world in every engine, and the cast. Everything runs in the loop of `runner`."""

    runner: asyncio.Runner
    databases: Mapping[Engine, Database]
    world: World
    cast: Mapping[str, Viewer] = field(default_factory=dict)

    def run(self, engine: Engine, work: Callable[[], Awaitable[T]]) -> T:
        """`work` with the engine's database as the one this process is connected to."""

        async def run() -> T:
            with self.databases[engine].using():
                return await work()

        return self.runner.run(run())

    def context(self, viewer: str) -> Context:
        """The context of one operation, as the transports make it."""
        return Uncounted(
            self.cast[viewer], None, CLIENT, "request", sessions.authenticate, None, config.settings()
        )


@contextmanager
def open_stage(urls: Mapping[Engine, str]) -> Iterator[Stage]:
    """The stage over databases that are migrated and empty."""
    config.use(config.load(**SETTINGS))
    build()
    with asyncio.Runner() as runner:
        found = {engine: runner.run(Database.connect(url)) for engine, url in urls.items()}
        stage = Stage(runner, found, runner.run(_fill(found)))
        stage.cast = stage.run("sqlite", lambda: viewers(stage.world))
        yield stage
        for database in found.values():
            runner.run(database.close())
    config.use(None)


async def _fill(databases: Mapping[Engine, Database]) -> World:
    for database in databases.values():
        with database.using():
            world = make_world()
            await write(world)
    return world


async def empty_databases(databases: Databases) -> dict[Engine, str]:
    return {engine: await databases.fresh(engine) for engine in ENGINES}


async def answer(request: Request, context: Context, *, only_core: bool = False) -> Wire:
    """What the engine answers, in the shape of the wire. With `only_core` graphql-core completes every value."""
    schema = build()
    document = schema.documents.read(request.document)
    assert not document.errors, [error.message for error in document.errors]
    given = await execution.run(
        schema, document, document.operation(None), request.variables, context, only_core=only_core
    )
    found: Wire = {} if given.data is None else {"data": orjson.loads(given.data)}
    if given.errors:
        found["errors"] = [error.formatted for error in given.errors]
    return found
