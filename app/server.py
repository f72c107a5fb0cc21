"""The web server: uvicorn in one process, or in many of which one watches the others."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.config import Settings
from app.main import SERVER_OPTIONS, from_environment

APPLICATION = "app.server:application"

log = logging.getLogger("divize.server")


def run(settings: Settings, *, application: str = APPLICATION) -> bool:
    """Serves until SIGTERM or SIGINT. False if it could not: a word of it is in the log.

    A process that dies is replaced; one that cannot even start ends all, since the next one could not either.
    """
    config = uvicorn.Config(
        application,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.web_processes,
        loop="uvloop",
        forwarded_allow_ips=settings.trusted_proxies,
        **SERVER_OPTIONS,
    )
    if config.workers == 1:
        server = uvicorn.Server(config)
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after its graceful end
            server.run()
        return bool(server.started)
    supervisor = Multiprocess(config, sockets=[config.bind_socket()])
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)


def application() -> ASGIApp:
    """What each of uvicorn's processes serves. One that cannot be made ends its process as a failed start does."""
    _end_with_parent()
    try:
        return from_environment()
    except Exception:  # the edge of a program: uvicorn would begin it again and again
        log.exception("the application could not be made")
        sys.exit(STARTUP_FAILURE)


def _end_with_parent() -> None:
    """Has a process of several end when the one that watches them is gone, however that came.

    A killed parent takes nobody along: its children held the port and served for ever, with nobody to replace them or
    to tell them of a new release.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def end() -> None:
        parent.join()
        log.error("the process that watches this one is gone: it ends too")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, name="parent", daemon=True).start()
