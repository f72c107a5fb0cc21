"""A WebSocket at `/graphql`: who may open one, and in which protocol."""

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.http.credentials import is_origin_allowed, refuse_secrets_in_url
from app.http.graphql import SOCKET_PROTOCOL, GraphQLEndpoint
from app.http.middleware import request_id_of
from app.http.responses import JSON, Answering, Refused, Reply
from app.http.websocket import Socket

UNKNOWN_PROTOCOL = 4406


async def serve_socket(endpoint: GraphQLEndpoint, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses the handshake with 400 or 403, or serves the socket to its end."""
    await receive()  # `websocket.connect`
    if await _is_accepted(endpoint, HTTPConnection(scope), send):
        await Socket(endpoint, scope, receive, send).serve()


async def _is_accepted(endpoint: GraphQLEndpoint, connection: HTTPConnection, send: Send) -> bool:
    request_id = request_id_of(connection)
    bind_contextvars(request_id=request_id)
    try:
        refuse_secrets_in_url(connection)
    except Refused as refusal:
        await _deny(Answering(JSON, request_id).refused(refusal), send)
        return False
    if not is_origin_allowed(connection.headers.get("origin"), endpoint.settings):
        await send({"type": "websocket.close"})  # before it is accepted: 403
        return False
    is_known = SOCKET_PROTOCOL in connection.scope["subprotocols"]
    headers = [(b"x-request-id", request_id.encode())]
    await send(
        {"type": "websocket.accept", "subprotocol": SOCKET_PROTOCOL if is_known else None, "headers": headers}
    )
    if not is_known:
        await send(
            {"type": "websocket.close", "code": UNKNOWN_PROTOCOL, "reason": "Subprotocol not acceptable"}
        )
    return is_known


async def _deny(reply: Reply, send: Send) -> None:
    await send({"type": "websocket.http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "websocket.http.response.body", "body": reply.body})
