"""One log for everything: structlog's own events and the standard library's, with the request id, on stderr.

Production writes JSON lines, a terminal gets text. Events carry ids, never names, addresses or contents.
"""

import logging
import re
import sys
from typing import Any

import orjson
import structlog

#: Libraries that tell at INFO or DEBUG what is nobody's business (paths with query strings, addresses, the values of
#: statements, frames with tokens) or of no use.
_QUIET = {
    "aiosmtpd": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "arq": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "mail": logging.ERROR,
    "strawberry": logging.CRITICAL,
    "tortoise": logging.WARNING,
    "uvicorn": logging.WARNING,
    "websockets": logging.WARNING,
}

_DETAIL = re.compile(r"DETAIL: .*")


def configure(level: str, *, as_json: bool) -> None:
    """Sets up logging for this process; a second call replaces the first."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True) if as_json else _clock,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(as_json)],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, quiet_level in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet_level, logging.getLevelName(level)))


def _rendering(as_json: bool) -> list[structlog.typing.Processor]:
    if as_json:
        return [
            structlog.processors.format_exc_info,
            _without_values,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ]
    # The default formatter, Rich's, prints every local variable: passwords, tokens, whole rows.
    plain = structlog.dev.plain_traceback
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=plain)
    ]


def _without_values(_: Any, __: str, event: Any) -> Any:
    """PostgreSQL's DETAIL quotes the row that it refused: people's data."""
    if "exception" in event:
        event["exception"] = _DETAIL.sub("DETAIL: …", event["exception"])
    return event


def _dumps(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


_clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
