"""One operation on a socket: a query, a mutation or a subscription, in a task of its own."""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, OperationDefinitionNode, OperationType
from structlog.contextvars import bind_contextvars

from app.errors import BadRequest, CodedError, Forbidden, Unanswered, Unauthenticated
from app.http.account_sockets import TRY_AGAIN_LATER
from app.http.frames import Replies
from app.http.limits import OPERATION_TIMEOUT_S, out_of_time
from app.http.middleware import new_request_id
from app.http.outbox import Gone
from app.http.parameters import Parameters
from app.http.patience import Result, within
from app.policy import Viewer
from app.schema import execution
from app.schema.context import Context
from app.schema.documents import Document
from app.schema.errors import code_of, is_unanswered, presented, request_error
from app.schema.execution import Answer

if TYPE_CHECKING:
    from app.http.websocket import Socket

FORBIDDEN = 4403


class SocketOperation:
    """Lives in `socket.operations` until its last frame is on the way, or it is cancelled."""

    __slots__ = (
        "_asked_at",
        "_context",
        "_is_subscription",
        "_replies",
        "_request_id",
        "_socket",
        "id",
        "task",
    )

    def __init__(self, socket: "Socket", operation_id: str, parameters: Parameters) -> None:
        self.id = operation_id
        self._socket = socket
        self._replies = Replies(operation_id)
        self._request_id = new_request_id()
        self._is_subscription = False
        self._asked_at = time.monotonic()
        self._context: Context | None = None
        self.task = asyncio.create_task(self._run(parameters))

    def recheck(self, viewer: Viewer, *, is_told: bool) -> None:
        """Has a subscription that waits look again whether it may go on, if the viewer is another now.

        `is_told`: something of his account changed, so also if he is the same: a share that was recalled does not show
        in him.
        """
        context = self._context
        if context is not None and context.wake is not None and (is_told or context.viewer != viewer):
            context.wake()

    async def _run(self, parameters: Parameters) -> None:
        bind_contextvars(request_id=self._request_id)
        try:
            await self._answer(parameters)
        except Unauthenticated as ended:
            self._socket.end(FORBIDDEN, str(ended))
        except Gone:
            pass  # whoever closed the socket has ended us, or is about to
        except Unanswered as passing:
            if self._is_subscription or self._subscribes(parameters):
                self._socket.end(TRY_AGAIN_LATER, str(passing))
            else:
                self._refuse([request_error(passing, self._request_id)])
        except CodedError as refusal:
            self._refuse([request_error(refusal, self._request_id)])
        except GraphQLError as refusal:
            self._refuse(presented([refusal], self._request_id))
        except Exception as error:  # noqa: BLE001 - the edge: masked, and logged under the request id
            self._stumble(error)
        finally:
            self._leave()

    def _subscribes(self, parameters: Parameters) -> bool:
        """Whether it is a subscription, of an operation whose session could not even be looked up."""
        document = self._socket.schema.documents.read(parameters.query)
        try:
            operation = document.operation(parameters.operation_name)
        except BadRequest:
            return False  # it will be told so when it comes again
        return operation.operation is OperationType.SUBSCRIPTION

    def _stumble(self, error: Exception) -> None:
        errors = presented([GraphQLError(str(error), original_error=error)], self._request_id)
        if self._is_subscription:  # what broke passes: the client is to come back with its cursor
            self._socket.end(TRY_AGAIN_LATER, "Try again later")
        else:
            self._refuse(errors)

    async def _answer(self, parameters: Parameters) -> None:
        # The session is looked up for each operation: it may be gone since connection_init.
        context = await self._in_time(self._socket.open_context(self._request_id))
        self._context = context
        schema = self._socket.schema
        document = schema.documents.read(parameters.query)
        if document.errors:
            self._refuse(presented(document.errors, self._request_id))
            return
        operation = document.operation(parameters.operation_name)
        if operation.operation is OperationType.SUBSCRIPTION:
            await self._stream(document, operation, parameters, context)
            return
        running = execution.run(schema, document, operation, parameters.variables, context)
        if self._tell(await self._in_time(running)):
            self._finish(self._replies.complete())

    async def _in_time(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What is left of the time since it was asked. Raises Timeout."""
        try:
            return await within(self._asked_at + OPERATION_TIMEOUT_S - time.monotonic(), work)
        except TimeoutError:
            raise out_of_time(OPERATION_TIMEOUT_S) from None

    async def _stream(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        parameters: Parameters,
        context: Context,
    ) -> None:
        self._is_subscription = True
        events = execution.subscribe(self._socket.schema, document, operation, parameters.variables, context)
        async with aclosing(events):
            async for answer in events:
                if not self._tell(answer):
                    return
                await self._socket.settle()
        self._finish(self._replies.complete())

    def _tell(self, answer: Answer) -> bool:
        """False if that was the last word: the operation was refused, or the session is gone. Raises Gone."""
        if self._socket.token is not None and (ended := _ending(answer)):
            self._socket.end(FORBIDDEN, ended.message)
            return False
        if self._is_subscription and (passing := next(filter(is_unanswered, answer.errors), None)):
            self._socket.end(TRY_AGAIN_LATER, passing.message)
            return False
        if answer.data is None or _is_refusal(answer):
            self._refuse(answer.errors)
            return False
        self._socket.say(self._replies.next(answer.data, answer.errors))
        return True

    def _refuse(self, errors: Iterable[GraphQLError]) -> None:
        with suppress(Gone):
            self._finish(self._replies.error(errors))

    def _finish(self, frame: str) -> None:
        """The id is free for another operation before the client knows. Raises Gone."""
        self._leave()
        self._socket.say(frame)

    def _leave(self) -> None:
        if self._socket.operations.get(self.id) is self:
            del self._socket.operations[self.id]


def _ending(answer: Answer) -> GraphQLError | None:
    """What tells that nobody is signed in, if that was the answer."""
    if answer.data not in (None, b"null"):
        return None
    return next((error for error in answer.errors if code_of(error) == Unauthenticated.code), None)


def _is_refusal(answer: Answer) -> bool:
    """Was a subscription, or the whole of an operation, forbidden while it ran?"""
    refusals = (Forbidden.code, Unauthenticated.code)
    return answer.data == b"null" and any(code_of(error) in refusals for error in answer.errors)
