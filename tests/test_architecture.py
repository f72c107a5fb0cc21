"""What holds for all of the code, whoever wrote it."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: Below these are known holes.
SECURITY_FLOORS = {
    "strawberry-graphql": "0.327.2",
    "starlette": "1.3.1",
    "python-multipart": "0.0.27",
    "h11": "0.16",
    "aiosmtplib": "5.1.1",
    "aiosmtpd": "1.4.6",
    "redis": "4.5.4",
    "graphql-core": "3.3",
}
LOCKS = ("requirements.lock", "requirements-dev.lock")
#: Ringing is for services: the schema opens the transaction, and says where the change comes from.
SCHEMA_MAY_TAKE_FROM_JOBS = {"Origin", "UnitOfWork", "unit_of_work"}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", text))


def locked_versions(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Every `from module import name` in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_imports_keep_the_contracts() -> None:
    answer = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout


def test_the_schema_takes_only_the_unit_of_work_from_the_jobs() -> None:
    taken = {
        (path.name, name)
        for path in (ROOT / "app" / "schema").rglob("*.py")
        for module, name in imports_of(path)
        if module == "app.jobs"
    }

    assert {name for _, name in taken} <= SCHEMA_MAY_TAKE_FROM_JOBS, taken


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locks_pin_with_hashes_and_name_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert "@ " not in text
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z0-9])", text.strip()))


def test_the_development_lock_pins_the_same_versions() -> None:
    runtime, development = (locked_versions(lock) for lock in LOCKS)

    assert runtime.items() <= development.items()


def test_the_locks_are_of_this_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = re.compile(r"([a-z0-9-]+)(?:\[\w+\])?==([^; ]+)")
    wanted = [
        match.groups()
        for each in [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
        if (match := pinned.match(each))
    ]

    locked = locked_versions("requirements-dev.lock")

    assert len(wanted) > 20
    assert [(name, pin) for name, pin in wanted if locked.get(name) != pin] == []


@pytest.mark.parametrize(("package", "floor"), SECURITY_FLOORS.items())
def test_no_package_is_below_its_security_floor(package: str, floor: str) -> None:
    found = [locked_versions(lock).get(package) for lock in LOCKS]
    with suppress(PackageNotFoundError):
        found.append(version(package))

    assert all(numbers(each) >= numbers(floor) for each in found if each)
