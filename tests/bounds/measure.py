"""What something took: statements, memory, seconds. Seconds are only told; statements and memory are the same everywhere."""

import logging
import os
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_LOG = logging.getLogger("tortoise.db_client")


@dataclass
class Measure:
    """`peak_mb`: how far the memory that Python held rose above what it was at the beginning."""

    statements: int = 0
    peak_mb: float = 0.0
    seconds: float = 0.0


class _Counter(logging.Handler):
    """Counts, and keeps nothing: parameters would weigh more than what is measured."""

    def __init__(self, measure: Measure) -> None:
        super().__init__()
        self.measure = measure

    def emit(self, record: logging.LogRecord) -> None:
        self.measure.statements += 1


@contextmanager
def measured(what: str) -> Iterator[Measure]:
    """Counts what the block asks of the database and holds in memory, and says so (`pytest -s`).

    Looking after memory makes everything two or three times as slow: UNTRACED=1 leaves it out, for the seconds.
    """
    measure = Measure()
    counter, level, propagate = _Counter(measure), _LOG.level, _LOG.propagate
    _LOG.setLevel(logging.DEBUG)
    _LOG.propagate = False  # pytest keeps what it hears of
    _LOG.addHandler(counter)
    if not os.environ.get("UNTRACED"):
        tracemalloc.start()
    before, began = tracemalloc.get_traced_memory()[0], time.perf_counter()
    try:
        yield measure
    finally:
        measure.seconds = time.perf_counter() - began
        measure.peak_mb = (tracemalloc.get_traced_memory()[1] - before) / 1e6
        tracemalloc.stop()
        _LOG.removeHandler(counter)
        _LOG.setLevel(level)
        _LOG.propagate = propagate
        sys.stdout.write(
            f"\n{what}: {measure.statements} statements, {measure.peak_mb:.1f} MB, {measure.seconds:.2f} s\n"
        )
