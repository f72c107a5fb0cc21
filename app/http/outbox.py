"""What goes out on one socket: at once as a rule, in its turn while the other end lags behind."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress

from starlette.types import Message, Receive, Send

from app.http.patience import resumed

SEND_TIMEOUT_S = 10.0
MOST_FRAMES = 256
MOST_CHARACTERS = 1_000_000
LAG_S = 0.1
LONGEST_REASON_BYTES = 123  # a close frame holds no more; a longer reason ends the connection with 1006


class Gone(Exception):
    """The connection is over, or about to be."""


class Full(Exception):
    """The other end reads more slowly than it is told."""


class Outbox:
    """Frames for one socket, sent in order. A task and a queue exist only while the other end lags."""

    __slots__ = ("_backlog", "_receive", "_send", "is_closed")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._backlog: Backlog | None = None
        self.is_closed = False

    def put(self, frame: str) -> None:
        """Sends it, if need be later. Raises Gone, and Full if too much waits before it."""
        if self.is_closed:
            raise Gone
        message = {"type": "websocket.send", "text": frame}
        if self._backlog:
            self._backlog.add(message)
        else:
            self._begin(message)

    def close(self, code: int, reason: str) -> None:
        """Says goodbye, unless that was done. What still waits is dropped."""
        if self.is_closed:
            return
        self.is_closed = True
        short = reason.encode()[:LONGEST_REASON_BYTES].decode(errors="ignore")
        message = {"type": "websocket.close", "code": code, "reason": short}
        if self._backlog:
            self._backlog.end_with(message)
        else:
            with suppress(Gone):
                self._begin(message)

    async def settle(self) -> None:
        """Gives an end that lags a moment to catch up, so that who has much to say does not fill the queue."""
        if self._backlog:
            await asyncio.wait([self._backlog.task], timeout=LAG_S)

    def _begin(self, message: Message) -> None:
        """Sends it without a task, unless that takes a pause: the server's buffer is full."""
        sending = self._send(message).__await__()
        try:
            pause = next(sending)
        except StopIteration:
            return
        except (OSError, RuntimeError):  # the other end, or the server, was faster
            self.is_closed = True
            raise Gone from None
        self._backlog = Backlog()
        self._backlog.task = asyncio.create_task(self._work_off(self._backlog, resumed(sending, pause)))

    async def _work_off(self, backlog: "Backlog", first: Awaitable[None]) -> None:
        try:
            await _in_time(first)
            while message := backlog.take():
                await _in_time(self._send(message))
        except TimeoutError:
            self.is_closed = True
            self._abort()
        except (OSError, RuntimeError):
            self.is_closed = True
        finally:
            self._backlog = None

    def _abort(self) -> None:
        """Drops the connection of an end that reads nothing: no close frame would reach it either.

        A transport's close() waits until what is buffered was read, for ever if need be, and ASGI knows no other end:
        so uvicorn's protocol is asked for its transport.
        """
        transport = getattr(getattr(self._receive, "__self__", None), "transport", None)
        if transport is not None:
            transport.abort()


class Backlog:
    """What waits until the other end has read what was sent before."""

    __slots__ = ("_characters", "_waiting", "task")

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._characters = 0

    def add(self, message: Message) -> None:
        """Raises Full."""
        characters = self._characters + len(message["text"])
        if len(self._waiting) >= MOST_FRAMES or (self._waiting and characters > MOST_CHARACTERS):
            raise Full
        self._waiting.append(message)
        self._characters = characters

    def take(self) -> Message | None:
        if not self._waiting:
            return None
        message = self._waiting.popleft()
        self._characters -= len(message.get("text", ""))
        return message

    def end_with(self, message: Message) -> None:
        self._waiting.clear()
        self._waiting.append(message)


async def _in_time(sending: Awaitable[None]) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await sending
