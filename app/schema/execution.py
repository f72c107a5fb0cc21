"""Running one operation: what every transport calls, and what it gets back."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import FieldNode, GraphQLError, OperationDefinitionNode
from strawberry.types.execution import ExecutionResult, PreExecutionError

from app.schema.context import Context
from app.schema.documents import Document, DocumentSchema

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
) -> Answer:
    """The answer of a query or mutation. `document` has no errors, and `operation` is one of its."""
    if answer := ready(schema, operation):
        return answer
    result = await schema.execute(
        document.text,
        variable_values=dict(variables) if variables is not None else None,
        context_value=context,
        operation_name=operation.name.value if operation.name else None,
    )
    return _answer(result)


def ready(schema: DocumentSchema, operation: OperationDefinitionNode) -> Answer | None:
    """The answer of an operation that asks nothing but `__typename`; None of any other."""
    if operation.variable_definitions or operation.directives:
        return None
    keys: dict[str, None] = {}
    for node in operation.selection_set.selections:
        if not isinstance(node, FieldNode) or node.name.value != "__typename" or node.directives:
            return None
        keys[(node.alias or node.name).value] = None
    root = schema._schema.get_root_type(operation.operation)
    assert root is not None
    return Answer(b"{%b}" % ",".join([f'"{key}":"{root.name}"' for key in keys]).encode())


async def subscribe(
    schema: DocumentSchema,
    document: Document,
    operation: OperationDefinitionNode,
    variables: Variables,
    context: Context,
) -> AsyncGenerator[Answer, None]:
    """An answer for each event of a subscription. One that is refused answers once, without data."""
    results: Any = await schema.subscribe(
        document.text,
        variable_values=dict(variables) if variables is not None else None,
        context_value=context,
        operation_name=operation.name.value if operation.name else None,
    )
    if isinstance(results, ExecutionResult):
        yield _answer(results)
        return
    async with aclosing(results):
        async for result in results:
            yield _answer(result)


def _answer(result: Any) -> Answer:
    errors = tuple(result.errors or ())
    is_refused = isinstance(result, PreExecutionError) or (
        errors and result.data is None and not any(error.path for error in errors)
    )
    return Answer(None if is_refused else orjson.dumps(result.data), errors)
