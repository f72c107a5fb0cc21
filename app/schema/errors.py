"""What a client is told when something went wrong: `extensions.code`, `extensions.requestId`, and never an inside."""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.relay import GlobalIDValueError
from strawberry.schema.name_converter import NameConverter

from app.errors import BadUserInput, CodedError, DatabaseAway, Invalid, NotFound, Unanswered

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
INTERNAL = "INTERNAL_SERVER_ERROR"

MASKED_MESSAGE = "Something went wrong on our side. Tell us the request id if it happens again."
# graphql-core and Strawberry put names of the schema into their hints, and not all of them can be told not to.
SUGGESTION = re.compile(r" Did you mean .*\?", re.DOTALL)
# What does not fit its type is quoted whole by graphql-core, with the password in it: whoever sent it knows it, and
# what a client is told ends in the logs of its makers.
QUOTED = re.compile(r"(cannot represent [^:]*value|,? [Ff]ound): .*", re.DOTALL)
WITHOUT_IT = {", found": ".", " Found": ""}
# The one fault of variables that graphql-core reports without a node.
TOO_DEEP = "Variable values are nested too deeply."
# graphql-core quotes the offending literal whole, up to the size of the body.
LONGEST_MESSAGE = 400

log = logging.getLogger("divize.graphql")


def presented(errors: Iterable[GraphQLError], request_id: str | None) -> list[GraphQLError]:
    """New errors, fit for a client. What was not foreseen is masked, and logged under the request id."""
    return [_present(error, request_id) for error in errors]


def request_error(error: CodedError, request_id: str | None) -> GraphQLError:
    """The GraphQL error for `error`, which stopped a request before anything was executed."""
    return presented([GraphQLError(str(error), original_error=error)], request_id)[0]


def code_of(error: GraphQLError) -> str:
    """The stable code of a presented error."""
    return str((error.extensions or {}).get("code", INTERNAL))


def is_unanswered(error: GraphQLError) -> bool:
    """Whether a presented error says that the database did not answer at this moment."""
    return isinstance(_cause(error), Unanswered)


def is_away(error: GraphQLError) -> bool:
    """Whether a presented error says that the database is away."""
    return isinstance(_cause(error), DatabaseAway)


def coded(error: GraphQLError, code: str) -> GraphQLError:
    """The same error with `code`, which presenting will keep. `error` must be fresh: it is changed."""
    error.extensions = {**(error.extensions or {}), "code": code}
    return error


def _present(error: GraphQLError, request_id: str | None) -> GraphQLError:
    message, extensions = _explain(error)
    if extensions["code"] == INTERNAL:
        cause = _cause(error)
        log.error("request %s failed at %s", request_id, error.path, exc_info=cause or error)
    if request_id:
        extensions["requestId"] = request_id
    return GraphQLError(
        SUGGESTION.sub("", message[:LONGEST_MESSAGE]),
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=error.original_error,
        extensions=extensions,
    )


def _explain(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    cause = _cause(error)
    if isinstance(cause, CodedError):
        # What the raiser of the GraphQLError added (a coordinate) and what the cause brings (a permission).
        return str(cause), {
            **(error.extensions or {}),
            **cause.extensions,
            **_where(cause),
            "code": cause.code,
        }
    if isinstance(cause, Invalid):
        return str(cause), {"code": BadUserInput.code}
    if error.extensions and "code" in error.extensions:
        return _unquoted(error.message), dict(error.extensions)
    if isinstance(error, GraphQLSyntaxError):
        return error.message, {"code": PARSE_FAILED}
    if _is_input(error, cause):
        return _unquoted(error.message), {"code": BadUserInput.code}
    return MASKED_MESSAGE, {"code": INTERNAL}


def _unquoted(message: str) -> str:
    """What graphql-core says of a value, without the value."""
    return QUOTED.sub(lambda quoted: WITHOUT_IT.get(quoted[1], f"{quoted[1]}."), message)


def _cause(error: GraphQLError) -> BaseException | None:
    """The exception under the wrappings; None if graphql-core itself raised the error."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        if cause.original_error is None:
            return cause if isinstance(cause, StrawberryInputCoercionError) else None
        cause = cause.original_error
    return cause


def _is_input(error: GraphQLError, cause: BaseException | None) -> bool:
    """Is it a value of the client's that did not fit its type?

    Faults of variables have nodes and no path, and a scalar's ValueError may lie beneath them. An error with a path
    may just as well hold a value that we failed to serialize, so only the two known texts and kinds pass.
    """
    if isinstance(cause, (StrawberryInputCoercionError, GlobalIDValueError)):
        return True
    if error.path is None:
        return bool(error.nodes) or error.message == TOO_DEEP
    return cause is None and error.message.startswith("Argument '")


def _where(error: CodedError) -> Mapping[str, Any]:
    """`inputPath` of a NOT_FOUND, in the names of the schema: from the field's arguments on."""
    if not isinstance(error, NotFound):
        return {}
    camel = NameConverter().apply_naming_config
    return {"inputPath": [camel(step) for step in error.input_path]}
