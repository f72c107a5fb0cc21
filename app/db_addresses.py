"""How PostgreSQL is reached: TLS as its URLs say it, and nobody in between who lends its connections to others."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg

TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
TLS_FILES = ("sslrootcert", "sslcert", "sslkey")


class PoolerInTheWay(Exception):
    """What answers is not PostgreSQL itself."""

    def __init__(self) -> None:
        super().__init__(
            "DATABASE_URL leads to a connection pooler (pgbouncer, say), and Divize needs PostgreSQL itself: it keeps prepared "
            "statements, locks and settings in its sessions, which a pooler hands to others or takes away. Divize has a pool "
            "of its own (POOL_SIZE): let DATABASE_URL name the server and port of PostgreSQL."
        )


def tls_options(options: dict[str, str]) -> dict[str, Any]:
    """Takes what libpq's URLs say of TLS out of `options`, for the driver. Raises ValueError for what cannot be meant.

    `sslmode` is libpq's; `sslrootcert` is a file with the certificates of whom to trust, `sslcert` and `sslkey` are one's own.
    """
    found = {name: options.pop(name) for name in ("sslmode", *TLS_FILES) if name in options}
    if not found:
        return {}
    if found.get("sslmode", TLS_MODES[0]) not in TLS_MODES:
        raise ValueError(
            f"sslmode={found['sslmode']} in the database URL: it is one of {', '.join(TLS_MODES)}."
        )
    if "sslmode" not in found:
        raise ValueError(
            f"{', '.join(found)} in the database URL does nothing without sslmode: add sslmode=verify-full."
        )
    for name in TLS_FILES:
        if name in found and not Path(found[name]).is_file():
            raise ValueError(f"{name} in the database URL: there is no file {found[name]!r}.")
    return {"dsn": f"postgres://?{urlencode(found)}"}


async def connect(**options: Any) -> Any:
    """One connection to PostgreSQL. Raises PoolerInTheWay, or the driver's own errors."""
    try:
        connection = await asyncpg.connect(**options)
    except asyncpg.ProtocolViolationError as refusal:
        if "startup parameter" in str(refusal):  # a pooler's word for settings that a session begins with
            raise PoolerInTheWay from refusal
        raise
    try:
        await _require_direct(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _require_direct(connection: Any) -> None:
    """Who greeted us must be who answers: a pooler greets with a number of its own."""
    try:
        async with connection.transaction():
            answers = await connection.fetchval("SELECT pg_backend_pid()")
    except (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError) as mixed_up:
        raise PoolerInTheWay from mixed_up
    except (asyncpg.ConnectionDoesNotExistError, ConnectionError) as refusal:
        # One that lends a connection for each statement allows no transactions.
        if "pooling mode" in f"{refusal} {refusal.__cause__}":
            raise PoolerInTheWay from refusal
        raise
    if answers != connection.get_server_pid():
        raise PoolerInTheWay
