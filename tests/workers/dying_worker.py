"""A worker that kills itself when it calls a function: `python -m tests.workers.dying_worker app.services.email_delivery:record`."""

import os
import signal
import sys
from functools import reduce
from importlib import import_module
from typing import Any

from app import cli


def die_at(where: str) -> None:
    """`where` is a module, a colon, and the path within. Raises AttributeError if nothing is called so any more."""
    module, _, path = where.partition(":")
    *outer, name = path.split(".")
    owner = reduce(getattr, outer, import_module(module))
    getattr(owner, name)
    setattr(owner, name, die)


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    die_at(sys.argv.pop())
    sys.argv.append("worker")
    cli.main()
