"""An installation whose parts talk to each other through proxies: what all scenarios play on.

    async with stage(folder, webs=2, workers=3) as here:
        here.roads.web_postgres.silence()

PostgreSQL keeps what it has confirmed when its processes are killed, unlike the one of other tests.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app import db
from tests.e2e.client import Client
from tests.e2e.installation import SETTINGS, START_PATIENCE_S, Program, until
from tests.faults import processes
from tests.faults.mail_sink import MailSink
from tests.faults.people import Person
from tests.faults.proxy import Proxy
from tests.postgres import Server, running_server
from tests.test_embedded import free_port
from tests.valkey import running_valkey

DATABASE = "faults"
#: Makes the rows of a scenario, before anything runs.
MakePeople = Callable[[], Awaitable[list[Person]]]
#: Longer than anything is promised to take: a client that gives up itself would hide that nobody answers.
CLIENT_PATIENCE_S = 30.0
WHOLE_PATIENCE_S = 60.0


@dataclass
class Roads:
    """A proxy between every two parts. `web` has one for each web process, for its clients."""

    web_postgres: Proxy
    worker_postgres: Proxy
    web_valkey: Proxy
    worker_valkey: Proxy
    worker_smtp: Proxy
    web: list[Proxy] = field(default_factory=list, kw_only=True)

    def all(self) -> list[Proxy]:
        inner = [self.web_postgres, self.worker_postgres, self.web_valkey, self.worker_valkey]
        return [*inner, self.worker_smtp, *self.web]

    def heal(self) -> None:
        for each in self.all():
            each.heal()


@dataclass
class Stage:
    """What runs. A web process keeps its port when it is started anew."""

    folder: Path
    postgres: Server
    sink: MailSink
    roads: Roads
    http: httpx.AsyncClient
    people: list[Person]
    settings: Mapping[str, str]
    valkeys: ExitStack
    ports: list[int] = field(default_factory=list)
    webs: list[Program] = field(default_factory=list)
    workers: list[Program] = field(default_factory=list)
    _logs: "count[int]" = field(default_factory=count)

    def client(self, person: Person, *, web: int = 0) -> Client:
        """This person's device at a web process, through its proxy."""
        return Client(self.http, f"127.0.0.1:{self.roads.web[web].port}", person.token)

    @asynccontextmanager
    async def sql(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A session with the database, past all proxies."""
        connection = await asyncpg.connect(self.postgres.url(DATABASE))
        try:
            yield connection
        finally:
            connection.terminate()

    def start_web(self, index: int) -> None:
        roads = self.roads
        environment = self._environment(roads.web_postgres, roads.web_valkey, PORT=str(self.ports[index]))
        self._put(self.webs, index, Program("serve", environment, self._log(f"web{index}")))

    def start_worker(self, index: int, **crash: str) -> None:
        """Where `crash` says at which point (see `worker`), it strikes itself."""
        roads = self.roads
        environment = self._environment(roads.worker_postgres, roads.worker_valkey, **crash)
        module = "tests.faults.worker" if crash else "app"
        program = Program("worker", environment, self._log(f"worker{index}"), module=module)
        self._put(self.workers, index, program)

    def restart_valkey(self) -> None:
        """After it was killed; it keeps its address, and perhaps what it held."""
        self.valkeys.enter_context(running_valkey(self.valkey_folder))

    @property
    def valkey_folder(self) -> Path:
        assert isinstance(self.roads.web_valkey.upstream, Path)
        return self.roads.web_valkey.upstream.parent

    @property
    def valkey_pid(self) -> int:
        return processes.valkey(f"unix://{self.valkey_folder / 'valkey.sock'}")

    @property
    def backends(self) -> list[int]:
        return processes.backends(self.postgres, DATABASE)

    async def end(self, program: Program, how: signal.Signals = signal.SIGTERM) -> None:
        """In a thread: what ends in order talks through proxies of this loop until then."""
        await asyncio.to_thread(program.end, how)

    async def started(self) -> None:
        """Until every web process answers and every worker says that it works."""
        for index in range(len(self.webs)):
            await until(partial(self._web_answers, index), START_PATIENCE_S)
        for worker in list(self.workers):
            await until(partial(_has_started, worker), START_PATIENCE_S)

    async def whole(self) -> None:
        """Until every web process says that all parts are well."""
        for port in self.ports:
            await until(partial(self._is_well, port), WHOLE_PATIENCE_S)

    async def end_all(self) -> None:
        running = [each for each in (*self.webs, *self.workers) if each.process.poll() is None]
        processes.strike([each.process.pid for each in running], signal.SIGCONT)
        await asyncio.gather(*(self.end(each, signal.SIGKILL) for each in running))

    def tracebacks(self) -> int:
        """In the logs of all processes that there were."""
        return sum(log.read_text(errors="replace").count("Traceback") for log in self.folder.glob("*.log"))

    def _environment(self, postgres: Proxy, valkey: Proxy, **more: str) -> dict[str, str]:
        return {
            **SETTINGS,
            "REMINDER_MINUTE_S": "60",
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{postgres.port}/{DATABASE}?sslmode=disable",
            "REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0",
            "SMTP_URL": f"smtp://127.0.0.1:{self.roads.worker_smtp.port}",
            **self.settings,
            **more,
        }

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}-{next(self._logs)}.log"

    def _put(self, programs: list[Program], index: int, program: Program) -> None:
        programs[index : index + 1] = [program]

    async def _web_answers(self, index: int) -> bool:
        return await self._get(self.ports[index], "healthz") is not None

    async def _is_well(self, port: int) -> bool:
        answer = await self._get(port, "readyz")
        return answer is not None and set(answer["parts"].values()) == {"ok"}

    async def _get(self, port: int, path: str) -> Any:
        """Past the proxy. None if nobody answers."""
        with suppress(httpx.TransportError):
            return (await self.http.get(f"http://127.0.0.1:{port}/{path}")).json()
        return None


def _has_started(worker: Program) -> bool:
    if worker.process.poll() not in (None, -signal.SIGKILL):
        raise AssertionError(worker.log.read_text())
    return "worker started" in worker.log.read_text() or worker.process.poll() is not None


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    webs: int = 1,
    workers: int = 1,
    people: MakePeople,
    **settings: str,
) -> AsyncIterator[Stage]:
    """A stage that is whole; `people` makes those who work on it, `settings` are the application's."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  Once, before anything runs.
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(running_server(synchronous_commit="on", max_connections="200"))
        made = await _fill(await postgres.create(DATABASE), people)
        valkeys = stack.enter_context(ExitStack())
        valkey_socket = Path(valkeys.enter_context(running_valkey()).removeprefix("unix://"))
        sink = await stack.enter_async_context(MailSink.listening())

        async def proxy_to(upstream: Path | int) -> Proxy:
            return await stack.enter_async_context(Proxy.to(upstream))

        postgres_socket = postgres.folder / ".s.PGSQL.5432"
        inner = (postgres_socket, postgres_socket, valkey_socket, valkey_socket, sink.port)
        roads = Roads(*[await proxy_to(each) for each in inner])
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=CLIENT_PATIENCE_S, limits=limits, trust_env=False)
        )
        here = Stage(folder, postgres, sink, roads, http, made, settings, valkeys)
        stack.push_async_callback(here.end_all)
        for index in range(webs):
            here.ports.append(free_port())
            roads.web.append(await proxy_to(here.ports[index]))
            here.start_web(index)
        for index in range(workers):
            here.start_worker(index)
        await here.started()
        await here.whole()
        yield here


async def _fill(url: str, people: MakePeople) -> list[Person]:
    await db.connect(url, pool_size=1)
    try:
        await db.migrate()
        return await people()
    finally:
        await db.close()
