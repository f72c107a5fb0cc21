"""`make run` as its user runs it: a process of its own, from an empty folder."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from smtplib import SMTP

import httpx
import orjson
import pytest

from app.config import Settings
from app.integrations import valkey

ROOT = Path(__file__).parent.parent
START_TIMEOUT_S = 60


class Running:
    """`python -m app dev` in `folder`, ready."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.process = start(folder, self.port, *arguments)
        self.address = f"http://127.0.0.1:{self.port}"
        self.wait_for(200)

    def end(self, how: signal.Signals) -> float:
        """Sends the signal; the seconds until the process was gone."""
        started = time.monotonic()
        self.process.send_signal(how)
        self.process.communicate(timeout=START_TIMEOUT_S)
        return time.monotonic() - started

    def kept(self, name: str) -> bytes:
        return (self.folder / "var" / name).read_bytes()

    def redis(self, command: str) -> bytes | None:
        return valkey.ask(self.folder / "var/valkey/valkey.sock", command)

    def wait_for(self, status: int) -> None:
        """Until /readyz answers with this status."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._readiness() != status:
            if self.process.poll() is not None:
                raise AssertionError(self.process.communicate()[0])
            assert time.monotonic() < deadline, httpx.get(f"{self.address}/readyz").text
            time.sleep(0.05)

    def _readiness(self) -> int:
        try:
            return httpx.get(f"{self.address}/readyz").status_code
        except httpx.TransportError:
            return 0


def start(folder: Path, port: int, *arguments: str) -> "subprocess.Popen[str]":
    own = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.Popen(
        [sys.executable, "-m", "app", "dev", "--port", str(port), *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place for var/, with the migrations in it, and nothing left running in it afterwards."""
    (tmp_path / "migrations").symlink_to(ROOT / "migrations")
    yield tmp_path
    valkey.stop_left_behind(tmp_path / "var" / "valkey")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for the tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("running")
    (folder / "migrations").symlink_to(ROOT / "migrations")
    running = Running(folder)
    yield running
    running.end(signal.SIGINT)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_from_nothing_and_ends_all_of_it_within_two_seconds(
    folder: Path, how: signal.Signals
) -> None:
    running = Running(folder)
    facts = orjson.loads(running.kept("dev.json"))

    took_s = running.end(how)

    assert facts["graphql"] == f"{running.address}/graphql"
    assert facts["ws"] == f"ws://127.0.0.1:{running.port}/graphql"
    assert facts["mail"] == f"{running.address}/dev/mail"
    assert took_s < 2
    assert running.process.returncode == 0
    assert running.redis("PING") is None


def test_mail_is_caught_and_shown(running: Running) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Ahoj"
    settings = orjson.loads(running.kept("settings.json"))

    with SMTP("127.0.0.1", int(settings["smtp_url"].rpartition(":")[2])) as relay:
        relay.send_message(message)

    assert "Ahoj" in [mail["subject"] for mail in httpx.get(f"{running.address}/dev/mail.json").json()]


def test_the_data_stay_until_a_reset(folder: Path) -> None:
    first = Running(folder)
    assert first.redis("SET keepsake 1") == b"+OK"
    first.end(signal.SIGINT)
    secret, database = first.kept("secret_key"), (folder / "var/divize.sqlite3").stat().st_ino

    second = Running(folder)
    kept = (
        second.redis("GET keepsake"),
        second.kept("secret_key"),
        (folder / "var/divize.sqlite3").stat().st_ino,
    )
    second.end(signal.SIGINT)
    third = Running(folder, "--reset")
    forgotten = third.redis("GET keepsake"), third.kept("secret_key")
    third.end(signal.SIGINT)

    assert kept == (b"$1", secret, database)
    assert forgotten[0] == b"$-1"
    assert forgotten[1] != secret


def test_a_killed_one_does_not_hinder_the_next(folder: Path) -> None:
    Running(folder).end(signal.SIGKILL)
    adopting = Running(folder)
    assert adopting.redis("PING") == b"+PONG"
    adopting.end(signal.SIGKILL)

    running = Running(folder, "--reset")

    assert running.end(signal.SIGINT) < 2
    assert running.redis("PING") is None


def test_a_second_one_in_the_same_folder_says_so_and_leaves_the_first_alone(running: Running) -> None:
    second = start(running.folder, free_port())

    assert "Another `make run` uses" in second.communicate(timeout=START_TIMEOUT_S)[0]
    assert second.returncode == 1
    assert httpx.get(f"{running.address}/readyz").status_code == 200


def test_a_taken_port_is_named_with_the_way_out(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        process = start(folder, port)
        said = process.communicate(timeout=START_TIMEOUT_S)[0]

    assert process.returncode == 1
    assert said.startswith(f"Port {port} is not free")
    assert f"make run PORT={port + 1}" in said


def test_the_worker_comes_back_with_redis(folder: Path) -> None:
    running = Running(folder)
    valkey.stop_left_behind(folder / "var" / "valkey")
    running.wait_for(503)

    again = valkey.start(folder / "var" / "valkey")
    running.redis("DEL divize:worker-heartbeat")
    running.wait_for(200)

    assert running.end(signal.SIGINT) < 2
    again.stop()
