"""The wire under graphql-transport-ws: sends that end, and ends that are sent once."""

import asyncio
from collections.abc import Mapping

from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected

SEND_TIMEOUT_S = 10.0
LONGEST_REASON_BYTES = 123  # a close frame holds no more; a longer reason ends the connection with 1006


class SocketAdapter(ASGIWebSocketAdapter):
    """Stock waits for ever for a peer that does not read, and fails when two tasks say goodbye."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Raises WebSocketDisconnected if the connection is over, or the peer has not read for too long."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._send(message)
        except TimeoutError:
            self.abort()
            raise WebSocketDisconnected from None

    async def close(self, code: int, reason: str) -> None:
        """Says goodbye, unless that was done."""
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            return
        short = reason.encode()[:LONGEST_REASON_BYTES].decode(errors="ignore")
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await super().close(code, short)
        except (WebSocketDisconnect, RuntimeError):
            return  # the other end, or another task, was faster
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Drops the connection of a peer that reads nothing: no close frame would reach it either.

        A transport's close() waits until the peer has read what is buffered, for ever if need be, and ASGI knows no
        other end: so uvicorn's protocol is asked for its transport.
        """
        transport = getattr(getattr(self.ws._receive, "__self__", None), "transport", None)
        if transport is not None:
            transport.abort()

    async def _send(self, message: Mapping[str, object]) -> None:
        if self.ws.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected
        try:
            await super().send_json(message)
        except RuntimeError:  # Starlette's, when the close went out while we waited for our turn
            raise WebSocketDisconnected from None
