"""The single-process mode, `make run`: database, Valkey, mail catcher, worker and web server, with demo data.

All it keeps lies under var/. Whoever kills it leaves nothing that hinders the next start: the lock dies with the
process, a Valkey that was left behind is adopted, and half-written mail is never shown.
"""

import asyncio
import errno
import fcntl
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import uvicorn
import uvloop
from starlette.types import ASGIApp

from app import config, db, logs
from app.config import Settings
from app.demo import seed
from app.errors import DatabaseAway
from app.integrations import mail_catcher, valkey
from app.integrations.redis_breaker import RedisBreaker
from app.main import SERVER_OPTIONS, create_app, make_parts, opened
from app.workers.supervision import work

VAR = Path("var")
HOST = "127.0.0.1"
FROM = "divize@example.com"
#: Ctrl-C ends everything within 2 s; these are the parts that wait for something.
SERVER_GRACE_S = 1
WORKER_GRACE_S = 0.3
#: A disk with less is what was in the way, whatever the error says: Valkey alone writes some such blocks at its start.
LEAST_FREE_BYTES = 64 * 1024


class CannotStart(Exception):
    """Something of this machine is in the way; the text says what to do."""


def run(*, port: int, reset: bool, var: Path = VAR) -> None:
    """Runs until SIGINT or SIGTERM. Raises CannotStart, also when the disk is full, and ConfigError."""
    started = time.monotonic()
    var = var.absolute()
    with _a_word_about(var), ExitStack() as stack:
        stack.enter_context(_alone(var))
        listener = stack.enter_context(_listening(port))
        if reset:
            _forget(var)
        redis_url = os.environ.get("REDIS_URL") or stack.enter_context(_redis(var / "valkey"))
        uvloop.run(_until_told(_everything(var, listener, redis_url, started)))


@contextmanager
def _a_word_about(var: Path) -> Iterator[None]:
    """Whatever writes there may find the disk full, or not its own: the database, Valkey, this module."""
    try:
        yield
    except (CannotStart, DatabaseAway, OSError) as error:
        if _is_full(var, error):
            raise CannotStart(f"The disk is full: make room where {var} lies, and start again.") from error
        if isinstance(error, CannotStart):
            raise
        raise CannotStart(f"Something of {var} cannot be used: {db.reason_of(error)}") from error


def _is_full(var: Path, error: Exception) -> bool:
    """Some only say that they could not start, after they took what was left."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if "disk is full" in db.reason_of(error):
        return True
    place = next(each for each in (var, *var.parents) if each.exists())
    return shutil.disk_usage(place).free < LEAST_FREE_BYTES


def lend_settings(var: Path = VAR) -> bool:
    """Gives a process without settings those of the last `make run`; False if it needs none or there are none."""
    kept = var / "settings.json"
    if os.environ.get("DATABASE_URL") or not kept.is_file():
        return False
    config.use(config.load(orjson.loads(kept.read_bytes())))
    return True


async def _until_told(work: Any) -> None:
    task = asyncio.create_task(work)
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def _everything(var: Path, listener: socket.socket, redis_url: str, started: float) -> None:
    mail_folder = var / "mail"
    async with mail_catcher.catching(mail_folder) as smtp_port:
        settings = _settings(var, listener.getsockname()[1], redis_url, smtp_port)
        logs.configure(settings.log_level, as_json=False)
        await _migrate(settings)
        parts = make_parts(settings)
        async with opened(settings, parts):
            people = await seed.ensure_demo(_kept_tokens(var))
            app = create_app(settings, parts=parts, mail_folder=mail_folder)
            async with _working(settings, parts.hub.breaker) as worker, _serving(app, listener) as server:
                _announce(var, settings, people, time.monotonic() - started)
                ended, _ = await asyncio.wait([server, worker], return_when=asyncio.FIRST_COMPLETED)
                for each in ended:
                    each.result()


def _settings(var: Path, port: int, redis_url: str, smtp_port: int) -> Settings:
    """The environment's, but never another's mail relay or database: demo people have a password that all know."""
    defaults = {
        "log_level": "WARNING",
        "public_url": f"http://{HOST}:{port}",
        "secret_key": _secret_key(var),
        "smtp_from": FROM,
        "trust_addresses": True,
    }
    fixed = {
        "environment": "dev",
        "database_url": f"sqlite://{quote(str(var / 'divize.sqlite3'))}",
        "host": HOST,
        "port": port,
        "redis_url": redis_url,
        "smtp_url": f"smtp://{HOST}:{smtp_port}",
    }
    settings = config.load(defaults, **fixed)
    _write_private(var / "settings.json", orjson.dumps(settings.model_dump(), option=orjson.OPT_INDENT_2))
    config.use(settings)
    return settings


async def _migrate(settings: Settings) -> None:
    await db.connect(settings.database_url)
    try:
        await db.migrate()
    finally:
        await db.close()


@asynccontextmanager
async def _working(settings: Settings, breaker: RedisBreaker) -> AsyncIterator[asyncio.Task[None]]:
    """A worker in this loop for the length of the block; its task ends early only if it fails."""
    task = asyncio.create_task(work(settings, drain_s=WORKER_GRACE_S, breaker=breaker))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def _serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    """uvicorn in this loop for the length of the block; its task ends early only if it fails."""
    server = _Server(uvicorn.Config(app, **{**SERVER_OPTIONS, "timeout_graceful_shutdown": SERVER_GRACE_S}))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110  uvicorn has no event for it.
            await asyncio.sleep(0.005)
        yield task
    finally:
        server.should_exit = True
        await asyncio.wait([task])


class _Server(uvicorn.Server):
    """Leaves the signals to us: they end more than the web server."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _announce(var: Path, settings: Settings, people: Sequence[Mapping[str, Any]], took_s: float) -> None:
    address, here = settings.public_url, f"http://{HOST}:{settings.port}"
    facts = {
        "graphql": f"{address}/graphql",
        "ws": f"ws{address.removeprefix('http')}/graphql",
        "mail": f"{address}/dev/mail",
        "people": people,
    }
    _write_private(var / "dev.json", orjson.dumps(facts, option=orjson.OPT_INDENT_2))
    print(f"\nDivize is ready after {took_s:.1f} s. Ctrl-C ends it; its data stay in {var.name}/.\n")
    print(f"  GraphiQL   {facts['graphql']}   (open it in a browser)")
    print(f"  Sockets    {facts['ws']}   (graphql-transport-ws)")
    print(f"  Mail       {facts['mail']}   (what is sent is caught here)")
    if address != here:
        print(f"  Server     {here}   (what PUBLIC_URL is to lead to)")
    print()
    for person in people:
        print(
            f"  {person['name']:<22} {', '.join(person['roles'])}\n    {person['email']}  {person['password']}  {person['token']}"
        )
    if people:
        print(
            f"\n  curl -s {facts['graphql']} -H 'Content-Type: application/json' \\\n"
            f"    -H 'Authorization: Bearer {people[0]['token']}' \\\n"
            """    -d '{"query":"{ contacts(first: 3) { edges { node { name } } } }"}'"""
        )
    print(f"\n  All of this is in {var.name}/dev.json too.", flush=True)


def _kept_tokens(var: Path) -> dict[str, str]:
    """The demo people's tokens of the last start, by e-mail."""
    path = var / "dev.json"
    if not path.is_file():
        return {}
    return {person["email"]: person["token"] for person in orjson.loads(path.read_bytes())["people"]}


@contextmanager
def _alone(var: Path) -> Iterator[None]:
    """The kernel drops the lock with the process, however it ends."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (var / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"Another `make run` uses {var}. End it first.") from None
        yield


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} is not free ({error.strerror}). Take another: make run PORT={port + 1}"
            ) from None
        yield listener


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    try:
        server = valkey.start(folder)
    except valkey.NoServer as error:
        raise CannotStart(str(error)) from error
    try:
        yield server.url
    finally:
        server.stop()


def _forget(var: Path) -> None:
    """Everything but the lock. A Valkey that a killed process left would hold its data in memory."""
    valkey.stop_left_behind(var / "valkey")
    for path in var.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def _secret_key(var: Path) -> str:
    path = var / "secret_key"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(48).encode())
    return path.read_text()


def _write_private(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_bytes(content)
    partial.replace(path)
