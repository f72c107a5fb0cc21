"""The wire under HTTP: uvicorn's protocol, whose parser gathers the head of a request without end.

One header of 60 MB cost 4 s and as much memory, before anybody had said who he is.
"""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 10.0


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose next head (or trailer, or length of a chunk) is too long or too slow."""

    _unfinished = 0
    _is_head_done = False
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._expect_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unfinished += len(data)
        self._is_head_done = False
        super().data_received(data)
        # Most heads come whole, and need no clock.
        if not self._is_head_done and self._deadline is None and self._is_between_requests():
            self._expect_a_head()
        if self._unfinished > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        self._is_head_done = True
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def _is_between_requests(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _expect_a_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
