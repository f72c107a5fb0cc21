"""Pids of what runs here, found and struck from outside: stopped, continued, killed."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis

from tests.postgres import Server


def postmaster(server: Server) -> int:
    """The pid of PostgreSQL's first process."""
    return int((server.folder / "data" / "postmaster.pid").read_text().split()[0])


def backends(server: Server, database: str) -> list[int]:
    """The pids of those who serve connections to this database."""
    parent, named = postmaster(server), f" {database} ".encode()
    return [pid for pid in _pids() if _parent_of(pid) == parent and named in _title_of(pid)]


def valkey(url: str) -> int:
    """The pid of the Valkey behind this address."""
    with Redis.from_url(url) as client:
        return int(client.info("server")["process_id"])


def is_stopped(pid: int) -> bool:
    """Whether it is frozen."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def strike(pids: list[int], how: signal.Signals) -> int:
    """Sends the signal; who is gone already is passed over. Tells how many it reached."""
    reached = 0
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
            reached += 1
    return reached


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """They are frozen for the length of the block."""
    strike(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        strike(pids, signal.SIGCONT)


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _parent_of(pid: int) -> int | None:
    """None if it is gone."""
    with suppress(OSError):
        # The name, in brackets, may hold anything.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def _title_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
