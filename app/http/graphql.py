"""`/graphql`: GraphQL over HTTP (see `hot` for its shortest road) and, at the same address, over sockets (`websocket`).

Strawberry's view is not used: media types, statuses, malformed input, the choice of the operation, limits and the
handling of sockets all had to be different (see `responses`, `parameters`, `limits`).
"""

from collections.abc import Awaitable
from typing import Any, NamedTuple

from graphql import OperationDefinitionNode, OperationType
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.errors import BadRequest, CodedError
from app.http.credentials import (
    HttpSettings,
    bearer_token,
    client_of,
    refuse_secrets_in_url,
)
from app.http.limits import OPERATION_TIMEOUT_S, out_of_time
from app.http.middleware import request_id_of
from app.http.parameters import Parameters, read_parameters
from app.http.patience import within
from app.http.responses import JSON, Answering, Refused, Reply, negotiate
from app.http.sockets import Sockets
from app.schema import execution
from app.schema.context import Authenticate, ClientInfo, Context, SentToken
from app.schema.documents import DocumentSchema
from app.schema.errors import presented, request_error

PATH = "/graphql"
SOCKET_PROTOCOL = "graphql-transport-ws"


class Asked(NamedTuple):
    """A well-formed request: what to run, and for whom."""

    parameters: Parameters
    token: SentToken
    client: ClientInfo
    method: str = "POST"


class GraphQLEndpoint:
    """One schema at one address, an ASGI application for HTTP. `sockets` watches the open sockets."""

    def __init__(
        self,
        schema: DocumentSchema,
        *,
        authenticate: Authenticate,
        hub: Any,
        settings: HttpSettings,
        sockets: Sockets | None = None,
    ) -> None:
        self.schema = schema
        self.authenticate = authenticate
        self.hub = hub
        self.settings = settings
        self.sockets = sockets or Sockets()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.respond(Request(scope, receive))
        await response(scope, receive, send)

    def route(self) -> Route:
        return Route(PATH, self)

    async def open_context(self, token: SentToken, client: ClientInfo, request_id: str) -> Context:
        """The context of one operation: nobody's if `token` is not, or no longer, a session's."""
        return await Context.open(token, client, request_id, self.authenticate, self.hub, self.settings)

    async def respond(self, request: Request) -> Response:
        """The answer to one HTTP request, in the media type that the client asked for whenever that is known."""
        if _wants_page(request):
            return RedirectResponse("/graphiql", 303)
        request_id = request_id_of(request)
        try:
            answering = Answering(negotiate(request.headers.get("accept")), request_id)
        except Refused as refusal:
            return Answering(JSON, request_id).refused(refusal).response()
        try:
            return (await self.reply(_asked(request), answering)).response()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    async def reply(self, asked: Awaitable[Asked], answering: Answering) -> Reply:
        """The answer to what will have been asked, or to why that is refused."""
        try:
            # With all it takes, the look-up of the session too.
            return await within(OPERATION_TIMEOUT_S, self._reply(await asked, answering))
        except Refused as refusal:
            return answering.refused(refusal)
        except CodedError as error:
            return answering.failed([request_error(error, answering.request_id)])
        except TimeoutError:
            timeout = out_of_time(OPERATION_TIMEOUT_S)
            return answering.failed([request_error(timeout, answering.request_id)])

    async def _reply(self, asked: Asked, answering: Answering) -> Reply:
        context = await self.open_context(asked.token, asked.client, answering.request_id)
        document = self.schema.documents.read(asked.parameters.query)
        if document.errors:
            return answering.failed(presented(document.errors, answering.request_id))
        operation = document.operation(asked.parameters.operation_name)
        self._check_transport(operation, asked.method)
        answer = await execution.run(self.schema, document, operation, asked.parameters.variables, context)
        return answering.result(answer, is_mutation=operation.operation is OperationType.MUTATION)

    def _check_transport(self, operation: OperationDefinitionNode, method: str) -> None:
        kind = operation.operation
        if kind is OperationType.MUTATION and method == "GET":
            raise Refused(405, BadRequest("Mutations are sent by POST."), {"Allow": "POST"})
        if kind is OperationType.SUBSCRIPTION:
            raise BadRequest(
                "Subscriptions are not answered over plain HTTP. Open a WebSocket to this address with the "
                f"subprotocol {SOCKET_PROTOCOL}."
            )


async def _asked(request: Request) -> Asked:
    refuse_secrets_in_url(request)
    parameters = await read_parameters(request)
    token = bearer_token(request.headers.getlist("authorization"))
    return Asked(parameters, token, client_of(request), request.method)


def _wants_page(request: HTTPConnection) -> bool:
    """A browser that was sent to the endpoint's address."""
    is_bare = request.scope["method"] == "GET" and not request.scope["query_string"]
    return is_bare and request.headers.get("accept", "").startswith("text/html")
