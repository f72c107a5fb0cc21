"""A real Valkey for tests, on a unix socket. It ends with the run, also when the run is killed."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from app.integrations import valkey
from tests.faults.proxy import Proxy


@contextmanager
def running_valkey(folder: Path | None = None) -> Iterator[str]:
    """Gives its URL. With a `folder` it keeps its address there when it is started again."""
    # Short: the kernel cuts the path of a socket at about 100 bytes.
    own = None if folder else Path(tempfile.mkdtemp(prefix="dv-"))
    server = valkey.start(folder or own or Path())
    watchdog = _end_with_this_process(server.url)
    try:
        yield server.url
    finally:
        watchdog.kill()
        watchdog.communicate()
        server.stop()
        if own:
            shutil.rmtree(own, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The run's Valkey: import this fixture where it is needed. Use channels and keys of the test's own."""
    with running_valkey() as url:
        yield url


@contextmanager
def stopped(url: str) -> Iterator[None]:
    """Within the block the server hears and says nothing: its connections stay, and the kernel takes new ones for it."""
    pid = _pid_of(url)
    os.kill(pid, signal.SIGSTOP)
    try:
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _pid_of(url: str) -> int:
    with Redis.from_url(url) as client:
        return int(client.info("server")["process_id"])


def _end_with_this_process(url: str) -> "subprocess.Popen[bytes]":
    """A child that kills the server when the pipe to it closes, that is when this process is gone."""
    return subprocess.Popen(
        [shutil.which("sh") or os.devnull, "-c", 'read -r _; kill "$0"', str(_pid_of(url))],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def socket_of(url: str) -> Path:
    """Where the server of such a URL listens."""
    return Path(urlsplit(url).path)


def url_through(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"
