"""graphql-transport-ws over raw ASGI messages: one socket, with its session, limits and close codes.

Strawberry's handler cost 300 µs an event, and 100 KiB a socket together with Starlette's. An idle socket here has no
task but the one in which the server runs it, and no context until an operation needs one.
"""

import asyncio
import logging
import time
from uuid import UUID

from graphql import GraphQLError
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from app.errors import CodedError, RateLimited, Unanswered, Unauthenticated
from app.http.account_sockets import TRY_AGAIN_LATER
from app.http.credentials import client_of, init_token
from app.http.frames import ACKNOWLEDGED, PONG, Frame, Malformed, Replies, read_frame
from app.http.graphql import GraphQLEndpoint
from app.http.middleware import new_request_id
from app.http.outbox import Full, Gone, Outbox
from app.http.socket_operation import FORBIDDEN, SocketOperation
from app.policy import AccountViewer, Viewer
from app.schema.context import Context
from app.schema.documents import DocumentSchema
from app.schema.errors import request_error

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
INIT_TIMED_OUT = 4408
SUBSCRIBER_EXISTS = 4409
#: Clients never come back from this one: for nothing else.
INITIALISED_TWICE = 4429

INIT_TIMEOUT_S = 5.0
MOST_OPERATIONS = 20
MESSAGES_PER_S = 50.0
MESSAGES_AT_ONCE = 100.0

log = logging.getLogger("divize.sockets")


class Socket:
    """One accepted connection."""

    __slots__ = (
        "_allowance",
        "_endpoint",
        "_init_timer",
        "_is_acknowledged",
        "_last_message_at",
        "_outbox",
        "_receive",
        "client",
        "operations",
        "token",
        "viewer",
    )

    def __init__(self, endpoint: GraphQLEndpoint, scope: Scope, receive: Receive, send: Send) -> None:
        self._endpoint = endpoint
        self._receive = receive
        self._outbox = Outbox(receive, send)
        self._init_timer: asyncio.TimerHandle | None = None
        self._is_acknowledged = False
        self._allowance = MESSAGES_AT_ONCE
        self._last_message_at = time.monotonic()
        self.client = client_of(HTTPConnection(scope))
        self.token: str | None = None
        self.viewer = Viewer()
        self.operations: dict[str, SocketOperation] = {}

    @property
    def account_id(self) -> UUID | None:
        return self.viewer.account_id if isinstance(self.viewer, AccountViewer) else None

    @property
    def address(self) -> str:
        return self.client.ip

    @property
    def schema(self) -> DocumentSchema:
        return self._endpoint.schema

    async def open_context(self, request_id: str) -> Context:
        """For one operation: nobody's if the session is gone, as over HTTP."""
        return await self._endpoint.open_context(self.token, self.client, request_id)

    async def serve(self) -> None:
        """Returns when the connection is over."""
        if not self._endpoint.sockets.admit(self):
            self.end(
                TRY_AGAIN_LATER,
                "Too many from this address have not said yet who they are: come back in a moment",
            )
            return
        self._init_timer = asyncio.get_running_loop().call_later(
            INIT_TIMEOUT_S, self.end, INIT_TIMED_OUT, "Connection initialisation timeout"
        )
        try:
            while (message := await self._receive())["type"] == "websocket.receive":
                if not self._outbox.is_closed:
                    await self._take(message.get("text"))
        finally:
            self._stop_waiting()
            self._endpoint.sockets.remove(self)
            await self._stop()

    def say(self, frame: str) -> None:
        """Raises Gone if the socket is over, or has just been closed because its other end does not keep up."""
        try:
            self._outbox.put(frame)
        except Full:
            self.end(TRY_AGAIN_LATER, "Events come faster than you read them")
            raise Gone from None

    async def settle(self) -> None:
        await self._outbox.settle()

    async def recheck(self, *, is_told: bool) -> None:
        """Closes the socket if its session is gone. A stranger's has none to lose."""
        if self.token is None:
            return
        try:
            viewer = await self._endpoint.authenticate(self.token, self.client)
        except Unauthenticated as gone:
            self.end(FORBIDDEN, str(gone))
            return
        for operation in self.operations.values():
            operation.recheck(viewer, is_told=is_told)

    def end(self, code: int, reason: str) -> None:
        """Stops every operation at once, then says goodbye."""
        current = asyncio.current_task()
        for operation in self.operations.values():
            if operation.task is not current:
                operation.task.cancel()
        self._outbox.close(code, reason)

    async def _take(self, text: str | None) -> None:
        if not self._is_within_rate():
            self.end(
                TRY_AGAIN_LATER,
                f"More than {MESSAGES_AT_ONCE:.0f} messages at once: send fewer, then come back",
            )
            return
        try:
            await self._handle(read_frame(text))
        except Malformed as fault:
            self.end(BAD_REQUEST, str(fault))
        except Gone:
            pass  # the disconnection is the next message

    async def _handle(self, frame: Frame) -> None:
        match frame.type:
            case "connection_init":
                await self._initialise(frame)
            case "subscribe":
                self._subscribe(frame)
            case "complete":
                if operation := self.operations.pop(frame.id, None):
                    operation.task.cancel()
            case "ping":
                self.say(PONG)

    async def _initialise(self, frame: Frame) -> None:
        """A token that is no session's closes the socket, though there may be operations that need none.

        Clients come back from 4403 with a fresh token, and tell their page when they cannot. Welcomed and closed at the
        first operation, they would come again with the same token for ever. Who has none signs in without.
        """
        if self._init_timer is None:
            self.end(INITIALISED_TWICE, "Too many initialisation requests: one connection_init is enough")
            return
        self._stop_waiting()
        try:
            self.token = init_token(frame.payload or {})
            viewer = await self._endpoint.authenticate(self.token, self.client)
        except Unanswered as passing:
            self.end(TRY_AGAIN_LATER, str(passing))
        except CodedError as refusal:
            self.end(FORBIDDEN, str(refusal))
        except Exception:
            log.exception("a session could not be looked up")
            self.end(TRY_AGAIN_LATER, "Try again later")
        else:
            self._welcome(viewer)

    def _welcome(self, viewer: Viewer) -> None:
        if isinstance(viewer, AccountViewer):
            reason = self._endpoint.sockets.seat(self, viewer.account_id)
            if reason is not None:
                self.end(TRY_AGAIN_LATER, reason)
                return
        self.viewer = viewer
        self._is_acknowledged = True
        self.say(ACKNOWLEDGED)

    def _subscribe(self, frame: Frame) -> None:
        assert frame.parameters is not None
        if not self._is_acknowledged:
            self.end(UNAUTHORIZED, "Unauthorized")
        elif frame.id in self.operations:
            self.end(SUBSCRIBER_EXISTS, f"Subscriber for {frame.id} already exists")
        elif len(self.operations) >= MOST_OPERATIONS:
            self.say(Replies(frame.id).error([_one_too_many()]))
        else:
            self.operations[frame.id] = SocketOperation(self, frame.id, frame.parameters)

    async def _stop(self) -> None:
        """Lets the operations clean up before the server forgets the connection."""
        tasks = [operation.task for operation in self.operations.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _stop_waiting(self) -> None:
        if self._init_timer:
            self._init_timer.cancel()
            self._init_timer = None

    def _is_within_rate(self) -> bool:
        now = time.monotonic()
        earned = (now - self._last_message_at) * MESSAGES_PER_S
        self._allowance = min(self._allowance + earned, MESSAGES_AT_ONCE) - 1
        self._last_message_at = now
        return self._allowance >= 0


def _one_too_many() -> GraphQLError:
    refusal = RateLimited(
        f"A socket carries {MOST_OPERATIONS} operations at once: complete one first.", retry_after_s=1
    )
    return request_error(refusal, new_request_id())
