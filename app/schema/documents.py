"""A document's text is parsed, limited and validated once, then remembered."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import recommended_rules
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.engine.cache import Bounded
from app.engine.engine import Engine
from app.errors import BadRequest
from app.schema.errors import PARSE_FAILED, VALIDATION_FAILED, coded
from app.schema.limits import Limits, exceeded

RULES = (*specified_rules, *recommended_rules, MaybeNullValidationRule, OneOfInputValidationRule)
MOST_ERRORS = 10

REMEMBERED_DOCUMENTS = 1_000
REMEMBERED_BYTES = 70_000_000
#: Anybody may have documents remembered. So much takes the tree of a dense one.
BYTES_PER_CHARACTER = 140


@dataclass(frozen=True, eq=False, slots=True)
class Document:
    """A document that was read. With `errors` it must not be run; `ast` is None if it could not even be parsed."""

    text: str
    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run. Raises BadRequest if `name` does not say which one it is."""
        found = [
            node for node in self._operations() if name is None or (node.name and node.name.value == name)
        ]
        if not found and name is not None:
            raise BadRequest(f"There is no operation {name[:100]!r} in the document.")
        if not found:
            raise BadRequest("The document holds no operation.")
        if len(found) > 1:
            raise BadRequest("The document holds several operations: say which one in `operationName`.")
        return found[0]

    def _operations(self) -> Iterator[OperationDefinitionNode]:
        for node in self.ast.definitions if self.ast else ():
            if isinstance(node, OperationDefinitionNode):
                yield node


class Documents:
    """The documents of one schema, the latest used remembered."""

    def __init__(self, schema: GraphQLSchema, limits: Limits | None = None) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._known: Bounded[Document] = Bounded(entries=REMEMBERED_DOCUMENTS, most_bytes=REMEMBERED_BYTES)

    def read(self, text: str) -> Document:
        """Parses, limits and validates `text`, or remembers it."""
        if known := self._known.get(text):
            return known
        document = self._read(text)
        if not document.errors:  # a wrong one comes once; remembering it would push out the right ones
            self._known.put(text, document, BYTES_PER_CHARACTER * len(text))
        return document

    def _read(self, text: str) -> Document:
        most = self._limits.tokens
        try:
            ast = parse(text, max_lexical_tokens=most, max_comments=most)
        except GraphQLError as error:
            return Document(text, None, (coded(error, PARSE_FAILED),))
        if excess := exceeded(ast, self._limits):
            return Document(text, ast, (coded(excess, VALIDATION_FAILED),))
        errors = validate(self._schema, ast, RULES, max_errors=MOST_ERRORS, hide_suggestions=True)
        return Document(text, ast, tuple(coded(error, VALIDATION_FAILED) for error in errors))


class DocumentSchema(strawberry.Schema):
    """A Strawberry schema whose documents are read behind limits, and whose operations the engine answers.

    Strawberry makes it and prints it. Its own `execute` reads nothing: see `app.engine.core`.
    """

    documents: Documents
    engine: Engine

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        config: StrawberryConfig | None = None,
        limits: Limits | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            query,
            mutation,
            subscription,
            config=config or StrawberryConfig(disable_field_suggestions=True, batching_config=None),
            **kwargs,
        )
        self.documents = Documents(self._schema, limits)
        self.engine = Engine(self._schema)
