"""Who is at the other end: token, address, origin. Tokens come in the Authorization header or in connection_init only."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import HTTPConnection
from strawberry.http.websocket_origin import normalize_origin

from app.errors import BadRequest, Unauthenticated
from app.http.responses import Refused
from app.schema.context import ClientInfo, SentToken

BEARER = re.compile(r"bearer +([\x21-\x7e]{1,512})", re.IGNORECASE)
SECRET_NAMES = frozenset(
    {"accesstoken", "apikey", "auth", "authorization", "bearer", "jwt", "session", "token"}
)
LONGEST_USER_AGENT = 300
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class HttpSettings(Protocol):
    """What this package asks of the settings."""

    @property
    def public_url(self) -> Any: ...

    @property
    def environment(self) -> Any: ...

    @property
    def allowed_origins(self) -> str: ...


def bearer_token(sent: Sequence[str]) -> SentToken:
    """The session token in the Authorization headers of a request, None without one.

    What it says to whatever needs a session, if there are several, or one that is not `Bearer …`.
    """
    if len(sent) > 1:
        return Unauthenticated("Send one Authorization header.")
    try:
        return _token_in(sent[0]) if sent else None
    except Unauthenticated as malformed:
        return malformed


def init_token(payload: Mapping[str, Any]) -> str | None:
    """The session token in a connection_init's payload: `Authorization: "Bearer …"`, or `token: "…"`.

    Raises Unauthenticated for what is none.
    """
    for name, value in payload.items():
        if name.lower() == "authorization" and value is not None:
            return _token_in(value)
    token = payload.get("token")
    return None if token is None else _token_in(f"Bearer {token}")


def client_of(connection: HTTPConnection) -> ClientInfo:
    """Address and program of the client; behind a proxy, uvicorn's `forwarded_allow_ips` decides what is believed."""
    ip = connection.client.host if connection.client else ""
    return ClientInfo(ip, connection.headers.get("user-agent", "")[:LONGEST_USER_AGENT])


def refuse_secrets_in_url(connection: HTTPConnection) -> None:
    """Raises Refused 400 if the query string holds a token: addresses end up in logs, histories and referrers."""
    query = connection.scope.get("query_string", b"").decode("latin-1")
    names = {re.sub(r"[^a-z]", "", name.lower()) for name, _ in parse_qsl(query, keep_blank_values=True)}
    if names & SECRET_NAMES:
        connection.scope["query_string"] = b""  # the server writes its log line from this very scope, later
        raise Refused(
            400, BadRequest("Tokens are not taken from the address: send `Authorization: Bearer …`.")
        )


def is_origin_allowed(origin: str | None, settings: HttpSettings) -> bool:
    """May a page of `origin` ask us? Programs send no Origin; a page must be ours, allowed, or local in development.

    Compared with PUBLIC_URL, not with the Host header as Strawberry does: an attacker's page that re-binds its own
    name to our address sends a Host equal to its Origin.
    """
    if origin is None:
        return True
    normal = normalize_origin(origin)
    if normal is None:
        return False
    known = (str(settings.public_url), *settings.allowed_origins.split(","))
    if normal in {normalize_origin(each.strip()) for each in known}:
        return True
    return str(settings.environment) in ("dev", "test") and urlsplit(normal).hostname in LOOPBACK


def _token_in(value: object) -> str:
    match = BEARER.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise Unauthenticated("Send the session's token as `Authorization: Bearer …`.")
    return match[1]
