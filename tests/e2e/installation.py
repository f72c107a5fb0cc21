"""An installation as its owner runs it: web and worker processes, configured by their environment only.

    async with installation(folder, database_url, webs=2) as divize:
        admin = divize.client()

Whatever was started ends with the block, and with the run, however that ends. A traceback in a log fails the block.
"""

import asyncio
import inspect
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from app import config, db
from app.integrations.mail_catcher import CaughtMail, catching, caught_one
from tests.ares_server import Ares, ares_server
from tests.e2e.client import PATIENCE_S, Client
from tests.test_cli import environment_of
from tests.test_embedded import free_port
from tests.valkey import running_valkey

ROOT = Path(__file__).parents[2]
INSTALLATION_ADDRESS = "divize@example.com"
LOOK_EVERY_S = 0.02
#: Five processes that start at once on a busy machine take their time.
START_PATIENCE_S = 60
GRACE_S = 10
SETTINGS = {
    "ENVIRONMENT": "test",
    "SECRET_KEY": config.TEST_SECRET_KEY,
    "PUBLIC_URL": "https://crm.example.com",
    "SMTP_FROM": INSTALLATION_ADDRESS,
    "TRUST_ADDRESSES": "1",
    # A reminder interval of one minute lasts half a second.
    "REMINDER_MINUTE_S": "0.5",
}


async def until(claim: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """Asks until the answer, awaited if need be, is true; gives it. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            answer = claim()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(LOOK_EVERY_S)


class Program:
    """`python -m app COMMAND`, or another module's, with a log of its own."""

    def __init__(
        self, command: str, environment: Mapping[str, str], log: Path, *, module: str = "app"
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, command],
                cwd=ROOT,
                env=environment_of(environment),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        # Kills it when the pipe closes, that is when this process is gone.
        self._watchdog = subprocess.Popen(
            [shutil.which("sh") or "sh", "-c", 'read -r _; kill -9 "$0"', str(self.process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Sends the signal, and waits until the process is gone."""
        self.process.send_signal(how)
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._watchdog.kill()
        self._watchdog.communicate()


@dataclass
class Mails:
    """What the catcher got, the oldest first."""

    folder: Path
    _read: dict[str, CaughtMail] = field(default_factory=dict)

    def all(self) -> list[CaughtMail]:
        for path in sorted(self.folder.glob("*.eml")):
            if path.stem not in self._read:
                mail = caught_one(self.folder, path.stem)
                assert mail is not None
                self._read[path.stem] = mail
        return list(self._read.values())

    def to(self, address: str) -> list[CaughtMail]:
        return [mail for mail in self.all() if address in mail.recipients]

    async def next_to(self, address: str, subject: str = "") -> CaughtMail:
        """The newest mail to this address whose subject begins so, as soon as there is one."""

        def newest() -> CaughtMail | None:
            found = [mail for mail in self.to(address) if mail.subject.startswith(subject)]
            return found[-1] if found else None

        mail: CaughtMail = await until(newest)
        return mail


@dataclass
class Installation:
    """What runs. `webs` listen on `ports`, in the same order."""

    folder: Path
    environment: Mapping[str, str]
    mails: Mails
    ares: Ares
    http: httpx.AsyncClient
    ports: list[int] = field(default_factory=list)
    webs: list[Program] = field(default_factory=list)
    workers: list[Program] = field(default_factory=list)

    def client(self, token: str | None = None, *, web: int = 0) -> Client:
        """Somebody who talks to this web process."""
        return Client(self.http, f"127.0.0.1:{self.ports[web]}", token)

    @asynccontextmanager
    async def rows(self) -> AsyncIterator[None]:
        """This process is connected to the installation's database."""
        await db.connect(self.environment["DATABASE_URL"], pool_size=1)
        try:
            yield
        finally:
            await db.close()

    @property
    def valkey_folder(self) -> Path:
        return Path(self.environment["REDIS_URL"].removeprefix("unix://")).parent

    def start_web(self) -> None:
        self.ports.append(free_port())
        environment = {**self.environment, "PORT": str(self.ports[-1])}
        self.webs.append(Program("serve", environment, self.folder / f"web{len(self.webs)}.log"))

    def start_worker(self) -> None:
        log = self.folder / f"worker{len(self.workers)}.log"
        self.workers.append(Program("worker", self.environment, log))

    async def ready(self) -> None:
        """Until every web process says that it and all it needs are well."""
        for port in self.ports:
            await until(partial(self._is_ready, port), START_PATIENCE_S)

    async def _is_ready(self, port: int) -> bool:
        if any(program.process.poll() is not None for program in self.webs):
            raise AssertionError(self._told())
        with suppress(httpx.TransportError):
            answer = await self.http.get(f"http://127.0.0.1:{port}/readyz")
            return bool(answer.json()["status"] == "ok")
        return False

    def end(self) -> None:
        for program in [*self.webs, *self.workers]:
            if program.process.poll() is None:
                program.end()

    def check_logs(self) -> None:
        assert "Traceback" not in self._told(), self._told()

    def _told(self) -> str:
        return "\n".join(
            f"--- {program.log.name}\n{program.log.read_text(errors='replace')}"
            for program in [*self.webs, *self.workers]
        )


@asynccontextmanager
async def installation(
    folder: Path, database_url: str, *, webs: int = 1, workers: int = 1, **settings: str
) -> AsyncIterator[Installation]:
    """An installation that is ready, with its mail, its Valkey and its business register; `settings` by upper-case name."""
    async with AsyncExitStack() as stack:
        smtp_port = await stack.enter_async_context(catching(folder / "mail"))
        ares = stack.enter_context(ares_server())
        environment = {
            **SETTINGS,
            "DATABASE_URL": database_url,
            "REDIS_URL": stack.enter_context(running_valkey()),
            "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "ARES_URL": ares.url,
            **settings,
        }
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False))
        started = Installation(folder, environment, Mails(folder / "mail"), ares, http)
        stack.callback(started.end)
        for _ in range(webs):
            started.start_web()
        for _ in range(workers):
            started.start_worker()
        await started.ready()
        yield started
        started.end()
        started.check_logs()
