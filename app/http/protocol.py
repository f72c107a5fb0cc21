"""The wire under HTTP: uvicorn's protocol, whose parser gathers the head of a request without end.

One header of 60 MB cost 4 s and as much memory, before anybody had said who he is.
"""

from asyncio import TimerHandle, Transport
from collections.abc import Iterable, Sequence

from starlette.types import Receive, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.http.responses import RawHeader

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


#: A header's line.
_line = b"%b: %b\r\n".__mod__


def body_if_here(receive: Receive) -> bytes | None:
    """The request's body, if all of it has come, as it has with the head of most; None if it must be received.

    Where `receive` is uvicorn's own: to ask it takes an event and two coroutines.
    """
    cycle = getattr(receive, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle) or cycle.more_body or cycle.disconnected:
        return None
    return bytes(cycle.body)


class Headers:
    """Headers that are the same in all answers, with their lines made ready."""

    def __init__(self, headers: Sequence[RawHeader]) -> None:
        self.raw = headers
        self.lines = b"".join(map(_line, headers))


async def send_whole(
    send: Send, status: int, headers: Sequence[RawHeader], body: bytes, *, always: Headers, last: RawHeader
) -> None:
    """Sends one answer, its length among the headers: not for HEAD. `always` and `last` are headers too, which follow.

    Where `send` is uvicorn's own, with nothing wrapped around it, an answer of 200 takes one system call instead of
    two, and its headers, which are ours, are not searched for line breaks: a third of what a short answer costs.
    """
    cycle = getattr(send, "__self__", None)
    if status == 200 and isinstance(cycle, RequestResponseCycle):
        lines = (*map(_line, headers), always.lines, _line(last))
        await _send_at_once(cycle, lines, body)
        return
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *always.raw, last]})
    await send({"type": "http.response.body", "body": body})


async def _send_at_once(cycle: RequestResponseCycle, header_lines: Iterable[bytes], body: bytes) -> None:
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    lines = [*map(_line, cycle.default_headers), *header_lines]
    if not cycle.keep_alive:
        lines.append(b"connection: close\r\n")
    cycle.transport.write(b"".join((STATUS_LINE[200], *lines, b"\r\n", body)))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
