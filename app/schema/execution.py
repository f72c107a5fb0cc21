"""Running one operation: what every transport calls, and what it gets back."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode

from app.engine.engine import Outcome, Refused
from app.errors import CodedError, Unanswered
from app.schema.context import Context
from app.schema.documents import Document, DocumentSchema
from app.schema.errors import presented
from app.schema.limits import check_values

Variables = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` is the JSON of the answer's data, None if nothing was executed; `errors` are presented ones."""

    data: bytes | None
    errors: tuple[GraphQLError, ...] = ()


async def run(
    schema: DocumentSchema,
    document: Document,
    operation: OperationDefinitionNode,
    variables: Variables,
    context: Context,
    *,
    only_core: bool = False,
) -> Answer:
    """The answer of a query or mutation. `document` has no errors, and `operation` is one of its.

    With `only_core` graphql-core completes every value, as it does those that the plan cannot.
    """
    assert document.prepared is not None
    try:
        if variables:
            check_values(variables)
        outcome = await schema.engine.run(
            document.prepared, operation, variables or {}, context, only_core=only_core
        )
    except Refused as refusal:
        return _refused(refusal.errors, context)
    except CodedError as refusal:
        return _refused([GraphQLError(str(refusal), original_error=refusal)], context)
    return _answer(outcome, context)


async def subscribe(
    schema: DocumentSchema,
    document: Document,
    operation: OperationDefinitionNode,
    variables: Variables,
    context: Context,
) -> AsyncGenerator[Answer, None]:
    """An answer for each event of a subscription. One that is refused, then or later, answers without data and ends.

    Raises Unanswered: that is no refusal, and who listens is to come back.
    """
    assert document.prepared is not None
    try:
        check_values(variables)
        outcomes = schema.engine.subscribe(document.prepared, operation, variables or {}, context)
        async with aclosing(outcomes):
            async for outcome in outcomes:
                yield _answer(outcome, context)
    except Refused as refusal:
        yield _refused(refusal.errors, context)
    except Unanswered:
        raise
    except CodedError as refusal:
        yield _refused([GraphQLError(str(refusal), original_error=refusal)], context)


def _answer(outcome: Outcome, context: Context) -> Answer:
    if not outcome.errors:
        return Answer(outcome.data)
    return Answer(outcome.data, tuple(presented(outcome.errors, context.request_id)))


def _refused(errors: list[GraphQLError], context: Context) -> Answer:
    return Answer(None, tuple(presented(errors, context.request_id)))
