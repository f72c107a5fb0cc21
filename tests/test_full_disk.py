"""`make run` where there is no room: a sentence instead of a traceback, and nothing in the way once there is room."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.integrations import valkey
from tests.test_embedded import ROOT, START_TIMEOUT_S, Running, empty_folder, free_port, start

#: Of the disk: nothing at all, enough for Valkey alone, enough for a part of the demo data.
SIZES_KIB = (4, 64, 1_024)
ENOUGH_KIB = 65_536
#: Below what the tables take, above what Valkey and the settings do.
LARGEST_FILE_BYTES = 100_000

Resize = Callable[[int], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Resize]]:
    """A disk of its own in memory, and what changes its size in KiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()

    def mount(*options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(mounted)]
        return subprocess.run(command, capture_output=True).returncode == 0

    if os.geteuid() != 0 or not mount("size=4k"):
        pytest.skip("Only who may mount can have a small disk.")

    def resize(kib: int) -> None:
        assert mount("remount", f"size={kib}k")

    try:
        for folder in empty_folder(mounted):
            yield folder, resize
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@pytest.mark.parametrize("kib", SIZES_KIB)
def test_a_full_disk_is_named_and_with_room_it_starts(disk: tuple[Path, Resize], kib: int) -> None:
    folder, resize = disk
    resize(kib)

    process = start(folder, free_port())
    said = process.communicate(timeout=START_TIMEOUT_S)[0]

    assert process.returncode == 1
    assert said.splitlines()[-1] == (
        f"The disk is full: make room where {folder / 'var'} lies, and start again."
    )
    assert "Traceback" not in said

    resize(ENOUGH_KIB)
    Running(folder)


def test_a_file_that_may_not_grow_is_a_sentence_too(tmp_path: Path) -> None:
    """For whoever may mount nothing: the limit of a process instead of a disk's."""
    (tmp_path / "migrations").symlink_to(ROOT / "migrations")

    process = start(tmp_path, free_port(), preexec_fn=_let_no_file_grow)
    said = process.communicate(timeout=START_TIMEOUT_S)[0]
    valkey.stop_left_behind(tmp_path / "var" / "valkey")

    assert process.returncode == 1
    assert said.splitlines()[-1].startswith(f"Something of {tmp_path / 'var'} cannot be used: ")
    assert "Traceback" not in said


def _let_no_file_grow() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, LARGEST_FILE_BYTES))
