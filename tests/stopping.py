"""A PostgreSQL that a test stops and starts again, on the same data."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.postgres import (
    Server,
    _die_with_parent,
    _is_ready,
    _unprivileged_user,
    _wait_until_ready,
    running_server,
)


@dataclass
class Stoppable:
    """A server of its own for one test."""

    server: Server
    _restarted: "subprocess.Popen[bytes] | None" = None

    async def create(self, database: str) -> str:
        """The URL of a new, empty database."""
        return await self.server.create(database)

    def stop(self) -> None:
        """Ends every connection and the server; returns when it is gone."""
        pid_file = self.server.folder / "data" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGINT)
        while pid_file.exists():
            time.sleep(0.01)
        if self._restarted is not None:
            self._restarted.wait()

    def start(self) -> None:
        """As it was started before; returns when it answers."""
        folder = self.server.folder
        command = shlex.split((folder / "data" / "postmaster.opts").read_text())
        log = folder / "log"
        with log.open("a") as output:
            self._restarted = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                cwd=folder,
                preexec_fn=_die_with_parent,
                **_unprivileged_user(),
            )
        _wait_until_ready(self._restarted, folder / "data", log)

    @property
    def runs(self) -> bool:
        return _is_ready(self.server.folder / "data" / "postmaster.pid")


@contextmanager
def stoppable_server(**settings: str) -> Iterator[Stoppable]:
    with running_server(**settings) as server:
        stoppable = Stoppable(server)
        try:
            yield stoppable
        finally:
            if stoppable._restarted is not None and stoppable.runs:
                stoppable.stop()
