"""`schema.graphql`, the schema as its users know it: written by a command, checked against the code and the last commit."""

import subprocess
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes

from app.schema import build

FILE = Path("schema.graphql")


def sdl() -> str:
    """The schema that the code makes."""
    return build().as_str().rstrip() + "\n"


def write() -> None:
    """Writes it to schema.graphql."""
    FILE.write_text(sdl(), encoding="utf-8")


def faults() -> list[str]:
    """Why schema.graphql must not be committed as it is: it differs from the code, or it breaks clients."""
    if not FILE.is_file() or FILE.read_text(encoding="utf-8") != sdl():
        return [f"{FILE} is not what the code makes. Run: make schema"]
    before = _committed()
    if before is None:
        return []
    changes = find_breaking_changes(build_schema(before), build_schema(sdl()))
    return [f"Breaks clients: {change.description}" for change in changes]


def has_been_committed() -> bool:
    """False in a first commit and outside a repository: then nothing can be broken."""
    return _committed() is not None


def _committed() -> str | None:
    command = ["git", "show", f"HEAD:./{FILE}"]
    try:
        shown = subprocess.run(command, capture_output=True, check=False, timeout=30)  # noqa: S603  Fixed words.
    except FileNotFoundError:
        return None
    return shown.stdout.decode() if shown.returncode == 0 else None
