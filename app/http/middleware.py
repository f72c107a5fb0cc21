"""What every answer of the web server carries: a request id, headers for browsers, and no traceback."""

import logging
import re
from random import getrandbits

import structlog
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.credentials import HttpSettings, is_origin_allowed
from app.http.responses import RawHeader, masked

# Long enough to be somebody's id, and nothing that could forge a line of a log or a header.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    # For answers that are no pages; a page brings its own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

# Of answers to clients that take it compressed.
GZIP_FROM_BYTES = 1024
GZIP_LEVEL = 4
GZIP_IN_THREAD_FROM_BYTES = 128 * 1024

log = logging.getLogger("divize.http")


def middleware(settings: HttpSettings) -> list[Middleware]:
    """For the application, outermost first. `hot` does the same for most requests of the API, past all of it."""
    return [
        Middleware(RequestIds),
        Middleware(SecurityHeaders, headers=security_headers(settings)),
        Middleware(FrontEndsElsewhere, settings=settings),
        Middleware(Unforeseen),
        Middleware(
            GZipMiddleware,
            minimum_size=GZIP_FROM_BYTES,
            compresslevel=GZIP_LEVEL,
            thread_minimum_size=GZIP_IN_THREAD_FROM_BYTES,
        ),
    ]


def request_id_of(connection: HTTPConnection) -> str:
    """The id of this request, the client's own if it sent a decent one. One is made where no middleware did."""
    state = connection.scope.setdefault("state", {})
    if "request_id" not in state:
        state["request_id"] = new_request_id(connection.headers.get("x-request-id", ""))
    return str(state["request_id"])


def new_request_id(proposed: str = "") -> str:
    if proposed and REQUEST_ID.fullmatch(proposed):
        return proposed
    return f"{getrandbits(128):032x}"


def security_headers(settings: HttpSettings) -> list[RawHeader]:
    """What browsers heed. Where people come by https, they are told to insist on it."""
    headers = dict(SECURITY_HEADERS)
    if str(settings.public_url).startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class RequestIds:
    """`X-Request-Id` in and out, and in every line that is logged meanwhile."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(HTTPConnection(scope))

        async def send_with_id(message: Message) -> None:
            if message["type"] in (
                "http.response.start",
                "websocket.accept",
                "websocket.http.response.start",
            ):
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self.app(scope, receive, send_with_id)


class FrontEndsElsewhere(CORSMiddleware):
    """Lets pages of allowed origins ask, by the same rule as for sockets. No cookies: who asks is in the header.

    They may send any header, since none does harm without cookies: tracing and monitoring in a page add their own to
    each request. A preflight names them back, as `*` would not take in Authorization.
    """

    def __init__(self, app: ASGIApp, *, settings: HttpSettings) -> None:
        super().__init__(
            app,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            expose_headers=("X-Request-Id", "Retry-After"),
        )
        self.settings = settings

    def is_allowed_origin(self, origin: str) -> bool:
        return is_origin_allowed(origin, self.settings)


class SecurityHeaders:
    """Headers that browsers heed. What an answer sets itself stays."""

    def __init__(self, app: ASGIApp, *, headers: list[RawHeader]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(each for each in self.headers if each[0] not in present),
                ]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class Unforeseen:
    """The edge where an exception that nobody handled becomes a masked answer and a line in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            request_id = request_id_of(HTTPConnection(scope))
            log.exception("request %s failed", request_id)
            if started:  # half an answer is out: only breaking the connection tells the client
                raise
            await masked(request_id).response()(scope, receive, send)
