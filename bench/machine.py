"""The machine that was measured on, in a few lines."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path


def described() -> str:
    """Date, processor, memory, versions, and how busy it is now."""
    loads = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    return f"""{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}. {_processor()}, {os.cpu_count()} cores shared by server,
PostgreSQL and load generator, {_memory_gb():.0f} GB, {platform.system()} {platform.release()}, Python
{platform.python_version()}. Load averages before it (1, 5, 15 minutes): {loads}.
"""


def _processor() -> str:
    return _value(Path("/proc/cpuinfo"), "model name") or platform.machine()


def _memory_gb() -> float:
    return int(_value(Path("/proc/meminfo"), "MemTotal").split()[0]) / 1e6


def _value(path: Path, name: str) -> str:
    found = (line.partition(":")[2] for line in path.read_text().splitlines() if line.startswith(name))
    return next(found, "").strip()


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
