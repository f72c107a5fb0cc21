"""The commands; those that stay, as processes of their own."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvloop

from app import cli, config, db, logs
from app.integrations import valkey
from app.models import Account, EmployeeStatus
from app.workers import supervision
from tests.application_role import ROLE, make_role
from tests.factories import FAR_AWAY, LONG_AGO, NOON, make_employee, make_project, make_reminder
from tests.test_embedded import free_port

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60
INSTALLATION = {
    "SECRET_KEY": "cV7m-2pXw9_Lk4RtYb8QzN1sHd5GfJ0aUeOiKxTq",
    "DATABASE_URL": "",
    "REDIS_URL": "redis://127.0.0.1:1",
    "PUBLIC_URL": "https://crm.example.com",
    "SMTP_URL": "smtp://127.0.0.1:1",
    "SMTP_FROM": "crm@example.com",
}


def environment_of(own: Mapping[str, str]) -> dict[str, str]:
    foreign = {name.upper() for name in config.Settings.model_fields}
    return {**{name: value for name, value in os.environ.items() if name not in foreign}, **own}


@dataclass
class Answer:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Answer]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """A command in this process, with nothing but the given settings."""
    before = config._current

    def run(environment: Mapping[str, str], *command: str) -> Answer:
        for name in config.Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["app", *command])
        config.use(None)
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return Answer(int(end.value.code or 0), said.out, said.err)

    yield run
    config.use(before)


@pytest.fixture
def production(database_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an installation: its database and Valkey run, nothing else."""
    server = valkey.start(tmp_path / "valkey")
    yield {
        **INSTALLATION,
        "DATABASE_URL": database_url,
        "REDIS_URL": server.url,
        "PORT": str(free_port()),
        "WEB_PROCESSES": "2",
    }
    server.stop()


class Started:
    """Processes of one installation, ended with the block if not before."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def start(self, *command: str) -> None:
        self.processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "app", *command],
                cwd=ROOT,
                env=environment_of(self.environment),
                stderr=subprocess.DEVNULL,
            )
        )

    def wait_for(self, status: str) -> dict[str, str]:
        """Until /readyz says this, with 200; the state of each part."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(f"http://127.0.0.1:{self.environment['PORT']}/readyz")
            except httpx.TransportError:
                pass
            else:
                if answer.json()["status"] == status and answer.status_code == 200:
                    parts: dict[str, str] = answer.json()["parts"]
                    return parts
            time.sleep(0.1)
        raise AssertionError(f"no {status} within {PATIENCE_S} s")

    def end(self) -> float:
        """SIGTERM to all; the seconds until the last was gone."""
        started = time.monotonic()
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(PATIENCE_S)
        return time.monotonic() - started


def test_two_web_processes_and_two_workers_serve_and_end_on_request(production: dict[str, str]) -> None:
    with Started(production) as started:
        started.start("serve")
        parts = started.wait_for("degraded")
        assert (parts["database"], parts["redis"], parts["migrations"]) == ("ok", "ok", "ok")
        assert parts["worker"] == "no sign of life; run: python -m app worker"

        started.start("worker")
        started.start("worker")
        started.wait_for("ok")

        assert started.end() < 5
        # The second worker may have been told to go while it was still coming.
        assert [process.returncode in (0, -signal.SIGTERM) for process in started.processes] == [True] * 3


def test_migrating_twice_applies_nothing_the_second_time(run: Run, production: dict[str, str]) -> None:
    answer = run(production, "migrate")

    assert (answer.returncode, answer.stdout) == (0, "nothing to apply\n")


def test_an_operator_opens_the_first_account_where_nobody_may_sign_up(
    run: Run, production: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = {**production, "SIGN_UP": "invited"}
    said = []
    for password in ("short", "spravne heslo", "spravne heslo"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
        said.append(run(closed, "account", "Jana@firma.cz", "Jana Nová"))

    weak, opened, taken = said
    assert (weak.returncode, opened.returncode, taken.returncode) == (1, 0, 1)
    assert weak.stdout.startswith("password: ") and taken.stdout.startswith("email: ")
    assert opened.stdout == "Jana@firma.cz can sign in.\n"
    assert uvloop.run(_accounts(production["DATABASE_URL"])) == [("jana@firma.cz", "Jana Nová", True)]


async def _accounts(database_url: str) -> list[tuple[str, str, bool]]:
    await db.connect(database_url, pool_size=1)
    try:
        return [(row.email, row.name, row.email_verified_at is not None) for row in await Account.all()]
    finally:
        await db.close()


def test_the_doctor_names_what_is_ill_and_what_mends_it(
    run: Run, production: dict[str, str], engine: str
) -> None:
    answer = run(production, "doctor")

    assert answer.returncode == 1
    lines = answer.stdout.splitlines()
    assert [line[:15].strip() for line in lines if not line.startswith(" ")] == [
        "ok   settings",
        "ok   database",
        "ok   migrations",
        # The tests' role owns the tables.
        "WRN  audit" if engine == "postgres" else "ok   audit",
        "ok   unassigned",
        "ok   windows",
        "ok   redis",
        "ok   clock",
        "ILL  worker",
        "ILL  smtp",
    ]
    assert "                 → python -m app worker" in lines


def test_with_a_role_of_its_own_the_application_cannot_alter_the_log(
    run: Run, production: dict[str, str], engine: str
) -> None:
    if engine == "sqlite":
        refused = run(production, "migrate", "--grant-to", ROLE)
        assert (refused.returncode, refused.stdout) == (
            1,
            "SQLite has no roles: --grant-to is for PostgreSQL.\n",
        )
        return
    own = {**production, "DATABASE_URL": uvloop.run(make_role(production["DATABASE_URL"]))}

    before = run(production, "doctor", "audit")
    granted = run(production, "migrate", "--grant-to", ROLE)
    after = run(own, "doctor", "audit", "migrations")

    assert (before.returncode, before.stdout[:3]) == (0, "WRN")
    assert (granted.returncode, granted.stdout) == (0, f"nothing to apply\ngranted to {ROLE}\n")
    assert after.returncode == 0
    assert [line[:10] for line in after.stdout.splitlines()] == ["ok   migra", "ok   audit"]


def test_the_doctor_tells_who_has_reminders_due_and_no_window(run: Run, production: dict[str, str]) -> None:
    before = run(production, "doctor", "windows")
    uvloop.run(_leave_untold(production["DATABASE_URL"]))

    after = run(production, "doctor", "windows")

    assert (before.returncode, before.stdout[:3]) == (0, "ok ")
    # A warning: the database works, and somebody may have decided so.
    assert after.returncode == 0
    assert after.stdout.splitlines() == [
        "WRN  windows     off for tichy@firma.cz (Pekárna, 2 due)",
        "                 → Give them an interval: employeeUpdate(input: {id, reminderIntervalMinutes: 10})",
    ]


async def _leave_untold(database_url: str) -> None:
    """One has two reminders due and no window; of the others each lacks something of that."""
    await db.connect(database_url, pool_size=1)
    try:
        project = await make_project(name="Pekárna")
        deleted = await make_project(deletion_requested_at=NOON, purge_after=FAR_AWAY)
        silent = await make_employee(project, email="tichy@firma.cz")
        windowed = await make_employee(project, reminder_interval_minutes=10)
        left = await make_employee(project, status=EmployeeStatus.DEACTIVATED)
        for person in (silent, silent, windowed, left, await make_employee(deleted)):
            await make_reminder(person, due_at=LONG_AGO)
        await make_reminder(await make_employee(project), due_at=FAR_AWAY)
    finally:
        await db.close()


def test_the_doctor_looks_at_chosen_parts_only(run: Run, production: dict[str, str]) -> None:
    answer = run(production, "doctor", "database", "redis")

    assert answer.returncode == 0
    assert len(answer.stdout.splitlines()) == 2


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_without_settings_nothing_starts_and_all_faults_are_named(run: Run, command: str) -> None:
    answer = run({"SMTP_FROM": "crm@example.com"}, command)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert [line.partition(":")[0] for line in answer.stderr.splitlines()] == [
        "Divize does not start with these settings",
        "SECRET_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "PUBLIC_URL",
        "SMTP_URL",
    ]


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_without_its_database_nothing_starts_and_no_password_is_told(run: Run, command: str) -> None:
    environment = {**INSTALLATION, "DATABASE_URL": "postgres://divize:hushhush@127.0.0.1:1/divize"}

    answer = run(environment, command)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("Divize cannot use its database: ConnectionRefusedError")
    assert "hushhush" not in answer.stderr


def test_a_worker_that_fails_says_so_by_its_status(
    run: Run, production: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(settings: object, **_: object) -> None:
        raise RuntimeError("of no use")

    monkeypatch.setattr(supervision, "work", fails)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)

    answer = run(production, "worker")

    assert answer.returncode == 1
    assert answer.stderr.endswith("The worker ended by an error; the log says which.\n")


def test_no_command_shows_the_help(run: Run) -> None:
    answer = run({})

    assert all(command in answer.stdout for command in ("serve", "worker", "migrate", "doctor"))
