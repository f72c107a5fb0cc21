"""The web server's processes: which end, and with what status, when one of them does."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.test_cli import INSTALLATION, PATIENCE_S, ROOT, Run, Started, environment_of, production, run
from tests.test_embedded import free_port

__all__ = ["production", "run"]

FAILING = """
from app import config, logs, server

def fails():
    raise RuntimeError("of no use")

server.from_environment = fails

if __name__ == "__main__":
    logs.configure("WARNING", as_json=False)
    raise SystemExit(1 if not server.run(config.settings(), application="failing:server.application") else 0)
"""


def test_children_of_a_killed_parent_leave_the_port(production: Mapping[str, str]) -> None:
    with Started(production) as started:
        started.start("serve")
        started.wait_for("degraded")

        started.processes[0].kill()

        _until(lambda: not _listens(int(production["PORT"])))

        started.start("serve")
        started.wait_for("degraded")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_server_that_cannot_start_says_so_by_its_status(tmp_path: Path, processes: int) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    settings = {
        **INSTALLATION,
        "DATABASE_URL": "sqlite:////nowhere/a.db",
        "PORT": str(free_port()),
        "WEB_PROCESSES": str(processes),
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }

    ended = subprocess.run(
        [sys.executable, tmp_path / "failing.py"],
        env=environment_of(settings),
        timeout=PATIENCE_S,
        capture_output=True,
        text=True,
    )

    assert ended.returncode != 0
    assert "of no use" in ended.stderr


def test_serve_ends_with_a_word_when_it_could_not_start(
    run: Run, production: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.run", lambda settings: False)

    answer = run(production, "serve")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "The web server could not start; the log says why.\n"


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s"
        time.sleep(0.05)
