"""graphql-transport-ws: Strawberry's handler with sessions, limits and close codes.

Overridden, and why: the handshake's token and its later loss (stock checks nothing after connection_init); frames of
any shape (stock ends with 1006 on most wrong ones); syntax errors (stock closes the socket, and the other
subscriptions with it); the context (stock shares one among all operations).
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from graphql import GraphQLError, OperationType
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.types.execution import ExecutionResult
from strawberry.utils.aio import aclosing

from app.errors import CodedError, Forbidden, RateLimited, Timeout, Unauthenticated
from app.http.credentials import client_of, init_token
from app.http.limits import OPERATION_TIMEOUT_S
from app.http.middleware import new_request_id
from app.http.parameters import Parameters, parameters_of
from app.http.responses import Refused, is_request_error
from app.http.wire import SocketAdapter
from app.policy import AccountViewer, Viewer
from app.schema.context import Context
from app.schema.errors import code_of, presented, request_error

if TYPE_CHECKING:
    from app.http.graphql import GraphQLEndpoint

log = logging.getLogger("divize.sockets")

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
SUBSCRIBER_EXISTS = 4409
TOO_MANY = 4429
TRY_AGAIN_LATER = 1013

LONGEST_ID = 128

MESSAGES_PER_S = 50.0
MESSAGES_AT_ONCE = 100.0


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection."""

    view: "GraphQLEndpoint"
    websocket: SocketAdapter

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = client_of(self.websocket.ws)
        self.token: str | None = None
        self.viewer = Viewer()
        self._allowance = MESSAGES_AT_ONCE
        self._last_message_at = time.monotonic()

    @property
    def account_id(self) -> UUID | None:
        return self.viewer.account_id if isinstance(self.viewer, AccountViewer) else None

    @property
    def address(self) -> str:
        return self.client.ip

    async def handle(self) -> None:
        if not self.view.sockets.admit(self):
            await self.websocket.close(TRY_AGAIN_LATER, "Too many connections from this address")
            return
        try:
            await super().handle()
        finally:
            self.view.sockets.remove(self)

    async def handle_message(self, message: Any) -> None:
        if not self._is_within_rate():
            await self.end(TOO_MANY, "Too many messages")
        elif fault := _fault_of(message):
            await self.end(BAD_REQUEST, fault)
        else:
            await super().handle_message(message)

    async def handle_connection_init(self, message: Any) -> None:
        if self.connection_init_received:
            await self.end(TOO_MANY, "Too many initialisation requests")
            return
        self.connection_init_received = True
        if self.connection_init_timeout_task:
            self.connection_init_timeout_task.cancel()
        try:
            self.token = init_token(message.get("payload") or {})
            viewer = await self.view.authenticate(self.token, self.client)
        except CodedError as refusal:
            await self.end(FORBIDDEN, str(refusal))
            return
        except Exception:
            log.exception("a session could not be looked up")
            await self.end(TRY_AGAIN_LATER, "Try again later")
            return
        await self._welcome(viewer)

    async def _welcome(self, viewer: Viewer) -> None:
        if isinstance(viewer, AccountViewer) and not self.view.sockets.seat(self, viewer.account_id):
            await self.end(TOO_MANY, "Too many connections of this account")
            return
        self.viewer = viewer
        await self.send_message({"type": "connection_ack"})
        self.connection_acknowledged = True

    async def handle_subscribe(self, message: Any) -> None:
        operation_id = message["id"]
        if not self.connection_acknowledged:
            await self.end(UNAUTHORIZED, "Unauthorized")
        elif operation_id in self.operations:
            await self.end(SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists")
        elif len(self.operations) >= (self.max_subscriptions_per_connection or 0):
            await self._refuse_one_more(operation_id)
        else:
            self._start(SocketOperation(self, operation_id, parameters_of(message["payload"])))

    def _start(self, operation: "SocketOperation") -> None:
        operation.task = asyncio.create_task(self.run_operation(operation))
        operation.task.add_done_callback(self._task_done)
        self.operations[operation.id] = operation

    async def _refuse_one_more(self, operation_id: str) -> None:
        most = self.max_subscriptions_per_connection
        refusal = RateLimited(
            f"A socket carries {most} operations at once: complete one first.", retry_after_s=1
        )
        error = request_error(refusal, new_request_id())
        await self.send_message({"id": operation_id, "type": "error", "payload": [error.formatted]})

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Base class: its exceptions end in 'complete', as if all had gone well."""
        request_id = new_request_id()
        try:
            await self._run(cast(SocketOperation, operation), request_id)
        except Unauthenticated as gone:
            await self.end(FORBIDDEN, str(gone))
        except (WebSocketDisconnected, _EndedError):
            self.forget_id(operation.id)
        except CodedError as refusal:
            await self._fail(operation, [request_error(refusal, request_id)])
        except Exception as error:  # noqa: BLE001 - the edge: masked, and logged under the request id
            await self._stumble(cast(SocketOperation, operation), error, request_id)

    async def _stumble(self, operation: "SocketOperation", error: Exception, request_id: str) -> None:
        errors = presented([GraphQLError(str(error), original_error=error)], request_id)
        if operation.subscriber:  # what broke passes: the client is to come back with its cursor
            await self.end(TRY_AGAIN_LATER, "Try again later")
        else:
            await self._fail(operation, errors)

    async def _run(self, operation: "SocketOperation", request_id: str) -> None:
        # The session is looked up for each operation: it may be gone since connection_init.
        context = await self.view.open_context(self.token, self.client, request_id)
        parameters = operation.parameters
        document = self.view.schema.documents.read(parameters.query)
        if document.errors:
            await operation.send_initial_errors(presented(document.errors, request_id))
            return
        chosen = document.operation(parameters.operation_name)
        is_subscription = chosen.operation is OperationType.SUBSCRIPTION
        operation.subscriber = context if is_subscription else None
        operation.operation_name = chosen.name.value if chosen.name else None
        try:
            async with asyncio.timeout(None if is_subscription else OPERATION_TIMEOUT_S):
                await self._stream(operation, context)
        except TimeoutError:
            raise Timeout(f"It took longer than {OPERATION_TIMEOUT_S:g} s and was given up.") from None

    async def _stream(self, operation: "SocketOperation", context: Context) -> None:
        results = await self.schema.stream(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.operation_name,
            operation_extensions=operation.parameters.extensions,
        )
        async with aclosing(results):
            await self._send_result_stream(operation, results)
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    async def _fail(self, operation: Operation[Context, None], errors: list[GraphQLError]) -> None:
        with suppress(WebSocketDisconnected):
            await operation.send_initial_errors(errors)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        return None  # stock closes the socket, and with it the other subscriptions

    async def handle_invalid_message(self, error_message: str) -> None:
        await self.end(BAD_REQUEST, error_message)

    def forget_id(self, id: str) -> None:  # noqa: A002 - the base class's name
        self.operations.pop(id, None)  # stock fails with KeyError if the client completed meanwhile

    async def recheck(self) -> None:
        """Closes the socket if its session is gone. A stranger's has none to lose."""
        if self.token is None:
            return
        try:
            await self.view.authenticate(self.token, self.client)
        except Unauthenticated as gone:
            await self.end(FORBIDDEN, str(gone))

    async def end(self, code: int, reason: str) -> None:
        """Stops every operation at once, then says goodbye."""
        for operation in list(self.operations.values()):
            if operation.task and operation.task is not asyncio.current_task():
                operation.task.cancel()
        await self.websocket.close(code, reason)

    def _is_within_rate(self) -> bool:
        now = time.monotonic()
        earned = (now - self._last_message_at) * MESSAGES_PER_S
        self._allowance = min(self._allowance + earned, MESSAGES_AT_ONCE) - 1
        self._last_message_at = now
        return self._allowance >= 0


class SocketOperation(Operation[Context, None]):
    """One operation of a socket. `subscriber` is set if its session must be looked at before each event."""

    __slots__ = ("parameters", "subscriber")

    def __init__(self, handler: SocketHandler, operation_id: str, parameters: Parameters) -> None:
        super().__init__(
            handler, operation_id, parameters.query, parameters.variables, parameters.operation_name
        )
        self.parameters = parameters
        self.subscriber: Context | None = None

    async def send_next(self, execution_result: ExecutionResult) -> None:
        """Raises Unauthenticated, with nothing sent, if a subscriber's session is gone."""
        if self.subscriber:
            await self.subscriber.refresh()
        if is_request_error(execution_result) or _is_refusal(execution_result):
            # Stock sends variables that do not fit, and a subscription that was refused, as events.
            await self.send_initial_errors(execution_result.errors or [])
            raise _EndedError
        await super().send_next(execution_result)


class _EndedError(Exception):
    """The operation was answered with `error`: nothing more is to come."""


def _is_refusal(result: ExecutionResult) -> bool:
    refusals = (Forbidden.code, Unauthenticated.code)
    return result.data is None and any(code_of(error) in refusals for error in result.errors or ())


def _fault_of(message: object) -> str | None:
    """What is wrong with the shape of a frame; None if the protocol knows it."""
    if not isinstance(message, dict):
        return "A message must be a JSON object"
    kind, payload = message.get("type"), message.get("payload")
    if kind in ("connection_init", "ping", "pong"):
        return None if isinstance(payload, dict | None) else f"The payload of {kind} must be an object"
    if kind not in ("subscribe", "complete"):
        return "Unknown message type"
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= LONGEST_ID:
        return f"The id must be a string of 1 to {LONGEST_ID} characters"
    return _payload_fault(payload) if kind == "subscribe" else None


def _payload_fault(payload: object) -> str | None:
    try:
        parameters_of(payload)
    except Refused as refusal:
        return str(refusal)
    return None
