"""Authorisation before execution, on every road into the schema."""

from collections.abc import AsyncIterator
from typing import Any

from graphql import (
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    get_operation_ast,
)
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.extensions import SchemaExtension

from app.engine.authorise import Authorisation
from app.engine.document import Document
from app.errors import BadUserInput
from app.schema.errors import presented
from app.schema.limits import check_values


class Guarding(SchemaExtension):
    """Refuses what the viewer may not do, and adds one error for each field that is answered null.

    For a subscription it decides again for each event, with the rights of that moment.
    """

    async def on_execute(self) -> AsyncIterator[None]:
        denied = self._decide()
        yield
        result = self.execution_context.result
        if isinstance(result, ExecutionResult):
            self._add(result, denied)

    async def on_stream_result(self, result: Any) -> AsyncIterator[None]:
        if result.data is not None:
            self._add(result, self._decide())
        yield

    def _decide(self) -> list[GraphQLError]:
        context = self.execution_context
        ast = context.graphql_document
        assert ast is not None
        operation = get_operation_ast(ast, context.operation_name)
        assert isinstance(operation, OperationDefinitionNode)
        schema = context.schema._schema
        _check_size(context.variables)
        variables = get_variable_values(schema, operation.variable_definitions or (), context.variables or {})
        if not isinstance(variables, VariableValues):
            return []  # execution tells what is wrong with them, and executes nothing
        fragments = {
            node.name.value: node for node in ast.definitions if isinstance(node, FragmentDefinitionNode)
        }
        return Authorisation(Document(schema, fragments, variables), context.context.viewer).operation(
            operation
        )

    def _add(self, result: Any, denied: list[GraphQLError]) -> None:
        context = self.execution_context.context
        late, context.late_denials = context.late_denials, []
        if denied or late:
            result.errors = [*(result.errors or []), *presented([*denied, *late], context.request_id)]


def _check_size(variables: Any) -> None:
    """As GraphQL's own error, which is how an extension refuses a request."""
    try:
        check_values(variables)
    except BadUserInput as refusal:
        raise GraphQLError(str(refusal), original_error=refusal) from None
