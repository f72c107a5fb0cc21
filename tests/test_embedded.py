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
from typing import Any, ClassVar

import httpx
import orjson
import pytest
from redis.asyncio import ConnectionPool

from app import config, db_engines, embedded
from app.config import Settings
from app.integrations import valkey

ROOT = Path(__file__).parent.parent
START_TIMEOUT_S = 60


class Running:
    """`python -m app dev` in `folder`, ready."""

    started: ClassVar[list["Running"]] = []

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.process = start(folder, self.port, *arguments)
        self.address = f"http://127.0.0.1:{self.port}"
        self.started.append(self)
        self.wait_for("ok")

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

    def wait_for(self, status: str) -> None:
        """Until /readyz says this."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._readiness() != status:
            if self.process.poll() is not None:
                raise AssertionError(self.process.communicate()[0])
            assert time.monotonic() < deadline, httpx.get(f"{self.address}/readyz").text
            time.sleep(0.05)

    def _readiness(self) -> str:
        try:
            return str(httpx.get(f"{self.address}/readyz").json()["status"])
        except httpx.TransportError:
            return "not listening"


def start(folder: Path, port: int, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
    own = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.Popen(
        [sys.executable, "-m", "app", "dev", "--port", str(port), *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place for var/, with nothing left running in it afterwards."""
    yield from empty_folder(tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for the tests that leave it as it is."""
    for folder in empty_folder(tmp_path_factory.mktemp("running")):
        yield Running(folder)


def empty_folder(folder: Path) -> Iterator[Path]:
    (folder / "migrations").symlink_to(ROOT / "migrations")
    yield folder
    for running in Running.started:
        if running.folder == folder:
            running.end(signal.SIGKILL)
    valkey.stop_left_behind(folder / "var" / "valkey")


def test_ctrl_c_ends_all_of_it_within_two_seconds(folder: Path) -> None:
    running = Running(folder)
    facts = orjson.loads(running.kept("dev.json"))

    took_s = running.end(signal.SIGINT)

    assert took_s < 2
    assert running.process.returncode == 0
    assert running.redis("PING") is None
    assert (facts["graphql"], facts["ws"], facts["mail"]) == (
        f"{running.address}/graphql",
        f"ws://127.0.0.1:{running.port}/graphql",
        f"{running.address}/dev/mail",
    )


def test_nothing_of_the_demo_reaches_the_database_and_the_relay_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("DATABASE_URL", "postgres://divize:secret@db.example.com/divize")
    monkeypatch.setenv("SMTP_URL", "smtp://mail.example.com:25")

    try:
        settings = embedded._settings(tmp_path, 8000, "unix:///valkey.sock", 2525)
    finally:
        config.use(None)

    assert settings.environment == "dev"
    assert settings.database_url == f"sqlite://{tmp_path}/divize.sqlite3"
    assert settings.smtp_url == "smtp://127.0.0.1:2525"


def test_the_address_that_people_use_is_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://try.example.com/")

    try:
        settings = embedded._settings(tmp_path, 8000, "unix:///valkey.sock", 2525)
        embedded._announce(tmp_path, settings, [], 1.0)
        monkeypatch.delenv("PUBLIC_URL")
        alone = embedded._settings(tmp_path, 8000, "unix:///valkey.sock", 2525)
    finally:
        config.use(None)

    facts = orjson.loads((tmp_path / "dev.json").read_bytes())
    assert (settings.public_url, alone.public_url) == ("https://try.example.com", "http://127.0.0.1:8000")
    assert facts["graphql"] == "https://try.example.com/graphql"
    assert facts["ws"] == "wss://try.example.com/graphql"
    assert "http://127.0.0.1:8000 " in capsys.readouterr().out


def test_the_data_lie_in_the_folder_whatever_its_name(tmp_path: Path) -> None:
    var = tmp_path / "Můj disk #1, 50% plný?" / "var"
    var.mkdir(parents=True)

    try:
        settings = embedded._settings(var, 8000, "unix:///valkey.sock", 2525)
    finally:
        config.use(None)

    credentials = db_engines.settings_of(settings.database_url, 1)["credentials"]
    assert credentials["file_path"] == str(var / "divize.sqlite3")
    server = valkey.Valkey(var / "valkey.sock", was_adopted=False)
    assert ConnectionPool.from_url(server.url).connection_kwargs["path"] == str(var / "valkey.sock")


def test_mail_is_caught_and_shown(running: Running) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Ahoj"
    settings = orjson.loads(running.kept("settings.json"))

    with SMTP("127.0.0.1", int(settings["smtp_url"].rpartition(":")[2])) as relay:
        relay.send_message(message)

    assert "Ahoj" in [mail["subject"] for mail in httpx.get(f"{running.address}/dev/mail.json").json()]


def test_the_data_outlive_a_kill_and_a_stop_and_go_with_a_reset(folder: Path) -> None:
    killed = Running(folder)
    assert killed.redis("SET keepsake 1") == b"+OK"
    secret, database = killed.kept("secret_key"), (folder / "var/divize.sqlite3").stat().st_ino
    killed.end(signal.SIGKILL)
    assert killed.redis("PING") == b"+PONG"

    adopting = Running(folder)
    after_the_kill = adopting.redis("GET keepsake"), adopting.kept("secret_key")
    assert adopting.end(signal.SIGTERM) < 2
    assert (adopting.process.returncode, adopting.redis("PING")) == (0, None)
    again = Running(folder)
    after_the_stop = again.redis("GET keepsake"), again.kept("secret_key")
    same_database = (folder / "var/divize.sqlite3").stat().st_ino == database
    again.end(signal.SIGKILL)
    reset = Running(folder, "--reset")
    after_the_reset = reset.redis("GET keepsake"), reset.kept("secret_key")
    reset.end(signal.SIGINT)

    assert after_the_kill == after_the_stop == (b"$1", secret)
    assert same_database
    assert after_the_reset[0] == b"$-1"
    assert after_the_reset[1] != secret


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


def test_the_worker_comes_back_with_redis(running: Running) -> None:
    valkey.stop_left_behind(running.folder / "var" / "valkey")
    running.wait_for("degraded")

    valkey.start(running.folder / "var" / "valkey")

    running.redis("DEL divize:worker-heartbeat")
    running.wait_for("ok")
